"""The hosts of a command without mngr: this machine, addresses that are reached over ssh, and those of inventories."""

import contextlib
import os
import shlex
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from mngr_ansible.errors import HostError, InputError, UsageError
from mngr_ansible.host.connection import Connection, LocalShell
from mngr_ansible.host.masters import control_sockets
from mngr_ansible.host.ssh import Address, OpenSsh
from mngr_ansible.system.homes import expanded
from mngr_ansible.values import replace

_SECONDS = 600.0
"""How long reading inventories may take where nothing is said: as long as a run."""

if TYPE_CHECKING:  # what is heavy is imported while ssh says what it will do
    from mngr_ansible.provisioning.request import Target


@contextlib.contextmanager
def open_targets(
    hosts: Sequence[str],
    *,
    work_dir: str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
    known_hosts: str | os.PathLike[str] | None = None,
    inventory: Sequence[str | os.PathLike[str]] = (),
    limit: str | None = None,
    vault_ids: Sequence[str] = (),
    timeout: float | None = None,
    has_playbooks: bool = False,
    become: bool = False,
) -> Iterator[tuple[list["Target"], str | None]]:
    """The hosts, and the ControlPath of their ssh connections (None for this machine). No host means this machine.

    No host is contacted before ``Target.connect`` is called, or a script is run on it; the connections are closed when
    the block ends.

    Args:
        hosts: addresses.
        work_dir: where relative destinations start.
        key: a private key, for hosts whose inventory names none.
        known_hosts: a file with the host keys to trust.
        inventory: inventories of Ansible; their hosts come first.
        limit: which hosts of them; None: all.
        vault_ids: passwords for ansible-vault.
        timeout: seconds that reading the inventories may take; None: as long as a run by default.
        has_playbooks: playbooks of the user's own need all variables of the inventory's hosts.
        become: files are written as root on hosts whose inventory does not say it.

    Raises:
        UsageError: an address does not parse, or is given twice.
        InputError: an inventory cannot be used.
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
    if limit is not None and not inventory:
        raise UsageError(
            "--limit chooses among the hosts of an inventory, and none is given", remedy="Add --inventory PATH."
        )
    if limit is not None and not (isinstance(limit, str) and limit.strip()):  # an empty one would mean all hosts
        raise UsageError(f"--limit {limit!r:.80} names no host", remedy="Give a pattern of Ansible, or leave it out.")
    if any(isinstance(each, (str, os.PathLike)) and not os.fspath(each) for each in inventory):
        raise UsageError("--inventory is empty", remedy="Give the path of an Ansible inventory.")
    if not hosts and not inventory:
        from mngr_ansible.inputs.arguments import current_directory

        current_directory()
        yield [host_target("localhost", LocalShell(), work_dir_here(directory))], None
        return
    twice = next((each for each, count in Counter(hosts).items() if count > 1), None)
    if twice is not None:
        raise UsageError(f"--host {twice!r} is given twice", remedy="Give each host once.")
    addresses = [Address.parse(host) for host in hosts]
    identity, keys = _existing_file("--key", key), _existing_file("--known-hosts", known_hosts)
    with control_sockets() as sockets:
        found: list[Target] = []
        if inventory:
            from mngr_ansible.provisioning import inventories

            seconds = _SECONDS if timeout is None else timeout
            found = inventories.targets(
                inventories.Asked(inventory, limit, vault_ids, seconds, has_playbooks, become),
                directory,
                sockets,
                identity,
                keys,
            )
            _require_once({each.name for each in found}, hosts)
        found += [_over_ssh(OpenSsh(each, sockets, identity, keys), directory) for each in addresses]
        connections = [each.connection for each in found if isinstance(each.connection, OpenSsh)]
        with _settings_asked_ahead(connections):
            yield found, str(sockets / "%C") if connections else None


def _require_once(names: Collection[str], hosts: Sequence[str]) -> None:
    twice = next((each for each in hosts if each in names), None)
    if twice is not None:
        raise InputError(f"{twice} is in the inventory, and given with --host too", remedy="Leave --host out for it.")


def _over_ssh(connection: OpenSsh, directory: str | None) -> "Target":
    return replace(host_target(connection.address.typed, connection, directory or ""), connect=connection.begin)


def work_dir_here(directory: str | None) -> str:
    """Where relative destinations start on this machine."""
    return os.path.abspath(os.path.expanduser(directory or "."))  # noqa: PTH100, PTH111


@contextlib.contextmanager
def _settings_asked_ahead(connections: Sequence[OpenSsh]) -> Iterator[None]:
    """Have ssh say what it will do for each host while plugins are asked and sources are read; no host is contacted.

    At the end everything that was begun is over.
    """
    is_over = threading.Event()

    def ask() -> None:
        for each in connections:
            if not is_over.is_set():
                with contextlib.suppress(HostError, OSError):  # it is raised where the settings are needed
                    each.settings  # noqa: B018 - they are kept

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        for each in connections:
            each.close()
        thread.join()


def _existing_file(option: str, path: str | os.PathLike[str] | None) -> str | None:
    if path is None:
        return None
    file = expanded(path).absolute()
    if not file.is_file():
        problem = "it is a directory" if file.is_dir() else "it is no file" if file.exists() else "no such file"
        raise UsageError(f"{option} {path}: {problem}", remedy="Give the path of a file.")
    if "${" in str(file):  # ssh has no spelling for it. Source: ssh_config(5), "ENVIRONMENT VARIABLES"
        raise UsageError(
            f"{option} {path}: ssh takes ${{…}} in a path for a variable", remedy="Give another path to it."
        )
    if option == "--key" and file.suffix == ".pub":
        raise UsageError(
            f"{option} {path}: this is the public key", remedy="Give the private key: the file without .pub."
        )
    return str(file)


def reached_through(
    targets: "list[Target]", workers: Sequence[str]
) -> contextlib.AbstractContextManager["list[Target]"]:
    """The hosts as the workers of these commands reach them; without a worker they stay as they are.

    Raises:
        UsageError: a command has no words, or no host is reached over ssh.
    """
    if not workers:
        return contextlib.nullcontext(targets)
    from mngr_ansible.provisioning.behind_workers import behind_workers

    return behind_workers(targets, workers)


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
