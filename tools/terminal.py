"""A terminal's screen: what a program wrote to it, as the lines that a person sees at the end.

For pictures (:mod:`tools.pictures`), and for tests of what redraws its lines, such as live progress. Only what rich and
our own code write is known: text, ``\\r``, ``\\n``, colours, and moving and erasing within the lines.
"""

import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from rich.ansi import AnsiDecoder
from rich.cells import cell_len
from rich.text import Text

_PIECE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()].|\x1b.|(.)", re.DOTALL)
"""A control sequence (its parameters and its letter), another escape, or one character. Source: ECMA-48."""

_Cell = tuple[str, str]
"""What stands in a cell, and the SGR sequences since the last reset. The second cell of a wide character is empty."""


class Screen:
    """A terminal with so many columns and no end below: nothing scrolls away.

    Attributes:
        columns: the width; longer lines go on in the next one.
        is_cursor_shown: False between ``\\x1b[?25l`` and ``\\x1b[?25h``.
    """

    def __init__(self, columns: int) -> None:
        self.columns, self.is_cursor_shown = columns, True
        self._lines: list[list[_Cell]] = [[]]
        self._row = self._column = 0
        self._style = ""

    def write(self, text: str) -> None:
        """Take what a program writes."""
        for parameters, letter, character in _PIECE.findall(text):
            if letter:
                self._control(parameters, letter)
            elif character == "\n":
                self._go_to(self._row + 1, self._column)
            elif character == "\r":
                self._column = 0
            elif character == "\b":
                self._column = max(0, self._column - 1)
            elif character == "\t":
                self._column = min(self.columns - 1, self._column // 8 * 8 + 8)
            elif character.isprintable():
                self._put(character)

    def lines(self) -> list[Text]:
        """The lines with their colours, without blank ones at the end."""
        texts = [AnsiDecoder().decode_line("".join(_runs(line))) for line in self._lines]
        while texts and not texts[-1].plain.strip():
            texts.pop()
        return texts

    def text(self) -> str:
        """The lines without their colours, and without blanks at their ends."""
        return "\n".join(each.plain.rstrip() for each in self.lines())

    def _put(self, character: str) -> None:
        width = cell_len(character)
        if width == 0:  # it combines with the one before
            if self._column:
                cell, style = self._lines[self._row][self._column - 1]
                self._lines[self._row][self._column - 1] = (cell + character, style)
            return
        if self._column + width > self.columns:
            self._go_to(self._row + 1, 0)
        line = self._lines[self._row]
        line += [(" ", "")] * (self._column + width - len(line))
        line[self._column : self._column + width] = [(character, self._style), ("", self._style)][:width]
        self._column += width

    def _go_to(self, row: int, column: int) -> None:
        self._row, self._column = max(0, row), max(0, min(column, self.columns - 1))
        while len(self._lines) <= self._row:
            self._lines.append([])

    def _control(self, parameters: str, letter: str) -> None:
        count = int(parameters) if parameters.isdecimal() else 0
        match letter:
            case "m":
                is_reset = parameters in ("", "0")
                self._style = "" if is_reset else f"{self._style}\x1b[{parameters}m"
            case "A" | "F":
                self._go_to(self._row - max(1, count), 0 if letter == "F" else self._column)
            case "B" | "E":
                self._go_to(self._row + max(1, count), 0 if letter == "E" else self._column)
            case "C" | "D":
                self._go_to(self._row, self._column + max(1, count) * (1 if letter == "C" else -1))
            case "G":
                self._go_to(self._row, max(1, count) - 1)
            case "K":
                self._erase_in_line(count)
            case "J":
                self._erase_in_line(count)
                if count == 0:
                    del self._lines[self._row + 1 :]
            case "h" | "l" if parameters == "?25":
                self.is_cursor_shown = letter == "h"

    def _erase_in_line(self, count: int) -> None:
        line = self._lines[self._row]
        if count in (0, 2):
            del line[self._column :]
        if count in (1, 2):
            line[: self._column] = [(" ", "")] * min(self._column, len(line))


def _runs(line: Sequence[_Cell]) -> Iterator[str]:
    """The line again as a program would write it, each of its colours once."""
    for style, cells in groupby(line, key=lambda cell: cell[1]):
        text = "".join(cell for cell, _ in cells)
        yield f"{style}{text}\x1b[0m" if style else text


def run_in_terminal(
    command: Sequence[str],
    *,
    columns: int,
    rows: int = 40,
    environment: Mapping[str, str] | None = None,
    directory: str | os.PathLike[str] | None = None,
    timeout: float = 300,
) -> tuple[Screen, int]:
    """Run a command whose three streams are one terminal; its screen at the end, and its exit code.

    Args:
        command: its words.
        columns: how wide the terminal is.
        rows: how high it is, for programs that ask; the screen has no end.
        environment: instead of this process's own; ``TERM`` and ``COLORTERM`` are set, ``COLUMNS`` is not.
        directory: where it is run; None: here.
        timeout: seconds.

    Raises:
        TimeoutError: it went on for longer than ``timeout`` seconds; it was ended.
    """
    import fcntl
    import pty
    import struct
    import termios

    variables = dict(os.environ if environment is None else environment)
    variables |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
        if environment is None or name not in environment:
            variables.pop(name, None)
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        command, stdin=inner, stdout=inner, stderr=inner, env=variables, cwd=directory, start_new_session=True
    )
    os.close(inner)
    screen, written, end = Screen(columns), b"", time.monotonic() + timeout
    try:
        while True:
            if time.monotonic() > end:
                raise TimeoutError(f"{command[0]} went on for longer than {timeout:g} s")
            if not select.select([outer], [], [], 1)[0]:
                continue
            try:
                piece = os.read(outer, 65536)
            except OSError:  # every process that had the terminal has ended
                break
            if not piece:
                break
            written += piece
    finally:
        os.close(outer)
        if process.poll() is None:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    screen.write(written.decode("utf-8", "replace"))
    return screen, process.returncode
