"""The display while a command runs: one thread writes, others only say what is to be seen."""

from __future__ import annotations

import io
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.cli.live import LiveDisplay, has_display
from mngr_ansible.report.work import Work
from tests.support.waiting import wait_until
from tools.terminal import Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Stream(io.StringIO):
    """A terminal that keeps what is written to it."""

    encoding = "utf-8"
    is_broken = False

    def write(self, text: str) -> int:
        if self.is_broken:
            raise RuntimeError("it broke")
        return super().write(text)

    @property
    def text(self) -> str:
        screen = Screen(80)
        screen.write(self.getvalue().replace("\n", "\r\n"))
        return screen.text()


Plain = list[tuple[str, str]]


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Stream:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    made = Stream()
    monkeypatch.setattr(sys, "stderr", made)
    return made


@pytest.fixture
def plain() -> Plain:
    return []


@pytest.fixture
def display(stream: Stream, plain: Plain) -> Iterator[LiveDisplay]:
    del stream
    before = threading.active_count()
    made = LiveDisplay(["a", "b"], is_named=True, plain=lambda *line: plain.append(line))
    yield made
    made.close()
    assert threading.active_count() == before


def shown(stream: Stream, *words: str) -> Callable[[], bool]:
    return lambda: all(each in stream.text for each in words)


def test_a_command_that_is_over_at_once_shows_nothing(display: LiveDisplay, stream: Stream, plain: Plain) -> None:
    display.note("a", Work("checking"))
    display.close()
    assert (stream.getvalue(), plain) == ("", [])


def test_lines_stay_in_their_order_and_rows_go(display: LiveDisplay, stream: Stream, plain: Plain) -> None:
    display.note("a", Work("checking"))
    for number in range(3):
        display.tell("b", f"line {number}")
    wait_until(shown(stream, "a  checking", "line 2"))
    display.tell("a", "the last")
    display.close()
    assert stream.text == "  b  line 0\n  b  line 1\n  b  line 2\n  a  the last"
    assert plain == []


def test_aside_all_lines_are_written_and_no_row_is_there(display: LiveDisplay, stream: Stream) -> None:
    display.note("a", Work("checking"))
    wait_until(shown(stream, "a  checking"))
    display.tell("a", "before")
    with display.aside():
        assert stream.text == "  a  before"
        stream.write("is that so? ")
        display.note("b", Work("checking"))
        assert stream.text.split("\n")[1:] == ["is that so?"]
        stream.write("y\n")
    wait_until(shown(stream, "is that so? y\n", "b  checking"))


def test_the_news_of_a_work_are_shown_and_asked_for_in_a_thread_of_their_own(
    display: LiveDisplay, stream: Stream
) -> None:
    askers = set[str]()

    def news(_stop: threading.Event) -> str:
        askers.add(threading.current_thread().name)
        return f"{len(askers)} MB"

    display.note("a", Work("copying", news))
    wait_until(shown(stream, "a  copying", "1 MB"))
    assert threading.current_thread().name not in askers


def test_where_the_display_breaks_lines_are_written_plainly(display: LiveDisplay, stream: Stream, plain: Plain) -> None:
    stream.is_broken = True
    display.tell("a", "warning: x")
    with display.aside():
        pass
    display.tell("b", "y")
    display.close()
    assert plain == [("a", "warning: x"), ("b", "y")]


@pytest.mark.parametrize("term", ["dumb", "", None])
def test_a_display_needs_a_terminal_that_can_move_its_cursor(monkeypatch: pytest.MonkeyPatch, term: str | None) -> None:
    class Terminal(Stream):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    assert [has_display(each) for each in (None, Stream(), Terminal())] == [False, False, True]
    if term is None:
        monkeypatch.delenv("TERM")
    else:
        monkeypatch.setenv("TERM", term)
    assert not has_display(Terminal())
