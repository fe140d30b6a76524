"""Gitignore patterns: on names inside a source (``exclude``), and on destinations (``exclude_files``).

``pathspec`` does the matching; only this module uses it.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any


class Patterns:
    """Gitignore patterns on the names inside one source. Source: gitignore(5)."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Compile the patterns.

        Raises:
            ValueError: one of them is not a pattern.
        """
        self._spec = _compiled(tuple(lines))

    def excludes(self, relative: str, is_directory: bool) -> bool:
        """Whether a path relative to the source, or a directory above it, is excluded."""
        return _matches(self._spec, relative, is_directory)


class DestinationPatterns:
    """Patterns on destinations, for ``exclude_files``. Source: docs/contract.md "mngr settings".

    ``~/x`` starts at the remote home and ``/x`` at the root; another pattern with an inner slash starts at work_dir; a
    pattern without one matches a name anywhere. The last pattern that matches decides; ``!`` includes again.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        """Compile the patterns.

        Raises:
            ValueError: one of them is not a pattern.
        """
        split = [_split_base(line) for line in lines]
        self._specs = {
            base: _compiled(tuple(pattern for own_base, pattern in split if own_base in (base, None)))
            for base in ("~/", "/", "")
        }

    def excludes(self, destination: str, is_directory: bool) -> bool:
        """Whether a destination, or a directory above it, is excluded; given as ``~/x``, ``/x`` or below work_dir."""
        base = "~/" if destination.startswith("~/") else "/" if destination.startswith("/") else ""
        relative = destination[len(base) :]
        if relative in ("", "."):
            return False
        return _matches(self._specs[base], relative, is_directory)


def _matches(spec: Any, relative: str, is_directory: bool) -> bool:
    return bool(spec.match_file(_without_newlines(f"{relative}/" if is_directory else relative)))


def _without_newlines(text: str) -> str:
    """Newlines replaced by a character that no name contains: pathspec's ``*`` stops at a newline, git's does not."""
    return text.replace("\n", "\ud800")


def _split_base(line: str) -> tuple[str | None, str]:
    """The base where a pattern starts (None: anywhere), and the pattern for paths below that base."""
    sign, pattern = ("!", line[1:]) if line.startswith("!") else ("", line)
    if pattern.startswith("~/"):
        return "~/", f"{sign}/{pattern[2:]}"
    if pattern.startswith("/"):
        return "/", sign + pattern
    return ("" if "/" in pattern.rstrip("/") else None), sign + pattern


@cache
def _compiled(lines: tuple[str, ...]) -> Any:
    from pathspec import GitIgnoreSpec  # imported here: it is slow to load, and most plans have no patterns

    # "a/**" matches everything in a but not a itself, so that a later "!a/b" can include a name again.
    lines = tuple(_without_newlines(f"{line}/*" if line.endswith("/**") else line) for line in lines)
    try:
        return GitIgnoreSpec.from_lines(lines, backend="simple")  # only this backend accepts names that are not UTF-8
    except re.error as error:  # pathspec checks brackets only when it compiles: [z-a]
        raise ValueError(str(error)) from error
