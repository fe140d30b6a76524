"""The hosts of a command without mngr: this machine, or addresses that are reached over ssh."""

import contextlib
import os
import shlex
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mngr_ansible.errors import HostError, UsageError
from mngr_ansible.host.connection import Connection, LocalShell
from mngr_ansible.host.masters import control_sockets
from mngr_ansible.host.ssh import Address, OpenSsh
from mngr_ansible.system.descriptors import room

if TYPE_CHECKING:  # what is heavy is imported while ssh connects
    from mngr_ansible.provisioning.request import Target

_BEGUN = 32
"""Connections that are opened at once before it is known what hosts are asked; each takes so many descriptors:"""
_DESCRIPTORS = 8

_PROBE_SECONDS = 120
"""How long a host may take to answer the first script, where it has no patience of its own."""

_READING_SECONDS = 10
"""How long a host waits for the first script; after that it is asked over the connection that is open by then."""


@contextlib.contextmanager
def open_targets(
    hosts: Sequence[str],
    *,
    work_dir: str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
    known_hosts: str | os.PathLike[str] | None = None,
    timeout: float | None = None,
) -> Iterator[tuple[list["Target"], str | None]]:
    """The hosts, and the ControlPath of their ssh connections (None for this machine). No host means this machine.

    ssh begins to connect at once; the connections are closed when the block ends. ``timeout``: seconds for the whole
    run, if they are known.

    Raises:
        UsageError: an address does not parse, or is given twice.
    """
    directory = os.fspath(work_dir) if work_dir is not None else None
    if not isinstance(hosts, (list, tuple)):
        from mngr_ansible.inputs.arguments import as_tuple

        hosts = as_tuple("hosts", hosts)
    for each in hosts:
        if not isinstance(each, str):
            raise UsageError(
                f"hosts contains {each!r:.200}, which is not text", remedy="Give addresses as text: [USER@]HOST[:PORT]."
            )
    if not hosts:
        from mngr_ansible.inputs.arguments import current_directory

        current_directory()
        yield [host_target("localhost", LocalShell(), os.path.abspath(os.path.expanduser(directory or ".")))], None  # noqa: PTH100, PTH111
        return
    twice = next((each for each, count in Counter(hosts).items() if count > 1), None)
    if twice is not None:
        raise UsageError(f"--host {twice!r} is given twice", remedy="Give each host once.")
    addresses = [Address.parse(host) for host in hosts]
    identity, keys = _existing_file("--key", key), _existing_file("--known-hosts", known_hosts)
    with control_sockets() as sockets:
        connections = [OpenSsh(each, sockets, identity, keys) for each in addresses]
        with _begun(connections, min(timeout or _PROBE_SECONDS, _PROBE_SECONDS) + _READING_SECONDS):
            yield (
                [host_target(each.address.typed, each, directory or "") for each in connections],
                connections[0].control_path,
            )


@contextlib.contextmanager
def _begun(connections: Sequence[OpenSsh], seconds: float) -> Iterator[None]:
    """Have ssh connect to the hosts while our own code is imported, plugins are asked and sources are read.

    Nothing is asked of a host, and nothing runs there but a shell that waits so many seconds for what comes.
    """
    is_over, has_stopped = threading.Event(), threading.Event()

    def begin() -> None:
        for number, each in enumerate(connections):
            if is_over.is_set():
                break
            with contextlib.suppress(HostError, OSError):  # it is raised where the host is asked
                if number < most:
                    each.begin(seconds + each.patience)
                else:
                    each.settings  # noqa: B018 - they are kept
        has_stopped.wait()  # what a thread has started is killed when it ends

    most = room(_DESCRIPTORS, _BEGUN)
    thread = threading.Thread(target=begin, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        for each in connections:
            each.stop()
        has_stopped.set()
        thread.join()


def _existing_file(option: str, path: str | os.PathLike[str] | None) -> str | None:
    if path is None:
        return None
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        problem = "is not a file" if file.exists() else "no such file"
        raise UsageError(f"{option} {path}: {problem}", remedy="Check the path.")
    if "${" in str(file):  # ssh has no spelling for it. Source: ssh_config(5), "ENVIRONMENT VARIABLES"
        raise UsageError(
            f"{option} {path}: ssh takes ${{…}} in a path for a variable", remedy="Give another path to it."
        )
    if option == "--key" and file.suffix == ".pub":
        raise UsageError(
            f"{option} {path}: this is the public key", remedy="Give the private key: the file without .pub."
        )
    return str(file)


def host_target(name: str, connection: Connection, work_dir: str) -> "Target":
    """A host with the objects that hooks get where there is no mngr.

    Commands of hooks run in the remote user's home, and on this machine in the current directory.
    """
    from mngr_ansible.inputs.hook_arguments import Agent, CommandResult, Host
    from mngr_ansible.provisioning.request import Target

    place = ""
    if connection.is_local:
        with contextlib.suppress(FileNotFoundError):  # it was deleted; whoever needs it reports that
            place = f"cd -- {shlex.quote(os.getcwd())} || exit\n"  # noqa: PTH109

    def run(command: str, timeout: float) -> CommandResult:
        answer = connection.run(f"{place}(\n{command}\n) </dev/null\n", timeout)
        return CommandResult(answer.stdout, answer.stderr, answer.code == 0)

    agent = Agent("agent", work_dir or "~")
    return Target(name, connection, agent, Host(name, connection.is_local, run), work_dir)
