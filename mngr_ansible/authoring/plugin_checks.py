"""The verb ``check-plugin``: what a plugin's author wants to know before others install it.

The plugin is imported once in a process of its own (:mod:`~mngr_ansible.authoring.plugin_start`), which tells what the
import does and whether mngr accepts it; then it is loaded here, and its hooks are called as ``plan`` calls them on this
machine. Nothing is copied and nothing is installed.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mngr_ansible.authoring.plugin_files import file_findings
from mngr_ansible.authoring.plugin_hooks import called, hook_findings
from mngr_ansible.authoring.plugin_packages import package_findings
from mngr_ansible.authoring.plugin_start import Meant, meant, start_findings
from mngr_ansible.errors import MissingFilesError, MngrAnsibleError
from mngr_ansible.host.connection import LocalShell
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.plugin_errors import located
from mngr_ansible.inputs.plugins import registered
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.plan.plan import build
from mngr_ansible.provisioning.targets import host_target
from mngr_ansible.report.findings import Finding
from mngr_ansible.values import replace

if TYPE_CHECKING:
    import pluggy


def check_plugin(name: str) -> Sequence[Finding]:
    """Check a plugin: its entry point, its import, its hooks, and what these return on this machine.

    ``name``: of the entry point in the group ``mngr``, or ``MODULE:OBJECT``, which may be in the current directory.

    Raises:
        InputError: there is no such plugin.
    """
    plugin = meant(name)
    findings = [*_entry_findings(plugin)]
    started, start = start_findings(plugin)
    findings += started
    manager = _loaded(plugin, findings) if start else None
    if manager is not None:
        findings += hook_findings(manager, plugin.name, start["hooks"])
        target = host_target("localhost", LocalShell(), "")
        needs = called(manager, target.arguments(), findings)
        findings += file_findings(plugin.name, plugin.package, needs.transfers)
        findings += package_findings(plugin.name, needs.requirements)
        if not any(each.status == "problem" for each in findings):
            findings += _conflicts(Contribution(plugin.name, needs.transfers, needs.requirements))
        findings += _dependency_findings(plugin)
    return _with_unique_names(findings)


def _entry_findings(plugin: Meant) -> Iterator[Finding]:
    if not plugin.distribution:
        yield Finding(
            "start: entry point",
            "warning",
            f"{plugin.value} is not installed as an entry point, so mngr does not find it",
            'In pyproject.toml write NAME = "MODULE" below [project.entry-points.mngr], and install the package again '
            "(pip install -e .).",
        )
        return
    yield Finding("start: entry point", "ok", f"{plugin.name} = {plugin.value}, of {plugin.distribution}")
    if plugin.others:
        yield Finding(
            "start: entry point",
            "problem",
            f"{', '.join(plugin.others)} has an entry point of this name too: mngr loads both under one name",
            "Choose another name, or uninstall the other package.",
        )


def _loaded(plugin: Meant, findings: list[Finding]) -> "pluggy.PluginManager | None":
    """A plugin manager with the plugin; None where it cannot be loaded, and a finding says why."""
    import importlib.metadata

    if not plugin.distribution and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        loaded = importlib.metadata.EntryPoint(plugin.name, plugin.value, "mngr").load()
        return registered(loaded, plugin.name)
    except MngrAnsibleError as error:
        findings.append(Finding("start: import", "problem", error.problem, "Fix the plugin."))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin does when it is imported
        text = f"it cannot be imported: {located(error, plugin.module)}"
        findings.append(Finding("start: import", "problem", text, "Fix the module, or install what it needs."))
    return None


def _conflicts(contribution: Contribution) -> Iterator[Finding]:
    """What the whole plan says, where each part alone is right."""
    try:
        plan = build([contribution], Settings())
    except MissingFilesError:  # each is a finding of its own
        return
    except MngrAnsibleError as error:
        yield Finding("plan: whole", "problem", error.problem, error.remedy.replace(" Nothing was changed.", ""))
        return
    for notice in plan.overlay_notices:
        yield Finding(
            "plan: whole", "warning", notice.removeprefix(f"{contribution.plugin}: "), "Return each file once."
        )


_PROVIDERS = {"mngr_ansible": "mngr-ansible", "imbue": "imbue-mngr", "pluggy": "pluggy"}
"""Packages that a plugin may import → the distribution that its own has to name."""


def _dependency_findings(plugin: Meant) -> Iterator[Finding]:
    """What a plugin imports when it is loaded, and its package does not say that it needs."""
    if not plugin.distribution:
        return
    named = {_normal(each) for each in plugin.requires}
    if "mngr-ansible" in named:  # brings pluggy; and mngr, where the extra is named
        named |= {"pluggy"}
    if "imbue-mngr" in named:
        named |= {"pluggy"}
    for package in _imported(plugin):
        distribution = _PROVIDERS[package]
        if distribution not in named and not (package == "imbue" and "mngr-ansible[mngr]" in named):
            yield Finding(
                "start: dependencies",
                "warning",
                f"it imports {package}, and its package does not depend on {distribution}",
                f'In pyproject.toml: dependencies = ["{distribution}"].',
            )


def _normal(requirement: str) -> str:
    """``mngr-ansible[mngr]>=0.1 ; extra == "x"`` → ``mngr-ansible[mngr]`` without what an extra alone needs."""
    text, _, marker = requirement.partition(";")
    if "extra" in marker:
        return ""
    import re

    name = re.match(r"[\w.-]+(\[[\w,. -]*\])?", text.strip())
    return "" if name is None else re.sub(r"[-_.]+", "-", name[0].lower()) if "[" not in name[0] else name[0].lower()


def _imported(plugin: Meant) -> list[str]:
    """The packages of ``_PROVIDERS`` that the plugin's modules import outside of functions and of ``try``."""
    import ast

    found: set[str] = set()
    own = [
        each for key, each in list(sys.modules.items()) if key == plugin.package or key.startswith(f"{plugin.package}.")
    ]
    for module in own:
        file = getattr(module, "__file__", None)
        if not file or not file.endswith(".py"):
            continue
        try:
            tree = ast.parse(Path(file).read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue
        for statement in tree.body:
            if isinstance(statement, ast.Import):
                found |= {each.name.partition(".")[0] for each in statement.names}
            elif isinstance(statement, ast.ImportFrom) and not statement.level:
                found.add((statement.module or "").partition(".")[0])
    return sorted(found & _PROVIDERS.keys())


def _with_unique_names(findings: Sequence[Finding]) -> list[Finding]:
    """The same; the second finding of one name is ``NAME (2)``."""
    seen: Counter[str] = Counter()
    named = []
    for each in findings:
        seen[each.name] += 1
        named.append(each if seen[each.name] == 1 else replace(each, name=f"{each.name} ({seen[each.name]})"))
    return named
