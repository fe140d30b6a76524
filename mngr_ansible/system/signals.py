"""SIGTERM and SIGHUP as an exception, so that what was begun is ended in order, as Ctrl-C lets it be."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Terminated(SystemExit):
    """A signal asked for the end; ``code`` is a shell's exit code for it: 143, or 129 where the terminal is gone."""


@contextmanager
def signals_ignored() -> Iterator[None]:
    """While it lasts, no signal that a person sends interrupts us: what cleans up is itself never left half done."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not None:
                before[number] = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def terminate_gracefully() -> Iterator[None]:
    """While it lasts, signals that would end this process at once raise :class:`Terminated` instead; only the
    first does.

    What somebody else handles, or ignores (``nohup``), is left alone; so is everything outside of the main thread.
    """
    before: dict[signal.Signals, Any] = {}

    def end(number: int, _frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise Terminated(128 + number)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
