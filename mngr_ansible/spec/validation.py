"""What the fields of plugins' words and users' settings may hold, and how a wrong value is refused."""

import dataclasses
import os
import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mngr_ansible.errors import InputError

MANAGERS = ("apt", "dnf", "zypper", "pacman", "apk", "brew", "npm", "uv", "pipx", "pip", "installer", "archive")
_LATER_MANAGERS = ("cargo", "gem", "go")

_CHOICES: Mapping[str, Mapping[str, tuple[object, ...]]] = {
    "FileTransferSpec": {"symlinks": ("keep", "follow", "refuse"), "if_exists": ("replace", "keep", "backup")},
    "Check": {"kind": ("command", "package", "file", "python_module", "shell")},
    "Source": {"manager": MANAGERS + _LATER_MANAGERS, "scope": ("system", "user")},
    "PackageRequirement": {"install": (None, "auto", "print")},
}

_NOT_YET: Mapping[str, Mapping[str, tuple[object, ...]]] = {
    "Source": {"manager": MANAGERS},
    "Settings": {"playbooks": ((),)},
}
"""What the contract promises and this release does not do yet: class, field, the values that work today."""

_SHORT = reprlib.Repr(maxlevel=3, maxstring=200, maxother=200)
"""Says a value in bounded words: in YAML a few lines may stand for gigabytes."""

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9+._-]*[A-Za-z0-9+._])?"
_OWNER = r"[A-Za-z_][A-Za-z0-9_.-]*\$?|[0-9]{1,10}"
REQUIREMENT = re.compile(rf"\s*({_NAME})\s*((?:[<>=!~].*)?)", re.DOTALL)
"""A requirement's string form: a name, and the text of a version set."""


def refused(owner: object, field: str, value: object, why: str, remedy: str) -> InputError:
    """The error for a field of a specification; its class names the field."""
    return InputError(f"{type(owner).__name__}.{field}: {_SHORT.repr(value)} {why}", remedy=remedy)


def is_supported(owner: str, field: str, value: object) -> bool:
    """Whether this release acts on that value of a class's field, as the contract promises."""
    works = _NOT_YET.get(owner, {}).get(field)
    return works is None or value in works


def check_choices(owner: Any) -> None:
    """Refuse a field that holds none of its words, or one that is not supported yet."""
    kind = type(owner).__name__
    for field, allowed in _CHOICES.get(kind, {}).items():
        if (value := getattr(owner, field)) not in allowed:
            words = ", ".join(str(choice) for choice in allowed if choice is not None)
            raise refused(owner, field, value, "is not known", f"Use one of: {words}.")
    for field in _NOT_YET.get(kind, {}):
        if not is_supported(kind, field, value := getattr(owner, field)):
            raise refused(owner, field, value, "is not supported yet", f"Leave {field} out in this release.")


def check_types(owner: Any, /, **expected: type | tuple[type, ...]) -> None:
    """Refuse a field that is of none of its types, or text that is not Unicode. A bool is no int."""
    for field, wanted in expected.items():
        value, types = getattr(owner, field), wanted if isinstance(wanted, tuple) else (wanted,)
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            names = " or ".join("nothing" if each is type(None) else each.__name__ for each in types)
            raise refused(owner, field, value, f"is not {names}", f"Give {names}.")
        if os.PathLike not in types:
            _check_text(owner, field, value)


def strings(owner: object, field: str, values: object) -> tuple[str, ...]:
    """A field's list of texts as a tuple."""
    if isinstance(values, str) or not isinstance(values, Sequence) or not all(isinstance(each, str) for each in values):
        raise refused(owner, field, values, "is not a list of strings", "Give a list of strings.")
    for each in values:
        _check_text(owner, field, each)
    return tuple(values)


def _check_text(owner: object, field: str, value: object) -> None:
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise refused(owner, field, value, "is not Unicode text", "Give text.") from None


def check_name(owner: object, field: str, name: str) -> None:
    """Refuse what is not the plain name of a package."""
    if not re.fullmatch(_NAME, name):
        remedy = "Give one plain name: no option, pattern, path or list."
        raise refused(owner, field, name, "is not a package's name", remedy)


