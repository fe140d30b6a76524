"""Gitignore patterns: what of a source stays here, and which destinations the user keeps for himself.

``pathspec`` does the matching; this is its only owner.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any


class Patterns:
    """Gitignore patterns on the names inside one source. Source: gitignore(5)."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Compile the patterns.

        Raises:
            ValueError: one of them is no pattern.
        """
        self._spec = _compiled(tuple(lines))

    def excludes(self, relative: str, is_directory: bool) -> bool:
        """Whether this name, or a directory above it, is excluded; ``relative`` to the source."""
        return _matches(self._spec, relative, is_directory)


class DestinationPatterns:
    """Patterns on destinations, for ``exclude_files``. Source: docs/contract.md "mngr settings".

    ``~/x`` begins at the remote home and ``/x`` at the root; with an inner slash a pattern begins at work_dir, and
    without one it is a name anywhere. The last one that matches decides, ``!`` takes back.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        """Compile the patterns.

        Raises:
            ValueError: one of them is no pattern.
        """
        based = [_based(line) for line in lines]
        self._specs = {
            base: _compiled(tuple(pattern for place, pattern in based if place in (base, None)))
            for base in ("~/", "/", "")
        }

    def excludes(self, place: str, is_directory: bool) -> bool:
        """Whether this destination, as ``~/x``, ``/x`` or below work_dir, is excluded, or a directory above it."""
        base = "~/" if place.startswith("~/") else "/" if place.startswith("/") else ""
        relative = place[len(base) :]
        if relative in ("", "."):
            return False
        return _matches(self._specs[base], relative, is_directory)


def _matches(spec: Any, relative: str, is_directory: bool) -> bool:
    return bool(spec.match_file(_without_newlines(f"{relative}/" if is_directory else relative)))


def _without_newlines(text: str) -> str:
    """The same with a character that no name can hold: pathspec's ``*`` stops at a newline, git's does not."""
    return text.replace("\n", "\ud800")


def _based(line: str) -> tuple[str | None, str]:
    """Where a pattern begins (None: anywhere), and the pattern for what is below that."""
    sign, pattern = ("!", line[1:]) if line.startswith("!") else ("", line)
    if pattern.startswith("~/"):
        return "~/", f"{sign}/{pattern[2:]}"
    if pattern.startswith("/"):
        return "/", sign + pattern
    return ("" if "/" in pattern.rstrip("/") else None), sign + pattern


@cache
def _compiled(lines: tuple[str, ...]) -> Any:
    from pathspec import GitIgnoreSpec  # heavy, and most plans have no patterns

    # "a/**" is all that is in a, and not a itself: git goes into it for the sake of a later "!a/b".
    lines = tuple(_without_newlines(f"{line}/*" if line.endswith("/**") else line) for line in lines)
    return GitIgnoreSpec.from_lines(lines, backend="simple")  # the others take no names that are not UTF-8
