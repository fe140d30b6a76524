"""Candidates → the commands that a person would run to install them, with ``sudo`` only where it is needed.

One renderer for each kind: packages of the system, of a third party's repository, of a language, and downloads.
"""

import posixpath
import shlex
from collections.abc import Iterable, Iterator, Sequence

from mngr_ansible.catalog.lookup import find_tool
from mngr_ansible.diff.resolver import Candidate, by_manager
from mngr_ansible.host.state import HostState
from mngr_ansible.portable import managers, repositories
from mngr_ansible.spec.sources import DOWNLOADS, Source, file_name

_UNPACK_ZIP = "unzip -q {file} -d {directory}"
_UNPACK_TAR = "tar -xf {file} -C {directory}"
_UNPACK = {
    ".zip": _UNPACK_ZIP,
    ".tar": _UNPACK_TAR,
    ".tar.gz": _UNPACK_TAR,
    ".tgz": _UNPACK_TAR,
    ".tar.xz": _UNPACK_TAR,
    ".tar.bz2": _UNPACK_TAR,
}
"""By the end of an archive's name."""


def install_commands(
    candidates: Sequence[Candidate], state: HostState, *, python: bool = False, is_refreshing: bool = False
) -> list[str]:
    """The commands that install these on this host, and the programs that the commands themselves need.

    Args:
        candidates: what is installed.
        state: what is true on the host. A remote user without privilege gets commands with ``sudo``, because an
            administrator runs them.
        python: install python3 too.
        is_refreshing: the lists of the host's package manager are old; fetch them first.
    """
    extra = [_python_package(state)] if python else []
    extra += _needed_programs(candidates, state)
    return render_commands(
        candidates, _privilege(state), manager=state.system.manager, extra=extra, is_refreshing=is_refreshing
    )


def python_command(state: HostState) -> str | None:
    """The command that installs python3 on this host; None where we do not know one."""
    if state.system.manager is None:
        return None
    return managers.command_line(state.system.manager, [_python_package(state)], _privilege(state))


def render_commands(
    candidates: Sequence[Candidate],
    privilege: str,
    *,
    manager: str | None = None,
    extra: Sequence[str] = (),
    is_refreshing: bool = False,
) -> list[str]:
    """The commands that install these, one for each manager and scope.

    Args:
        candidates: what is installed.
        privilege: how the commands become root: ``root`` (they need not), ``sudo`` or ``doas``.
        manager: the package manager of the system.
        extra: packages of ``manager`` that are installed first.
        is_refreshing: fetch the lists of packages first.
    """
    from_repositories = [candidate for candidate in candidates if candidate.source.repository is not None]
    grouped = by_manager([candidate for candidate in candidates if candidate.source.repository is None])
    system: dict[str, list[str]] = {}
    if extra and manager is not None:
        system[manager] = [*extra, *_names(grouped.pop(manager, ()))]
    system |= {name: _names(grouped.pop(name)) for name in managers.SYSTEM if name in grouped}
    downloads = [candidate for name in DOWNLOADS for candidate in grouped.pop(name, ())]
    return [
        *_system_commands(system, privilege, is_refreshing=is_refreshing),
        *_repository_commands(from_repositories, privilege),
        *_language_commands(grouped, privilege),
        *(_download_command(candidate, privilege) for candidate in downloads),
    ]


def _system_commands(names: dict[str, list[str]], privilege: str, *, is_refreshing: bool) -> Iterator[str]:
    for manager, packages in names.items():
        if is_refreshing:
            yield from _refresh_commands(manager, privilege)
        yield managers.command_line(manager, list(dict.fromkeys(packages)), privilege)


def _repository_commands(candidates: Sequence[Candidate], privilege: str) -> Iterator[str]:
    """One line for each repository: add it, fetch its lists, install from it."""
    for source in dict.fromkeys(candidate.source for candidate in candidates):
        names = _names(candidate for candidate in candidates if candidate.source == source)
        steps = [_add_repository(source, privilege), *_refresh_commands(source.manager, privilege)]
        yield " && ".join([*steps, managers.command_line(source.manager, names, privilege)])


def _language_commands(grouped: dict[str, list[Candidate]], privilege: str) -> Iterator[str]:
    for manager, candidates in grouped.items():
        for scope in dict.fromkeys(candidate.scope for candidate in candidates):
            names = _names(candidate for candidate in candidates if candidate.scope == scope)
            yield managers.command_line(manager, names, privilege, scope)


