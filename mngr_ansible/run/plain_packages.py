"""Packages → tasks with Ansible's own module ``command``: look, install with the printed command, check again. Pure.

A host is asked first what it has of every requirement. Only what is missing or has another version is installed, by
the command that ``plan --commands`` prints, and the same question is asked again. So a second run changes nothing.
Source: docs/ops.md "One plain task a step".
"""

import shlex
from collections.abc import Iterator, Sequence

from mngr_ansible.diff import commands, curl
from mngr_ansible.diff.resolver import Candidate
from mngr_ansible.portable import addresses, managers
from mngr_ansible.run.plain_checks import PATH, Question, missing, script, variable_names
from mngr_ansible.run.plain_files import Task, title
from mngr_ansible.run.playbook import HostRun
from mngr_ansible.run.yaml_text import Template
from mngr_ansible.spec.sources import DOWNLOADS, Repository

_SHOWN = {"removes": "/"}
"""With it check mode says ``changed`` for a command that a run starts; else it would only skip it."""


def package_tasks(run: HostRun) -> list[Task]:
    """The tasks that install what one host lacks: all questions first, then what is installed, each checked again."""
    questions = _questions(run)
    steps = [each for each in questions if isinstance(each, _Step)]
    extra = commands.needed_programs(run.due.installs, run.state) if run.state is not None else []
    tasks = [each.only() for each in questions if not isinstance(each, _Step)]
    tasks += [each.question() for each in steps]
    tasks += _fetched_lists(run, [each for each in steps if each.candidate.manager in managers.SYSTEM])
    tasks += _needed_programs(run, extra, steps)
    added: set[Repository] = set()
    for each in steps:
        repository = each.candidate.source.repository
        if repository is not None and repository not in added:
            added.add(repository)
            tasks += each.repository([one for one in steps if one.candidate.source.repository == repository])
        tasks += [each.installation(), *([each.again()] if each.requirement["is_required"] else [])]
    return tasks


def package_variables(run: HostRun) -> dict[str, Template]:
    """The variables of the play: what the last question found of each requirement, and whether that is enough."""
    return {name: value for each in _questions(run) for name, value in each.variables().items()}


def _questions(run: HostRun) -> list[Question]:
    """All requirements of a host: those that are installed, then those that are only checked."""
    installs = [candidate.requirement.resolved() for candidate in run.due.installs]
    names = variable_names([*installs, *run.verified])
    steps = [_Step(run, candidate, next(names)) for candidate in run.due.installs]
    return [*steps, *(Question(run, requirement, next(names)) for requirement in run.verified)]


def python_tasks(run: HostRun) -> Iterator[Task]:
    """The tasks that install python3 where Ansible finds none: by ``raw``, which needs none.

    Check mode ends there on such a host: no later task can look at it.
    """
    line = commands.python_command(run.state) if run.due.needs_python and run.state is not None else None
    if line is None or run.state is None or run.state.system.manager is None:
        return
    manager, privilege = run.state.system.manager, _privilege(run)
    refresh = managers.refresh_line(manager, privilege)
    install = managers.command_line(manager, [commands.python_package(run.state)], privilege)
    yield {
        "name": "Look for python3",
        "ansible.builtin.raw": "command -v python3",
        "register": "python3_found",
        "changed_when": False,
        "failed_when": False,
        "check_mode": False,
    }
    yield {
        "name": "Install python3",
        "ansible.builtin.raw": f"{refresh}; {install}" if refresh else install,
        "when": "python3_found.rc != 0",
        "changed_when": True,
    } | ({"become": True} if _becomes_root(run) else {})
    yield {
        "name": "End check mode where there is no python3 to look with",
        "ansible.builtin.meta": "end_host",
        "when": ["ansible_check_mode", "python3_found.rc != 0"],
    }


def _address_variables(candidate: Candidate) -> list[str]:
    repository = candidate.source.repository
    if repository is not None:
        url = [curl.variable(repository.name)] if addresses.has_secrets(repository.url) else []
        is_secret = repository.key.startswith("https:") and addresses.has_secrets(repository.key)
        return [*url, *([curl.variable(f"{repository.name}_key")] if is_secret else [])]
    if candidate.manager in DOWNLOADS and addresses.has_secrets(candidate.source.address):
        return [curl.variable(candidate.requirement.name)]
    return []


