"""Without mngr: hosts from addresses, plugins from entry points, and the functions for callers."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mngr_ansible.errors import UsageError
from mngr_ansible.host.connection import Connection, LocalShell
from mngr_ansible.host.ssh import Address, OpenSsh, control_sockets
from mngr_ansible.inputs.arguments import as_tuple, current_directory
from mngr_ansible.inputs.hookspecs import Agent, CommandResult, Host
from mngr_ansible.provisioning.request import Target


@contextlib.contextmanager
def open_targets(
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
    hosts = as_tuple("hosts", hosts)
    for each in hosts:
        if not isinstance(each, str):
            raise UsageError(f"hosts holds {each!r:.200}", remedy="Give addresses as text: [USER@]HOST[:PORT].")
    if not hosts:
        current_directory()
        yield [host_target("localhost", LocalShell(), os.path.abspath(os.path.expanduser(directory or ".")))], None  # noqa: PTH100, PTH111
        return
    if len(set(hosts)) < len(hosts):
        raise UsageError("a --host is given twice", remedy="Name each host once.")
    addresses = [Address.parse(host) for host in hosts]
    identity, keys = _existing_file("--key", key), _existing_file("--known-hosts", known_hosts)
    with control_sockets() as sockets:
        connections = [OpenSsh(each, sockets, identity, keys) for each in addresses]
        found = [host_target(each.address.typed, each, directory or "") for each in connections]
        try:
            yield found, connections[0].control_path
        finally:
            for each in connections:
                each.close()


def _existing_file(option: str, path: str | os.PathLike[str] | None) -> str | None:
    if path is None:
        return None
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        problem = "is not a file" if file.exists() else "there is no such file"
        raise UsageError(f"{option} {path}: {problem}", remedy="Name a file that exists.")
    if option == "--key" and file.suffix == ".pub":
        raise UsageError(f"{option} {path}: that is the public half", remedy="Name the file without .pub.")
    return str(file)


def host_target(name: str, connection: Connection, work_dir: str) -> Target:
    def run(command: str, timeout: float) -> CommandResult:
        answer = connection.run(f"(\n{command}\n) </dev/null\n", timeout)
        return CommandResult(answer.stdout, answer.stderr, answer.code == 0)

    agent = Agent("agent", work_dir or "~")
    return Target(name, connection, agent, Host(name, connection.is_local, run), work_dir)
