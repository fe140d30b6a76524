"""Shell scripts as they are sent to a host, and words of commands that a person pastes into a shell.

Shared with the roles (Python 3.9, standard library only).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .regular_expressions import regex

if TYPE_CHECKING:
    from collections.abc import Iterable

_BEHIND_A_BRACE = regex(r"(?m)^([ \t]*\w+\(\) \{)[ \t]+#.*$")
_PLAIN = regex(r"[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*")
"""Words that no shell changes. zsh takes one that begins with ``=`` for the path of a command (zshexpn(1))."""


def without_comments(text: str) -> str:
    """The text of a script without its comments, which are for readers here and for ShellCheck: whole lines, and what
    is behind the first brace of a function."""
    lines = (line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))
    return _BEHIND_A_BRACE.sub(r"\1", "".join(lines))


def quote(word: str) -> str:
    """One word as sh, dash, bash and zsh read it, also when a person pastes it into a terminal.

    Nothing in it is expanded, and no control character is in the result: a word with one has the form ``$'\\012'``
    (bash, zsh, POSIX.1-2024; another shell takes it for another word, and runs nothing). Bytes that are no text come
    as ``surrogateescape`` has them.
    """
    if _PLAIN.fullmatch(word):
        return word
    if word.isprintable():
        return "'" + word.replace("'", "'\"'\"'") + "'"
    data = word.encode("utf-8", "surrogateescape")
    escaped = (chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\{byte:03o}" for byte in data)
    return f"$'{''.join(escaped)}'"


def join(words: Iterable[str]) -> str:
    """A command of these words, each quoted by :func:`quote`."""
    return " ".join(map(quote, words))
