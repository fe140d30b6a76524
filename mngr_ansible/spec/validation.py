"""Checks of the fields of specifications and settings, and the errors for wrong values.

A function here that takes ``(owner, field, value)`` raises ``InputError`` with class, field, value and a remedy; the
class is that of ``owner``.
"""

import dataclasses
import datetime as dt
import os
import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from mngr_ansible.errors import InputError
from mngr_ansible.portable import addresses, managers, validation
from mngr_ansible.portable.checks import KINDS

MANAGERS = (*managers.TABLE, "installer", "archive")
"""The managers that a source may name."""

_LATER_MANAGERS = ("cargo", "gem", "go")

_CHOICES: Mapping[str, Mapping[str, tuple[object, ...]]] = {
    "FileTransferSpec": {"symlinks": ("keep", "follow", "refuse"), "if_exists": ("replace", "keep", "backup")},
    "Check": {"kind": KINDS},
    "Source": {"manager": MANAGERS + _LATER_MANAGERS, "scope": ("system", "user")},
    "PackageRequirement": {"install": (None, "auto", "print")},
}
"""Class → field → the values that it may have."""

_SUPPORTED: Mapping[str, Mapping[str, tuple[object, ...]]] = {
    "Source": {"manager": MANAGERS},
    "Settings": {"playbooks": ((),)},
}
"""Class → field → the values that work in this release, where docs/contract.md promises more."""

_TYPE_NAMES: Mapping[type, str] = {str: "a string", bool: "true or false", int: "a number"}
"""Type → its name for people."""

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9+._-]*[A-Za-z0-9+._])?"
REQUIREMENT = re.compile(rf"\s*({_NAME})\s*((?:[<>=!~^].*)?)", re.DOTALL)
"""The string form of a requirement: a name, and the text of a version set."""

ONE_PLAIN_NAME = "Give one plain name: no option, pattern, path or list."

_LONGEST_NAME = 250
"""Characters of a package's name: the catalog looks for a file of that name, and a file name has 255 bytes at most."""


_OTHER_NAMES = {"apt-get": "apt", "yum": "dnf", "microdnf": "dnf", "yay": "pacman", "homebrew": "brew", "pip3": "pip"}
"""Names of programs that are not those of the managers → the manager that is meant."""


class _Repr(reprlib.Repr):
    def repr_str(self, x: str, level: int) -> str:
        return super().repr_str(addresses.redacted(x), level)  # before a long one is cut, perhaps in its login

    def repr_date(self, x: dt.date, _level: int) -> str:
        return x.isoformat()  # as YAML and TOML have it

    repr_datetime = repr_date


_short_repr = _Repr(maxlevel=3, maxstring=200, maxother=200)


def short_repr(value: object) -> str:
    """``repr`` of bounded length (a few lines of YAML may stand for gigabytes); addresses without login and query."""
    return _short_repr.repr(value)


def field_error(owner: object, field: str, value: object, problem: str, remedy: str) -> InputError:
    """The error for a field: ``Source.scope: 'mine' is not known``, for example."""
    return InputError(f"{type(owner).__name__}.{field}: {short_repr(value)} {problem}", remedy=remedy)


def is_supported(owner: str, field: str, value: object) -> bool:
    """Whether this release supports that value of a field of the class named ``owner``."""
    supported = _SUPPORTED.get(owner, {}).get(field)
    return supported is None or value in supported


def check_choices(owner: Any) -> None:
    """Refuse fields of ``owner`` whose value is not one of the allowed words, or is not supported yet."""
    kind = type(owner).__name__
    for field, allowed in _CHOICES.get(kind, {}).items():
        check_choice(owner, field, getattr(owner, field), allowed)


def check_choice(owner: object, field: str, value: object, allowed: Sequence[object]) -> None:
    """Refuse a value that is not one of the allowed words, or is not supported yet."""
    kind = type(owner).__name__
    supported = _SUPPORTED.get(kind, {}).get(field, allowed)
    if value not in supported:
        problem = "is not supported yet" if value in allowed else f"is not known{_meant(value, supported)}"
        words = ", ".join(str(each) for each in supported if each is not None)
        raise field_error(owner, field, value, problem, f"Use one of: {words}.")


def _meant(value: object, supported: Sequence[object]) -> str:
    """``" (did you mean X?)"`` for a word that is nearly one of those, or another name of it."""
    words = [each for each in supported if isinstance(each, str)]
    if not isinstance(value, str):
        return ""
    other = _OTHER_NAMES.get(value.lower())
    return f" (did you mean {other}?)" if other in words else nearest(value.lower(), words)


def check_types(owner: Any, /, **expected: type | tuple[type, ...]) -> None:
    """Refuse fields of ``owner`` that have none of their types. A bool is not an int; text must be Unicode."""
    for field, types in expected.items():
        check_type(owner, field, getattr(owner, field), types if isinstance(types, tuple) else (types,))


