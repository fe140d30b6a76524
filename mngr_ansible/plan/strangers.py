"""What a repository's settings may make us run on the user's own machine. Source: docs/contract.md "Trust".

The settings of a repository that the user does not trust are words of a stranger. On other hosts they may check as they
like. Here only these of their checks are run: what the package database has, files, Python modules, and commands that
are not in the repository, with an argument that asks for a version. The rest of what such a requirement names is only
printed: its own sources could be any program.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mngr_ansible.catalog.lookup import find_tool
from mngr_ansible.portable import managers
from mngr_ansible.portable.text import printable
from mngr_ansible.spec.packages import Check, Install, PackageRequirement
from mngr_ansible.spec.sources import DOWNLOADS, Source
from mngr_ansible.values import frozen, replace

_VERSION_ARGUMENTS = frozenset({"--version", "-version", "-V", "-v", "version"})
"""The one argument that a command may get: anything else could be a program of its own (``sh -c``, ``find -delete``).
The probe runs in ``/``, so that none of them is the name of a file in the repository."""

_LONGEST_LIST = 20
"""How many requirements one notice names."""


@frozen
class Allowed:
    """What is left of a requirement.

    ``requirement`` is None if not all of its checks may be run: without them nobody knows whether it is met.
    ``reasons`` say why, as clauses.
    """

    requirement: PackageRequirement | None
    reasons: tuple[str, ...] = ()


def allowed_here(requirement: PackageRequirement, repository: str) -> Allowed:
    """What of a stranger's requirement may be run on this machine.

    Args:
        requirement: what the settings of the repository say.
        repository: its path.
    """
    programs = _Programs(repository)
    tool = find_tool(requirement.name)
    for text in _needed_first(requirement.sources or (tool.sources if tool else ())):
        if reason := programs.problem_of_tool(text):
            return Allowed(None, (reason,))
    own = requirement.checks
    checks = own or (tool.checks if tool else ()) or _default_checks(requirement)
    judged = [programs.judge(check, is_own=bool(own)) for check in checks]
    left = tuple(each for each in judged if isinstance(each, Check))
    reasons = tuple(dict.fromkeys(each for each in judged if isinstance(each, str)))
    if reasons:
        return Allowed(None, reasons)
    sources = [each.manager for each in requirement.sources or (tool.sources if tool else ())]
    for manager in sources or managers.SYSTEM:
        if (problem := programs.problem_of_program(_program(manager))) is not None:
            return Allowed(None, (f"{problem}, and it would be asked for the package",))
    install: Install | None = "print" if requirement.sources else requirement.install
    checks = own if left == tuple(checks) else left
    return Allowed(replace(requirement, install=install, checks=checks))


def left_out_notice(repository: str, requirements: Sequence[str]) -> str:
    """What is not checked on this machine: each requirement with why, and how to trust it."""
    where, rest = printable(repository), len(requirements) - _LONGEST_LIST
    lines = [*requirements[:_LONGEST_LIST], *([f"{rest} more"] if rest > 0 else [])]
    return (
        f"not checked on this machine: {', '.join(lines)}. The settings of {where} say so, which you "
        f"have not trusted; to trust them, write trusted = [{json.dumps(where)}] into [plugins.ansible] of your own "
        f"settings"
    )


def _default_checks(requirement: PackageRequirement) -> tuple[Check, ...]:
    """The checks of a requirement without any, as ``portable.checks`` completes it."""
    names = {name: None for each in requirement.sources for name in each.packages} or {requirement.name: None}
    return (Check("command", requirement.name), *(Check("package", name) for name in list(names)[:1]))


def _program(manager: str) -> str:
    return "curl" if manager in DOWNLOADS else managers.TABLE[manager].program


def _needed_first(sources: Sequence[Source]) -> Iterator[str]:
    """The names of the tools that these sources need first, and what the catalog's sources of those need in turn."""
    waiting, seen = [text for source in sources for text in source.requires], set[str]()
    while waiting:
        name = PackageRequirement.parse(waiting.pop()).name
        if name not in seen:
            seen.add(name)
            tool = find_tool(name)
            waiting += [text for source in (tool.sources if tool else ()) for text in source.requires]
            yield name


class _Programs:
    """The programs of this machine, and which of them are files of the repository."""

    def __init__(self, repository: str) -> None:
        self._repository = os.path.realpath(repository)
        self._directories = [each for each in os.environ.get("PATH", os.defpath).split(os.pathsep) if each]

    def holds(self, path: str) -> bool:
        """Whether a path is in the repository: as it is written, or where links lead."""
        spellings = (os.path.abspath(path), os.path.realpath(path))  # noqa: PTH100
        return any(Path(each).is_relative_to(self._repository) for each in spellings)

    def judge(self, check: Check, *, is_own: bool) -> Check | str:
        """The check that may be run (a command perhaps by another path), or why it is not.

        ``is_own``: the stranger wrote it, not our catalog.
        """
        match check.kind:
            case "shell" if is_own:
                return "its check is a shell command"
            case "command":
                if is_own and (len(check.args) != 1 or check.args[0] not in _VERSION_ARGUMENTS):
                    return f"its check runs {printable(check.value)} with arguments of its own"
                return self._command(check)
            case "python_module":
                return self._module(check)
            case _:
                return check

    def _command(self, check: Check) -> Check | str:
        if check.value.startswith("/"):
            return f"{printable(check.value)} is a file of the repository" if self.holds(check.value) else check
        inside, outside = self._find(check.value)
        if not inside:
            return check
        if outside is None:
            return f"{printable(inside)} is a file of the repository"
        return replace(check, value=outside)

    def _module(self, check: Check) -> Check | str:
        """Python imports a module from PYTHONPATH, where an empty entry is the current directory."""
        if problem := self.problem_of_program("python3"):
            return problem
        for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if os.environ.get("PYTHONPATH") else ():
            if not each.startswith("/") or self.holds(each):
                return f"PYTHONPATH leads into the repository, from where {check.value} would be imported"
        return check

    def problem_of_program(self, name: str) -> str | None:
        """Why a program that is found by its name is not run; None if it may be run, or does not exist."""
        inside, _ = self._find(name)
        return f"{printable(inside)} is a file of the repository" if inside else None

    def problem_of_tool(self, name: str) -> str | None:
        """The same for the commands by which our catalog, or the name alone, finds a tool."""
        tool = find_tool(name)
        checks = (tool.checks if tool else ()) or (Check("command", name),)
        commands = (each.value for each in checks if each.kind == "command")
        return next(filter(None, map(self.problem_of_program, commands)), None)

    def _find(self, name: str) -> tuple[str, str | None]:
        """What PATH finds first, if that is in the repository (else empty), and what it finds first outside of it.

        A directory that is not absolute stands for one in the repository.
        """
        inside = ""
        for directory in self._directories:
            path = os.path.join(directory, name)  # noqa: PTH118
            if os.access(path, os.X_OK) and os.path.isfile(path):  # noqa: PTH113
                if directory.startswith("/") and not self.holds(path) and not self.holds(directory):
                    return inside, path
                inside = inside or path
        return inside, None
