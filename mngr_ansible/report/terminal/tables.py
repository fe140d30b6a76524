"""A table as lines of a terminal: what changes first, what is fine in one line, every row as wide as there is room."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from mngr_ansible.portable.text import printable
from mngr_ansible.report.page import Row, Table, Tone
from mngr_ansible.report.terminal.look import STYLES, Look
from mngr_ansible.report.terminal.words import broken, padded, sentences, wrapped

_PLAN: tuple[Tone, ...] = ("change", "done", "open", "warning", "problem", "idle", "fine")
_RUN: tuple[Tone, ...] = ("done", "fine", "idle", "change", "open", "warning", "problem")
"""Failures come last after a run: there the eye is."""

_FOLDED = ("fine", "idle")
"""Rows that are one line together, unless all are to be shown."""

_GAP = "  "


def lines(table: Table, look: Look) -> Iterator[Text]:
    """The heading, and every row."""
    if table.title:
        yield from _heading(table, look)
    if table.names:
        names = ", ".join(map(printable, table.names))
        yield from (Text(f"  {each}", style="dim") for each in wrapped(names, look.columns - 2))
    yield from _Layout.of(table.rows, look).lines(_folded(table, look))


def _heading(table: Table, look: Look) -> Iterator[Text]:
    title, count = Text(printable(table.title), style="bold"), printable(table.count)
    about = printable(f"{table.about}, in {table.place}" if table.place else table.about)
    width = min(look.columns, look.margin)
    if title.cell_len + 3 + cell_len(about) + 2 + cell_len(count) <= width:
        title.append(f"   {about}" if about else "", "dim")
        yield title.append(" " * (width - title.cell_len - cell_len(count))).append(count)
        return
    if title.cell_len + 2 + cell_len(count) <= width:
        yield title.append(" " * (width - title.cell_len - cell_len(count))).append(count)
    else:
        yield from (Text(each, style="bold") for each in broken(title.plain, look.columns))
        yield from (Text(f"  {each}") for each in wrapped(count, look.columns - 2))
    yield from (Text(f"  {each}", style="dim") for each in wrapped(about, look.columns - 2) if each)


def _folded(table: Table, look: Look) -> list[Row | tuple[Row, ...]]:
    """The rows in the order of a terminal; those that are one line are one group."""
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


class _Layout:
    """The columns of a table: status, name, three facts, why."""

    def __init__(self, look: Look, status: int, name: int, facts: Sequence[int], fact: int, why: int) -> None:
        self.look, self.status, self.name, self.facts, self.fact, self.why = look, status, name, facts, fact, why

    @classmethod
    def of(cls, rows: Sequence[Row], look: Look) -> "_Layout":
        """As wide as the widest cells, and narrower where there is no room: first ``why`` goes below the row."""
        shown = [row for row in rows if look.is_full or row.tone not in _FOLDED] or rows[:1]
        status = max((cell_len(row.status) for row in rows), default=0)
        names = max((cell_len(printable(row.name)) for row in shown), default=0)
        several = [row.facts for row in shown if len(row.facts) > 1]
        facts = [
            max((cell_len(printable(each[index])) for each in several if index < len(each)), default=0)
            for index in range(3)
        ]
        fact = max(
            sum(facts) + len(_GAP) * max(0, sum(map(bool, facts)) - 1),
            max((cell_len(printable(row.facts[0])) for row in shown if len(row.facts) == 1), default=0),
        )
        why = max((cell_len(printable(row.why)) for row in shown), default=0)
        room = look.columns - 6 - status
        if names + fact + why + 4 <= room:
            return cls(look, status, names, facts, fact, why)
        names = min(names, max(24, room - 2 - min(fact, 26)))
        left = room - names - 2
        if fact + 2 + min(why, 24) <= left:
            return cls(look, status, names, facts, fact, left - fact - 2)
        return cls(look, status, names, facts if fact <= left else (), min(fact, left), 0)

    @property
    def indent(self) -> int:
        return 6 + self.status

    def lines(self, rows: Sequence[Row | tuple[Row, ...]]) -> Iterator[Text]:
        for each in rows:
            yield from self._row(each) if isinstance(each, Row) else self._group(each)

    def _start(self, row: Row) -> Text:
        style = STYLES[row.tone]
        return Text("  ").append(self.look.sign(row), style).append(" ").append(padded(row.status, self.status), style)

    def _group(self, rows: Sequence[Row]) -> Iterator[Text]:
        count = f"{len(rows)} steps"
        room = self.look.columns - self.indent - cell_len(count) - 2
        names = some([printable(row.name) for row in rows], room)
        yield self._start(rows[0]).append(f"{_GAP}{count}").append(f"{_GAP}{names}", "dim")

    def _row(self, row: Row) -> Iterator[Text]:
        is_quiet = row.tone in _FOLDED
        name = broken(printable(row.name), self.name)
        facts = list(self._facts(row))
        why = list(wrapped(printable(row.why), self.why)) if self.why and row.why else []
        for index in range(max(len(name), len(facts), len(why), 1)):
            line = self._start(row) if index == 0 else Text(" " * (self.indent - 2))
            cell = padded(name[index] if index < len(name) else "", self.name)
            line.append(_GAP).append(cell, "" if is_quiet else "bold")
            line.append(_GAP).append(padded(facts[index] if index < len(facts) else "", self.fact))
            line.append(_GAP).append(why[index] if index < len(why) else "", "dim")
            line.rstrip()
            yield line
        if row.why and not self.why:
            yield from self._below(printable(row.why), "dim")
        if row.reason:
            yield from self._below(printable(row.reason), "")
        yield from (Text("    ").append(line, _of_diff(line)) for line in row.diff.splitlines())

    def _facts(self, row: Row) -> Iterator[str]:
        cells = [printable(each) for each in row.facts]
        if len(cells) > 1 and self.facts:
            yield _GAP.join(
                padded(each, width) for each, width in zip(cells, self.facts, strict=False) if width
            ).rstrip()
        elif cells:
            yield from wrapped(_GAP.join(filter(None, cells)), self.fact)

    def _below(self, text: str, style: str) -> Iterator[Text]:
        """Words below a row; a command in them has a line of its own."""
        width = min(self.look.columns, self.look.margin) - self.indent
        for piece, is_command in sentences(text):
            if is_command:
                yield Text(" " * self.indent).append(piece, "bold")
            else:
                yield from (Text(" " * self.indent).append(each, style) for each in wrapped(piece, width))


def some(names: Sequence[str], room: int) -> str:
    """As many names as there is room for, and how many more there are."""
    for count in range(len(names), 0, -1):
        more = f" and {len(names) - count} more" if count < len(names) else ""
        if cell_len(line := ", ".join(names[:count]) + more) <= room:
            return line
    return ""


def _of_diff(line: str) -> str:
    if line.startswith("@@"):
        return "cyan"
    return {"+": "green", "-": "red"}.get(line[:1], "dim")