class _Step(Question):
    """One package of a run that is installed where the host does not have it."""

    def __init__(self, run: HostRun, candidate: Candidate, name: str) -> None:
        super().__init__(run, candidate.requirement.resolved(), name)
        self.candidate = candidate

    def repository(self, steps: Sequence["_Step"]) -> list[Task]:
        """Add the third party's repository of these packages, and fetch its lists, where one of them is missing."""
        source = self.candidate.source
        assert source.repository is not None  # noqa: S101 - only such steps are asked
        line = commands.add_repository(source, _privilege(self.run))
        refresh = managers.refresh_line(source.manager, _privilege(self.run))
        when = missing(steps)
        return [
            self._as_root(
                {
                    "name": title("Add the repository", source.repository.name),
                    "ansible.builtin.command": script(line, _address_variables(self.candidate)) | _SHOWN,
                    "when": when,
                    "changed_when": True,
                },
                is_secret=bool(_address_variables(self.candidate)),
            ),
            *([self._as_root(_refresh(source.manager, refresh, when))] if refresh else []),
        ]

    def installation(self) -> Task:
        """Install it by the printed command, where the host does not have it."""
        candidate, privilege = self.candidate, _privilege(self.run)
        variables: list[str] = []
        if candidate.manager in DOWNLOADS:
            line, variables = commands.download_command(candidate, privilege), _address_variables(candidate)
            command = script(line, variables)
        else:
            command = self._manager_command()
        task: Task = {
            "name": title("Install", f"{self.text} ({candidate.source.label})"),
            "ansible.builtin.command": command | _SHOWN,
            "when": missing([self]),
            "register": self.installed,
            "changed_when": True,
        }
        if not candidate.requirement.is_required:
            task |= {"changed_when": f"{self.installed}.rc == 0", "failed_when": False}
        return self._as_root(task, is_secret=bool(variables)) if candidate.needs_root else task | _no_log(variables)

    def _manager_command(self) -> Task:
        candidate, manager = self.candidate, self.candidate.manager
        privilege = _privilege(self.run) if candidate.needs_root else ""
        is_old = self.run.due.are_lists_old
        line = managers.command_line(manager, candidate.specified(), privilege, candidate.scope, is_refreshing=is_old)
        if manager == "pipx" and self.run.state is not None:
            status = self.run.state.findings[candidate.requirement.id].status
            line = line.replace("pipx install", "pipx install --force", 1) if status == "too-old" else line
        if manager in managers.SYSTEM:
            return {"argv": _argv(manager, line)}
        return script(f"{PATH}\n{line}")

    def _as_root(self, task: Task, *, is_secret: bool = False) -> Task:
        return task | ({"become": True} if _becomes_root(self.run) else {}) | ({"no_log": True} if is_secret else {})


def _fetched_lists(run: HostRun, steps: Sequence[_Step]) -> list[Task]:
    """Fetch the lists of the system's manager before something is installed from them; apt never does so by itself."""
    names = dict.fromkeys(each.candidate.manager for each in steps if each.candidate.source.repository is None)
    made = []
    for manager in names:
        line = managers.refresh_line(manager, _privilege(run))
        if line and (run.due.are_lists_old or manager == "apt"):
            when = missing([each for each in steps if each.candidate.manager == manager])
            made.append(_refresh(manager, line, when) | ({"become": True} if _becomes_root(run) else {}))
    return made


def _refresh(manager: str, line: str, when: str) -> Task:
    return {
        "name": f"Fetch the lists of {manager}",
        "ansible.builtin.command": {"argv": _argv(manager, line)},
        "when": when,
        "changed_when": False,
        "failed_when": False,
    }


def _needed_programs(run: HostRun, packages: Sequence[str], steps: Sequence[_Step]) -> list[Task]:
    """Install the programs that the commands of later tasks need, and that the host did not have."""
    manager = run.state.system.manager if run.state is not None else None
    if not packages or manager is None:
        return []
    needing = [each for each in steps if each.candidate.manager in DOWNLOADS or each.candidate.source.repository]
    line = managers.command_line(manager, packages, _privilege(run))
    task: Task = {
        "name": f"Install {' and '.join(packages)}, which later tasks need",
        "ansible.builtin.command": {"argv": _argv(manager, line)} | _SHOWN,
        "when": missing(needing),
        "changed_when": True,
    }
    return [task | ({"become": True} if _becomes_root(run) else {})]


def _argv(manager: str, line: str) -> list[str]:
    """A printed command of a system's manager as words. apt gets what lets it ask no questions."""
    words = shlex.split(line)
    if manager != "apt":
        return words
    prefix = words[:1] if words[0] in ("sudo", "doas") else []
    return [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", *words[len(prefix) :]]


def _no_log(variables: Sequence[str]) -> Task:
    return {"no_log": True} if variables else {}


def _privilege(run: HostRun) -> str:
    """How commands become root: doas is written into them, everything else is ``become``."""
    return "doas" if run.state is not None and run.state.login.privilege == "doas" else "root"


def _becomes_root(run: HostRun) -> bool:
    return run.state is not None and run.state.login.privilege in ("sudo", "password")
