"""Run a command line to its end: how long it took, and, where asked, the most memory that it held here and there."""

from __future__ import annotations

import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.ways import Command
    from tests.support.hosts import SshHost

_EVERY = 0.03
_LIMIT = 1200
"""Seconds that one command may take."""


class FailedError(Exception):
    """A command failed; the message ends with what it said."""


@dataclass(frozen=True)
class Peak:
    """The most memory of a run, MiB: of all its processes here, and of all the host's beside what it has idle.

    Sums of proportional set sizes, so that pages that processes share count once.
    """

    controller: float
    host: float


def timed(command: Command) -> float:
    """Seconds that it took.

    Raises:
        FailedError: its exit code is not 0, or it was too slow.
    """
    with (command.directory / "said").open("wb") as said:
        begun = time.monotonic()
        process = _start(command, said.fileno())
        _wait(process, command)
    return time.monotonic() - begun


def weighed(command: Command, host: SshHost) -> Peak:
    """The same, with memory sampled; that costs time, so the time of such a run is not told."""
    idle = _held(_below(host.pid))
    peaks = [0.0, 0.0]
    with (command.directory / "said").open("wb") as said:
        process = _start(command, said.fileno())
        is_over = threading.Event()

        def sample() -> None:
            while not is_over.is_set():
                for index, pid in enumerate((process.pid, host.pid)):
                    peaks[index] = max(peaks[index], _held(_below(pid)))
                time.sleep(_EVERY)

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            _wait(process, command)
        finally:
            is_over.set()
            thread.join()
    return Peak(peaks[0], peaks[1] - idle)


def _start(command: Command, output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command.argv,
        env=dict(command.environment),
        cwd=command.directory,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )


def _wait(process: subprocess.Popen[bytes], command: Command) -> None:
    try:
        code = process.wait(_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        code = -1
    except BaseException:
        process.kill()
        process.wait()
        raise
    if code:
        said = (command.directory / "said").read_text(errors="replace")[-2000:]
        raise FailedError(f"{' '.join(command.argv)[:200]} ended with {code}:\n{said}")


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
