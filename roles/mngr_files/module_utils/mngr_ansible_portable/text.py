"""Text from files, hosts and other programs: how it is printed and quoted.

Shared with the roles (Python 3.9, standard library only).
"""

from __future__ import annotations

from .regular_expressions import regex

_TWO_STOPS = regex(r"(?<!\S)([^\s/]*[^\s/.])\.\.(?=\s|$)")
"""A word with two full stops, as where a message that is a sentence was put into one. ``a/..`` is a path."""


def printable(text: str) -> str:
    """The text, safe for a terminal: control characters escaped, and bytes that are not UTF-8 as ``\\xff``."""
    if text.isprintable():  # nearly every text is
        return text
    plain = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in plain)


def clause(text: str) -> str:
    """Another program's message for use inside a sentence: without blanks at its ends and without its full stop."""
    return text.strip().rstrip(". ")


def one_stop(text: str) -> str:
    """The text with one full stop at the end of each sentence, also where another program's message had one."""
    return _TWO_STOPS.sub(r"\1.", text)
