"""The lower end of a terminal: lines that stay, and below them rows that are written anew each time.

Only what every terminal knows is used: the cursor goes up, and a line is erased. Source: ECMA-48, CUU and EL. Never all
that is below at once (ED): tmux takes that for a cleared screen where it begins in the first line, and keeps every one.
"""

import io
import itertools
import os
import sys
from collections.abc import Sequence
from typing import TextIO

from rich.cells import cell_len
from rich.text import Text

from mngr_ansible.portable.text import one_stop, printable
from mngr_ansible.report.board import Row
from mngr_ansible.report.page import Tone
from mngr_ansible.report.progress import Ended
from mngr_ansible.report.terminal.look import STYLES, Look
from mngr_ansible.report.terminal.words import wrapped
from mngr_ansible.report.writing import look_of

_MOST_ROWS = 12
_WIDEST_NAME = 30
_NARROWEST_LINE = 30
_GAP = "  "
_BREAKING_TERMS = ("alacritty", "foot", "tmux", "xterm-ghostty", "xterm-kitty", "wezterm")
_BREAKING = (
    "ALACRITTY_WINDOW_ID",
    "ITERM_SESSION_ID",
    "KITTY_WINDOW_ID",
    "KONSOLE_VERSION",
    "TERM_PROGRAM",
    "VTE_VERSION",
    "WT_SESSION",
)
"""Terminals that break lines anew: what their ``TERM`` begins with, and variables that they set."""
_TURNING, _TURNING_ASCII = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"


class Screen:
    """Draws on one terminal. The cursor is always at the beginning of the line below what was drawn."""

    def __init__(self, stream: TextIO, names: Sequence[str]) -> None:
        """``names``: those of the hosts; empty where they are not shown."""
        self._stream, self._has_names = stream, bool(names)
        self._longest = max((cell_len(printable(each)) for each in names), default=0)
        self._turns = itertools.count()
        self._widths: list[int] = []
        """The widths of the rows that are on the screen."""
        self._has_lines = False

    @property
    def most_rows(self) -> int:
        """How many rows may be drawn: some lines above them stay in sight."""
        return max(1, min(_MOST_ROWS, self._size().lines // 2))

    def draw(self, lines: Sequence[tuple[str, str]], rows: Sequence[Row]) -> None:
        """Write lines, each with the host that it is about, and below them these rows in the place of the former."""
        size = self._size()
        given = os.environ.get("COLUMNS", "")
        columns = min(size.columns, int(given)) if given.isdecimal() and int(given) > 0 else size.columns
        look, turn = look_of(self._stream, columns), next(self._turns)
        console, drawn = look.console(), [self._row(each, look, turn) for each in rows]
        for text in [*(text for host, line in lines for text in self._line(host, line, look)), *drawn]:
            console.print(text, soft_wrap=True)
        assert isinstance(console.file, io.StringIO)  # noqa: S101 - it is the one of Look
        self._stream.write(self._erased(size) + console.file.getvalue())
        self._stream.flush()
        self._has_lines = self._has_lines or bool(lines)
        self._widths = [text.cell_len for text in drawn]

    def end(self) -> None:
        """An empty line, where lines stay and the result comes below them."""
        if self._has_lines and sys.__stdout__ is not None and sys.__stdout__.isatty():
            self._stream.write("\n")
            self._stream.flush()

    def _size(self) -> os.terminal_size:
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            size = os.terminal_size((0, 0))
        return os.terminal_size((size.columns or 80, size.lines or 24))

    def _erased(self, size: os.terminal_size) -> str:
        """What erases the rows. Many a terminal that became narrower has broken them into several lines."""
        lines = sum(max(1, -(-each // size.columns)) if _breaks_again() else 1 for each in self._widths)
        above = "\x1b[A\x1b[2K" * min(lines, size.lines - 1)
        return f"\r\x1b[2K{above}" if above else ""  # where the cursor is, a key may be echoed: ^C

    def _column(self, look: Look) -> int:
        """How wide the names are, in rows and in lines."""
        return min(self._longest, _WIDEST_NAME, look.margin // 3)

    def _row(self, row: Row, look: Look, turn: int) -> Text:
        """One row; it never reaches the last column, where terminals differ."""
        width = min(look.columns - 1, look.margin)
        if row.kind == "counts":
            return _cut_end(Text(f"{_GAP}{row.text}", "dim"), width, look)
        turning = _TURNING if look.has_unicode else _TURNING_ASCII
        start = Text.assemble((turning[turn % len(turning)] if row.kind == "work" else " ", STYLES["open"]), " ")
        if self._has_names:
            column = self._column(look)
            name = _without_middle(printable(row.host), column, look)
            start.append(name, "bold").append(" " * (column - cell_len(name)) + _GAP)
        end = f"{_GAP}{row.seconds}" if row.seconds else ""
        room = max(0, width - start.cell_len - cell_len(end))
        text = _cut_end(Text(printable(row.text), "dim" if row.kind == "news" else ""), room, look)
        text.append(" " * (room - text.cell_len) if end else "")
        return Text.assemble(start, text, (end, "dim"))

    def _line(self, host: str, line: str, look: Look) -> list[Text]:
        """A line that stays, broken between words; below a host's name nothing is written."""
        tone, name = _tone(line), printable(host) if self._has_names else ""
        start = Text.assemble((look.sign_of(tone) if tone else " ", STYLES[tone] if tone else ""), " ", (name, "bold"))
        if self._has_names:
            start.append(" " * (self._column(look) - cell_len(name)) + _GAP)
        words, indent = printable(one_stop(line)), start.cell_len
        if look.columns - indent < _NARROWEST_LINE and name:
            first, *more = (Text(each, "bold") for each in wrapped(name, look.columns - 2))
            names = [Text.assemble(start[:2], first), *(Text("  ").append_text(each) for each in more)]
            return [*names, *(Text(f"    {each}") for each in wrapped(words, look.columns - 4))]
        first, *rest = (Text(each) for each in wrapped(words, look.columns - indent))
        if tone == "warning":
            first.stylize(STYLES[tone], 0, len("warning:"))
        return [start.append_text(first), *(Text(" " * indent).append_text(each) for each in rest)]


def _breaks_again() -> bool:
    """Whether this terminal is known to break its lines anew when it becomes narrower. Where that is not known, it is
    taken not to: a piece of a row that stays is better than a line of the user's that goes."""
    if "TMUX" in os.environ:
        return True
    if "XTERM_VERSION" in os.environ or "STY" in os.environ:  # inside these the variables of an outer one may be left
        return False
    return os.environ.get("TERM", "").startswith(_BREAKING_TERMS) or any(each in os.environ for each in _BREAKING)


def _tone(line: str) -> Tone | None:
    if isinstance(line, Ended):
        return "done" if line.is_ok else "problem"
    return "warning" if line.startswith("warning: ") else None


def _cut_end(text: Text, width: int, look: Look) -> Text:
    text.truncate(max(0, width), overflow="ellipsis" if look.has_unicode else "crop")
    return text


def _without_middle(name: str, width: int, look: Look) -> str:
    """A name that is too long for its column without its middle: what tells hosts apart is often at the end."""
    if cell_len(name) <= width:
        return name
    left = (width - 1) // 2
    return f"{name[:left]}{'…' if look.has_unicode else '~'}{name[len(name) - (width - 1 - left) :]}"
