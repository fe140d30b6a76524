"""Shell scripts as they are sent to a host.

Shared with the roles (Python 3.9, standard library only).
"""

from __future__ import annotations


def without_comments(text: str) -> str:
    """The text of a script without the lines that are only a comment: they are for readers here and for ShellCheck."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))
