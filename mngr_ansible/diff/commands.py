"""Candidates → the commands that a person would run to install them, with ``sudo`` only where it is needed.

One renderer for each kind: packages of the system, of a third party's repository, of a language, and downloads.
"""

from collections.abc import Iterable, Iterator, Sequence

from mngr_ansible.catalog.lookup import find_tool
from mngr_ansible.diff import curl
from mngr_ansible.diff.resolver import Candidate, by_manager
from mngr_ansible.host.state import HostState
from mngr_ansible.portable import addresses, managers, openpgp, repositories, sh
from mngr_ansible.spec.sources import DOWNLOADS, Repository, Source, file_name

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
    extra = [python_package(state)] if python else []
    extra += needed_programs(candidates, state)
    too_old = [each for each in candidates if state.findings[each.requirement.id].status == "too-old"]
    return render_commands(
        candidates,
        _privilege(state),
        manager=state.system.manager,
        extra=extra,
        too_old=too_old,
        is_refreshing=is_refreshing,
    )


def python_command(state: HostState) -> str | None:
    """The command that installs python3 on this host; None where we do not know one."""
    if state.system.manager is None:
        return None
    return managers.command_line(state.system.manager, [python_package(state)], _privilege(state))


def render_commands(
    candidates: Sequence[Candidate],
    privilege: str,
    *,
    manager: str | None = None,
    extra: Sequence[str] = (),
    too_old: Sequence[Candidate] = (),
    is_refreshing: bool = False,
) -> list[str]:
    """The commands that install these, one for each manager and scope.

    Args:
        candidates: what is installed.
        privilege: how the commands become root: ``root`` (they need not), ``sudo`` or ``doas``.
        manager: the package manager of the system.
        extra: packages of ``manager`` that are installed first.
        too_old: those that are there already; pipx replaces them only with ``--force``.
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
        *_language_commands(grouped, privilege, too_old),
        *(download_command(candidate, privilege) for candidate in downloads),
    ]


def _system_commands(names: dict[str, list[str]], privilege: str, *, is_refreshing: bool) -> Iterator[str]:
    for manager, packages in names.items():
        if is_refreshing:
            yield from _refresh_commands(manager, privilege)
        unique = list(dict.fromkeys(packages))
        yield managers.command_line(manager, unique, privilege, is_refreshing=is_refreshing)


def _repository_commands(candidates: Sequence[Candidate], privilege: str) -> Iterator[str]:
    """One line for each repository: add it, fetch its lists, install from it."""
    for source in dict.fromkeys(candidate.source for candidate in candidates):
        names = _names(candidate for candidate in candidates if candidate.source == source)
        steps = [add_repository(source, privilege), *_refresh_commands(source.manager, privilege)]
        yield " && ".join([*steps, managers.command_line(source.manager, names, privilege)])


def _language_commands(
    grouped: dict[str, list[Candidate]], privilege: str, too_old: Sequence[Candidate]
) -> Iterator[str]:
    for manager, candidates in grouped.items():
        if manager == "pipx":
            forced = [candidate for candidate in candidates if candidate in too_old]
            yield from _pipx_commands([each for each in candidates if each not in forced], "pipx install")
            yield from _pipx_commands(forced, "pipx install --force")
            continue
        for scope in dict.fromkeys(candidate.scope for candidate in candidates):
            names = _names(candidate for candidate in candidates if candidate.scope == scope)
            yield managers.command_line(manager, names, privilege, scope)


def _pipx_commands(candidates: Sequence[Candidate], start: str) -> Iterator[str]:
    if candidates:
        yield f"{start} {sh.join(_names(candidates))}"


def _privilege(state: HostState) -> str:
    """How the printed commands become root."""
    return "sudo" if state.login.privilege in ("none", "password") else state.login.privilege


def needed_programs(candidates: Sequence[Candidate], state: HostState) -> list[str]:
    """The packages of curl and gpg, where the commands use these programs and the host does not have them."""
    needed = []
    if any(candidate.manager in DOWNLOADS or _has_remote_key(candidate) for candidate in candidates):
        needed.append("curl")
    if any(candidate.source.repository is not None for candidate in candidates):
        needed.append("gpg")
    package_names = {"gpg": "gnupg"} if state.system.manager == "zypper" else {}
    return [package_names.get(program, program) for program in needed if program not in state.system.programs]


def python_package(state: HostState) -> str:
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


def add_repository(source: Source, privilege: str) -> str:
    """One line that adds a third party's repository: gpg exports the one key by its fingerprint, and only that is used.

    gpg has a home of its own. So the file may hold other keys, but none that is secret, and none that has expired or is
    revoked is taken.
    """
    repository = source.repository
    assert repository is not None  # noqa: S101 - only such sources are passed
    root = _prefix(privilege)
    files = repositories.files(source.manager, repository.name, repository.url, repository.suite, repository.component)
    key_path, fingerprint = sh.quote(files.key_path), repository.fingerprint
    gpg = 'gpg --homedir "$dir" --no-options --no-autostart --batch -q'
    primary = "sed -n -e '/^pub:[deir]:/p' -e '/^pub:/,/^fpr:/s/^fpr:*//p'"
    if repository.key.startswith("https:"):
        given = curl.line(repository.key, '"$dir"/given', f"{repository.name}_key")
    else:
        given = _armor(repository)
    problem = f"the key of {repository.name} is not {fingerprint}, or it has expired or is revoked"
    is_right = (
        f'{gpg} --import "$dir"/given 2>/dev/null '
        f'&& [ "$({gpg} --with-colons --list-keys {fingerprint} | {primary})" = {fingerprint}: ]'
    )
    steps = [
        *([curl.demand(repository.url, repository.name)] if addresses.has_secrets(repository.url) else []),
        "dir=$(mktemp -d)",
        given,
        f"{{ {is_right} || {{ echo {sh.quote(problem)} >&2; false; }}; }}",
        f'{{ echo {sh.quote(repositories.MARK)} && {gpg} --armor --export {fingerprint}; }} >"$dir"/key',
        f'{root}install -D -m 644 "$dir"/key {key_path}',
        'rm -rf "$dir"',
    ]
    if source.manager != "apt":
        steps.append(f"{root}rpm --import {key_path}")
    lines = " ".join(_line(each, repository) for each in files.text.splitlines())
    steps.append(f"printf '%s\\n' {lines} | {root}tee {sh.quote(files.path)} >/dev/null")
    return " && ".join(steps)


def _armor(repository: Repository) -> str:
    """The command that writes a key that is given as text: armor made anew, without what somebody wrote around it."""
    try:
        lines = openpgp.only(repository.key.encode(), repository.fingerprint).splitlines()
    except openpgp.KeyFileError as error:
        return f"{{ echo {sh.quote(f'the key of {repository.name} cannot be trusted: {error}')} >&2; false; }}"
    return f"printf '%s\\n' {sh.join(lines)} >\"$dir\"/given"


def _line(line: str, repository: Repository) -> str:
    """A line of a repository's file as a word; what its address has in a query comes from the environment."""
    if not addresses.has_secrets(repository.url) or repository.url not in line:
        return sh.quote(line)
    before, _, after = line.partition(repository.url)
    return f"{sh.quote(before)}{curl.secret_word(repository.name)}{sh.quote(after) if after else ''}"


