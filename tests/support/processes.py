"""The processes of this machine: watched while something runs, found by a mark, ended for sure."""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import psutil


@contextlib.contextmanager
def witnessed(*words: str, secret: str = "", after: bool = False) -> Iterator[Callable[[], list[str]]]:
    """Note every process below this one whose command line has one of the words (and whose environment the secret).

    The value, called after the block, gives those that were seen; with ``after``, those that outlive the block by
    more than three seconds.
    """
    seen: dict[int, str] = {}
    stop = threading.Event()

    def look() -> None:
        for process in psutil.process_iter():
            if process.pid in seen:
                continue
            with contextlib.suppress(psutil.Error, OSError):
                line = " ".join(process.cmdline())
                if any(word in line for word in words) and _is_ours(process) and _has(process, line, secret):
                    seen[process.pid] = line

    def watch() -> None:
        while not stop.is_set():
            look()
            time.sleep(0.01)

    thread = threading.Thread(target=watch, daemon=True)
    before = {process.pid for process in psutil.process_iter()}
    thread.start()
    try:
        yield lambda: _told(seen, before, after=after)
    finally:
        stop.set()
        thread.join()


def processes_with(mark: str) -> list[psutil.Process]:
    """The processes of this machine with this text in their command line; a test's own has it in no argument."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if mark in " ".join(process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@contextlib.contextmanager
def ended_after(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that is over after the block, killed if need be: a failed test troubles no other."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def _has(process: psutil.Process, line: str, secret: str) -> bool:
    return not secret or secret in line or any(secret in value for value in process.environ().values())


def _is_ours(process: psutil.Process) -> bool:
    return process.pid != os.getpid() and any(parent.pid == os.getpid() for parent in process.parents())


def _told(seen: dict[int, str], before: set[int], *, after: bool) -> list[str]:
    new = {pid: line for pid, line in list(seen.items()) if pid not in before}
    if not after:
        return list(new.values())
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and any(map(_lives, new)):
        time.sleep(0.05)
    return [line for pid, line in new.items() if _lives(pid)]


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