def check_type(owner: object, field: str, value: object, types: tuple[type, ...]) -> None:
    """Refuse a value that has none of these types. A bool is not an int; text must be Unicode, but for paths."""
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise _type_error(owner, field, value, types)
    if os.PathLike not in types:
        _check_unicode(owner, field, value)


def _type_error(owner: object, field: str, value: object, types: tuple[type, ...]) -> InputError:
    if os.PathLike in types:
        problem, remedy = "is not a path", _in_quotes(field, value) or "Give a path as a string."
        return field_error(owner, field, value, problem, remedy)
    names = " or ".join(_TYPE_NAMES[each] for each in types if each is not type(None))
    if str in types and (remedy := _in_quotes(field, value)):
        is_range = field == "version" and type(owner).__name__ == "PackageRequirement"
        if is_range and isinstance(value, (int, float)) and not isinstance(value, bool):
            remedy = f'Write it in quotes: version: "{value}"; or as a range: version: ">={value}".'
    elif types == (bool,):
        remedy = f"Write {field}: true or {field}: false, without quotes (in Python: True or False)."
    elif type(None) in types:
        remedy = f"Give {names}, or leave {field} out."
    else:
        remedy = f"Give {names}."
    return field_error(owner, field, value, f"is not {names}", remedy)


def _in_quotes(field: str, value: object) -> str:
    """The remedy for a value that YAML or TOML reads as something else than text; empty where quotes do not help."""
    if isinstance(value, bool):
        return f"Write it in quotes: without them, YAML reads yes, no, on and off as true and false ({field})."
    if isinstance(value, (int, float)):
        return f'Write it in quotes: {field}: "{value}".'
    if isinstance(value, dt.date):  # a datetime is one too
        return f'Write it in quotes: {field}: "{value.isoformat()}".'
    return ""


def _check_unicode(owner: object, field: str, value: object) -> None:
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            problem, remedy = (
                "is not valid Unicode text",
                "Remove the characters that are written as \\ud800 to \\udfff.",
            )
            raise field_error(owner, field, value, problem, remedy) from None


def strings(owner: object, field: str, values: object) -> tuple[str, ...]:
    """A list of strings as a tuple."""
    if isinstance(values, str) or not isinstance(values, Sequence) or not all(isinstance(each, str) for each in values):
        items = [] if isinstance(values, str) or not isinstance(values, Sequence) else values
        numbers = [each for each in items if isinstance(each, (int, float)) and not isinstance(each, bool)]
        remedy = f'{field} must be a list of strings, such as ["a", "b"].'
        remedy = f'Write it in quotes: "{numbers[0]}".' if numbers else remedy
        raise field_error(owner, field, values, "is not a list of strings", remedy)
    for each in values:
        _check_unicode(owner, field, each)
    return tuple(values)


def check_name(owner: object, field: str, name: str) -> None:
    """Refuse what is not the plain name of a package."""
    if len(name) > _LONGEST_NAME or not re.fullmatch(_NAME, name):
        raise field_error(owner, field, name, "is not a package name", _name_remedy(name))


def _name_remedy(name: str) -> str:
    with_version = REQUIREMENT.fullmatch(name)
    if with_version is not None and with_version[2]:
        return f'Give the versions apart: name: {with_version[1]}, version: "{with_version[2].strip()}".'
    if re.fullmatch(r"@[\w.-]+/[\w.-]+", name):
        return 'Give the name of the tool, and this package in its sources: {manager: npm, packages: ["' + name + '"]}.'
    return ONE_PLAIN_NAME


def user_or_group(owner: object, field: str, value: object) -> str | None:
    """The name or number of a user or group of the host, as text. Source: useradd(8), "CAVEATS"."""
    check_type(owner, field, value, (str, int, type(None)))
    if value is None:
        return None
    text = str(value)
    if not validation.is_user_or_group(text):
        remedy = "Give a name such as agent, or a number such as 1000."
        raise field_error(owner, field, value, "is not the name or number of a user or group", remedy)
    return text


def check_patterns(owner: object, field: str, patterns: Sequence[str], kind: Callable[[Sequence[str]], object]) -> None:
    """Refuse gitignore patterns that do not parse; ``kind`` compiles them."""
    for pattern in patterns:
        try:
            kind([pattern])
        except ValueError:
            remedy = "Write it as in a .gitignore file; see gitignore(5)."
            raise field_error(owner, field, pattern, "is not a gitignore pattern", remedy) from None