def _privilege(state: HostState) -> str:
    """How the printed commands become root."""
    return "sudo" if state.login.privilege in ("none", "password") else state.login.privilege


def _needed_programs(candidates: Sequence[Candidate], state: HostState) -> list[str]:
    """The packages of curl and gpg, where the commands use these programs and the host does not have them."""
    needed = []
    if any(candidate.manager in DOWNLOADS or _has_remote_key(candidate) for candidate in candidates):
        needed.append("curl")
    if any(_has_remote_key(candidate) for candidate in candidates):
        needed.append("gpg")
    package_names = {"gpg": "gnupg"} if state.system.manager == "zypper" else {}
    return [package_names.get(program, program) for program in needed if program not in state.system.programs]


def _python_package(state: HostState) -> str:
    tool = find_tool("python3")
    sources = tool.sources if tool else ()
    return next((source.packages[0] for source in sources if source.manager == state.system.manager), "python3")


def _refresh_commands(manager: str, privilege: str) -> list[str]:
    """The command that fetches the lists of packages, unless the manager does so by itself."""
    line = managers.refresh_line(manager, privilege)
    return [line] if line else []


def _names(candidates: Iterable[Candidate]) -> list[str]:
    return list(dict.fromkeys(name for candidate in candidates for name in candidate.specified()))


def _has_remote_key(candidate: Candidate) -> bool:
    return candidate.source.repository is not None and candidate.source.repository.key.startswith("https:")


def _prefix(privilege: str) -> str:
    return f"{privilege} " if privilege in ("sudo", "doas") else ""


def _add_repository(source: Source, privilege: str) -> str:
    """One line that adds a third party's repository, after it has checked the fingerprint of the signing key."""
    repository = source.repository
    assert repository is not None  # noqa: S101 - only such sources are passed
    root = _prefix(privilege)
    files = repositories.files(source.manager, repository.name, repository.url, repository.suite, repository.component)
    key_path = shlex.quote(files.key_path)
    if repository.key.startswith("https:"):
        steps = [
            f'key=$(mktemp) && curl -fsSLo "$key" {shlex.quote(repository.key)}',
            f"gpg --show-keys --with-colons \"$key\" | grep -q '^fpr:*:{repository.fingerprint}:'",
            f'sed -i {shlex.quote(f"1i {repositories.MARK}")} "$key"',
            f'{root}install -D -m 644 "$key" {key_path}',
        ]
    else:
        directory = shlex.quote(posixpath.dirname(files.key_path))
        text = repositories.marked(repository.key.strip()).replace("\n", "\\n")
        steps = [
            f"{root}install -d -m 755 {directory}",
            f"printf '%b\\n' {shlex.quote(text)} | {root}tee {key_path} >/dev/null",
        ]
    if source.manager != "apt":
        steps.append(f"{root}rpm --import {key_path}")
    lines = " ".join(map(shlex.quote, files.text.splitlines()))
    steps.append(f"printf '%s\\n' {lines} | {root}tee {shlex.quote(files.path)} >/dev/null")
    return " && ".join(steps)


def _download_command(candidate: Candidate, privilege: str) -> str:
    """One line that downloads a vendor's file, checks its checksum, and runs it or installs the programs in it."""
    source = candidate.source
    root = _prefix(privilege) if candidate.needs_root else ""
    name = shlex.quote(file_name(source))
    steps = [
        f'dir=$(mktemp -d) && curl -fsSLo "$dir"/{name} {shlex.quote(source.address)}',
        f'echo "{source.sha256}  $dir/"{name} | sha256sum -c - >&2',
    ]
    if candidate.manager == "installer":
        steps += [f'chmod 700 "$dir"/{name}', f'{root}"$dir"/{name} >&2']
        return " && ".join(steps)
    target = '"$HOME"/.local/bin' if candidate.scope == "user" else "/usr/local/bin"
    steps.append(f"{root}install -d {target}")
    unpack = next((command for end, command in _UNPACK.items() if file_name(source).endswith(end)), None)
    if unpack is None:
        steps.append(f'{root}install -m 755 "$dir"/{name} {target}/{shlex.quote(candidate.packages[0])}')
    else:
        programs = " ".join(f'"$(find "$dir" -type f -name {shlex.quote(each)})"' for each in candidate.packages)
        steps.append(unpack.format(file=f'"$dir"/{name}', directory='"$dir"'))
        steps.append(f"{root}install -m 755 {programs} {target}/")
    return " && ".join(steps)
