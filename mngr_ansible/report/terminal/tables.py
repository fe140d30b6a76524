"""A table as lines of a terminal: what changes first, what is fine in one line, every row as wide as there is room."""

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from mngr_ansible.portable.text import printable
from mngr_ansible.report.page import Row, Table, Tone
from mngr_ansible.report.terminal.look import STYLES, Look
from mngr_ansible.report.terminal.words import broken, padded, sentences, wrapped
from mngr_ansible.values import frozen

_PLAN: tuple[Tone, ...] = ("change", "done", "open", "warning", "problem", "idle", "fine")
_RUN: tuple[Tone, ...] = ("done", "fine", "idle", "change", "open", "warning", "problem")
"""Failures come last after a run: there the eye is."""

_FOLDED = ("fine", "idle")
"""Rows that are one line together, unless all are to be shown."""

_GAP = "  "
_FULL = " (--full)"
"""Behind names that are not all there: the option that shows them."""

_NAMES = 3
"""So many lines are the names of hosts that are alike, unless all are to be shown."""

_LEAST = 16
"""So wide is a column at least where there is too little room for all."""

_NAME = 22
"""So wide is the column of names at least where ``why`` has a column beside it."""


def lines(table: Table, look: Look) -> Iterator[Text]:
    """The heading, and every row."""
    if table.title:
        yield from _heading(table, look)
    yield from (Text(f"  {each}", style="dim") for each in _names(table, look))
    rows = _ordered(table, look)
    yield from _Columns.of(rows, look).lines(rows, table.what)


def _heading(table: Table, look: Look) -> Iterator[Text]:
    """The title, what it is about, and at the margin the count; in two lines where one is too short."""
    title, count = printable(table.title), printable(table.count)
    about = printable(", ".join(filter(None, (table.about, f"in {table.place}" if table.place else ""))))
    free = look.margin - cell_len(title) - cell_len(count)
    if about and cell_len(about) + 5 <= free:
        gap = " " * (free - 3 - cell_len(about))
        yield Text().append(title, "bold").append(f"   {about}{gap}" if count else f"   {about}", "dim").append(count)
        return
    if not count:
        yield from (Text(each, style="bold") for each in broken(title, look.columns))
    elif free >= 2:
        yield Text().append(title, "bold").append(" " * free).append(count)
    else:
        yield from (Text(each, style="bold") for each in broken(title, look.columns))
        yield from (Text(f"  {each}") for each in wrapped(count, look.columns - 2))
    yield from (Text(f"  {each}", style="dim") for each in wrapped(about, look.columns - 2) if each)


def rank(table: Table) -> int:
    """Where a table stands among others: after a run failures come last, in a plan what needs nothing."""
    tones = {row.tone for row in table.rows}
    if table.is_run:
        return 2 if "problem" in tones else 1 if "idle" in tones and not tones & {"done", "fine"} else 0
    return int(tones <= {"fine", "idle"})


def _names(table: Table, look: Look) -> list[str]:
    """The hosts; of many hosts without a problem the first ones."""
    if not table.names:
        return []
    lines = list(wrapped(", ".join(map(printable, table.names)), look.margin - 2))
    if look.is_full or len(lines) <= _NAMES or any(row.tone == "problem" for row in table.rows):
        return lines
    return [f"{some(table.names, look.margin - 2 - len(_FULL))}{_FULL}"]


def _ordered(table: Table, look: Look) -> list[Row | tuple[Row, ...]]:
    """The rows in the order of a terminal; those that are one line are one group."""
    if not table.is_sorted:
        return [*table.rows]
    order = _RUN if table.is_run else _PLAN
    found: list[Row | tuple[Row, ...]] = []
    for tone in order:
        rows = [row for row in table.rows if row.tone == tone]
        if tone not in _FOLDED or look.is_full:
            found += rows
            continue
        for status in dict.fromkeys(row.status for row in rows):
            same = tuple(row for row in rows if row.status == status)
            found.append(same if len(same) > 1 else same[0])
    return found


