"""A page as plain text, for pipes and files: every row in the order of the plan, nothing cut, nothing wrapped."""

from collections.abc import Iterator, Sequence

from mngr_ansible.portable.text import one_stop, printable
from mngr_ansible.report.page import (
    Block,
    Commands,
    Note,
    Page,
    Pairs,
    Problem,
    Row,
    Section,
    Summary,
    Table,
    Verbatim,
)

_COLUMNS = 80
"""Where a heading's count ends, and lines with names of hosts. Rows may be longer."""

_LEAST = 12
"""So wide is each column at least, where a longer cell is in it."""

_LONG = 40
"""So long is a name at most for which the names have a column."""


def text(page: Page) -> str:
    """The page as lines; there is an empty line between two hosts."""
    lines: list[str] = []
    for index, block in enumerate(page):
        if index and isinstance(block, Table) and isinstance(page[index - 1], Table):
            lines.append("")
        lines += _lines(block)
    return "\n".join(lines)


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Table():
            yield from _table(block)
        case Summary(title, parts):
            said = [f"{each.count} {each.word}{f' ({each.more})' if each.more else ''}" for each in parts]
            yield f"{title}: {', '.join(said)}"
        case Note(words, command, label):
            yield " ".join(map(printable, filter(None, (f"{label}:" if label else "", words, command))))
        case Commands(lines, title):
            if title:
                yield printable(title)
            yield from (f"{'  ' if title else ''}{printable(each)}" for each in lines)
        case Problem():
            yield from _problem(block)
        case Pairs(rows):
            width = max((len(name) for name, _ in rows), default=0)
            yield from (f"{printable(name):<{width}}  {printable(words)}" for name, words in rows)
        case Section(title, about, lines):
            yield printable(f"{title}: {about}" if about else title)
            yield from (f"  {printable(f'{label} {words}' if label else words)}" for label, words in lines)
        case Verbatim(words):
            yield words


def _problem(error: Problem) -> Iterator[str]:
    indent = " " * len("error: ")
    first, *rest = one_stop(f"{f'{error.place}: ' if error.place else ''}{error.problem}").split("\n")
    yield f"error: {printable(first)}"
    yield from (f"{indent}{printable(line)}" for line in rest if line)
    yield from listed(error.names, _COLUMNS, f"{indent}  ")
    yield from (f"{indent}{printable(line)}" for line in one_stop(error.remedy).split("\n") if line)


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield _heading(table)
    yield from listed(table.names, _COLUMNS, "    ")
    cells = [_cells(row) for row in table.rows]
    widths = _widths(cells)
    for row, line in zip(table.rows, cells, strict=True):
        aligned = [cell.ljust(width) for cell, width in zip(line, (*widths, 0), strict=True)]
        yield ("  " + "  ".join(aligned)).rstrip()
        if row.reason:
            yield f"    {printable(row.reason)}"
        yield from (f"    {line}" for line in row.diff.splitlines())


def _heading(table: Table) -> str:
    """What the table is about, and at the right margin what is to change or was changed."""
    place = f"in {table.place}" if table.place else ""
    left = printable(f"{table.title}   {', '.join(filter(None, (table.about, place)))}".rstrip())
    return f"{left}{table.count:>{max(len(table.count) + 2, _COLUMNS - len(left))}}".rstrip()


def _cells(row: Row) -> tuple[str, str, str, str]:
    return row.status, printable(row.name), printable("  ".join(filter(None, row.facts))), printable(row.why)


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """The widths of all columns but the last one. Where a row is too long for the line its cells move to the right, and
    the columns of the others stay where they are: a name that is very long, and facts for which there is no room."""
    status, name, facts, why = (max((len(row[index]) for row in rows), default=0) for index in range(4))
    room = _COLUMNS - 2 - 2 * 3 - status
    if name + facts + why > room:
        name = max((len(row[1]) for row in rows if len(row[1]) <= _LONG), default=_LEAST)
        facts = min(facts, max(room - _LEAST - name, _LEAST))
    return [status, name, facts]


def listed(names: Sequence[str], columns: int, blanks: str) -> Iterator[str]:
    """All the names in lines of so many columns."""
    line = ""
    for index, name in enumerate(names):
        word = printable(name) + ("," if index < len(names) - 1 else "")
        if line and len(blanks) + len(line) + 1 + len(word) > columns:
            yield blanks + line
            line = ""
        line = f"{line} {word}" if line else word
    if line:
        yield blanks + line
