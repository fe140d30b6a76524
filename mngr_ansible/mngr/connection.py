"""mngr's open connection to a host, as the connection that the probe uses."""

import base64
import gzip
import math
import shlex
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import copy_context
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, cast

from imbue.mngr.errors import MngrError
from imbue.mngr.interfaces.host import OnlineHostInterface

from mngr_ansible.errors import HostError
from mngr_ansible.host.connection import Connection, LocalShell, ShellResult, no_answer, stopped
from mngr_ansible.host.ssh import Address, OpenSsh
from mngr_ansible.provisioning.request import Request
from mngr_ansible.system.names import as_bytes
from mngr_ansible.values import field, frozen

_LONGEST_PLAIN_SCRIPT = 30_000
"""Bytes: a longer script travels compressed, since one argument of a program is at most 128 KiB on Linux."""

_LOCK_SECONDS = 300
"""How long mngr 0.3 waits for a host's lock."""

_SYSTEM_FIRST = "PATH=/usr/bin:/bin:$PATH"
"""Before a command of ours: root's PATH may begin with a directory of somebody else."""
_LONGEST_COMMAND = 120_000
"""Bytes of a command with its script, quoting aside: a little less than one argument may hold."""


@frozen
class MngrConnection:
    """mngr's open connection to a remote host; Ansible opens its own, with the same user, key and known hosts."""

    host: OnlineHostInterface
    name: str
    is_local: bool = False
    patience: float = 0
    waiting: list[SimpleQueue[Any]] = field(default_factory=list, repr=False)
    """Where the answers of the scripts that run come."""

    @property
    def variables(self) -> Mapping[str, Any]:
        return self.own(Path()).variables

    @property
    def portable_variables(self) -> Mapping[str, Any]:
        return self.own(Path()).portable_variables

    def own(self, sockets: Path) -> OpenSsh:
        """A connection of our own to the same host: mngr's shows every script in the host's list of processes."""
        info = self.host.get_ssh_connection_info()
        if info is None:
            raise HostError(
                "mngr does not reach this host over ssh, and mngr-ansible needs ssh",
                remedy="Create the agent with --no-ansible, or on a host with ssh.",
                host=self.name,
            )
        user, hostname, port, key = info
        known_hosts = self.host.get_ssh_known_hosts_path()
        return OpenSsh(
            Address(self.name, hostname, user, port),
            sockets=sockets,
            key=None if str(key) in ("", ".") else str(key),
            known_hosts=None if known_hosts is None else str(known_hosts),
        )

    def holds(self, script: str) -> bool:
        return len(_command(script)) <= _LONGEST_COMMAND

    def run(self, script: str, timeout: float) -> ShellResult:
        """Run it on a thread: mngr's own timeout does not work while a program on the host prints nothing."""
        seconds = math.ceil(timeout)
        command = _bounded(_command(script), seconds + 1)
        result = self.wait_for(
            lambda: self.host.execute_idempotent_command(command, timeout_seconds=seconds),
            seconds,
            remedy="Check that the host is up and can be reached from here.",
        )
        return ShellResult(f"\n{result.stdout}\n", result.stderr, 0 if result.success else 1)

    def wait_for[Answer](self, ask: Callable[[], Answer], seconds: float, *, remedy: str) -> Answer:
        """What a function of mngr returns that may never end; :meth:`stop` ends the wait.

        Raises:
            HostError: mngr raised an error of its own, to which this is the remedy, or it took too long.
        """
        answers = SimpleQueue[Any]()

        def work() -> None:
            try:
                answers.put((ask(), None))
            except BaseException as error:  # noqa: BLE001 - it is raised below
                answers.put((None, error))

        self.waiting.append(answers)
        threading.Thread(target=copy_context().run, args=(work,), daemon=True).start()
        try:
            answer, error = answers.get(timeout=seconds)
        except Empty:
            raise no_answer(seconds, self.name) from None
        finally:
            self.waiting.remove(answers)
        if isinstance(error, (MngrError, OSError)):
            raise HostError(" ".join(str(error).split()), remedy=remedy, host=self.name) from error
        if error is not None:
            raise error
        return cast("Answer", answer)

    def stop(self) -> None:
        """Wait no longer for the scripts that run; on the host each ends in its own time."""
        for answers in tuple(self.waiting):
            answers.put((None, stopped(self.name)))


def _bounded(command: str, seconds: int) -> str:
    """The command with a timeout on the host too, where the system has a program ``timeout``."""
    chosen = f'program=$({_SYSTEM_FIRST} command -v timeout) && exec "$program" -k 1 {seconds} /bin/sh -c "$1"'
    return shlex.join(["/bin/sh", "-c", f'{chosen}; exec /bin/sh -c "$1"', "sh", command])


def locked(host: OnlineHostInterface, request: Request) -> AbstractContextManager[None]:
    """mngr's lock of a host. We wait as long as mngr itself does, or as the run may take."""
    return host.lock_cooperatively(min(_LOCK_SECONDS, request.timeout))


def _command(script: str) -> str:
    data = as_bytes(script)
    if len(data) <= _LONGEST_PLAIN_SCRIPT and script.isascii():
        return script
    encoded = base64.b64encode(gzip.compress(data)).decode()
    return f"printf %s '{encoded}' | {_SYSTEM_FIRST} base64 -d | {_SYSTEM_FIRST} gzip -dc | /bin/sh"


def connected(host: OnlineHostInterface, address: str = "") -> tuple[str, Connection]:
    """What a host is called for people, its name or this address, and the connection to it."""
    if host.is_local:
        return address or "localhost", LocalShell()
    name = address or str(host.get_name())
    return name, MngrConnection(host, name)
