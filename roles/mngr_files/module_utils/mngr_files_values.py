"""Single values of the variable ``mngr_files_transfers``, each checked. Runs on the controller, without Ansible."""

from __future__ import annotations

import ast
import base64
import binascii
import os
import posixpath
import re
from typing import TYPE_CHECKING, Any

from .mngr_ansible_portable import validation
from .mngr_ansible_portable.text import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from .mngr_files_protocol import WriteOptions

    Given = Mapping[str, Any]
    """A transfer or an entry as the variable has it: nothing is known of its values."""

OPTIONS = {"owner", "group", "if_exists", "directory_mode", "mode", "is_secret"}
"""The keys that a transfer and an entry have both."""
_BOOLEANS = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}
_MOST_SHOWN = 60
"""Characters of a value that a message shows: by mistake it may be anything."""
_DATE = re.compile(r"datetime\.date(?:time)?\([^()]*\)")
_MARK = "a date of the variable"


class ParameterError(Exception):
    """A transfer has a value that is not allowed; the message is a sentence without a full stop."""


def refuse_unknown(given: Given, known: Collection[str]) -> None:
    """Refuse keys that do not exist, which are mostly misspelt ones."""
    unknown = sorted(str(key)[:_MOST_SHOWN] for key in given if key not in known)
    if unknown:
        raise ParameterError(f"unknown key {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def shown(value: Any) -> str:
    """A value as a message may show it: a short one as it is, of everything else only what it is."""
    if isinstance(value, (dict, list)):
        return "a dictionary" if isinstance(value, dict) else "a list"
    if value is None or not isinstance(value, (str, int, float)):
        return f"a value of the type {type(value).__name__}"
    text = repr(str(value)) if isinstance(value, str) else str(value)
    return text if len(text) <= _MOST_SHOWN else f"a text of {len(text) - 2} characters"


def not_a_list(variable: Any) -> str:
    """Why the variable is not read. Up to ansible-core 2.18, Ansible itself makes text of a list that has a date."""
    text = str(variable) if isinstance(variable, str) else ""
    if not text.startswith("[") or not _DATE.search(text):
        return "mngr_files_transfers is not a list"
    try:
        given = ast.literal_eval(_DATE.sub(repr(_MARK), text))
        number, each = next((number, each) for number, each in enumerate(given, 1) if _MARK in repr(each))
        where = f"transfer {number} (to {shown(each['remote_path'])})"
    except (ValueError, SyntaxError, StopIteration, LookupError, TypeError, RecursionError):
        where = "a transfer"
    return f"{where} has a date, of which this ansible-core makes text of the whole list; write it in quotes"


def name(given: Given, key: str) -> str:
    """A name, from ``key`` or, if its bytes are not UTF-8, from ``key_b64``."""
    present = [each for each in (key, f"{key}_b64") if given.get(each) not in (None, "")]
    if len(present) != 1:
        raise ParameterError(f"{key} is missing" if not present else f"{key} and {key}_b64 are both given")
    text = plain_text(given[present[0]], present[0])
    if present[0] != key:
        try:
            text = os.fsdecode(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            raise ParameterError(f"{key}_b64 is not base64") from None
    if "\0" in text:
        raise ParameterError(f"{key} has a null character")
    return text


def destination(path: str) -> str:
    """Where a transfer goes, normalised: absolute, or below the remote home. Only a leading ``~/`` is special."""
    if path.startswith("~/"):
        below = posixpath.normpath(path[2:] or ".")
        if below == ".." or below.startswith(("../", "/")):
            raise ParameterError(f"remote_path {printable(path)} leads out of the home directory")
        return "~" if below == "." else f"~/{below}"
    if not path.startswith("/"):
        raise ParameterError(f"remote_path {printable(path)} is neither absolute nor begins with ~/")
    return "/" + posixpath.normpath(path).lstrip("/")


def write_options(given: Given) -> WriteOptions:
    """How something is written on the host, apart from its content and its mode."""
    return {
        "owner": _owner(given, "owner"),
        "group": _owner(given, "group"),
        "if_exists": choice(given, "if_exists", ("replace", "keep", "backup")),
        "directory_mode": mode(given, "directory_mode"),
    }


def _owner(given: Given, key: str) -> str | None:
    if given.get(key) in (None, ""):
        return None
    value = plain_text(given[key], key)
    if not validation.is_user_or_group(value):
        raise ParameterError(f"{key} {shown(value)} is neither a name nor a number")
    return value


def choice(given: Given, key: str, words: Sequence[str]) -> str:
    """One of these words; the first of them if none is given."""
    value = given.get(key)
    if value in (None, ""):
        return words[0]
    if value not in words:
        raise ParameterError(f"{key} is {shown(value)}, not {', '.join(words[:-1])} or {words[-1]}")
    return plain_text(value)


def mode(given: Given, key: str) -> int | None:
    """Permission bits from an octal string or an int by value (``0600`` in YAML is the int 384); None if not given."""
    value = given.get(key)
    if value is None or value == "":
        return None
    bits = validation.mode_bits(value)
    if bits is None or not 0 <= bits <= validation.LARGEST_MODE:
        message = f"{key} {shown(value)} is not an octal mode of at most 0777; write it in quotes, as in '0644'"
        raise ParameterError(message)
    if isinstance(value, int) and (meant := validation.misread_mode(value)):
        message = f"{key} {value} is read as a number, which is mode {bits:04o}; write it in quotes: {key}: '{meant}'"
        raise ParameterError(message)
    return bits


def boolean(given: Given, key: str, default: bool) -> bool:
    """A boolean, or one of the words that YAML 1.1 reads as one."""
    value = given.get(key)
    if value is None:
        return default
    if str(value).lower() not in _BOOLEANS:
        raise ParameterError(f"{key} {shown(value)} is neither true nor false")
    return _BOOLEANS[str(value).lower()]


def plain_text(text: Any, key: str = "a value") -> str:
    """The text alone, without the tags that Ansible's strings carry; a message names its ``key``."""
    if not isinstance(text, str):
        is_short = not isinstance(text, (dict, list))
        raise ParameterError(f"{key} is {shown(text)}, not text{'; write it in quotes' if is_short else ''}")
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
