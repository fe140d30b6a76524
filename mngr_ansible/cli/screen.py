"""The lower end of a terminal: lines that stay, and below them rows that are written anew each time.

Only what every terminal knows is used: the cursor goes up, and what is below it is erased. Source: ECMA-48, CUU and ED.
"""

import itertools
from collections.abc import Sequence
from typing import Literal, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from mngr_ansible.portable.text import one_stop, printable
from mngr_ansible.report.board import Row
from mngr_ansible.report.progress import Ended

_MOST_ROWS = 12
_WIDEST = 100
"""Columns of a row: the time is not far from what it is about."""
_WIDEST_NAME = 30
_NARROWEST_LINE = 30

_TURNING, _TURNING_ASCII = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"
_SIGNS_ASCII = {"✓": "+", "✗": "x"}


class Screen:
    """Draws on one terminal. The cursor is always at the beginning of the line below what was drawn."""

    def __init__(self, stream: TextIO, names: Sequence[str]) -> None:
        """``names``: those of the hosts; empty where they are not shown."""
        self._stream, self._has_names = stream, bool(names)
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False)
        self._longest = max((cell_len(printable(each)) for each in names), default=0)
        self._is_unicode = self._console.encoding.startswith("utf")
        self._turning = itertools.cycle(_TURNING if self._is_unicode else _TURNING_ASCII)
        self._widths: list[int] = []
        """The widths of the rows that are on the screen."""

    @property
    def most_rows(self) -> int:
        """How many rows may be drawn: some lines above them stay in sight."""
        return max(1, min(_MOST_ROWS, self._console.height // 2))

    def draw(self, lines: Sequence[tuple[str, str]], rows: Sequence[Row]) -> None:
        """Write lines, each with the host that it is about, and below them these rows in the place of the former."""
        size = self._console.size
        turning = next(self._turning)
        drawn = [self._row(each, min(size.width - 1, _WIDEST), turning) for each in rows]
        with self._console.capture() as capture:
            for host, line in lines:
                for text in self._line(host, line, size.width):
                    self._console.print(text, soft_wrap=True)
            for text in drawn:
                self._console.print(text, soft_wrap=True)
        self._stream.write(self._erased(size.width, size.height) + capture.get())
        self._stream.flush()
        self._widths = [text.cell_len for text in drawn]

    def _erased(self, width: int, height: int) -> str:
        """What erases the rows. A terminal that became narrower has broken them into several lines."""
        lines = sum(max(1, -(-each // width)) for each in self._widths)
        return f"\x1b[{min(lines, height - 1)}A\r\x1b[J" if lines else ""

    def _row(self, row: Row, width: int, turning: str) -> Text:
        name = min(self._longest, _WIDEST_NAME, width // 3)
        if row.kind == "counts":
            text = Text(f"  {row.text}", "dim")
            text.truncate(width, overflow=self._overflow)
            return text
        sign, host = " " if row.kind == "news" else turning, printable(row.host) if self._has_names else ""
        start = Text.assemble((sign, "cyan"), " ", (_cut(host, name, self._is_unicode), "bold"))
        start.pad_right(max(0, 2 + name - start.cell_len) + (2 if self._has_names else 0))
        text = Text(printable(row.text), "dim" if row.kind == "news" else "")
        room = width - start.cell_len - (cell_len(row.seconds) + 2 if row.seconds else 0)
        text.truncate(max(0, room), overflow=self._overflow, pad=bool(row.seconds))
        return Text.assemble(start, text, (f"  {row.seconds}" if row.seconds else "", "dim"))

    def _line(self, host: str, line: str, width: int) -> list[Text]:
        """A line that stays, broken between words; below a host's name nothing is written."""
        sign, style = _sign(line)
        body = Text("\n".join(map(printable, one_stop(line).split("\n"))))
        if line.startswith("warning: "):
            body.stylize("yellow", 0, len("warning:"))
        sign = sign if self._is_unicode else _SIGNS_ASCII.get(sign, sign)
        name = printable(host) if self._has_names else ""
        start = Text.assemble((sign, style), " ", (name, "bold"))
        if self._has_names:
            start.pad_right(max(0, 2 + min(self._longest, width // 3) - start.cell_len) + 2)
        if width - start.cell_len < _NARROWEST_LINE and start.cell_len > 2:
            start.rstrip()
            return [*start.wrap(self._console, width), *_indented(body, self._console, width, 4)]
        first, *rest = _indented(body, self._console, width, start.cell_len)
        return [Text.assemble(start, first[start.cell_len :]), *rest]

    @property
    def _overflow(self) -> Literal["ellipsis", "crop"]:
        return "ellipsis" if self._is_unicode else "crop"


def _sign(line: str) -> tuple[str, str]:
    """The sign before a line, and its style."""
    if isinstance(line, Ended):
        return ("✓", "green") if line.is_ok else ("✗", "bold red")
    return ("!", "yellow") if line.startswith("warning: ") else (" ", "")


def _indented(text: Text, console: Console, width: int, indent: int) -> list[Text]:
    """The text, broken between words, every line with so many blanks before it."""
    return [Text.assemble(" " * indent, line) for line in text.wrap(console, max(1, width - indent))] or [Text()]


def _cut(name: str, width: int, is_unicode: bool) -> str:
    """A name that is too long for its column without its middle: what tells hosts apart is often at the end."""
    if cell_len(name) <= width:
        return name
    middle = "…" if is_unicode else "~"
    left = (width - 1) // 2
    return f"{name[:left]}{middle}{name[len(name) - (width - 1 - left) :]}"
