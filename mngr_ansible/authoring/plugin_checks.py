"""The verb ``check-plugin``: what a plugin's author wants to know before others install it.

The plugin is imported in a process of its own (:mod:`~mngr_ansible.authoring.plugin_start`), which tells what that does
and whether mngr accepts it; then its hooks are called as ``plan`` calls them on this machine, in another one
(:mod:`~mngr_ansible.authoring.plugin_trial`): a plugin may end its process, or never end. Nothing is copied and nothing
is installed.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from mngr_ansible.authoring.plugin_process import run_apart
from mngr_ansible.authoring.plugin_start import Meant, meant, start_findings
from mngr_ansible.portable.text import printable
from mngr_ansible.report.findings import Finding
from mngr_ansible.values import fields_of, replace

_MOST = 20
"""Findings of one kind that are shown."""

_LONGEST = 600
"""Seconds that all hooks and what they return may take together."""


def _nothing(_line: str) -> None:
    pass


def check_plugin(name: str, show: Callable[[str], object] = _nothing, *, seconds: float = 60) -> Sequence[Finding]:
    """Check a plugin: its entry point, its import, its hooks, and what these return on this machine.

    Args:
        name: of the entry point in the group ``mngr``, or ``MODULE:OBJECT``, which may be in the current directory.
        show: gets each line that its hooks print.
        seconds: how long each hook may take.

    Raises:
        InputError: there is no such plugin.
    """
    plugin = meant(name)
    started, start = start_findings(plugin)
    tried = _tried(plugin, start["hooks"], show, seconds) if start else ()
    return _with_unique_names(few([*_entry_findings(plugin), *started, *tried]))


def _tried(plugin: Meant, hooks: Sequence[str], show: Callable[[str], object], seconds: float) -> Iterator[Finding]:
    """What is found when the plugin is loaded and its hooks are called."""
    words = json.dumps({"plugin": fields_of(plugin), "hooks": hooks, "seconds": seconds})
    outcome = run_apart("mngr_ansible.authoring.plugin_trial", [words], seconds=_LONGEST, hook_seconds=seconds)
    for line in outcome.printed.splitlines():
        show(printable(line))
    begun, is_done = "", False
    for each in outcome.lines:
        if "begun" in each:
            begun = each["begun"]
        elif "done" in each:
            is_done = True
        else:
            yield Finding(**each)
    if is_done:
        return
    if begun:
        remedy = "A hook returns or raises, soon; it never ends the process." if begun.startswith("hooks") else ""
        yield Finding(begun, "problem", f"it {outcome.ending}", remedy or "Import only defines things.")
    else:
        text = f"it was not checked to the end: the process for that {outcome.ending}"
        yield Finding("plan: whole", "problem", text, "Return fewer files and packages; stderr may say more.")


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


def few(findings: Sequence[Finding]) -> list[Finding]:
    """The first of each kind, and how many more there are: those with the same remedy in the same table."""
    kinds = [(each.name.partition(": ")[0], each.status, each.remedy) for each in findings]
    total, seen = Counter(kinds), Counter[tuple[str, str, str]]()
    kept = []
    for kind, each in zip(kinds, findings, strict=True):
        seen[kind] += 1
        if seen[kind] <= _MOST:
            kept.append(each)
        elif seen[kind] == _MOST + 1:
            kept.append(replace(each, name=f"{kind[0]}: more", text=f"{total[kind] - _MOST} more like these"))
    return kept


def _with_unique_names(findings: Sequence[Finding]) -> list[Finding]:
    """The same; the second finding of one name is ``NAME (2)``."""
    seen: Counter[str] = Counter()
    named = []
    for each in findings:
        seen[each.name] += 1
        named.append(each if seen[each.name] == 1 else replace(each, name=f"{each.name} ({seen[each.name]})"))
    return named
