"""``fake_host``: what a host has, as a test says it. Nothing is run."""

import hashlib
import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mngr_ansible.errors import InputError
from mngr_ansible.host.state import FileState, HostState, Login, Paths
from mngr_ansible.inputs.hook_arguments import CommandResult
from mngr_ansible.plan.plan import Plan
from mngr_ansible.portable import managers
from mngr_ansible.portable.offers import ManagerOffers, Offer
from mngr_ansible.portable.validation import mode_bits
from mngr_ansible.provisioning.for_distro import fresh_host
from mngr_ansible.spec.validation import nearest, short_repr
from mngr_ansible.testing.tools import Tools
from mngr_ansible.values import replace

FakeContent = str | bytes | tuple[str | bytes, int | str] | None
"""A file: its content, or content and mode; None: a directory."""

_FILE_MODE = 0o644


def fake_host(
    os: str = "debian:12",
    packages: Mapping[str, str | None] | None = None,
    files: Mapping[str, FakeContent] | None = None,
    *,
    name: str = "fake",
    commands: Mapping[str, str | bool] | None = None,
    offers: Mapping[str, str] | None = None,
    user: str = "root",
    sudo: bool = True,
    users: Iterable[str] = (),
    is_local: bool = False,
    arch: str = "",
    **more: Any,
) -> "FakeHost":
    """A host of that system that has these packages and files, and nothing else.

    Args:
        os: ``debian:12``, ``ubuntu:24.04``, ``fedora``, ``macos``, …: what ``plan --for`` takes.
        packages: what is installed: tool → upstream version; None: its version cannot be read. A tool may also be
            called as its package or its command. What is not here is found by its checks, in ``files`` and
            ``commands``.
        files: path → content (mode 0644), ``(content, mode)``, or None for a directory. ``~/`` is the home; a relative
            path is in the agent's ``work_dir``.
        name: the host's name.
        commands: command line → what it prints, or True or False for success: those that hooks run with
            ``execute_idempotent_command``, and those of checks (``"cc --version"``, or the code of a shell check).
        offers: what the system's package manager offers: package → version; None: everything, in any version.
        user: the remote user.
        sudo: whether that user, if not root, can become root.
        users: other users (and groups of the same name) that the host has.
        is_local: whether it is this machine, where packages are not installed but printed.
        arch: such as ``aarch64``; by default that of ``plan --for``.
        more: attributes that mngr's own hosts have, such as ``host_dir``.

    Raises:
        MngrAnsibleError: an unknown system, or a file or mode that is none.
    """
    refuse_misspelt("fake_host", more, PARAMETERS)
    _require_texts(os=os, name=name, user=user, arch=arch)
    for key, given, example in (
        ("packages", packages, '{"git": "2.39"}'),
        ("files", files, '{"~/.npmrc": "text"}'),
        ("commands", commands, '{"uname -m": "x86_64"}'),
        ("offers", offers, '{"git": "2.39"}'),
    ):
        if given is not None and not isinstance(given, Mapping):
            problem = f"fake_host: {key} = {short_repr(given)} is not a mapping"
            raise InputError(problem, remedy=f"Write {key}={example}.")
    for key, kinds, words, values in (
        ("packages", (str, type(None)), "a version in quotes, or None", packages),
        ("commands", (str, bool), "what it prints in quotes, or True or False", commands),
        ("offers", (str,), "a version in quotes", offers),
    ):
        for each, value in (values or {}).items():
            if not isinstance(value, kinds):
                problem = f"fake_host: {key}[{short_repr(each)}] = {short_repr(value)} is not known"
                raise InputError(problem, remedy=f"Give {words}.")
    if isinstance(users, str):
        raise InputError(f"fake_host: users = {users!r} is one name", remedy=f"Write users=[{users!r}].")
    return FakeHost(
        system=os,
        packages=dict(packages or {}),
        files={path: _file_state(path, content) for path, content in (files or {}).items()},
        name=name,
        commands=dict(commands or {}),
        offers=None if offers is None else dict(offers),
        user=user,
        has_sudo=sudo,
        users=tuple(users),
        is_local=is_local,
        arch=arch,
        more=more,
        contents={path: _text(content) for path, content in (files or {}).items()},
    )


