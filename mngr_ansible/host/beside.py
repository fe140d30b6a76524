"""A look at a host while Ansible works on it, over the connection that is open already; no other one is opened.

It is for people who watch: where something is in the way, nothing is seen, and nobody is told.
"""

import math
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mngr_ansible.errors import HostError
from mngr_ansible.host.connection import ShellResult, decoded
from mngr_ansible.host.login_shell import FIRST_LINE, without_noise
from mngr_ansible.host.ssh import OpenSsh, bounded_shell
from mngr_ansible.portable.regular_expressions import regex
from mngr_ansible.system.names import as_bytes
from mngr_ansible.system.processes import StoppedError, TooLongError, run_bounded
from mngr_ansible.values import frozen

_SECONDS = 4.0
"""How long a look may take."""

_LONGEST = 1 << 16
"""Bytes of an answer."""

_MASTER = regex(r"\(pid=([0-9]{1,10})\)")
"""What ``ssh -O check`` says of a master."""

_SOCKET = regex(r"(?m)^controlpath (/[^%\n]+)$")
"""What ``ssh -G`` says of its socket."""


@frozen
class Master:
    """The process that keeps a connection open; ``socket``: where it listens."""

    pid: int
    socket: str


class Beside:
    """Looks at one host. What has once failed is not tried again: the host is left in peace."""

    def __init__(self, connection: OpenSsh) -> None:
        self._connection = connection
        self._is_possible = True
        self._found: Master | None = None

    def answer(self, script: str, stop: threading.Event) -> str:
        """What a POSIX sh script prints on the host, which only reads; empty where it cannot be asked.

        That is so where sshd allows one session for each connection, and where there is no master. ``stop`` ends it.
        """
        if (master := self._master(stop)) is None:
            return ""
        # Where the master has ended, or lets nobody in, ssh would connect anew: this ProxyCommand fails instead.
        options = {"ControlMaster": "no", "ControlPath": master.socket.replace("%", "%%"), "ProxyCommand": "false"}
        words = [f'{name}="{value}"' if name == "ControlPath" else f"{name}={value}" for name, value in options.items()]
        argv = self._connection.command_beside(*(word for each in words for word in ("-o", each)))
        done = self._run([*argv, bounded_shell(math.ceil(_SECONDS))], FIRST_LINE + script, stop)
        found = None if done is None or done.code else without_noise(done)
        self._is_possible = found is not None
        return "" if found is None else found.stdout

    def sent_bytes(self, stop: threading.Event) -> int | None:
        """How many bytes the connection has written since it was opened; None where that is not known.

        Nothing is sent for that: the kernel counts what the process writes. Source: proc(5), "/proc/pid/io".
        """
        if (master := self._master(stop)) is None:
            return None
        try:
            counts = Path(f"/proc/{master.pid}/io").read_text("ascii")
            return int(counts.partition("\nwchar: ")[2].split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def _master(self, stop: threading.Event) -> Master | None:
        if self._is_possible and self._found is None:
            with suppress(HostError):
                checked = self._run(self._connection.command_beside("-O", "check"), "", stop)
                told = self._run(self._connection.command_beside("-G"), "", stop)
                pid = None if checked is None else _MASTER.search(checked.stderr)
                socket = None if told is None else _SOCKET.search(told.stdout)
                if pid is not None and socket is not None:
                    self._found = Master(int(pid[1]), socket[1])
            self._is_possible = self._found is not None
        return self._found if self._is_possible else None

    def _run(self, argv: Sequence[str], stdin: str, stop: threading.Event) -> ShellResult | None:
        if stop.is_set():
            return None
        try:
            done = run_bounded(argv, as_bytes(stdin), seconds=_SECONDS, stop=stop, longest=_LONGEST)
        except (OSError, TimeoutError, TooLongError, StoppedError):
            return None
        return ShellResult(decoded(done.stdout), decoded(done.stderr), done.code)
