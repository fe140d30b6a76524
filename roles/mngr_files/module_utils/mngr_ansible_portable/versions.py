"""Upstream versions, compared with each other and with a range; ``printed_versions`` reads them from a text.

Shared with the roles (Python 3.9, standard library only). An *upstream* version is what the author of a program calls
it: ``2.39.5``, where Debian's package is ``1:2.39.5-0+deb12u2``. All comparisons of versions are made here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import range_notations
from .regular_expressions import regex

if TYPE_CHECKING:
    from collections.abc import Iterable

_PRE = r"(?:dev|nightly|snapshot|canary|ea|alpha|beta|preview|prerelease|pre|rc)"
_NO_HASH = r"(?!ea(?:[0-9]+[a-z]|[0-9]{3}))"
"""Not a commit's hash, which may begin with ``ea``: ``2026.10.01-ea42d21`` is a release, ``21-ea`` an early access."""
SUFFIX = rf"(?:[._~-]?{_NO_HASH}{_PRE}(?![A-Za-z])[.-]?[0-9]*|_[0-9]+|(?!r[0-9]{{4}})[a-z](?![A-Za-z])[0-9]*)*"
"""What may follow the numbers of a version: ``rc1``, ``p2``, ``_392``, a letter. Part of a regular expression."""
NUMBERS = rf"[0-9]+(?:\.[0-9]+)+{SUFFIX}"
"""A version with a dot, as a part of a regular expression."""
NUMBER = rf"[0-9]+{SUFFIX}(?=$|[\s,;()\"'])"
"""A version without a dot, with what must follow it."""

_VALID = regex(r"[vV]?[0-9][0-9A-Za-z.+~_-]{0,99}")
_PLAIN_RANGE = regex(r"\s*(?:(?:>=|<=|==|!=|>|<)\s*v?[0-9]+(?:\.[0-9]+)*\s*(?:,(?=\s*[<>=!])|\Z))*\s*")
"""Most ranges: there is nothing of another tool in them."""
_CLAUSE = regex(r"\s*(>=|<=|==|!=|>|<)\s*(\S*)\s*")

_PACKAGING = regex(
    r"[+~.](?:dfsg|ds(?![a-z])|repack|bpo|deb[0-9]|debian|ubuntu|nmu|ppa|esm).*|\+b[0-9]+$|~[0-9]+(?:build[0-9]+)?$"
)
_REALLY = regex(r"\A.*really")
_LONGEST = 500
"""Characters of a package's version that are read: some patterns need time that grows with the square of the length."""

_RELEASE = regex(r"\A([0-9]+(?:\.[0-9]+)*?)((?:\.0+)*)(?![0-9]|\.[0-9])")
_WORD = regex(rf"(?<=[0-9])[._~-]?{_NO_HASH}({_PRE})(?![A-Za-z])[._-]?", re.IGNORECASE)
_LETTER = regex(r"(?<=[0-9])(?!-[ab][0-9]{6})[._~-]?([ab])[._-]?(?=[0-9]+(?![0-9A-Za-z]))", re.IGNORECASE)
_POST = regex(r"(?<=[0-9])[._-](?=post(?![A-Za-z]))", re.IGNORECASE)
_PIECE = regex(r"([^0-9]*)([0-9]*)")
_PHASES = {
    **dict.fromkeys(("dev", "nightly", "snapshot", "canary", "ea"), "~~dev"),
    **dict.fromkeys(("a", "alpha"), "~alpha"),
    **dict.fromkeys(("b", "beta"), "~beta"),
    **dict.fromkeys(("pre", "preview", "prerelease"), "~pre"),
    "rc": "~rc",
}


def is_snap_placeholder(version: str) -> bool:
    """Whether it is that of a package of Ubuntu which contains no program and installs a snap: ``1:1snap1-0ubuntu5``.

    Source: packages.ubuntu.com, "firefox", "chromium-browser", "thunderbird".
    """
    return re.match(r"(?:\d+:)?\d*snap\d", version) is not None