PARAMETERS = ("os", "packages", "files", "name", "commands", "offers", "user", "sudo", "users", "is_local", "arch")
"""The arguments of ``fake_host``."""


def refuse_misspelt(function: str, given: Iterable[str], known: Sequence[str]) -> None:
    """Refuse an argument that is nearly one of a function's own, where any other would become an attribute.

    Raises:
        InputError: there is one.
    """
    for each in given:
        if meant := nearest(each, known):
            problem = f"{function} has no argument {each!r}{meant}"
            raise InputError(problem, remedy=f"Its arguments: {', '.join(known)}; any other becomes an attribute.")


def _require_texts(**given: object) -> None:
    for key, value in given.items():
        if not isinstance(value, str):
            raise InputError(f"fake_host: {key} = {short_repr(value)} is not a string", remedy="Write it in quotes.")


class FakeHost:
    """A host as :func:`fake_host` makes it. Hooks get it as ``host``; ``plan_host`` compares a plan with it.

    Attributes:
        name: of the host.
        is_local: whether it is this machine.
        ran: the commands that hooks ran on it, in order.
    """

    def __init__(
        self,
        *,
        system: str,
        packages: Mapping[str, str | None],
        files: Mapping[str, FileState],
        name: str,
        commands: Mapping[str, str | bool],
        offers: Mapping[str, str] | None,
        user: str,
        has_sudo: bool,
        users: tuple[str, ...],
        is_local: bool,
        arch: str,
        more: Mapping[str, Any],
        contents: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.is_local = is_local
        self.ran: list[str] = []
        self._commands = commands
        self._packages = packages
        self._files = files
        self._offers = offers
        self._users = users
        self._more = more
        self._contents = contents or {}
        fresh = fresh_host(system, (), option="fake_host: os =")
        is_root, kernel = user == "root", fresh.system.kernel
        homes = {"Darwin": "/Users"}.get(kernel, "/home")
        self._login = Login(
            user=user,
            uid=0 if is_root else 1000,
            home=("/var/root" if kernel == "Darwin" else "/root") if is_root else f"{homes}/{user}",
            groups=(0,) if is_root else (1000,),
            privilege="root" if is_root else "sudo" if has_sudo else "none",
        )
        languages = tuple(each for each in managers.LANGUAGES if each in packages)
        self._system = replace(
            fresh.system, arch=arch or fresh.system.arch, managers=(*fresh.system.managers, *languages)
        )

    def __getattr__(self, name: str) -> Any:
        """An attribute of ``more``."""
        more = vars(self).get("_more", {})
        if name in more:
            return more[name]
        raise AttributeError(
            f"the host has no {name!r}: without mngr it has name, is_local and execute_idempotent_command. In a test, "
            f"give it: fake_host({name}=…)"
        )

    def execute_idempotent_command(
        self,
        command: str,
        user: str | None = None,
        cwd: os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> CommandResult:
        """What the test has said for this command; nothing is run. The other arguments are mngr's, and ignored.

        Raises:
            InputError: the test has said nothing.
        """
        del user, cwd, env, timeout_seconds
        self.ran.append(command)
        if command not in self._commands:
            raise InputError(
                f"a hook runs a command on the fake host that has no answer: {command}",
                remedy=f"Give one: fake_host(commands={{{command!r}: 'what it prints'}}).",
            )
        answer = self._commands[command]
        if isinstance(answer, bool):
            return CommandResult("", "", answer)
        return CommandResult(answer, "", True)

    def state(self, plan: Plan) -> HostState:
        """The host as a probe for this plan would find it."""
        work_dir = plan.work_dir or "~"
        home = self._login.home
        work_dir = posixpath.normpath(home + work_dir[1:] if work_dir == "~" or work_dir.startswith("~/") else work_dir)
        files = {posixpath.normpath(_absolute(path, home, work_dir)): each for path, each in self._files.items()}
        above = {directory for path in files for directory in _above(path)}
        every = {**dict.fromkeys(above - files.keys(), FileState("directory")), **files}
        paths = Paths(
            work_dir=work_dir,
            files={path: self._owned(each, path, work_dir) for path, each in every.items()},
            parents=self._parents(plan, work_dir),
            listings=self._listings(plan, every, work_dir),
            owner_ids=self._owner_ids(plan),
        )
        contents = {posixpath.normpath(_absolute(path, home, work_dir)): each for path, each in self._contents.items()}
        tools = Tools(self._packages, every, contents, self._commands, self._system.manager, home)
        findings = {each.id: tools.finding(each) for each in (*plan.requirements, *plan.implied.values())}
        return HostState(self._login, self._system, paths, findings)

    def offered(self, queries: Mapping[str, Iterable[str]]) -> dict[str, ManagerOffers]:
        """What the system's package manager answers to these queries; empty where it was not said what it offers."""
        manager = self._system.manager
        if self._offers is None or manager is None or manager not in queries:
            return {}
        known = {name: Offer((version,)) for name, version in self._offers.items()}
        return {manager: ManagerOffers("fresh", {name: known.get(name, Offer()) for name in queries[manager]})}

    def _is_writable(self, directory: str, work_dir: str) -> bool:
        own = (self._login.home, work_dir, "/tmp")  # noqa: S108 - everybody can write there
        return self._login.uid == 0 or any(directory == each or directory.startswith(f"{each}/") for each in own)

    def _parents(self, plan: Plan, work_dir: str) -> dict[str, str]:
        directories = {posixpath.dirname(entry.path) for transfer in plan.transfers for entry in transfer.entries}
        return {each: "W" if self._is_writable(each, work_dir) else "R" for each in directories}

    def _owned(self, found: FileState, path: str, work_dir: str) -> FileState:
        is_own = self._is_writable(path, work_dir)
        return replace(found, uid=self._login.uid if is_own else 0, gid=self._login.groups[0] if is_own else 0)

    def _owner_ids(self, plan: Plan) -> dict[tuple[str, str], int | None]:
        known = {"root": 0, self._login.user: self._login.uid}
        known.update({name: number for number, name in enumerate(self._users, 1001) if name not in known})
        options = [entry.options for transfer in plan.transfers for entry in transfer.entries]
        named = {("user", each.owner) for each in options if each.owner is not None}
        named |= {("group", each.group) for each in options if each.group is not None}
        return {(kind, name): int(name) if name.isdecimal() else known.get(name) for kind, name in named}

    def _listings(self, plan: Plan, files: Mapping[str, FileState], work_dir: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for claim in plan.claims if files else ():
            if claim.is_mirror:
                top = claim.destination.resolve(self._login.home, work_dir)
                found[top] = {
                    path.removeprefix(f"{top}/"): "directory" if each.kind == "directory" else "file"
                    for path, each in files.items()
                    if path.startswith(f"{top}/")
                }
        return found


def _file_state(path: str, given: FakeContent) -> FileState:
    if given is None:
        return FileState("directory")
    content, mode = given if isinstance(given, tuple) and len(given) == 2 else (given, _FILE_MODE)
    bits = mode_bits(mode)
    if not isinstance(content, (str, bytes)) or bits is None:
        raise InputError(
            f"fake_host: files[{path!r}] = {short_repr(given)} is not a file",
            remedy="Give its content, (content, mode), or None for a directory.",
        )
    raw = content.encode() if isinstance(content, str) else content
    return FileState("file", mode=bits, size=len(raw), sha256=hashlib.sha256(raw).hexdigest())


def _text(given: FakeContent) -> str:
    """The content of a file, as text."""
    content = given[0] if isinstance(given, tuple) else given
    return content.decode(errors="replace") if isinstance(content, bytes) else content or ""


def _absolute(path: str, home: str, work_dir: str) -> str:
    if path == "~" or path.startswith("~/"):
        return home + path[1:]
    return posixpath.join(work_dir, path)


def _above(path: str) -> Iterable[str]:
    while (path := posixpath.dirname(path)) != "/":
        yield path
