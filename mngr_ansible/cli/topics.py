"""The verb ``help``: the help of a command, or a topic. The topics are pages of the documentation, ``docs/help``."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mngr_ansible.cli.options import VERBS
from mngr_ansible.cli.parser import columns, parser
from mngr_ansible.content.location import content_directory
from mngr_ansible.errors import UsageError
from mngr_ansible.spec.validation import nearest

_WIDEST = 100
"""Columns of text that is still read easily."""


def topics() -> dict[str, Path]:
    """Each topic and its page, in the order of their names."""
    return {each.stem: each for each in sorted((content_directory() / "docs/help").glob("*.md"))}


def help_text(word: str | None) -> str:
    """What ``help`` prints: about a command, about a topic, or which there are.

    Raises:
        UsageError: it is neither a command nor a topic.
    """
    known = topics()
    if word is None:
        width = max(map(len, known))
        titles = [f"  {name:<{width}}   {title(page)}" for name, page in known.items()]
        return "\n".join([parser("--help").format_help(), "topics (mngr-ansible help TOPIC):", *titles])
    if word in VERBS:
        return parser(word).verbs[word].format_help().rstrip("\n")
    if word not in known:
        hint = nearest(word, [*VERBS, *known])
        remedy = f"Topics: {', '.join(known)}. Commands: {', '.join(VERBS)}."
        raise UsageError(
            f"there is no help about {word!r}{hint}", remedy=f"{remedy}\nExample: mngr-ansible help manifest"
        )
    return plain_text(known[word].read_text("utf-8"), min(columns(), _WIDEST))


def title(page: Path) -> str:
    """The heading of a page, which says what it is about."""
    return page.read_text("utf-8").partition("\n")[0].removeprefix("# ")


def plain_text(markdown: str, width: int) -> str:
    """A page as text for a terminal: headings, paragraphs, lists, code and tables, as ``docs/help`` uses them."""
    lines = re.sub(r"<!--.*?-->\n?", "", markdown, flags=re.DOTALL).split("\n")
    return "\n\n".join("\n".join(_block(each, width)) for each in _blocks(lines))


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    """What blank lines separate; those inside of code do not."""
    block: list[str] = []
    is_code = False
    for line in [*lines, ""]:
        is_code ^= line.startswith("```")
        if line or is_code:
            block.append(line)
        elif block:
            yield block
            block = []


def _block(lines: Sequence[str], width: int) -> Iterator[str]:
    first = lines[0]
    if first.startswith("#"):
        title = _inline(first.lstrip("# "))
        yield title.upper() if first.startswith("##") else title
        if rest := lines[1:]:
            yield from _block(rest, width)
    elif first.startswith("```"):
        yield from (f"    {each}".rstrip() for each in lines[1:-1])
    elif first.startswith("|"):
        yield from _table(
            [[_inline(cell.strip()) for cell in re.split(r"(?<!\\)\|", each.strip().strip("|"))] for each in lines],
            width,
        )
    elif first.startswith("- "):
        for item in re.split(r"\n(?=- )", "\n".join(lines)):
            yield from _wrapped(_inline(item[2:]), width, "- ", "  ")
    else:
        yield from _wrapped(_inline(" ".join(lines)), width)


def _table(rows: list[list[str]], width: int) -> Iterator[str]:
    """The rows below the head: the first cell, and the others beside it."""
    body = rows[2:]
    first = max(len(row[0]) for row in body)
    for row in body:
        text = "; ".join(filter(None, row[1:]))
        yield from _wrapped(text, width, f"  {row[0]:<{first}}   ", " " * (first + 5))


def _wrapped(text: str, width: int, first: str = "", other: str = "") -> list[str]:
    import textwrap

    return textwrap.wrap(
        " ".join(text.split()),
        width,
        initial_indent=first,
        subsequent_indent=other,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _inline(text: str) -> str:
    """Text without marks: code, emphasis, and links to other pages, which ``help TOPIC`` shows by name."""
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    return re.sub(r"\*\*([^*]+)\*\*|`([^`]+)`", lambda found: found[1] or found[2], text).replace("\\|", "|")
