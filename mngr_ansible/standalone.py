"""Without mngr: hosts from addresses, plugins from entry points, and the functions for callers."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mngr_ansible import manifest, provisioner
from mngr_ansible.collect import plugin_manager
from mngr_ansible.connection import Address, Connection, LocalShell, OpenSsh
from mngr_ansible.errors import MngrAnsibleError, UsageError
from mngr_ansible.hookspecs import Agent, CommandResult, Host
from mngr_ansible.model import FileTransferSpec, Install, PackageRequirement
from mngr_ansible.plan import Contribution, Only, Plan
from mngr_ansible.report import Report
from mngr_ansible.request import Request, Target
from mngr_ansible.rooms import master_room
from mngr_ansible.settings import Settings, is_seconds


def file_option(text: str) -> FileTransferSpec:
    """``--file LOCAL:REMOTE``, cut at the first colon.

    Raises:
        UsageError: it does not parse.
    """
    local, colon, remote = text.partition(":")
    if not (local and colon and remote):
        raise UsageError(f"--file {text!r} is not LOCAL:REMOTE", remedy="Write a source, a colon, a destination.")
    try:
        return FileTransferSpec(local, remote)
    except MngrAnsibleError as error:
        raise UsageError(f"--file {text!r}: {error.problem}", remedy=error.remedy) from error


def package_option(text: str) -> PackageRequirement:
    """``--package REQUIREMENT``.

    Raises:
        UsageError: it does not parse.
    """
    try:
        return PackageRequirement.parse(text)
    except MngrAnsibleError as error:
        raise UsageError(f"--package {text!r}: {error.problem}", remedy=error.remedy) from error


def user_contributions(
    settings: Settings,
    manifests: Sequence[str | os.PathLike[str]],
    files: Sequence[object],
    packages: Sequence[object],
    *,
    directory: Path | None = None,
) -> tuple[Contribution, ...]:
    """The user as plugins: ``settings``, then ``manifest`` (the settings' first), then ``command-line``.

    ``directory`` is where relative sources of the settings start; default: the current directory.
    """
    here = directory or _here()
    made = []
    if settings.files or settings.packages:
        document = {"files": settings.files, "packages": settings.packages}
        made.append(manifest.contribution(document, plugin="settings", origin="settings", directory=here))
    made += [manifest.read(each if each.startswith("~/") else here / each) for each in settings.manifests]
    made += [manifest.read(Path(each)) for each in manifests]
    if files or packages:
        specs = tuple(
            file_option(each) if isinstance(each, str) else manifest.transfer(each, "command-line", _here())
            for each in files
        )
        needs = tuple(
            package_option(each) if isinstance(each, str) else manifest.requirement(each, "command-line")
            for each in packages
        )
        made.append(Contribution("command-line", specs, needs))
    return tuple(made)


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the current directory does not exist any more", remedy="cd to one that does.") from None


def _list(name: str, values: object) -> tuple[Any, ...]:
    """The values; text is refused, which is a sequence of letters, and whatever else is one thing."""
    if isinstance(values, (str, bytes, os.PathLike, Mapping)) or not isinstance(values, Iterable):
        raise UsageError(f"{name} = {values!r:.200} is not a list", remedy=f"Give a list: {name}=[…].")
    return tuple(values)


@contextlib.contextmanager
def targets(
    hosts: Sequence[str],
    *,
    work_dir: str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
    known_hosts: str | os.PathLike[str] | None = None,
) -> Iterator[tuple[list[Target], str | None]]:
    """The hosts, and the ControlPath of their connections; none = this machine. Closes what it opened.

    Raises:
        UsageError: an address does not parse, or is given twice.
    """
    directory = os.fspath(work_dir) if work_dir is not None else None
    hosts = _list("hosts", hosts)
    for each in hosts:
        if not isinstance(each, str):
            raise UsageError(f"hosts holds {each!r:.200}", remedy="Give addresses as text: [USER@]HOST[:PORT].")
    if not hosts:
        _here()
        yield [_target("localhost", LocalShell(), os.path.abspath(os.path.expanduser(directory or ".")))], None  # noqa: PTH100, PTH111
        return
    if len(set(hosts)) < len(hosts):
        raise UsageError("a --host is given twice", remedy="Name each host once.")
    addresses = [Address.parse(host) for host in hosts]
    identity, keys = _file("--key", key), _file("--known-hosts", known_hosts)
    with master_room() as sockets:
        connections = [OpenSsh(each, sockets, identity, keys) for each in addresses]
        found = [_target(each.address.typed, each, directory or "") for each in connections]
        try:
            yield found, connections[0].control_path
        finally:
            for each in connections:
                each.close()


def _file(option: str, path: str | os.PathLike[str] | None) -> str | None:
    if path is None:
        return None
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        problem = "is not a file" if file.exists() else "there is no such file"
        raise UsageError(f"{option} {path}: {problem}", remedy="Name a file that exists.")
    if option == "--key" and file.suffix == ".pub":
        raise UsageError(f"{option} {path}: that is the public half", remedy="Name the file without .pub.")
    return str(file)


def _target(name: str, connection: Connection, work_dir: str) -> Target:
    def run(command: str, timeout: float) -> CommandResult:
        answer = connection.run(f"(\n{command}\n) </dev/null\n", timeout)
        return CommandResult(answer.stdout, answer.stderr, answer.code == 0)

    agent = Agent("agent", work_dir or "~")
    return Target(name, connection, agent, Host(name, connection.is_local, run), work_dir)


def request(
    *,
    manifests: Sequence[str | os.PathLike[str]] = (),
    plugins: Sequence[object] = (),
    files: Sequence[object] = (),
    packages: Sequence[object] = (),
    settings: Mapping[str, Any] | None = None,
    install: Install | None = None,
    check_packages: bool = True,
    only: Only | None = None,
    become: bool = False,
    timeout: float | None = None,
    control_path: str | None = None,
    password: str | None = None,
) -> Request:
    """What a caller or the command line asks for; without ``timeout`` the settings' one holds."""
    chosen = Settings.parse(settings)
    if timeout is not None and not is_seconds(timeout):
        raise UsageError(f"timeout = {timeout!r} is not a number of seconds above 0", remedy="Give one, such as 600.")
    return Request(
        plugins=plugin_manager(_list("plugins", plugins)),
        settings=chosen,
        user=user_contributions(
            chosen, _list("manifests", manifests), _list("files", files), _list("packages", packages)
        ),
        install=install,
        check_packages=check_packages,
        only=only,
        become=become,
        timeout=timeout if timeout is not None else chosen.timeout,
        control_path=control_path,
        password=password,
    )


def build_plan(
    *,
    manifests: Sequence[str | os.PathLike[str]] = (),
    plugins: Sequence[object] = (),
    files: Sequence[object] = (),
    packages: Sequence[object] = (),
    work_dir: str | os.PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Plan:
    """Ask the plugins and make the plan; no host is contacted. The hooks' ``host`` is this machine.

    Raises:
        MngrAnsibleError: a plugin refuses or is faulty, a source is missing, plugins conflict.
    """
    asked = request(manifests=manifests, plugins=plugins, files=files, packages=packages, settings=settings)
    directory = os.fspath(work_dir) if work_dir is not None else ""
    return provisioner.gather([_target("localhost", LocalShell(), directory)], asked)[0].plan


def provision(
    hosts: Sequence[str] = (),
    *,
    manifests: Sequence[str | os.PathLike[str]] = (),
    plugins: Sequence[object] = (),
    files: Sequence[object] = (),
    packages: Sequence[object] = (),
    work_dir: str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
    known_hosts: str | os.PathLike[str] | None = None,
    become: bool = False,
    settings: Mapping[str, Any] | None = None,
    timeout: float = 600,
) -> Report:
    """Bring hosts to what plugins, manifests, ``files`` and ``packages`` want; ``()`` is this machine.

    ``timeout`` in seconds, for the whole run; where it is left at its default, the one of ``settings`` holds. What a
    host answers is in the report; check ``report.ok``.

    Raises:
        MngrAnsibleError: nothing could be planned, or Ansible could not be started. No host was changed then.
    """
    with targets(hosts, work_dir=work_dir, key=key, known_hosts=known_hosts) as (found, control_path):
        asked = request(
            manifests=manifests,
            plugins=plugins,
            files=files,
            packages=packages,
            settings=settings,
            become=become,
            timeout=timeout if timeout != Settings().timeout else None,
            control_path=control_path,
        )
        return provisioner.apply(provisioner.prepare(found, asked, is_applied=True), asked)
