"""SIGTERM and SIGHUP as an exception, so that clean-up code runs for them as it does for Ctrl-C."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Terminated(SystemExit):
    """A signal ended this process; ``code`` is the exit code that a shell gives it: 143, or 129 for a lost terminal."""


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Inside, SIGINT, SIGTERM and SIGHUP are ignored, so that clean-up is not itself interrupted.

    Outside of the main thread this does nothing: Python runs signal handlers in the main thread only.
    """
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
def signals_held() -> Iterator[None]:
    """Inside, SIGINT, SIGTERM and SIGHUP wait, so that what is made is also recorded; at the end the first of them
    comes.

    What is started inside is not concerned. A signal that is ignored stays so. Outside of the main thread this does
    nothing.
    """
    held: list[int] = []
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, lambda came, _frame: held.append(came))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])


@contextmanager
def terminate_gracefully() -> Iterator[None]:
    """Inside, the first SIGTERM or SIGHUP raises :class:`Terminated` and later ones are ignored.

    A signal that already has a handler, or is ignored (``nohup``), is left alone. Outside of the main thread this does
    nothing.
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
