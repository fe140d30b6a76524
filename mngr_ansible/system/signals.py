"""SIGTERM and SIGHUP as an exception, so that clean-up code runs for them as it does for Ctrl-C."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

AWAKE_SECONDS = 0.5
"""The main thread waits no longer than this at a time: a signal that comes just before a wait does not end it."""

_come: list[BaseException] = []
"""The exceptions of the signals that came inside :func:`terminate_gracefully`."""


class Terminated(SystemExit):
    """A signal ended this process; ``code`` is the exit code that a shell gives it: 143, or 129 for a lost terminal."""


def signal_that_came() -> BaseException | None:
    """The exception of the last signal inside :func:`terminate_gracefully`, also where somebody swallowed it.

    Python swallows what is raised while it frees an object; a plugin may swallow everything.
    """
    return _come[-1] if _come else None


@contextmanager
def question_asked() -> Iterator[None]:
    """Inside, a question is asked in the terminal. A signal ends its line, so what is said next has one of its own."""
    try:
        yield
    except (KeyboardInterrupt, Terminated):
        if sys.stderr is not None and sys.stderr.isatty():
            sys.stderr.write("\n")
            sys.stderr.flush()
        raise


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Inside, SIGINT, SIGTERM and SIGHUP are ignored, so that clean-up is not itself interrupted.

    Outside of the main thread this does nothing: Python runs signal handlers in the main thread only.
    """
    before = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if (handler := signal.getsignal(number)) is not None:
                    before[number] = handler
                    signal.signal(number, signal.SIG_IGN)
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
    before: dict[int, Any] = {}
    is_over = False

    def hold(number: int, _frame: FrameType | None) -> None:
        if not is_over:
            held.append(number)
            return
        signal.signal(number, before[number])  # one more signal came while this was put back
        signal.raise_signal(number)

    try:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None):
                    before[number] = handler
                    signal.signal(number, hold)
        yield
    finally:
        is_over = True
        for each, handler in before.items():
            signal.signal(each, handler)
        if held:
            signal.raise_signal(held[0])


@contextmanager
def terminate_gracefully() -> Iterator[None]:
    """Inside, the first SIGTERM or SIGHUP raises :class:`Terminated` and later ones are ignored.

    :func:`signal_that_came` tells of them, and of Ctrl-C. A signal that already has a handler, or is ignored
    (``nohup``), is left alone. Outside of the main thread this does nothing.
    """
    before: dict[signal.Signals, Any] = {}

    def end(number: int, _frame: FrameType | None) -> None:
        for each in before:
            if each != signal.SIGINT:
                signal.signal(each, signal.SIG_IGN)
        _come.append(Terminated(128 + number))
        raise _come[-1]

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        _come.append(KeyboardInterrupt())
        raise _come[-1]

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, end)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            before[signal.SIGINT] = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if before:
            _come.clear()