def check_owner(owner: object, field: str, name: str | None) -> None:
    """Refuse what is neither the name nor the number of a user or group. Source: useradd(8), "CAVEATS"."""
    if name is not None and not re.fullmatch(_OWNER, name):
        raise refused(
            owner, field, name, "is no user's or group's name or number", "Give a name such as agent, or 1000."
        )


def check_patterns(owner: object, field: str, patterns: Sequence[str], kind: Callable[[Sequence[str]], object]) -> None:
    """Refuse gitignore patterns that do not parse; ``kind`` compiles them."""
    for pattern in patterns:
        try:
            kind([pattern])
        except ValueError:
            remedy = "Write it as in a .gitignore file."
            raise refused(owner, field, pattern, "is not a pattern", remedy) from None


def parse_mode(text: object) -> int:
    """A file mode from an octal string (``"0640"``, ``"640"``, ``"0o640"``) or from an int by its value.

    Raises:
        ValueError: it is neither, or has bits above 0777.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        mode = text
    elif isinstance(text, str) and re.fullmatch(r"(0o)?[0-7]{1,5}", text):
        mode = int(text, 8)
    else:
        raise ValueError("is not an octal string such as '0640', nor an int")
    if not 0 <= mode <= 0o777:
        raise ValueError("has bits outside 0777")
    return mode


def normal_remote_path(text: str) -> str:
    """A destination as text: ``..`` and ``.`` and double slashes resolved, no trailing slash, ``~/`` kept in front.

    ``"."`` is work_dir itself; ``"~/"`` is the home itself, and so is ``"~"``, which is what a ``Path`` makes of it.
    Else only a leading ``~/`` means a home; ``~root`` and ``$X`` are names.
    Source: docs/contract.md "Data", ``remote_path``.

    Raises:
        ValueError: it is empty, holds NUL or newline, is ``/``, is too long, or leaves work_dir or home.
    """
    if not text:
        raise ValueError("is empty")
    if "\0" in text or "\n" in text:
        raise ValueError("holds a NUL or a newline")
    prefix, rest = ("~/", text[2:]) if text == "~" or text.startswith("~/") else ("", text)
    plain = os.path.normpath(rest.lstrip("/") if prefix else rest) if rest else "."
    if plain.startswith("//"):
        plain = plain[1:]
    if plain == ".." or plain.startswith("../"):
        raise ValueError(f"leaves {'the home directory' if prefix else 'work_dir'} through '..'")
    if plain == "/":
        raise ValueError("is the root directory")
    if not prefix and (plain == "~" or plain.startswith("~/")):
        raise ValueError("has a directory named '~' in front, which reads as the home; write it from / on")
    try:
        encoded = os.fsencode(plain)
    except UnicodeEncodeError:
        raise ValueError("has a character that no path can hold") from None
    if len(encoded) > 4000 or any(len(part) > 255 for part in encoded.split(b"/")):
        raise ValueError("is too long for a path")
    return "~/" if prefix and plain == "." else prefix + plain


def normal_local_path(text: str) -> str:
    """A source as text, as it was given.

    Raises:
        ValueError: it is empty, or no path can be written like that.
    """
    if not text or "\0" in text:
        raise ValueError("is empty or holds a NUL")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise ValueError("has a character that no path can hold") from None
    return text


def nearest(word: str, known: Sequence[str]) -> str:
    """``" (did you mean X?)"`` for a word that is nearly a known one, else an empty string."""
    import difflib

    close = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def from_mapping[T](cls: type[T], mapping: Mapping[str, Any], *, required: Sequence[str]) -> T:
    """A specification from a mapping; unknown keys are refused with the nearest known one.

    Raises:
        InputError: an unknown key, a required one that is missing, or what the class itself refuses.
    """
    known = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for key in mapping:
        if key not in known:
            hint = nearest(str(key), known)
            raise InputError(f"{cls.__name__}: unknown key {key!r}{hint}", remedy=f"Known keys: {', '.join(known)}.")
    for key in required:
        if key not in mapping:
            raise InputError(f"{cls.__name__}: {key} is missing in {dict(mapping)!r}", remedy=f"Give {key}.")
    return cls(**mapping)
