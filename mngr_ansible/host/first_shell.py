"""The shell that waits on a host for its first script while plans are made."""

import contextlib
import threading
from collections.abc import Callable, Sequence

from mngr_ansible.errors import HostError
from mngr_ansible.system.processes import WaitingProgram


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
