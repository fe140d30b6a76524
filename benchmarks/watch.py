"""Run a command to its end: how long it took, its processor time, and, where asked, the most memory it held."""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_EVERY = 0.03
_LIMIT = 900
"""Seconds that one command may take."""
_ADOPT = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2)."""


class FailedError(Exception):
    """A command failed: a reason without any path of this machine. ``output`` is the end of what it printed."""

    def __init__(self, reason: str, output: str = "") -> None:
        super().__init__(reason)
        self.output = output


@dataclass(frozen=True)
class Command:
    """What is started, with what environment, in which directory (where its output is kept in ``output``)."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: Path

    @property
    def output(self) -> str:
        return (self.directory / "output").read_text(errors="replace")


@dataclass(frozen=True)
class Spent:
    """What a command took on this machine: seconds, and seconds of processor of all its processes."""

    seconds: float
    cpu: float


@dataclass(frozen=True)
class Peak:
    """The most memory of a run in MiB: of its processes here, and of the host's beside what it has idle.

    Sums of proportional set sizes, so that pages that processes share count once.
    """

    controller: float
    host: float


def adopt_orphans() -> None:
    """Become the parent of processes that outlive their command, so that their time counts and they can be ended."""
    if ctypes.CDLL(None, use_errno=True).prctl(_ADOPT, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def timed(command: Command) -> Spent:
    """Run it.

    Raises:
        FailedError: its exit code is not 0, or it was too slow.
    """
    known = _children()
    before = _processor()
    begun = time.monotonic()
    _wait(_start(command), command)
    seconds = time.monotonic() - begun
    _end(_children() - known)
    return Spent(seconds, _processor() - before)


def weighed(command: Command, host: int) -> Peak:
    """Run it with memory sampled, which costs time; ``host`` is the first process of the host."""
    known = _children()
    idle = _held(_below(host))
    peaks = [0.0, 0.0]
    process = _start(command)
    is_over = threading.Event()

    def sample() -> None:
        while not is_over.is_set():
            ours = [each for pid in _children() - known for each in _below(pid)]
            for index, processes in enumerate((ours, _below(host))):
                peaks[index] = max(peaks[index], _held(processes))
            is_over.wait(_EVERY)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        _wait(process, command)
    finally:
        is_over.set()
        thread.join()
        _end(_children() - known)
    return Peak(peaks[0], peaks[1] - idle)


def _start(command: Command) -> subprocess.Popen[bytes]:
    with (command.directory / "output").open("wb") as output:
        return subprocess.Popen(
            command.argv,
            env=dict(command.environment),
            cwd=command.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def _wait(process: subprocess.Popen[bytes], command: Command) -> None:
    # Popen.wait with a time limit polls, up to 50 ms apart: too coarse here.
    ended = os.pidfd_open(process.pid)
    try:
        is_late = not select.select([ended], [], [], _LIMIT)[0]
    except BaseException:
        process.kill()
        raise
    finally:
        os.close(ended)
        if process.poll() is None:
            process.kill()
        code = process.wait()
    if is_late:
        raise FailedError(f"it took longer than {_LIMIT} s", command.output[-2000:])
    if code:
        raise FailedError(f"it ended with exit code {code}", command.output[-2000:])


def _end(left: Iterable[int]) -> None:
    """End what outlived its command, such as ssh's masters of other tools, and wait for it."""
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    for pid in left:
        with suppress(ChildProcessError):
            for _ in range(300):
                if os.waitpid(pid, os.WNOHANG)[0]:
                    break
                time.sleep(0.01)
            else:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def _below(pid: int) -> list[psutil.Process]:
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.Error:
        return []


def _held(processes: Iterable[psutil.Process]) -> float:
    total = 0
    for each in processes:
        with suppress(psutil.Error, OSError):
            total += each.memory_full_info().pss
    return total / (1 << 20)
