"""A display at the end of the terminal: what each host is at, while a command runs. Lines for people go above it.

One thread alone writes to the terminal, so a signal never comes in the middle of what is written: Python runs handlers
in the main thread. The cursor stays visible, below the display: whatever ends the process leaves a usable terminal.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from mngr_ansible.report.board import Board
from mngr_ansible.report.progress import ProgressCallback
from mngr_ansible.report.work import Over, Work
from mngr_ansible.system.signals import AWAKE_SECONDS, signals_ignored

if TYPE_CHECKING:
    from mngr_ansible.cli.screen import Screen

_PATIENCE = 0.4
"""Seconds before anything is shown: a command that takes no longer needs no display, and ``rich`` is not imported."""

_FRAME_SECONDS = 0.1
_NEWS_SECONDS = 0.5
_HOST_SECONDS = 5.0
"""After so many seconds of one work the host is asked how far it is, and then every :data:`_AGAIN_SECONDS`."""
_AGAIN_SECONDS = 3.0


def has_display(stream: TextIO | None) -> bool:
    """Whether this is a terminal on which a display can be drawn, and this process the one that the user looks at."""
    if stream is None or not stream.isatty() or os.environ.get("TERM", "dumb") in ("dumb", ""):
        return False
    with suppress(OSError, ValueError):  # it is not the terminal of this session
        return os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    return True


class LiveDisplay:
    """Shows a :class:`Board` on the terminal until it is closed. Threads may call all methods but :meth:`close`.

    Attributes:
        board: what is shown.
    """

    def __init__(
        self, hosts: Sequence[str], *, is_named: bool, plain: ProgressCallback, is_changing: bool = True
    ) -> None:
        """``hosts``: all, in their order. ``is_named``: their names are shown. ``plain``: writes a line of a host where
        the display is broken. ``is_changing``: the hosts are changed, and not only looked at."""
        self.board = Board(hosts, is_changing=is_changing)
        self._stream, self._names, self._plain = sys.stderr, list(hosts) if is_named else [], plain
        self._lock = threading.Lock()
        self._lines: list[tuple[str, str]] = []
        self._asides = 0
        self._is_closing = False
        self._wake, self._is_aside, self._stop = threading.Event(), threading.Event(), threading.Event()
        self._visible: list[str] = []
        self._news: threading.Thread | None = None
        self._painter = threading.Thread(target=self._paint_on, daemon=True)
        self._painter.start()

    def tell(self, host: str, line: str) -> None:
        """Write a line of a host, or of several, above the display."""
        with self._lock:
            self._lines.append((host, line))
        self._wake.set()

    def note(self, host: str, work: Work | Over) -> None:
        """Show what a host is at."""
        self.board.note(host, work)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Inside, the display is gone and all lines are written: somebody else has the terminal."""
        with self._lock:
            self._asides += 1
            self._is_aside.clear()
        try:
            self._wake.set()
            while not self._is_aside.wait(AWAKE_SECONDS) and self._painter.is_alive():
                pass
            yield
        finally:
            with self._lock:
                self._asides -= 1
            self._wake.set()

    def close(self) -> None:
        """Write all lines, and leave nothing of the display on the terminal. No thread of it runs any more."""
        with signals_ignored():
            self._stop.set()
            self._is_closing = True
            self._wake.set()
            self._painter.join()
            if self._news is not None:
                self._news.join()
            for host, line in self._lines:  # the display was broken
                self._plain(host, line)

    def _paint_on(self) -> None:
        """A display that breaks is no reason to stop what is done: all lines are written at the end."""
        try:
            self._paint()
        except Exception:  # noqa: BLE001 - see above
            self._is_aside.set()

    def _paint(self) -> None:
        begin, screen = time.monotonic() + _PATIENCE, None
        while True:
            self._wake.wait(None if self._asides else _FRAME_SECONDS)
            self._wake.clear()
            with self._lock:
                is_aside, is_closing = self._asides > 0, self._is_closing
                is_early = time.monotonic() < begin and not is_aside and not is_closing
                lines = [] if is_early else list(self._lines)
            has_board = not (is_aside or is_closing or is_early)
            if lines or has_board or screen is not None:
                screen = screen or self._screen()
                self._draw(screen, lines, has_board=has_board)
                with self._lock:
                    del self._lines[: len(lines)]
            if is_aside:
                self._is_aside.set()
            if is_closing:
                if screen is not None:
                    screen.end()
                return

    def _screen(self) -> "Screen":
        from mngr_ansible.cli.screen import Screen

        return Screen(self._stream, self._names)

    def _draw(self, screen: "Screen", lines: Sequence[tuple[str, str]], *, has_board: bool) -> None:
        rows = self.board.rows(screen.most_rows) if has_board else []
        self._visible = [each.host for each in rows if each.kind == "work"]
        if self._news is None and self.board.asking(self._visible, _HOST_SECONDS):
            self._news = threading.Thread(target=self._ask_for_news, daemon=True)
            self._news.start()
        screen.draw(lines, rows)

    def _ask_for_news(self) -> None:
        """Ask for the news of the works that are shown, one after the other, until the display is closed."""
        asked: dict[str, float] = {}
        while not self._stop.wait(_NEWS_SECONDS):
            for host, work in self.board.asking(self._visible, _HOST_SECONDS):
                seconds = _AGAIN_SECONDS if work.is_of_host else 0
                if work.news is not None and time.monotonic() - asked.get(host, 0) >= seconds:
                    self.board.note_news(host, work, work.news(self._stop))
                    asked[host] = time.monotonic()
