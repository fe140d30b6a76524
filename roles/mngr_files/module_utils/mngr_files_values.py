"""Single values of the variable ``mngr_files_transfers``, each checked. Runs on the controller, without Ansible."""

from __future__ import annotations

import base64
import binascii
import os
import posixpath
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


class ParameterError(Exception):
    """A transfer has a value that is not allowed; the message is a sentence without a full stop."""


def refuse_unknown(given: Given, known: Collection[str]) -> None:
    """Refuse keys that do not exist, which are mostly misspelt ones."""
    unknown = sorted(str(key) for key in given if key not in known)
    if unknown:
        raise ParameterError(f"unknown key {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def name(given: Given, key: str) -> str:
    """A name, from ``key`` or, if its bytes are not UTF-8, from ``key_b64``."""
    present = [each for each in (key, f"{key}_b64") if given.get(each) not in (None, "")]
    if len(present) != 1:
        raise ParameterError(f"{key} is missing" if not present else f"{key} and {key}_b64 are both given")
    text = plain_text(given[present[0]])
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
    value = plain_text(given[key])
    if not validation.is_user_or_group(value):
        raise ParameterError(f"{key} {value!r} is neither a name nor a number")
    return value


def choice(given: Given, key: str, words: Sequence[str]) -> str:
    """One of these words; the first of them if none is given."""
    value = given.get(key)
    if value in (None, ""):
        return words[0]
    if value not in words:
        raise ParameterError(f"{key} is {value!r}, not {', '.join(words[:-1])} or {words[-1]}")
    return plain_text(value)


def mode(given: Given, key: str) -> int | None:
    """Permission bits from an octal string or an int by value (``0600`` in YAML is the int 384); None if not given."""
    value = given.get(key)
    if value is None or value == "":
        return None
    bits = validation.mode_bits(value)
    if bits is None or not 0 <= bits <= validation.LARGEST_MODE:
        message = f"{key} {given[key]!r} is not an octal mode of at most 0777; write it in quotes, as in '0644'"
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
        raise ParameterError(f"{key} {value!r} is neither true nor false")
    return _BOOLEANS[str(value).lower()]


def plain_text(text: Any) -> str:
    """The text alone, without the tags that Ansible's strings carry."""
    if not isinstance(text, str):
        raise ParameterError(f"{text!r} is not text; write it in quotes")
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
