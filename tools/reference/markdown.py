"""Pieces of Markdown that the generated pages are made of."""

from collections.abc import Iterable, Sequence


def head(title: str, source: str, *paragraphs: str) -> list[str]:
    """The first lines of a page: what it is made from, its title, and what a reader should know."""
    comment = f"<!-- Written by `python -m tools.reference` from {source}: edit that, not this page. -->"
    return [comment, f"# {title}", "", *(line for each in paragraphs for line in (each, ""))]


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table and an empty line; nothing without rows."""
    cells = [[each.replace("|", "\\|").replace("\n", " ").strip() for each in row] for row in rows]
    if not cells:
        return []
    lines = [columns, ["---"] * len(columns), *cells]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def code(text: str) -> str:
    """Inline code."""
    return f"`{text}`"


def block(text: str, language: str = "text") -> list[str]:
    """A block of code and an empty line."""
    return [f"```{language}", *text.rstrip().splitlines(), "```", ""]
