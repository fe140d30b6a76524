"""A page as the text that a terminal gets. Foreign words are never read as markup: everything is a ``Text``."""

import io
from collections.abc import Iterator

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
from mngr_ansible.report.terminal.words import broken, padded, sentences, wrapped


def text(page: Page, look: Look) -> str:
    """The page with an empty line between its blocks, without a newline at its end."""
    console = look.console()
    for index, block in enumerate(page):
        if index and not _is_close(page[index - 1], block):
            console.print()
        for line in _lines(block, look):
            console.print(line, soft_wrap=True)
    assert isinstance(console.file, io.StringIO)  # noqa: S101 - it is the one of Look
    return console.file.getvalue().removesuffix("\n")


def _is_close(first: Block, second: Block) -> bool:
    """Whether two blocks stand together without an empty line."""
    return type(first) is type(second) and isinstance(first, Note | Problem | Verbatim)


def _lines(block: Block, look: Look) -> Iterator[Text]:
    match block:
        case Table():
            yield from tables.lines(block, look)
        case Summary():
            yield from _summary(block, look)
        case Note(words, command):
            yield from (Text(each) for each in wrapped(printable(words), look.margin))
            if command:
                yield Text("  ").append(printable(command), "bold")
        case Commands(lines, title):
            if title:
                yield from (Text(each) for each in wrapped(printable(title), look.margin))
            yield from (Text("  " if title else "").append(printable(each), "bold" if title else "") for each in lines)
        case Problem():
            yield from _problem(block, look)
        case Pairs(rows):
            width = max((cell_len(printable(name)) for name, _ in rows), default=0)
            for name, words in rows:
                start = Text(padded(printable(name), width), style="bold")
                yield from _hanging(start, printable(words), width + 2, look)
        case Section(title, about, lines):
            yield from _hanging(Text(printable(title), style="bold"), printable(about), 2, look)
            for label, words in lines:
                start = Text("  ").append(printable(label.rstrip()), "cyan")
                yield from _hanging(start, printable(words), 4, look, gap=1 if label else 0)
        case Verbatim(words):
            yield Text(words)


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
    width = max((cell_len(f"{part.count} {part.word}") for part in summary.parts), default=0)
    numbers = max((len(str(part.count)) for part in summary.parts), default=0)
    for part in summary.parts:
        style = STYLES[part.tone]
        words = f"{part.count:>{numbers}} {part.word}"
        line = Text("  ").append(look.sign_of(part.tone), style).append(f" {padded(words, width)}", style)
        names = tables.some([printable(name) for name in part.names], look.margin - width - 6 - len(part.more) - 2)
        line.append(f"  {part.more}" if part.more else "")
        yield line.append(f"  {names}", "dim")


def _problem(error: Problem, look: Look) -> Iterator[Text]:
    place = f"{error.place}: " if error.place else ""
    first, *listing = one_stop(f"{place}{error.problem}").split("\n")
    start = "error: "
    width = look.margin - len(start)
    for index, line in enumerate(wrapped(printable(first), width)):
        if index == 0:
            yield Text(start, style="bold red").append(line, "bold")
        else:
            yield Text(" " * len(start)).append(line, "bold")
    for line in listing:
        body = printable(line)
        indent = len(body) - len(body.lstrip())
        for index, part in enumerate(broken(body.lstrip(), max(20, width - indent - 2))):
            yield Text(" " * (len(start) + indent + (2 if index else 0)) + part)
    for paragraph in one_stop(error.remedy).split("\n"):
        for piece, is_command in sentences(printable(paragraph)):
            if is_command:
                yield Text(" " * (len(start) + 2)).append(piece, "bold cyan")
            else:
                yield from (Text(" " * len(start) + each) for each in wrapped(piece, width))
