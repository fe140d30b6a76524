"""The fields of specifications: their types and words, and the sentences for a wrong one.

Shared with the roles (Python 3.9, standard library only). A manifest and the variables of the roles have the same keys,
so they have the same errors. ``kind`` is the name of a specification, such as ``Source``.
"""

from __future__ import annotations

import datetime as dt
import os
import reprlib
from collections.abc import Mapping, Sequence

from . import addresses, managers
from .checks import KINDS

MANAGERS = (*managers.TABLE, *managers.DOWNLOADS)
"""The managers that a source may name."""

_LATER_MANAGERS = ("cargo", "gem", "go")

_CHOICES: Mapping[str, Mapping[str, Sequence[object]]] = {
    "FileTransferSpec": {"symlinks": ("keep", "follow", "refuse"), "if_exists": ("replace", "keep", "backup")},
    "Check": {"kind": KINDS},
    "Source": {"manager": MANAGERS + _LATER_MANAGERS, "scope": ("system", "user")},
    "PackageRequirement": {"install": (None, "auto", "print")},
}
"""Kind → field → the values that it may have."""

_SUPPORTED: Mapping[str, Mapping[str, Sequence[object]]] = {
    "Source": {"manager": MANAGERS},
}
"""Kind → field → the values that work in this release, where docs/contract.md promises more."""

_TYPE_NAMES: Mapping[type, str] = {str: "a string", bool: "true or false", int: "a number"}
"""Type → its name for people."""

_OTHER_NAMES = {"apt-get": "apt", "yum": "dnf", "microdnf": "dnf", "yay": "pacman", "homebrew": "brew", "pip3": "pip"}
"""Names of programs that are not those of the managers → the manager that is meant."""