@frozen
class _Columns:
    """How wide the columns of a table are. ``fact`` is that of a row's facts together; ``facts`` are their own columns,
    where there is room for them.

    A name that is longer than its column has a line of its own. What does not fit into the column of ``why`` is behind
    its row's facts, or below them.
    """

    look: Look
    status: int
    name: int
    facts: tuple[int, ...]
    fact: int
    why: int

    @classmethod
    def of(cls, rows: Sequence[Row | tuple[Row, ...]], look: Look) -> "_Columns":
        """As wide as the cells, or narrower where there is no room."""
        own = [row for row in rows if isinstance(row, Row)]
        status = _widest(row.status if isinstance(row, Row) else row[0].status for row in rows)
        facts = tuple(_widest(row.facts[index] for row in own if len(row.facts) == 3) for index in range(3))
        single = [row.facts[0] for row in own if len(row.facts) == 1]
        fact = max(_joined(facts), _widest(single))
        why, names = _widest(row.why for row in own), [cell_len(printable(row.name)) for row in own]
        room = look.columns - cls.indent_of(status)
        widest = max(names, default=0)
        if widest + fact + why + (2 * len(_GAP) if why else len(_GAP)) <= room:
            return cls(look, status, widest, facts, fact, why)
        together = [_GAP.join(filter(None, row.facts)) for row in own]
        fact = _widest(each for each in together if cell_len(each) <= 2 * _LEAST)
        most = room - fact - 2 * len(_GAP)
        beside = next((each for each in (min(why, 2 * _LEAST), min(why, _LEAST)) if each and most - each >= _NAME), 0)
        most = most - beside if beside else max(room - fact - len(_GAP), min(widest, 2 * _LEAST))
        name = max((each for each in names if each <= most), default=min(_LEAST, most))
        return cls(look, status, name, (), fact, room - name - fact - 2 * len(_GAP) if beside else 0)

    @staticmethod
    def indent_of(status: int) -> int:
        """Where names begin: behind two blanks, the sign and the status."""
        return 4 + status + len(_GAP)

    @property
    def indent(self) -> str:
        return " " * self.indent_of(self.status)

    def lines(self, rows: Sequence[Row | tuple[Row, ...]], what: str) -> Iterator[Text]:
        """Every row, and every group as one line; ``what``: what its rows are called."""
        for each in rows:
            yield from self._row(each) if isinstance(each, Row) else self._group(each, what)

    def _start(self, row: Row) -> Text:
        start = Text("  ").append(f"{self.look.sign(row)} {row.status}", STYLES[row.tone])
        return start.append(" " * (self.status - cell_len(row.status)) + _GAP)

    def _group(self, rows: Sequence[Row], what: str) -> Iterator[Text]:
        count = f"{len(rows)} {what}"
        room = self.look.margin - len(self.indent) - cell_len(count) - len(_GAP)
        names = [row.name for row in rows]
        shown = some(names, room)
        if shown != some(names, 10**6):
            shown = f"{some(names, room - len(_FULL))}{_FULL}"
        yield self._start(rows[0]).append(count + _GAP).append(shown, "dim")

    def _row(self, row: Row) -> Iterator[Text]:
        style = "" if row.tone in _FOLDED else "bold"
        names = broken(printable(row.name), self.look.columns - len(self.indent))
        beside = list(self._beside(row)) or [Text()]
        if len(names) > 1 or cell_len(names[0]) > self.name:
            cells = [*((name, Text()) for name in names), *(("", each) for each in beside)]
        else:
            cells = [(names[0] if index == 0 else "", each) for index, each in enumerate(beside)]
        for index, (name, words) in enumerate(cells):
            line = Text(self.indent) if index else self._start(row)
            line.append(name, style).append(" " * (self.name - cell_len(name)) + _GAP).append_text(words)
            line.rstrip()
            yield line
        if row.reason:
            yield from self._below(row.reason)
        yield from (Text("    ").append(line, _of_diff(line)) for line in row.diff.splitlines())

    def _beside(self, row: Row) -> Iterator[Text]:
        """What is right of the name: facts, and why; below them where it does not fit behind them."""
        room = self.look.columns - len(self.indent) - self.name - len(_GAP)
        facts, why = list(self._facts(row, room)), printable(row.why)
        last = facts.pop() if facts else Text()
        yield from facts
        gap = self.fact - last.cell_len
        is_in_column = gap >= 0 and not facts and self.why >= min(_LEAST, cell_len(why))
        if why and is_in_column:
            first, *rest = wrapped(why, self.why)
            yield last.append(" " * gap + _GAP).append(first, "dim")
            yield from (Text(" " * self.fact + _GAP).append(each, "dim") for each in rest)
        elif why and last.cell_len + len(_GAP) + cell_len(why) <= room:
            yield last.append(_GAP if last else "").append(why, "dim")
        else:
            yield last
            yield from (Text(each, style="dim") for each in wrapped(why, room) if why)

    def _facts(self, row: Row, room: int) -> Iterator[Text]:
        cells = [printable(each) for each in row.facts]
        widths = self.facts or [cell_len(each) for each in cells]
        if len(cells) == 3 and _joined(widths) <= room:
            line = Text()
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True)):
                if width:
                    line.append(_GAP if line else "").append(padded(cell, width), "dim" if index == 2 else "")
            line.rstrip()
            yield line
        elif words := _GAP.join(filter(None, cells)):
            yield from map(Text, wrapped(words, room))

    def _below(self, text: str) -> Iterator[Text]:
        """Words below a row; a command in them has a line of its own."""
        width = self.look.margin - len(self.indent)
        for piece, is_command in sentences(printable(text)):
            if is_command:
                yield Text(f"{self.indent}  ").append(piece, "bold")
            else:
                yield from (Text(self.indent + each) for each in wrapped(piece, width))


def _widest(cells: Iterable[str]) -> int:
    return max((cell_len(printable(each)) for each in cells), default=0)


def _joined(widths: Sequence[int]) -> int:
    """How wide columns are side by side; one without any cell takes no room."""
    return sum(widths) + len(_GAP) * max(0, sum(map(bool, widths)) - 1)


def some(names: Sequence[str], room: int) -> str:
    """As many of the names as there is room for, and how many more there are."""
    shown = list(map(printable, names))
    for count in range(len(shown), 0, -1):
        more = f" and {len(shown) - count} more" if count < len(shown) else ""
        if cell_len(line := ", ".join(shown[:count]) + more) <= room:
            return line
    return ""


def _of_diff(line: str) -> str:
    if line.startswith("@@"):
        return "cyan"
    return {"+": "green", "-": "red"}.get(line[:1], "dim")
