"""Run one program and take what it says: bounded in time and in size, stoppable from another thread, gone with us."""

import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

LONGEST = 16 * 1024 * 1024
"""Bytes of an answer; a longer one is a mistake, or meant to exhaust our memory."""

_TOLD = 65536
"""Bytes of stderr that are kept."""

_BLOCK = 1 << 16

_TURN = 0.2
"""Seconds after which it is looked whether the program may go on."""


class TooLongError(Exception):
    """The program said more than it may."""


class StoppedError(Exception):
    """Somebody did not want the answer any more."""


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """What a program said, and its exit code."""

    stdout: bytes
    stderr: bytes
    code: int


def run_bounded(
    argv: Sequence[str], said: bytes, *, seconds: float, stop: threading.Event | None = None
) -> ProgramResult:
    """Run a program with this on its stdin; whatever happens, it has ended when this returns.

    stderr goes through a file, not a pipe: what stays behind, such as the master of an ssh connection, would hold a
    pipe open. On Linux the kernel kills the program when we die.

    Raises:
        TimeoutError: it did not end in time.
        TooLongError: it said more than :data:`LONGEST` bytes, on stdout or stderr.
        StoppedError: ``stop`` was set meanwhile.
        OSError: it could not be started.
    """
    deadline = time.monotonic() + seconds
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            [*_die_with_parent(), *argv], bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
        )

        def go_on() -> None:
            if stop is not None and stop.is_set():
                raise StoppedError
            if os.fstat(stderr.fileno()).st_size > LONGEST:
                raise TooLongError
            if time.monotonic() >= deadline:
                raise TimeoutError

        try:
            stdout = _talk(process, said, go_on)
            code = _ended(process, go_on)
        except BaseException:
            _kill_those_below(process.pid)
            raise
        finally:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
            process.wait()
        stderr.seek(0)
        return ProgramResult(stdout, stderr.read(_TOLD), code)


@cache
def _die_with_parent() -> tuple[str, ...]:
    """What has a program killed with us: util-linux's setpriv; busybox's cannot do it, macOS has nothing like it."""
    program = shutil.which("setpriv") if sys.platform == "linux" else None
    words = (program, "--pdeathsig", "KILL", "--") if program else ()
    if words and subprocess.run([*words, "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode:
        return ()
    return words


def _kill_those_below(pid: int) -> None:
    """Kill what the program has started, such as the tool that a script asks for its version."""
    import psutil

    with suppress(psutil.Error):
        for each in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.Error):
                each.kill()


def _ended(process: subprocess.Popen[bytes], go_on: Callable[[], None]) -> int:
    while True:
        try:
            return process.wait(_TURN)
        except subprocess.TimeoutExpired:
            go_on()


def _talk(process: subprocess.Popen[bytes], said: bytes, go_on: Callable[[], None]) -> bytes:
    assert process.stdin is not None  # noqa: S101 - for mypy: both are pipes
    assert process.stdout is not None  # noqa: S101
    os.set_blocking(process.stdin.fileno(), False)
    left, heard = memoryview(said), bytearray()
    with selectors.PollSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            go_on()
            for key, _ in selector.select(_TURN):
                if key.fileobj is process.stdout:
                    block = os.read(process.stdout.fileno(), _BLOCK)
                    heard += block
                    if len(heard) > LONGEST:
                        raise TooLongError
                    if not block:
                        selector.unregister(process.stdout)
                else:
                    left = _written(process.stdin.fileno(), left)
                    if not left:
                        selector.unregister(process.stdin)
                        process.stdin.close()
    return bytes(heard)


def _written(descriptor: int, left: memoryview) -> memoryview:
    try:
        return left[os.write(descriptor, left[:_BLOCK]) :]
    except BlockingIOError:
        return left
    except BrokenPipeError:
        return left[:0]