class SpecificationError(ValueError):
    """A specification has a wrong key, type or value.

    Attributes:
        problem: what is wrong, without a full stop.
        remedy: what to do about it, in whole sentences.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


class _Repr(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 3, 200, 200

    def repr_str(self, x: str, level: int) -> str:
        return super().repr_str(addresses.redacted(x), level)  # before a long one is cut, perhaps in its login

    def repr_date(self, x: dt.date, _level: int) -> str:
        return x.isoformat()  # as YAML and TOML have it

    repr_datetime = repr_date


_short_repr = _Repr()


def short_repr(value: object) -> str:
    """``repr`` of bounded length (a few lines of YAML may stand for gigabytes); addresses without login and query."""
    return _short_repr.repr(value)


def error(kind: str, field: str, value: object, problem: str, remedy: str) -> SpecificationError:
    """The error for a field: ``Source.scope: 'mine' is not known``, for example."""
    return SpecificationError(f"{kind}.{field}: {short_repr(value)} {problem}", remedy)


def is_supported(kind: str, field: str, value: object) -> bool:
    """Whether this release supports that value of a field."""
    supported = _SUPPORTED.get(kind, {}).get(field)
    return supported is None or value in supported


def check_choices(kind: str, values: Mapping[str, object]) -> None:
    """Refuse fields whose value is not one of the allowed words, or is not supported yet."""
    for field, allowed in _CHOICES.get(kind, {}).items():
        check_choice(kind, field, values[field], allowed)


def check_choice(kind: str, field: str, value: object, allowed: Sequence[object]) -> None:
    """Refuse a value that is not one of the allowed words, or is not supported yet."""
    supported = _SUPPORTED.get(kind, {}).get(field, allowed)
    if value not in supported:
        problem = "is not supported yet" if value in allowed else f"is not known{_meant(value, supported)}"
        words = ", ".join(str(each) for each in supported if each is not None)
        raise error(kind, field, value, problem, f"Use one of: {words}.")


def _meant(value: object, supported: Sequence[object]) -> str:
    """``" (did you mean X?)"`` for a word that is nearly one of those, or another name of it."""
    words = [each for each in supported if isinstance(each, str)]
    if not isinstance(value, str):
        return ""
    other = _OTHER_NAMES.get(value.lower())
    return f" (did you mean {other}?)" if other in words else nearest(value.lower(), words)


def check_type(kind: str, field: str, value: object, types: tuple[type, ...]) -> None:
    """Refuse a value that has none of these types. A bool is not an int; text must be Unicode, but for paths."""
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise _type_error(kind, field, value, types)
    if os.PathLike not in types:
        _check_unicode(kind, field, value)


def _type_error(kind: str, field: str, value: object, types: tuple[type, ...]) -> SpecificationError:
    if os.PathLike in types:
        problem, remedy = "is not a path", _in_quotes(field, value) or "Give a path as a string."
        return error(kind, field, value, problem, remedy)
    names = " or ".join(_TYPE_NAMES[each] for each in types if each in _TYPE_NAMES)
    if str in types and _in_quotes(field, value):
        remedy = _in_quotes(field, value)
        is_range = field == "version" and kind == "PackageRequirement"
        if is_range and isinstance(value, (int, float)) and not isinstance(value, bool):
            remedy = f'Write it in quotes: version: "{value}"; or as a range: version: ">={value}".'
    elif types == (bool,):
        remedy = f"Write {field}: true or {field}: false, without quotes (in Python: True or False)."
    elif type(None) in types:
        remedy = f"Give {names}, or leave {field} out."
    else:
        remedy = f"Give {names}."
    return error(kind, field, value, f"is not {names}", remedy)


def _in_quotes(field: str, value: object) -> str:
    """The remedy for a value that YAML or TOML reads as something else than text; empty where quotes do not help."""
    if isinstance(value, bool):
        return f"Write it in quotes: without them, YAML reads yes, no, on and off as true and false ({field})."
    if isinstance(value, (int, float)):
        return f'Write it in quotes: {field}: "{value}".'
    if isinstance(value, dt.date):  # a datetime is one too
        return f'Write it in quotes: {field}: "{value.isoformat()}".'
    return ""


def _check_unicode(kind: str, field: str, value: object) -> None:
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            problem, remedy = (
                "is not valid Unicode text",
                "Remove the characters that are written as \\ud800 to \\udfff.",
            )
            raise error(kind, field, value, problem, remedy) from None


def strings(kind: str, field: str, values: object) -> tuple[str, ...]:
    """A list of strings as a tuple."""
    if isinstance(values, str) or not isinstance(values, Sequence) or not all(isinstance(each, str) for each in values):
        items = [] if isinstance(values, str) or not isinstance(values, Sequence) else values
        numbers = [each for each in items if isinstance(each, (int, float)) and not isinstance(each, bool)]
        remedy = f'{field} must be a list of strings, such as ["a", "b"].'
        remedy = f'Write it in quotes: "{numbers[0]}".' if numbers else remedy
        raise error(kind, field, values, "is not a list of strings", remedy)
    for each in values:
        _check_unicode(kind, field, each)
    return tuple(values)


def items(kind: str, field: str, values: object, example: str) -> Sequence[object]:
    """The values of a field that is a list of specifications."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise error(kind, field, values, "is not a list", f"{field} must be a list, such as {example}.")
    return values


def nearest(word: str, known: Sequence[str]) -> str:
    """``" (did you mean X?)"`` for a word that is similar to a known one, else an empty string."""
    close = most_similar(word, known)
    return f" (did you mean {close}?)" if close else ""


def most_similar(word: str, known: Sequence[str], least: float = 0.6) -> str:
    """The known word that a word may be a slip of; empty if none is at least so similar, by difflib's ratio."""
    import difflib

    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=least)), "")


def check_keys(kind: str, mapping: Mapping[str, object], known: Sequence[str], required: Sequence[str]) -> None:
    """Refuse a mapping with an unknown key (with the nearest known one), or without a required one."""
    for key in mapping:
        if key not in known:
            hint = nearest(str(key), known)
            raise SpecificationError(f"{kind}: unknown key {short_repr(key)}{hint}", f"Known keys: {', '.join(known)}.")
    for key in required:
        if key not in mapping:
            raise SpecificationError(f"{kind}: {key} is missing in {short_repr(dict(mapping))}", f"Add {key}.")
