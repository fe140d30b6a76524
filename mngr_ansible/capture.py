"""Run one program and take what it says: bounded in time and in size, stoppable from another thread, gone with us."""

import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

LONGEST = 16 * 1024 * 1024
"""Bytes of an answer; a longer one is a mistake, or meant to exhaust our memory."""

_TOLD = 65536
"""Bytes of stderr that are kept."""

_BLOCK = 1 << 16


class TooLongError(Exception):
    """The program said more than it may."""


class StoppedError(Exception):
    """Somebody did not want the answer any more."""


@dataclass(frozen=True, slots=True)
class Captured:
    """What a program said, and its exit code."""

    stdout: bytes
    stderr: bytes
    code: int


def capture(argv: Sequence[str], said: bytes, *, seconds: float, stop: threading.Event | None = None) -> Captured:
    """Run a program with this on its stdin; whatever happens, it has ended when this returns.

    stderr goes through a file, not a pipe: what stays behind, such as the master of an ssh connection, would hold a
    pipe open. On Linux the kernel kills the program when we die.

    Raises:
        TimeoutError: it did not end in time.
        TooLongError: it said more than :data:`LONGEST` bytes.
        StoppedError: ``stop`` was set meanwhile.
        OSError: it could not be started.
    """
    deadline = time.monotonic() + seconds
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            [*_tied(), *argv], bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
        )
        try:
            stdout = _talk(process, said, deadline, stop)
            code = process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        finally:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
            process.wait()
        stderr.seek(0)
        return Captured(stdout, stderr.read(_TOLD), code)


@cache
def _tied() -> tuple[str, ...]:
    """What has a program killed with us: util-linux's setpriv; busybox's cannot do it, macOS has nothing like it."""
    program = shutil.which("setpriv") if sys.platform == "linux" else None
    words = (program, "--pdeathsig", "KILL", "--") if program else ()
    if words and subprocess.run([*words, "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode:
        return ()
    return words


def _talk(process: subprocess.Popen[bytes], said: bytes, deadline: float, stop: threading.Event | None) -> bytes:
    assert process.stdin is not None  # noqa: S101 - for mypy: both are pipes
    assert process.stdout is not None  # noqa: S101
    os.set_blocking(process.stdin.fileno(), False)
    left, heard = memoryview(said), bytearray()
    with selectors.PollSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            if stop is not None and stop.is_set():
                raise StoppedError
            if (remaining := deadline - time.monotonic()) <= 0:
                raise TimeoutError
            for key, _ in selector.select(min(remaining, 0.2)):
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