def download_command(candidate: Candidate, privilege: str) -> str:
    """One line that downloads a vendor's file, checks its checksum, and runs it or installs the programs in it."""
    source = candidate.source
    root = _prefix(privilege) if candidate.needs_root else ""
    file = f'"$dir"/{sh.quote(file_name(source))}'
    steps = [
        "dir=$(mktemp -d)",
        curl.line(source.address, file, candidate.requirement.name),
        f"printf '%s  %s\\n' {source.sha256} {file} | sha256sum -c - >&2",
    ]
    if candidate.manager == "installer":
        steps += [f"chmod 700 {file}", f"{root}{file} >&2"]
        return " && ".join(steps)
    target = '"$HOME"/.local/bin' if candidate.scope == "user" else "/usr/local/bin"
    steps.append(f"{root}install -d {target}")
    unpack = next((command for end, command in _UNPACK.items() if file_name(source).endswith(end)), None)
    if unpack is None:
        steps.append(f"{root}install -m 755 {file} {target}/{sh.quote(candidate.packages[0])}")
    else:
        programs = " ".join(f'"$(find "$dir" -type f -name {sh.quote(each)})"' for each in candidate.packages)
        steps.append(unpack.format(file=file, directory='"$dir"'))
        steps.append(f"{root}install -m 755 {programs} {target}/")
    return " && ".join(steps)
