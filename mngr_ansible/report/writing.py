"""Which writer a stream gets: plain text for pipes and files, :mod:`.terminal` for terminals."""

import os
from typing import TYPE_CHECKING, TextIO

from mngr_ansible.report import plain
from mngr_ansible.report.page import Page

if TYPE_CHECKING:
    from mngr_ansible.report.terminal.look import Look


def is_terminal(stream: TextIO | None) -> bool:
    """Whether people look at this stream; ``FORCE_COLOR`` says so of every stream. Source: force-color.org.

    ``FORCE_COLOR=0`` does not: many programs take it so, and nobody means the opposite.
    """
    if stream is None:
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    try:
        return stream.isatty()
    except ValueError:  # it is closed
        return False


def written(page: Page | str, stream: TextIO | None, *, is_full: bool = False) -> str:
    """The page as this stream gets it, text as it is; ``is_full``: in a terminal too with every row."""
    if isinstance(page, str):
        return page
    if not is_terminal(stream) or stream is None:
        return plain.text(page)
    from mngr_ansible.report.terminal import writer

    return writer.text(page, look_of(stream, _columns(stream), is_full=is_full))


def look_of(stream: TextIO, columns: int, *, is_full: bool = False) -> "Look":
    """How a terminal of so many columns shows things."""
    from mngr_ansible.report.terminal.look import Look

    kind = os.environ.get("TERM", "")
    return Look(
        columns,
        is_coloured=not os.environ.get("NO_COLOR"),
        is_styled=kind not in ("dumb", "unknown"),
        has_unicode=kind != "linux" and (stream.encoding or "").lower().startswith(("utf-", "utf8")),
        is_full=is_full,
    )


def _columns(stream: TextIO) -> int:
    """The width of the terminal, at least 60: ``COLUMNS``, what the terminal says, or 80."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return max(60, int(given))
    try:
        return max(60, os.get_terminal_size(stream.fileno()).columns or 80)
    except (OSError, ValueError, AttributeError):
        return 80
