"""Checks of the fields of specifications and settings, and the errors for wrong values.

A function here that takes ``(owner, field, value)`` raises ``InputError`` with class, field, value and a remedy; the
class is that of ``owner``. What the roles check too is in ``portable.fields`` and ``portable.requirements``.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from mngr_ansible.errors import InputError
from mngr_ansible.portable import fields, validation
from mngr_ansible.system.names import as_bytes, normal_name
from mngr_ansible.values import fields_of

MANAGERS = fields.MANAGERS
short_repr, nearest, most_similar, is_supported = (
    fields.short_repr,
    fields.nearest,
    fields.most_similar,
    fields.is_supported,
)


@contextmanager
def refusals() -> Iterator[None]:
    """What the shared rules refuse, as ``InputError``.

    Raises:
        InputError: a rule inside refused something.
    """
    try:
        yield
    except fields.SpecificationError as error:
        raise InputError(error.problem, remedy=error.remedy) from None


def set_checked(owner: Any, rule: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    """Set the fields of ``owner``, a frozen value, to what a rule of ``portable.requirements`` returns for them."""
    with refusals():
        checked = rule(fields_of(owner))
    for field, value in checked.items():
        object.__setattr__(owner, field, value)


def field_error(owner: object, field: str, value: object, problem: str, remedy: str) -> InputError:
    """The error for a field: ``Source.scope: 'mine' is not known``, for example."""
    made = fields.error(type(owner).__name__, field, value, problem, remedy)
    return InputError(made.problem, remedy=made.remedy)


def check_choices(owner: Any) -> None:
    """Refuse fields of ``owner`` whose value is not one of the allowed words, or is not supported yet."""
    with refusals():
        fields.check_choices(type(owner).__name__, fields_of(owner))


def check_type(owner: object, field: str, value: object, types: tuple[type, ...]) -> None:
    """Refuse a value that has none of these types. A bool is not an int; text must be Unicode, but for paths."""
    with refusals():
        fields.check_type(type(owner).__name__, field, value, types)


def strings(owner: object, field: str, values: object) -> tuple[str, ...]:
    """A list of strings as a tuple."""
    with refusals():
        return fields.strings(type(owner).__name__, field, values)


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
        encoded = as_bytes(plain)
    except UnicodeEncodeError:
        raise ValueError("contains a character that is not allowed in a path") from None
    if len(encoded) > 4000 or any(len(part) > 255 for part in encoded.split(b"/")):
        raise ValueError("is too long for a path")
    return "~/" if prefix and plain == "." else prefix + os.fsdecode(encoded)


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
        return normal_name(text)
    except UnicodeEncodeError:
        raise ValueError("contains a character that is not allowed in a path") from None


def as_checked[T](cls: type[T], value: T) -> T:
    """A specification that was checked. That of a subclass is made anew: the subclass may have an ``__init__`` of its
    own, which a dataclass has.

    Raises:
        InputError: what the class itself refuses.
    """
    return value if type(value) is cls else cls(**{name: getattr(value, name) for name in cls.__match_args__})  # type: ignore[attr-defined]


def from_mapping[T](cls: type[T], mapping: Mapping[str, Any], *, required: Sequence[str]) -> T:
    """A specification from a mapping; unknown keys are refused with the nearest known one.

    Raises:
        InputError: an unknown key, a required one that is missing, or what the class itself refuses.
    """
    known = list(cls.__match_args__)  # type: ignore[attr-defined]
    with refusals():
        fields.check_keys(cls.__name__, mapping, known, required)
    return cls(**mapping)
