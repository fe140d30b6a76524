"""A page as the text that a terminal gets. Foreign words are never read as markup: everything is a ``Text``."""

import io
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from mngr_ansible.portable.text import one_stop, printable
from mngr_ansible.report.page import (
    Block,
    Commands,
    Note,
    Page,
    Pairs,
    Problem,
    Section,
    Summary,
    Table,
    Verbatim,
)
from mngr_ansible.report.terminal import tables
from mngr_ansible.report.terminal.look import STYLES, Look
from mngr_ansible.report.terminal.words import padded, sentences, wrapped


def text(page: Page, look: Look) -> str:
    """The page with an empty line between its blocks, without a newline at its end.

    Of several tables those with failures, and those of a plan that need nothing, come last.
    """
    console = look.console()
    blocks = _ordered(page)
    for index, block in enumerate(blocks):
        if index and not _is_close(blocks[index - 1], block):
            console.print()
        for line in _lines(block, look):
            console.print(line, soft_wrap=True)
    assert isinstance(console.file, io.StringIO)  # noqa: S101 - it is the one of Look
    return console.file.getvalue().removesuffix("\n")


def _ordered(page: Page) -> Sequence[Block]:
    """The blocks, with tables of hosts in the order of what they mean; all tables stand together."""
    found = [each for each in page if isinstance(each, Table)]
    if len(found) < 2 or not all(each.is_sorted for each in found):
        return page
    start = page.index(found[0])
    return [*page[:start], *sorted(found, key=tables.rank), *page[start + len(found) :]]


def _is_close(first: Block, second: Block) -> bool:
    """Whether two blocks stand together without an empty line."""
    return type(first) is type(second) and isinstance(first, Note | Verbatim)


def _lines(block: Block, look: Look) -> Iterator[Text]:
    match block:
        case Table():
            yield from tables.lines(block, look)
        case Summary():
            yield from _summary(block, look)
        case Note():
            yield from _note(block, look)
        case Commands(lines, title):
            if title:
                yield from (Text(each) for each in wrapped(printable(title), look.margin))
            yield from (Text("  " if title else "").append(printable(each), "bold" if title else "") for each in lines)
        case Problem():
            yield from _problem(block, look)
        case Pairs(rows):
            width = max((cell_len(printable(name)) for name, _ in rows), default=0)
            for name, words in rows:
                start = Text().append(padded(printable(name), width), "bold")
                yield from _hanging(start, printable(words), width + 2, look)
        case Section():
            yield from _section(block, look)
        case Verbatim(words):
            yield Text(words)


def _note(note: Note, look: Look) -> Iterator[Text]:
    start = f"{note.label}: " if note.label else ""
    indent = " " * len(start)
    for piece, is_command in sentences(printable(note.text)):
        if is_command:
            yield Text(f"{indent}  ").append(piece, "bold")
            continue
        for line in wrapped(piece, look.margin - len(start)):
            yield Text().append(start, "cyan").append(line)
            start = indent
    if note.command:
        yield Text("  ").append(printable(note.command), "bold")


def _section(section: Section, look: Look) -> Iterator[Text]:
    yield from _hanging(Text().append(printable(section.title), "bold"), printable(section.about), 2, look)
    for label, words in section.lines:
        start = Text("  ").append(printable(label.rstrip()), "cyan")
        yield from _hanging(start, printable(words), 4 if label else 2, look, gap=1 if label else 0)


def _hanging(start: Text, words: str, indent: int, look: Look, gap: int = 2) -> Iterator[Text]:
    """Words behind ``start``; their further lines begin at ``indent``."""
    if not words:
        yield start
        return
    first = start.cell_len + gap
    filler = "\0" * max(0, first - indent)  # stands for the start while words are counted
    for index, line in enumerate(wrapped(filler + words, look.columns - indent)):
        if index == 0:
            yield start.append(" " * gap).append(line.lstrip("\0"))
        else:
            yield Text(" " * indent).append(line)


def _summary(summary: Summary, look: Look) -> Iterator[Text]:
    yield Text(printable(summary.title), style="bold")
    numbers = max((len(str(part.count)) for part in summary.parts), default=0)
    width = numbers + 1 + max((cell_len(part.word) for part in summary.parts), default=0)
    more = max((cell_len(part.more) for part in summary.parts), default=0)
    for part in summary.parts:
        style = STYLES[part.tone]
        words = f"{part.count:>{numbers}} {part.word}"
        line = Text("  ").append(look.sign_of(part.tone), style).append(f" {padded(words, width)}", style)
        names = tables.some(part.names, look.margin - line.cell_len - more - 4)
        line.append(f"  {padded(part.more, more)}" if more else "")
        line.append(f"  {names}", "dim")
        line.rstrip()
        yield line


def _problem(error: Problem, look: Look) -> Iterator[Text]:
    place = f"{error.place}: " if error.place else ""
    first, *listing = one_stop(f"{place}{error.problem}").split("\n")
    start = "error: "
    width = look.margin - len(start)
    for index, line in enumerate(wrapped(printable(first), width)):
        yield Text().append(" " * len(start) if index else start, "bold red").append(line, "bold")
    for line in listing:
        indent = len(line) - len(line.lstrip(" "))
        for index, part in enumerate(wrapped(printable(line.lstrip(" ")), width - indent - 2)):
            yield Text(" " * (len(start) + indent + (2 if index else 0)) + part)
    if error.names:
        names = ", ".join(map(printable, error.names))
        yield from (Text(" " * (len(start) + 2) + line) for line in wrapped(names, width - 2))
    for paragraph in one_stop(error.remedy).split("\n"):
        for piece, is_command in sentences(printable(paragraph)):
            if is_command:
                yield Text(" " * (len(start) + 2)).append(piece, "bold cyan")
            else:
                yield from (Text(" " * len(start) + each) for each in wrapped(piece, width))