def upstream(package_version: str) -> str:
    """The upstream version in a package's version: without epoch, distribution revision and packaging suffixes.

    ``1:2.39.5-0+deb12u2`` is ``2.39.5``, ``1.2.13.dfsg-1`` is ``1.2.13``, ``3.2+really3.1-1`` is ``3.1``.

    Source: Debian policy 5.6.12. Why packages' versions are not compared whole: docs/decisions.md "Versions".
    """
    version = re.sub(r"^[0-9]+:", "", package_version.strip()[:_LONGEST])
    version = version.rpartition("-")[0] or version
    version = _REALLY.sub("", version)
    return _PACKAGING.sub("", version)


def is_readable(version: str) -> bool:
    """Whether this text is a version: a digit first (after at most one ``v``), no blanks, at most 100 characters."""
    return _VALID.fullmatch(version.strip()) is not None


def compare(a: str, b: str) -> int:
    """-1, 0 or 1: whether version ``a`` is before, equal to or after ``b``. A total order on all texts.

    The order is Debian's (numbers by value, ``~`` before everything, letters before other characters), with these
    additions: a leading ``v`` and trailing ``.0`` are ignored. ``dev < alpha < beta < pre < rc`` come before the
    release, with or without a separator. A letter alone comes after the release (``1.1.1w``, ``3.3a``); ``a`` and ``b``
    with a number come before it (``1.0b2``).
    """
    left, right = _key(a), _key(b)
    return (left > right) - (left < right)


class Range:
    """A set of versions between two bounds, without some: ``>=2.39,<3,!=2.40``. Immutable.

    Two ranges are equal if their bounds and holes are equal; ``2.39`` and ``2.39.0`` are the same version.

    Attributes:
        lower: ``(version, is_included)``, or None for no bound.
        upper: the same.
        holes: versions between the bounds that are not in the set, sorted.
    """

    __slots__ = ("holes", "lower", "upper")

    lower: tuple[str, bool] | None
    upper: tuple[str, bool] | None
    holes: tuple[str, ...]

    def __init__(self, clauses: Iterable[tuple[str, str]] = ()) -> None:
        """Make a range from pairs of operator and version, which are not checked (:meth:`parse` checks them)."""
        lower: tuple[str, bool] | None = None
        upper: tuple[str, bool] | None = None
        holes: dict[_Key, str] = {}
        for operator, version in clauses:
            if operator in (">", ">=", "=="):
                lower = _tighter(lower, (version, operator != ">"), 1)
            if operator in ("<", "<=", "=="):
                upper = _tighter(upper, (version, operator != "<"), -1)
            if operator == "!=":
                holes[_key(version)] = _shorter(version, holes.get(_key(version), version))
        lower = (lower[0], lower[1] and _key(lower[0]) not in holes) if lower else None
        upper = (upper[0], upper[1] and _key(upper[0]) not in holes) if upper else None
        if lower and upper:
            order = compare(lower[0], upper[0])
            if order > 0 or (order == 0 and not (lower[1] and upper[1])):
                lower, upper, holes = ("0", False), ("0", False), {}
            elif order == 0:
                lower = upper = (_shorter(lower[0], upper[0]), True)
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)
        inside = (key for key in sorted(holes) if self._side(key) == 0)
        object.__setattr__(self, "holes", tuple(holes[key] for key in inside))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name}: a Range is immutable")

    def __reduce__(self) -> tuple[object, ...]:
        """For ``pickle`` and ``copy``, which would set the attributes."""
        return type(self), (self._clauses(),)

    @classmethod
    def parse(cls, text: str) -> Range:
        """Read ``>=2.39,<3``: clauses of ``>= > <= < == !=`` and a version, joined by commas; ``""`` is any version.

        Raises:
            ValueError: with a sentence that says what is wrong and what to write instead.
        """
        clauses = []
        if not _PLAIN_RANGE.fullmatch(text):
            translated = range_notations.translation(text)
            if translated:
                raise ValueError(f"{text.strip()!r} is not supported; {translated}")
        for clause in text.split(",") if text.strip() else ():
            match = _CLAUSE.fullmatch(clause)
            if not match:
                raise ValueError(_unsupported(clause.strip()))
            if not match[2]:
                raise ValueError(f"{clause.strip()!r} has no version; write a number after {match[1]}")
            if not is_readable(match[2]):
                hint = "; leave out the epoch, upstream versions are compared" if ":" in match[2] else ""
                raise ValueError(f"{match[2]!r} is not a version{hint}")
            clauses.append((match[1], match[2].lstrip("vV")))
        return cls(clauses)

    def __str__(self) -> str:
        """The normal form, which :meth:`parse` reads back: lower bound, upper bound, holes."""
        return ",".join(operator + version for operator, version in self._clauses())

    def __repr__(self) -> str:
        return f"Range.parse({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Range) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    @property
    def is_any(self) -> bool:
        """Whether every version is in it, also an unreadable one."""
        return not (self.lower or self.upper or self.holes)

    @property
    def is_empty(self) -> bool:
        """Whether no version can be in it."""
        return bool(self.lower and self.upper) and self.lower == self.upper == ("0", False)

    def intersect(self, other: Range) -> Range:
        """The versions that are in both."""
        return Range([*self._clauses(), *other._clauses()])

    def contains(self, version: str) -> bool:
        """Whether this version is in it; an unreadable one is only in the range of all versions."""
        return self.judge(version) == "ok"

    def judge(self, version: str | None) -> str:
        """``ok``, ``too-old`` or ``too-new``; ``unknown`` if the version is None or unreadable, unless all are allowed.

        A hole counts as too old: between the bounds there is always a higher version that is allowed.
        """
        if self.is_any:
            return "ok"
        if version is None or not is_readable(version):
            return "unknown"
        key = _key(version)
        side = self._side(key)
        if side == 0 and any(key == _key(hole) for hole in self.holes):
            return "too-old"
        return ("too-old", "ok", "too-new")[side + 1]

    def _side(self, key: _Key) -> int:
        """-1 below the lower bound, 1 above the upper one, else 0."""
        if self.lower and (key < _key(self.lower[0]) or (key == _key(self.lower[0]) and not self.lower[1])):
            return -1
        if self.upper and (key > _key(self.upper[0]) or (key == _key(self.upper[0]) and not self.upper[1])):
            return 1
        return 0

    def _clauses(self) -> list[tuple[str, str]]:
        if self.lower and self.lower == self.upper and self.lower[1]:
            return [("==", self.lower[0])]
        lower = [(">=" if self.lower[1] else ">", self.lower[0])] if self.lower else []
        upper = [("<=" if self.upper[1] else "<", self.upper[0])] if self.upper else []
        return [*lower, *upper, *(("!=", hole) for hole in self.holes)]

    def _identity(self) -> tuple[object, ...]:
        return tuple((operator, _key(version)) for operator, version in self._clauses())


