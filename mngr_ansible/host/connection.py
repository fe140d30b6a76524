"""``Connection``: run a script on a host, and reach the same host with Ansible; and the connection to this machine.

The two others are ``ssh.OpenSsh`` and ``mngr.connection.MngrConnection``.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from mngr_ansible.errors import HostError
from mngr_ansible.system.names import as_bytes
from mngr_ansible.system.processes import LONGEST, TooLongError, WaitingProgram, run_bounded
from mngr_ansible.values import frozen


@frozen
class ShellResult:
    """What a script printed, and its exit code."""

    stdout: str
    stderr: str
    code: int
    noise: int = 0
    """Characters that the login shell printed before the script began; they are not in ``stdout``."""


class HostStoppedError(HostError):
    """We stopped the script that ran on the host; nothing is wrong with the host."""


class Connection(Protocol):
    """A way to reach a host."""

    @property
    def is_local(self) -> bool:
        """Whether the host is this machine."""

    def holds(self, script: str) -> bool:
        """Whether the connection can send this script in one piece."""

    @property
    def variables(self) -> Mapping[str, Any]:
        """The inventory variables by which Ansible reaches the host."""

    @property
    def portable_variables(self) -> Mapping[str, Any]:
        """The inventory variables by which any Ansible reaches the host, also one on another machine."""

    @property
    def patience(self) -> float:
        """Seconds that the first answer may take longer than that of other hosts, since connecting takes so long."""

    def run(self, script: str, timeout: float) -> ShellResult:
        """Run a POSIX sh script; ``timeout`` in seconds.

        Raises:
            HostError: the host does not answer, does not let us in, or has another host key than before.
        """

    def stop(self) -> None:
        """End the script that is running; called from another thread."""


@frozen
class LocalShell:
    """This machine.

    Scripts run in ``/``. In the caller's directory, which may be a stranger's repository, tools read files of it, or
    run them, even to print their version: ``.yarnrc.yml``, ``rust-toolchain.toml``, ``.npmrc``.
    """

    is_local: bool = True
    patience: float = 0
    python: str | None = None
    """The interpreter for Ansible's modules that an inventory names; None: our own."""

    @property
    def variables(self) -> Mapping[str, Any]:
        return {"ansible_connection": "local", "ansible_python_interpreter": self.python or sys.executable}

    @property
    def portable_variables(self) -> Mapping[str, Any]:
        own = {} if self.python is None else {"ansible_python_interpreter": self.python}
        return {"ansible_connection": "local", **own}

    def holds(self, script: str) -> bool:  # noqa: ARG002
        return True  # it is sent through stdin, which has no limit

    def run(self, script: str, timeout: float) -> ShellResult:
        try:
            done = run_bounded(["/bin/sh"], as_bytes(script), seconds=timeout, cwd="/")
        except TimeoutError:
            raise HostError(
                f"checking this machine took longer than {max(1, round(timeout))} s",
                remedy="Give more time with --timeout, or find the tool that hangs when it is asked for its version.",
                host="localhost",
            ) from None
        except TooLongError:
            raise answer_too_long("localhost") from None
        return ShellResult(decoded(done.stdout), decoded(done.stderr), done.code)

    def stop(self) -> None:
        pass


class FirstShell:
    """The shell that is started on a host before its first script is known; it runs one script, or none.

    A thread of its own starts it, and lives until :meth:`close`: the kernel ends a shell of ours with its thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_needed = True
        self._shell: WaitingProgram | None = None
        self._until = 0.0
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, command: Callable[[], tuple[Sequence[str], float]]) -> None:
        """Start it with this command, and end it at this time of the monotonic clock; the thread asks for both.

        What goes wrong is raised where the first script is run.
        """

        def start() -> None:
            with contextlib.suppress(HostError, OSError):
                argv, until = command()
                with self._lock:
                    if self._is_needed:
                        self._is_needed = False
                        self._shell, self._until = WaitingProgram(argv), until
            self._is_over.wait()

        self._thread = threading.Thread(target=start, daemon=True)
        self._thread.start()

    def take(self, until: float) -> WaitingProgram | None:
        """The shell, once, if it lives that long; None if there is none, then none is started any more."""
        with self._lock:
            shell, self._shell, self._is_needed = self._shell, None, False
        if shell is not None and until > self._until:
            shell.end()
            return None
        return shell

    def end(self) -> None:
        """End the shell, unless it was taken."""
        if (shell := self.take(0)) is not None:
            shell.end()

    def close(self) -> None:
        """End the thread too; no script of the host runs any more."""
        self.end()
        self._is_over.set()
        if self._thread is not None:
            self._thread.join()


def stopped(host: str) -> HostStoppedError:
    """The error of a host whose script we stopped."""
    return HostStoppedError("stopped", remedy="Run again.", host=host)


def no_answer(seconds: float, host: str) -> HostError:
    """The error of a host that did not answer in this time."""
    return HostError(
        f"no answer within {max(1, round(seconds))} s",
        remedy="Check that it is up and what slows it (start-up files, a package manager), or give more time with "
        "--timeout.",
        host=host,
    )


def answer_too_long(host: str | None = None) -> HostError:
    """The error of a host whose answer is longer than :data:`LONGEST`."""
    return HostError(
        f"its answer is longer than {LONGEST >> 20} MiB",
        remedy="Transfer fewer files at once, or mirror a smaller directory. Check what its login shell prints.",
        host=host,
    )


def decoded(data: bytes) -> str:
    """A program's output as text."""
    return data.decode("utf-8", "replace")
