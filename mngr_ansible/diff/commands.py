"""Ways of installing → the commands that a person would run: one a manager and scope, ``sudo`` only where needed."""

import posixpath
import shlex
from collections.abc import Iterable, Iterator, Sequence

from mngr_ansible.catalog import lookup as catalog
from mngr_ansible.diff.resolver import Candidate, by_manager
from mngr_ansible.host.state import HostState
from mngr_ansible.portable import managers, repositories
from mngr_ansible.spec.sources import DOWNLOADS, Source, file_name

_PACKERS = {".zip": "unzip -q {file} -d {directory}"}
_TAR = ("tar -xf {file} -C {directory}", (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2"))


def install(
    candidates: Sequence[Candidate], state: HostState, *, python: bool = False, is_refreshing: bool = False
) -> list[str]:
    """The commands that install these on this host; ``python`` adds python3.

    A login without privilege gets them with ``sudo``: that is what an administrator types.

    Args:
        is_refreshing: the lists of the host's package manager are old, and are fetched first.
    """
    privilege = "sudo" if state.login.privilege in ("none", "password") else state.login.privilege
    extra = [_python_package(state)] * python
    for program, needed in (
        ("curl", any(map(_is_fetched, candidates))),
        ("gpg", any(map(_has_distant_key, candidates))),
    ):
        if needed and program not in state.system.programs:
            extra.append({"gpg": "gnupg"}.get(program, program) if state.system.manager == "zypper" else program)
    return worded(candidates, privilege, manager=state.system.manager, extra=extra, is_refreshing=is_refreshing)


def worded(
    candidates: Sequence[Candidate],
    privilege: str,
    *,
    manager: str | None = None,
    extra: Sequence[str] = (),
    is_refreshing: bool = False,
) -> list[str]:
    """The same for any privilege (``root``, ``sudo``, ``doas``). ``extra``: packages of ``manager`` that come first."""
    of_vendors = [candidate for candidate in candidates if candidate.source.repository is not None]
    plain = [candidate for candidate in candidates if candidate.source.repository is None]
    lines = []
    if extra and manager is not None:
        lines += _refresh(manager, privilege) * is_refreshing
        names = [*extra, *_names([candidate for candidate in plain if candidate.manager == manager])]
        lines.append(managers.command_line(manager, list(dict.fromkeys(names)), privilege))
        plain = [candidate for candidate in plain if candidate.manager != manager]
    grouped = by_manager(plain)
    for name in [name for name in grouped if name in managers.SYSTEM]:
        lines += _refresh(name, privilege) * is_refreshing
        lines.append(managers.command_line(name, _names(grouped.pop(name)), privilege))
    for source in dict.fromkeys(candidate.source for candidate in of_vendors):
        names = _names(candidate for candidate in of_vendors if candidate.source == source)
        steps = [_repository(source, privilege), *_refresh(source.manager, privilege)]
        lines.append(" && ".join([*steps, managers.command_line(source.manager, names, privilege)]))
    for name, group in grouped.items():
        if name in DOWNLOADS:
            lines += [_download(candidate, privilege) for candidate in group]
            continue
        for scope in dict.fromkeys(candidate.scope for candidate in group):
            names = _names(candidate for candidate in group if candidate.scope == scope)
            lines.append(managers.command_line(name, names, privilege, scope))
    return lines


def python(state: HostState) -> str:
    """The command that installs python3 on this host; empty where we do not know one."""
    name = _python_package(state)
    privilege = "sudo" if state.login.privilege in ("none", "password") else state.login.privilege
    return managers.command_line(state.system.manager, [name], privilege) if state.system.manager and name else ""


def _python_package(state: HostState) -> str:
    tool = catalog.find("python3")
    sources = tool.sources if tool else ()
    return next((source.packages[0] for source in sources if source.manager == state.system.manager), "python3")


def _refresh(manager: str, privilege: str) -> list[str]:
    line = managers.refresh_line(manager, privilege)
    return [line] if line else []


def _names(candidates: Iterable[Candidate]) -> list[str]:
    return list(dict.fromkeys(name for candidate in candidates for name in candidate.specified()))


def _is_fetched(candidate: Candidate) -> bool:
    return candidate.manager in DOWNLOADS or _has_distant_key(candidate)


def _has_distant_key(candidate: Candidate) -> bool:
    return candidate.source.repository is not None and candidate.source.repository.key.startswith("https:")


def _prefix(privilege: str) -> str:
    return f"{privilege} " if privilege in ("sudo", "doas") else ""


def _repository(source: Source, privilege: str) -> str:
    """One line that adds a third party's repository, after its key's fingerprint was compared."""
    repository = source.repository
    assert repository is not None  # noqa: S101 - asked for repositories alone
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


def _download(candidate: Candidate, privilege: str) -> str:
    """One line that fetches a vendor's file, holds it to its checksum, and runs it or takes its programs out."""
    source, root = candidate.source, _prefix(privilege) if candidate.needs_root else ""
    name = shlex.quote(file_name(source))
    line = f'dir=$(mktemp -d) && curl -fsSLo "$dir"/{name} {shlex.quote(source.address)}'
    line += f' && echo "{source.sha256}  $dir/"{name} | sha256sum -c - >&2'
    if candidate.manager == "installer":
        return f'{line} && chmod 700 "$dir"/{name} && {root}"$dir"/{name} >&2'
    target = '"$HOME"/.local/bin' if candidate.scope == "user" else "/usr/local/bin"
    unpack = next((words for end, words in _unpackers() if file_name(source).endswith(end)), "")
    line += f" && {root}install -d {target}"
    if not unpack:
        return f'{line} && {root}install -m 755 "$dir"/{name} {target}/{shlex.quote(candidate.packages[0])}'
    line += f" && {unpack.format(file=f'"$dir"/{name}', directory='"$dir"')}"
    found = " ".join(f'"$(find "$dir" -type f -name {shlex.quote(each)})"' for each in candidate.packages)
    return f"{line} && {root}install -m 755 {found} {target}/"


def _unpackers() -> Iterator[tuple[str, str]]:
    yield from _PACKERS.items()
    yield from ((end, _TAR[0]) for end in _TAR[1])
