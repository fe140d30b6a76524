"""A page as every kind of stream shows it, in one text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mngr_ansible.report import plain
from mngr_ansible.report.terminal import writer
from mngr_ansible.report.terminal.look import Look

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mngr_ansible.report.page import Page

WIDTHS = (60, 80, 120)
ESCAPE = "␛"
"""Stands for the escape character, so that a file can be read."""

PLAIN = {"is_coloured": False, "is_styled": False}
FULL = "--full"


def screens(page: Page) -> Iterator[tuple[str, int, str]]:
    """The name, the width (0: none) and the text of every screen: a pipe, terminals without and with colour."""
    yield "pipe", 0, plain.text(page)
    for columns in WIDTHS:
        yield f"{columns} columns", columns, writer.text(page, Look(columns, **PLAIN))
    for columns in WIDTHS:
        yield f"{columns} columns, colour", columns, writer.text(page, Look(columns))
    full = writer.text(page, Look(80, **PLAIN, is_full=True))
    if full != writer.text(page, Look(80, **PLAIN)):
        yield f"80 columns, {FULL}", 80, full


def as_text(page: Page) -> str:
    """All screens, each below a line with its name."""
    blocks = [f"=== {name} ===\n{shown}\n" for name, _columns, shown in screens(page)]
    return "\n".join(blocks).replace("\x1b", ESCAPE)