def mode(owner: object, field: str, value: object) -> int | None:
    """Permission bits, from an octal string (``"0640"``, ``"640"``, ``"0o640"``) or from an int by its value."""
    if value is None:
        return None
    bits = validation.mode_bits(value)
    if bits is None:
        raise field_error(owner, field, value, "is not a mode", f'Write octal digits in quotes: {field}: "0640".')
    if 0 <= bits <= validation.LARGEST_MODE:
        return bits
    if isinstance(value, int) and re.fullmatch(r"[0-7]{3}", str(value)):
        remedy = f'Write it in quotes: {field}: "0{value}" (in Python: 0o{value} or "0{value}").'
        raise field_error(owner, field, value, "is not a mode here", remedy)
    problem = "has bits outside 0777"
    remedy = 'Give permission bits only, from "0000" to "0777".'
    if isinstance(value, int) and value > 0:
        problem = f"is {value:#o}, which {problem}"
    raise field_error(owner, field, value, problem, remedy)


def local_path(owner: object, field: str, value: object) -> str:
    """The path of a source as text, as it was given."""
    text = _path_text(owner, field, value)
    try:
        return normal_local_path(text)
    except ValueError as error:
        raise field_error(owner, field, text, str(error), "Give the path of a file or directory.") from None


def remote_path(owner: object, field: str, value: object) -> str:
    """A destination as text, normalised; see :func:`normal_remote_path`."""
    text = _path_text(owner, field, value)
    try:
        return normal_remote_path(text)
    except ValueError as error:
        remedy = "Give a path below work_dir, one that starts with ~/, or an absolute one."
        raise field_error(owner, field, text, str(error), remedy) from None


def _path_text(owner: object, field: str, value: object) -> str:
    check_type(owner, field, value, (str, os.PathLike))
    return os.fspath(cast("str | os.PathLike[str]", value))


def normal_remote_path(text: str) -> str:
    """A destination as text: ``..`` and ``.`` and double slashes resolved, no trailing slash, ``~/`` kept in front.

    ``"."`` is work_dir itself; ``"~/"`` is the home itself, and so is ``"~"``, which is what a ``Path`` makes of it.
    Otherwise only a leading ``~/`` means a home; ``~root`` and ``$X`` are names.
    Source: docs/contract.md "Data", ``remote_path``.

    Raises:
        ValueError: it is empty, contains NUL or newline, is ``/``, is too long, or leaves work_dir or home.
    """
    if not text:
        raise ValueError("is empty")
    if "\0" in text or "\n" in text:
        raise ValueError("contains a NUL or a newline")
    prefix, rest = ("~/", text[2:]) if text == "~" or text.startswith("~/") else ("", text)
    plain = os.path.normpath(rest.lstrip("/") if prefix else rest) if rest else "."
    if plain.startswith("//"):
        plain = plain[1:]
    if plain == ".." or plain.startswith("../"):
        raise ValueError(f"leaves {'the home directory' if prefix else 'work_dir'} through '..'")
    if plain == "/":
        raise ValueError("is the root directory")
    if not prefix and (plain == "~" or plain.startswith("~/")):
        raise ValueError("starts with a directory named '~', which means the home; give the absolute path")
    try:
        encoded = os.fsencode(plain)
    except UnicodeEncodeError:
        raise ValueError("contains a character that is not allowed in a path") from None
    if len(encoded) > 4000 or any(len(part) > 255 for part in encoded.split(b"/")):
        raise ValueError("is too long for a path")
    return "~/" if prefix and plain == "." else prefix + plain


def normal_local_path(text: str) -> str:
    """A source as text, as it was given.

    Raises:
        ValueError: it is empty, or cannot be a path.
    """
    if not text:
        raise ValueError("is empty")
    if "\0" in text:
        raise ValueError("contains a NUL")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise ValueError("contains a character that is not allowed in a path") from None
    return text


def nearest(word: str, known: Sequence[str]) -> str:
    """``" (did you mean X?)"`` for a word that is similar to a known one, else an empty string."""
    close = most_similar(word, known)
    return f" (did you mean {close}?)" if close else ""


def most_similar(word: str, known: Sequence[str], least: float = 0.6) -> str:
    """The known word that a word may be a slip of; empty if none is at least so similar, by difflib's ratio."""
    import difflib

    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=least)), "")


def from_mapping[T](cls: type[T], mapping: Mapping[str, Any], *, required: Sequence[str]) -> T:
    """A specification from a mapping; unknown keys are refused with the nearest known one.

    Raises:
        InputError: an unknown key, a required one that is missing, or what the class itself refuses.
    """
    known = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for key in mapping:
        if key not in known:
            hint = nearest(str(key), known)
            remedy = f"Known keys: {', '.join(known)}."
            raise InputError(f"{cls.__name__}: unknown key {short_repr(key)}{hint}", remedy=remedy)
    for key in required:
        if key not in mapping:
            raise InputError(f"{cls.__name__}: {key} is missing in {short_repr(dict(mapping))}", remedy=f"Add {key}.")
    return cls(**mapping)
