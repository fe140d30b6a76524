"""The contents of files as a diff may show them: text only, of limited size, harmless to a terminal.

Shared with the roles (Python 3.9, standard library only). The package and the role ``mngr_files`` both show what would
change in files; this is the rule for what they may show. Secrets are left out by the callers, who know which they are.
"""
# Names of any bytes: os speaks of them plainly.
# ruff: noqa: PTH123

from __future__ import annotations

import os

from .text import printable

LARGEST = 256 << 10
"""The largest content that a diff shows, in bytes."""

SECRET = "secret, not shown"  # noqa: S105 - words for people
NOT_TEXT = f"not text, or more than {LARGEST >> 10} KiB"


def as_text(content: bytes) -> str | None:
    """The content as printable text, control characters escaped; None if it is not UTF-8 text."""
    if b"\0" in content:
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))


def source_text(path: str) -> str | None:
    """The content of a local file as :func:`as_text` gives it; None if it is too large, unreadable or not text."""
    try:
        # O_NONBLOCK: a fifo that took the file's place must not block.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            content = file.read(LARGEST + 1)
    except OSError:
        return None
    return as_text(content) if len(content) <= LARGEST else None
