"""What a plugin does when it is loaded and its hooks are called: a program, run by ``check-plugin``.

``python -m mngr_ansible.authoring.plugin_trial FILE WORDS`` writes lines of JSON to FILE: findings as they are found,
and ``begun`` before and after code of the plugin is run, which may end this process. The last line is ``done``. WORDS:
JSON, the arguments of :func:`main`.
"""

import importlib.metadata
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mngr_ansible.authoring.plugin_files import file_findings
from mngr_ansible.authoring.plugin_hooks import called, hook_findings
from mngr_ansible.authoring.plugin_packages import package_findings
from mngr_ansible.authoring.plugin_start import Meant
from mngr_ansible.errors import MissingFilesError, MngrAnsibleError
from mngr_ansible.host.connection import LocalShell
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.plugin_errors import TRACEBACK
from mngr_ansible.inputs.plugins import imported, registered
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.plan.plan import build
from mngr_ansible.provisioning.targets import host_target
from mngr_ansible.report.findings import Finding

if TYPE_CHECKING:
    import pluggy


class Sheet:
    """The file of findings.

    Attributes:
        findings: what was found so far; it is written when code of the plugin is run, and at the end.
    """

    def __init__(self, path: str, seconds: float) -> None:
        self.findings: list[Finding] = []
        self._written = 0
        self._path = path
        self._seconds = seconds

    @contextmanager
    def watched(self, name: str) -> Iterator[None]:
        """Inside, code of the plugin is run, for the finding of this name; the kernel ends it when it takes too long.

        A handler of Python's would wait for code in C, such as ``tuple(itertools.count())``.
        """
        self.write({"begun": name})
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self.write({"begun": ""})

    def write(self, line: dict[str, Any]) -> None:
        """Write what was found since the last time, and this."""
        new = self.findings[self._written :]
        self._written = len(self.findings)
        lines = [{"name": each.name, "status": each.status, "text": each.text, "remedy": each.remedy} for each in new]
        with open(self._path, "a", encoding="utf-8") as file:  # noqa: PTH123 - like the others of this program
            file.writelines(f"{json.dumps(each)}\n" for each in [*lines, line])


def main(path: str, plugin: Meant, hooks: Sequence[str], seconds: float) -> None:
    """Try the plugin. ``hooks``: the names of mngr's own. ``seconds``: that its import and each hook may take."""
    sheet = Sheet(path, seconds)
    with sheet.watched("start: import"):
        manager = _loaded(plugin, sheet.findings)
    if manager is not None:
        sheet.findings += hook_findings(manager, plugin.name, hooks)
        target = host_target("localhost", LocalShell(), "")
        needs = called(manager, target.arguments(), sheet.findings, sheet.watched)
        sheet.findings += file_findings(plugin.name, plugin.package, needs.transfers)
        sheet.findings += package_findings(plugin.name, needs.requirements)
        if not any(each.status == "problem" for each in sheet.findings):
            sheet.findings += _conflicts(Contribution(plugin.name, needs.transfers, needs.requirements))
        sheet.findings += _dependency_findings(plugin)
    sheet.write({"done": True})


def _loaded(plugin: Meant, findings: list[Finding]) -> "pluggy.PluginManager | None":
    """A plugin manager with the plugin; None where it cannot be loaded, and a finding says why."""
    if not plugin.distribution:
        sys.path.append(str(Path.cwd()))
    entry_point = importlib.metadata.EntryPoint(plugin.name, plugin.value, "mngr")
    try:
        loaded = imported(entry_point, "Fix the module, or install what it needs.")
        return registered(loaded, plugin.name)
    except MngrAnsibleError as error:
        text = error.problem.replace(f"{plugin.name}: the plugin ", "it ", 1)
        remedy = error.remedy.removesuffix(TRACEBACK).rstrip().replace(", or leave it out.", ".")
        findings.append(Finding("start: import", "problem", text, remedy))
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


if __name__ == "__main__":
    os.dup2(2, 1)  # whatever the plugin prints, also by programs
    given = json.loads(sys.argv[2])
    try:
        main(sys.argv[1], Meant(**given["plugin"]), given["hooks"], given["seconds"])
    except KeyboardInterrupt:  # of the plugin: nobody else could send one
        os._exit(130)
    sys.stdout.flush()
    os._exit(0)  # whatever the plugin has left running
