"""The processes of this machine: watch them while something runs, find them by a mark, start and end them."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

_TERMINAL_SECONDS = 300


@contextlib.contextmanager
def witnessed(*words: str, secret: str = "", after: bool = False) -> Iterator[Callable[[], list[str]]]:
    """Note every new process below this one whose command line has one of the words (and whose environment the secret).

    The value, called after the block, returns the command lines of those that were seen; with ``after``, of those that
    outlive the block by more than three seconds.
    """
    seen: dict[int, str] = {}
    foreign: set[psutil.Process] = set()
    stop = threading.Event()

    def look() -> None:
        for process in psutil.process_iter():
            if process.pid in before or process.pid in seen or process in foreign:
                continue
            with contextlib.suppress(psutil.Error, OSError):
                if not _is_below_this_one(process):
                    foreign.add(process)
                    continue
                line = " ".join(process.cmdline())
                if any(word in line for word in words) and _has(process, line, secret):
                    seen[process.pid] = line

    def watch() -> None:
        while not stop.is_set():
            look()
            time.sleep(0.01)

    thread = threading.Thread(target=watch, daemon=True)
    before = set(psutil.pids())
    thread.start()
    try:
        yield lambda: _outliving(seen) if after else list(seen.values())
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
def started(argv: Sequence[object], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A program that runs during the block, and is killed at its end: a failed test leaves nothing for another one.

    Args:
        argv: its command line.
        options: those of ``subprocess.Popen``; stdin is empty, stdout and stderr are pipes of text, if not given.
    """
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*map(str, argv)], text=True, errors="backslashreplace", **{**streams, **options}) as process:
        try:
            yield process
        finally:
            process.kill()


def run_in_terminal(
    argv: Sequence[object], prompt: bytes, answer: str, *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> tuple[int, str]:
    """Run a program in a terminal of its own, and type the answer once it prompts.

    The terminal is plain and wide, so that sentences can be compared. The program is killed after five minutes.

    Returns:
        Its exit code, and what the terminal showed.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd or Path.cwd())
        os.execve(str(argv[0]), [*map(str, argv)], {**os.environ, "TERM": "dumb", "COLUMNS": "1000", **(env or {})})
    shown, is_answered, limit = b"", False, time.monotonic() + _TERMINAL_SECONDS
    with contextlib.suppress(OSError):  # the terminal is gone when the program is
        while chunk := _read_until(terminal, limit):
            shown += chunk
            if prompt in shown and not is_answered:
                os.write(terminal, f"{answer}\n".encode())
                is_answered = True
    if time.monotonic() > limit:
        os.kill(pid, signal.SIGKILL)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode(errors="backslashreplace")


@contextlib.contextmanager
def everything_recorded() -> Iterator[list[str]]:
    """The command line and the environment of every process of this machine, read again and again during the block."""
    seen: list[str] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.02):
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error, OSError):
                    seen.append(" ".join(process.cmdline()))
                    seen.append(" ".join(process.environ().values()))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def _read_until(descriptor: int, limit: float) -> bytes:
    """What can be read next, or nothing if that does not come before this time (of ``time.monotonic``)."""
    ready, _, _ = select.select([descriptor], [], [], max(0, limit - time.monotonic()))
    return os.read(descriptor, 65536) if ready else b""


def _has(process: psutil.Process, line: str, secret: str) -> bool:
    return not secret or secret in line or any(secret in value for value in process.environ().values())


def _is_below_this_one(process: psutil.Process) -> bool:
    return process.pid != os.getpid() and any(parent.pid == os.getpid() for parent in process.parents())


def _outliving(seen: dict[int, str]) -> list[str]:
    """Those that still live after three seconds."""
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and any(map(_lives, seen)):
        time.sleep(0.05)
    return [line for pid, line in seen.items() if _lives(pid)]


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
