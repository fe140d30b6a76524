"""A command in a terminal of its own that a test watches while it runs, types into and resizes."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tools.terminal import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SECONDS = 120
"""After which the test has failed."""


class Terminal:
    """The terminal, and the command in it.

    Attributes:
        columns: its width.
        written: all that the command wrote.
    """

    def __init__(self, pid: int, descriptor: int, columns: int) -> None:
        self._pid, self._descriptor, self.columns = pid, descriptor, columns
        self._limit = time.monotonic() + _SECONDS
        self._code: int | None = None
        self.written = ""

    @property
    def text(self) -> str:
        """What a person sees, with all that has scrolled away."""
        screen = Screen(self.columns)
        screen.write(self.written)
        return screen.text()

    def wait_for(self, *words: str) -> str:
        """Wait until all these are on the screen together; the screen.

        Raises:
            AssertionError: the command ended before, or it took too long.
        """
        while not all(each in self.text for each in words):
            assert self._read(), f"{words} were never shown:\n{self.text}"
        return self.text

    def type(self, keys: str) -> None:
        os.write(self._descriptor, keys.encode())

    def end(self) -> int:
        """Wait until the command has ended; its exit code."""
        while self._read():
            pass
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return self._code

    def close(self) -> None:
        """End the command, if it still runs."""
        if self._code is None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._descriptor)

    def _read(self) -> bool:
        """Take what the command has written meanwhile; False at its end."""
        assert time.monotonic() < self._limit, self.text
        if not select.select([self._descriptor], [], [], 1)[0]:
            return True
        try:
            piece = os.read(self._descriptor, 65536)
        except OSError:  # every process that had the terminal has ended
            return False
        self.written += piece.decode("utf-8", "replace")
        return bool(piece)


@contextmanager
def in_terminal(
    words: Sequence[object], *, columns: int = 80, lines: int = 24, environment: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """The command in a terminal of this size, as long as the block; no variable of this process changes its look."""
    variables = {
        name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
    }
    variables |= {"TERM": "xterm-256color", **(environment or {})}
    argv = [str(each) for each in words]
    size = struct.pack("HHHH", lines, columns, 0, 0)
    pid, descriptor = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, size)
        os.execve(argv[0], argv, variables)
    terminal = Terminal(pid, descriptor, columns)
    try:
        yield terminal
    finally:
        terminal.close()
