"""Text that is not ours, as it may be printed and quoted.

Shared with the roles (Python 3.9, standard library only).
"""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with nothing in it that a terminal obeys: bytes that are not UTF-8 as ``\\xff``, controls escaped."""
    plain = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in plain)


def clause(text: str) -> str:
    """The words of another program, to be quoted in a sentence of ours: without blanks around and a final full stop."""
    return text.strip().rstrip(". ")