def _unsupported(clause: str) -> str:
    """The message for a clause without one of our operators, with what to write instead."""
    if is_readable(clause):
        return f"{clause!r} has no operator; write '>={clause}' or '=={clause}'"
    if not clause:
        return "a version set has an empty part; remove the comma that is too many"
    return f"{clause!r} is not supported; use one of >= > <= < == != and a version, such as '>=2.39'"


_Piece = tuple[tuple[int, ...], int, str]
_Key = tuple[_Piece, ...]


def _key(version: str) -> _Key:
    """A sort key: pairs of non-digits (in Debian's order) and digits (by value); the last one is empty."""
    plain = re.sub(r"^[vV](?=[0-9])", "", version.strip())
    plain = _RELEASE.sub(r"\1", plain)
    plain = _LETTER.sub(lambda match: _PHASES[match[1].lower()], plain)
    plain = _POST.sub("", _WORD.sub(lambda match: _PHASES[match[1].lower()], plain)).replace("_", "-")
    pieces = [
        ((*map(_weight, match[1]), 0), len(digits := match[2].lstrip("0")), digits)
        for match in _PIECE.finditer(plain)
        if match[0] or not plain
    ]
    return (*pieces, ((0,), 0, ""))


def _weight(character: str) -> int:
    """Debian policy 5.6.12: ``~`` before the end, then letters, then everything else."""
    if character == "~":
        return -1
    return ord(character) if character.isascii() and character.isalpha() else ord(character) + 256


def _tighter(old: tuple[str, bool] | None, new: tuple[str, bool], sign: int) -> tuple[str, bool]:
    """The narrower of two bounds; ``sign`` is 1 for lower bounds, -1 for upper ones. Of equal ones the shorter text."""
    if old is None:
        return new
    order = compare(new[0], old[0]) * sign or old[1] - new[1]
    if order == 0:
        return _shorter(old[0], new[0]), new[1]
    return new if order > 0 else old


def _shorter(a: str, b: str) -> str:
    return min((a, b), key=lambda text: (len(text), text))
