"""The display on a terminal: lines stay above rows that are written anew, and nothing is left of these."""

from __future__ import annotations

import io
import os
import re
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.cli import screen
from mngr_ansible.cli.screen import Screen
from mngr_ansible.report.board import Row
from mngr_ansible.report.progress import Ended
from tools import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

WORK = Row("build-1", "installing with apt: nodejs, jq", "12 s")
NEWS = Row("", "Unpacking nodejs (18.19.1) …", kind="news")
COUNTS = Row("", "50 hosts: 1 done, 49 at work", kind="counts")
ALLOWED = re.compile(r"\x1b\[(?:[0-9;]*m|A|2K)")
"""The only escape sequences of a display: with J, tmux would keep what is erased, where it begins in the first line."""


class Stream(io.StringIO):
    """A terminal that keeps what is written to it."""

    encoding = "utf-8"

    def fileno(self) -> int:
        return -1


class Ascii(Stream):
    """A terminal of a locale without UTF-8."""

    encoding = "ascii"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", *screen._BREAKING, "TMUX", "STY", "XTERM_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


class Drawn:
    """A screen, and what a person sees of it."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        columns: int,
        names: Sequence[str] = ("build-1",),
        stream: Stream | None = None,
    ) -> None:
        self._monkeypatch, self.stream, self.seen = monkeypatch, stream or Stream(), terminal.Screen(columns)
        self.resize(columns)
        self.screen = Screen(self.stream, names)

    def resize(self, columns: int) -> None:
        self._monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((columns, 24)))

    def draw(self, lines: Sequence[tuple[str, str]] = (), rows: Sequence[Row] = ()) -> list[str]:
        before = len(self.stream.getvalue())
        self.screen.draw(lines, rows)
        self.seen.write(self.stream.getvalue()[before:].replace("\n", "\r\n"))
        return self.seen.text().split("\n")


def test_rows_are_written_anew_below_the_lines_and_nothing_is_left_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch, 60)
    assert drawn.draw(rows=[WORK, NEWS]) == [
        "⠋ build-1  installing with apt: nodejs, jq             12 s",
        "           Unpacking nodejs (18.19.1) …",
    ]
    seen = drawn.draw([("build-1", "warning: old lists")], [COUNTS])
    assert seen == ["! build-1  warning: old lists", "  50 hosts: 1 done, 49 at work"]
    ended = Ended.after((6.1,), "done in", ": 3 changed", is_ok=True)
    failed = Ended.after((0.2,), "not done after", "", is_ok=False)
    assert drawn.draw([("build-1", ended), ("build-1", failed)]) == [
        "! build-1  warning: old lists",
        "✓ build-1  done in 6.1 s: 3 changed",
        "✗ build-1  not done after 0.2 s",
    ]


def test_only_the_cursor_goes_up_and_lines_are_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch, 80)
    for _ in range(3):
        drawn.draw([("build-1", "warning: no")], [WORK, NEWS, COUNTS])
    rest = ALLOWED.sub("", drawn.stream.getvalue())
    assert "\x1b" not in rest
    assert all(part == "" or not part.startswith(" ") for part in rest.split("\r")[1:])


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 120, 200])
def test_no_row_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    names = ["build-1", "a-host-with-a-long-name.eu-central-1.example.org"]
    drawn = Drawn(monkeypatch, columns, names)
    rows = [Row(name, f"installing with apt: {', '.join(map(str, range(99)))}", "12 s") for name in names]
    seen = drawn.draw(rows=[*rows, NEWS, COUNTS])
    assert len(seen) == 4
    assert all(len(line) < columns for line in seen)
    assert all(line.endswith("12 s") for line in seen[:2])


def test_a_terminal_that_became_narrower_has_broken_the_rows_and_they_go_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/x,1,0")
    drawn = Drawn(monkeypatch, 80)
    drawn.draw([("build-1", "first")], [WORK, NEWS])
    drawn.resize(50)
    broken = drawn.seen = terminal.Screen(50)
    broken.write("  build-1  first\r\n" + "x" * 79 + "\r\n" + "y" * 40 + "\r\n")  # as the terminal shows them now
    assert drawn.draw(rows=[COUNTS]) == ["  build-1  first", "  50 hosts: 1 done, 49 at work"]


def test_a_key_that_the_terminal_echoes_below_the_rows_goes_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch, 60)
    drawn.draw(rows=[WORK, NEWS])
    drawn.seen.write("^C")
    assert drawn.draw(rows=[COUNTS]) == ["  50 hosts: 1 done, 49 at work"]


@pytest.mark.parametrize("variables", [{}, {"XTERM_VERSION": "XTerm(390)", "VTE_VERSION": "7200"}, {"STY": "1.x"}])
def test_where_a_narrower_terminal_may_have_cut_its_lines_nothing_above_the_rows_goes(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    drawn = Drawn(monkeypatch, 120)
    drawn.draw([("build-1", "first")], [WORK, NEWS])
    drawn.resize(50)
    assert drawn.draw(rows=[COUNTS]) == ["  build-1  first", "  50 hosts: 1 done, 49 at work"]


def test_names_of_hosts_are_broken_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"web-{each}.prod.eu-central-1.example.com" for each in range(38, 42)]
    drawn = Drawn(monkeypatch, 100, names)
    assert drawn.draw([(", ".join(names), "warning: old lists")]) == [
        f"! {names[0]}, {names[1]},",
        f"  {names[2]}, {names[3]}",
        "    warning: old lists",
    ]


def test_a_long_line_is_broken_between_words_beside_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch, 60)
    line = "warning: the package lists could not be fetched from the repository of the vendor"
    assert drawn.draw([("build-1", line)]) == [
        "! build-1  warning: the package lists could not be fetched",
        "           from the repository of the vendor",
    ]


def test_where_a_name_leaves_no_room_the_line_is_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch, 60)
    names = "alpha.example.org, beta.example.org and 2 more"
    assert drawn.draw([(names, "warning: old lists")]) == [f"! {names}", "    warning: old lists"]


def test_this_machine_alone_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch, 60, [])
    seen = drawn.draw([("localhost", "warning: x")], [Row("localhost", "checking", "3 s")])
    assert seen == ["! warning: x", f"⠋ checking{' ' * 46}3 s"]


def test_words_of_a_host_are_no_markup_and_no_escape_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch, 80, ["[red]h"])
    row = Row("[red]h", "installing: [bold]\x1b[2J", "1 s")
    seen = drawn.draw([("[red]h", "warning: [link=x]\x1b]0;title\x07 :smile:")], [row])
    assert seen[0] == r"! [red]h  warning: [link=x]\x1b]0;title\x07 :smile:"
    assert seen[1].startswith(r"⠋ [red]h  installing: [bold]\x1b[2J ")
    assert "\x1b" not in ALLOWED.sub("", drawn.stream.getvalue())


def test_without_colour_and_without_utf_8_the_signs_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    drawn = Drawn(monkeypatch, 60, stream=Ascii())
    ended = Ended.after((), "nothing to change", ": 3 ok", is_ok=True)
    seen = drawn.draw([("build-1", ended)], [Row("build-1", "x" * 99, "12 s")])
    assert seen[0] == "+ build-1  nothing to change: 3 ok"
    assert seen[1].startswith("| build-1  xxx")
    assert drawn.stream.getvalue().isascii()
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", drawn.stream.getvalue())
