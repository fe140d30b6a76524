"""Run one program and take its output: limited in time and size, stoppable from another thread, ended with us."""

import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from mngr_ansible.values import frozen

LONGEST = 16 * 1024 * 1024
"""Bytes of output that are accepted; more is a mistake, or an attempt to exhaust our memory."""

_LONGEST_STDERR = 65536
"""Bytes of stderr that are kept."""

_BLOCK = 1 << 16
"""Bytes that are read or written at once."""

_CHECK_SECONDS = 0.2
"""How often the limits are checked."""


class TooLongError(Exception):
    """The program's output is longer than :data:`LONGEST`, or than what is accepted of it."""


class StoppedError(Exception):
    """Another thread stopped the program."""


@frozen
class ProgramResult:
    """What a program printed, and its exit code."""

    stdout: bytes
    stderr: bytes
    """Its first 64 KiB."""
    code: int


class WaitingProgram:
    """A program that was started, and waits for its input.

    stderr goes to a file, not to a pipe: a process that is left behind, such as the master of an ssh connection, would
    keep a pipe open. On Linux the kernel kills the program when the thread that started it ends.
    """

    def __init__(
        self,
        argv: Sequence[str],
        cwd: str | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        is_apart: bool = False,
        leaves_nothing: bool = False,
    ) -> None:
        """Start it, in our own environment or in this one. ``is_apart``: it cannot ask anything at the terminal.
        ``leaves_nothing``, for one that is apart: what it started is ended with it, also where it ended by itself.

        Raises:
            OSError: that is not possible.
        """
        self._leaves_nothing = leaves_nothing
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - end closes it
        try:
            self._process = subprocess.Popen(
                [*_die_with_parent(), *argv],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                cwd=cwd,
                env=environment,
                start_new_session=is_apart,
            )
        except BaseException:
            self._stderr.close()
            raise

    def finish(
        self, stdin: bytes, *, seconds: float, stop: threading.Event | None = None, longest: int = LONGEST
    ) -> ProgramResult:
        """Give it this input and take its output; it has always ended when this returns or raises.

        Raises:
            TimeoutError: it did not end in time.
            TooLongError: it printed more than ``longest`` bytes to stdout, or :data:`LONGEST` to stderr.
            StoppedError: ``stop`` was set.
        """
        deadline = time.monotonic() + seconds

        def check_limits() -> None:
            if stop is not None and stop.is_set():
                raise StoppedError
            if os.fstat(self._stderr.fileno()).st_size > LONGEST:
                raise TooLongError
            if time.monotonic() >= deadline:
                raise TimeoutError

        try:
            stdout = _exchange(self._process, stdin, check_limits, longest)
            code = _wait(self._process, check_limits)
            self._stderr.seek(0)
            return ProgramResult(stdout, self._stderr.read(_LONGEST_STDERR), code)
        finally:
            self.end()

    def end(self) -> None:
        """End it with all that it started, where it still runs."""
        if self._process.poll() is None:
            _kill_children(self._process.pid)
        self._process.kill()
        if self._leaves_nothing:
            with suppress(OSError):  # its session has nothing else
                os.killpg(self._process.pid, signal.SIGKILL)
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        self._process.wait()
        self._stderr.close()


def run_bounded(
    argv: Sequence[str],
    stdin: bytes,
    *,
    seconds: float,
    stop: threading.Event | None = None,
    cwd: str | None = None,
    environment: Mapping[str, str] | None = None,
    longest: int = LONGEST,
    is_apart: bool = False,
    leaves_nothing: bool = False,
) -> ProgramResult:
    """Run a program with this input, in ``cwd``; it has always ended when this returns or raises.

    ``environment``, ``is_apart`` and ``leaves_nothing``: as :class:`WaitingProgram`.

    Raises:
        TimeoutError, TooLongError, StoppedError: as :meth:`WaitingProgram.finish`.
        OSError: it could not be started.
    """
    program = WaitingProgram(argv, cwd, environment, is_apart=is_apart, leaves_nothing=leaves_nothing)
    return program.finish(stdin, seconds=seconds, stop=stop, longest=longest)


def find_program(name: str) -> str | None:
    """The absolute path of a program of PATH; None if there is none.

    A directory that is not absolute does not count: it stands for one in the current directory, which is anybody's.
    """
    directories = [each for each in os.environ.get("PATH", os.defpath).split(os.pathsep) if each.startswith("/")]
    return shutil.which(name, path=os.pathsep.join(directories) or os.defpath)


@cache
def _die_with_parent() -> tuple[str, ...]:
    """The words before a command that let the kernel kill it when we die; none where that is not possible.

    Only util-linux's setpriv can do it: busybox's has no ``--pdeathsig``, and macOS has nothing like it.
    """
    program = find_program("setpriv") if sys.platform == "linux" else None
    words = (program, "--pdeathsig", "KILL", "--") if program else ()
    if words and subprocess.run([*words, "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode:
        return ()
    return words


def _kill_children(pid: int) -> None:
    """Kill what the program has started, such as a tool that a script asks for its version."""
    try:
        below = _below(pid)
    except OSError:
        _kill_children_anywhere(pid)
    else:
        for each in below:
            with suppress(OSError):
                os.kill(each, signal.SIGKILL)


def _below(pid: int) -> list[int]:
    """The processes below one, from the kernel's own list. Source: proc(5), "/proc/pid/task/tid/children".

    Raises:
        OSError: there is no such list: another system than Linux, or a kernel without it.
    """
    own = [
        int(each) for task in Path(f"/proc/{pid}/task").iterdir() for each in (task / "children").read_text().split()
    ]
    below = []
    for each in own:
        with suppress(OSError):  # it has ended by now
            below += _below(each)
    return [*own, *below]


def _kill_children_anywhere(pid: int) -> None:
    """The same by reading every process of this machine, which takes long where there are many."""
    import psutil

    with suppress(psutil.Error):
        for each in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.Error):
                each.kill()


def _wait(process: subprocess.Popen[bytes], check_limits: Callable[[], None]) -> int:
    """Its exit code, as soon as it has ended."""
    while True:
        try:
            return process.wait(_CHECK_SECONDS)
        except subprocess.TimeoutExpired:
            check_limits()


def _exchange(process: subprocess.Popen[bytes], stdin: bytes, check_limits: Callable[[], None], longest: int) -> bytes:
    """Write the program's input and read its output at the same time, until both are closed."""
    assert process.stdin is not None  # noqa: S101 - for mypy: both are pipes
    assert process.stdout is not None  # noqa: S101
    os.set_blocking(process.stdin.fileno(), False)
    rest, stdout = memoryview(stdin), bytearray()
    with selectors.PollSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            check_limits()
            for key, _ in selector.select(_CHECK_SECONDS):
                if key.fileobj is process.stdout:
                    block = os.read(process.stdout.fileno(), _BLOCK)
                    stdout += block
                    if len(stdout) > longest:
                        raise TooLongError
                    if not block:
                        selector.unregister(process.stdout)
                else:
                    rest = _write(process.stdin.fileno(), rest)
                    if not rest:
                        selector.unregister(process.stdin)
                        process.stdin.close()
    return bytes(stdout)


def _write(descriptor: int, data: memoryview) -> memoryview:
    """Write one block; what is still to write. A program that no longer reads gets nothing more, without an error."""
    try:
        return data[os.write(descriptor, data[:_BLOCK]) :]
    except BlockingIOError:
        return data
    except BrokenPipeError:
        return data[:0]
