"""How a plugin starts: which one is meant, what its import does and costs, and whether mngr accepts it."""

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mngr_ansible.authoring.plugin_process import run_apart
from mngr_ansible.errors import InputError
from mngr_ansible.inputs.plugins import OURSELVES
from mngr_ansible.report.findings import Finding
from mngr_ansible.spec.validation import nearest, short_repr
from mngr_ansible.values import frozen

_SECONDS = 60
"""How long the import of a plugin may take."""

_SLOW = 0.2
"""Seconds of an import that are worth a warning: mngr imports every plugin at the start of every command."""


@frozen
class Meant:
    """The plugin that is meant.

    Attributes:
        name: of the entry point; of a module or object that is none, its own.
        value: where it is: ``MODULE`` or ``MODULE:OBJECT``.
        distribution: what installed it, for people; empty where it is no entry point.
        requires: what that needs, as its metadata says.
        others: other packages that have an entry point of this name.
    """

    name: str
    value: str
    distribution: str = ""
    requires: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        return self.value.partition(":")[0]

    @property
    def package(self) -> str:
        """The outermost package, or the module."""
        return self.module.partition(".")[0]


def meant(name: str) -> Meant:
    """The installed plugin of that name, or a module or ``MODULE:OBJECT``, which may also be in the current directory.

    Raises:
        InputError: there is none.
    """
    installed = importlib.metadata.entry_points(group="mngr")
    found = [each for each in installed if each.name == name]
    if found:
        first, *rest = found
        distribution = first.dist
        return Meant(
            name,
            first.value,
            f"{distribution.name} {distribution.version}" if distribution else "",
            tuple((distribution.requires if distribution else None) or ()),
            tuple(dict.fromkeys(each.dist.name for each in rest if each.dist)),
        )
    module, colon, attribute = name.partition(":")
    if colon and module and attribute:
        return Meant(attribute, name)
    if not colon and _is_module(name):
        return Meant(name, name)
    known = sorted(each.name for each in installed if each.name != OURSELVES)
    remedy = (
        "Install your package (pip install -e . or, in mngr, mngr plugin add --path .), or name a module of this "
        "directory."
    )
    raise InputError(
        f"no plugin named {short_repr(name)} is installed{nearest(name, known)}",
        remedy=f"{remedy} Installed plugins: {', '.join(known) or 'none'}.",
    )


def _is_module(name: str) -> bool:
    if not name.isidentifier():
        return False
    here = Path.cwd()
    return (here / f"{name}.py").is_file() or (here / name / "__init__.py").is_file()


def start_findings(plugin: Meant) -> tuple[list[Finding], dict[str, Any]]:
    """What importing it does, in a process of its own, and what that process says; empty if it says nothing."""
    start, problem = _started(plugin)
    if problem:
        return [
            Finding("start: import", "problem", problem, "Import only defines things; move all work into the hooks.")
        ], {}
    if start["error"]:  # the caller imports it too, and knows the line
        return [], start
    if start["seconds"] > _SLOW:  # the first time Python compiles it
        again, _ = _started(plugin)
        start["seconds"] = min(start["seconds"], again.get("seconds", start["seconds"]))
    return [*_import_findings(start), *_mngr_findings(start, plugin.name)], start


def _started(plugin: Meant) -> tuple[dict[str, Any], str]:
    """What the child says, or why it says nothing."""
    words = [plugin.value, plugin.name, *([] if plugin.distribution else [str(Path.cwd())])]
    outcome = run_apart("mngr_ansible.mngr.plugin_start", words, seconds=_SECONDS)
    if not outcome.lines:
        return {}, f"its import {outcome.ending}"
    return dict(outcome.lines[0]), ""


def _import_findings(start: dict[str, Any]) -> Iterator[Finding]:
    seconds, modules = start["seconds"], start["modules"]
    cost = f"{seconds:.2f} s"
    if seconds > _SLOW:
        yield Finding(
            "start: import time",
            "warning",
            f"{cost} for {modules} module{'' if modules == 1 else 's'}; mngr imports it at the start of every command",
            "Import what is heavy inside the hooks that use it. What takes long: python -X importtime -c 'import NAME'",
        )
    else:
        yield Finding("start: import time", "ok", cost)
    deeds = [*start["deeds"], *([f"prints {short_repr(start['printed'])}"] if start["printed"] else [])]
    if not deeds:
        yield Finding("start: import work", "ok", "importing it only defines things")
    for deed in deeds:
        remedy = "Do this inside a hook: mngr imports every plugin at the start of every command, --help included."
        yield Finding("start: import work", "warning", f"importing it {deed}", remedy)


def _mngr_findings(start: dict[str, Any], name: str) -> Iterator[Finding]:
    if not start["is_mngr"]:
        yield Finding("start: mngr", "ok", "mngr is not installed here, so its own hooks were not compared")
    elif start["refusal"]:
        yield Finding(
            "start: mngr",
            "problem",
            f"mngr refuses it, and every command of mngr would end with this: {start['refusal']}",
            "Use the names and arguments of mngr's own hooks: imbue.mngr.plugins.hookspecs.",
        )
    elif start["is_disabled"]:
        yield Finding(
            "start: mngr",
            "warning",
            "mngr accepts it, but it is disabled here",
            f"Enable it: mngr plugin enable {name}.",
        )
    else:
        yield Finding("start: mngr", "ok", "mngr accepts it")
