"""What single values must look like, for specifications in the package and for parameters of the roles alike.

Shared with the roles (Python 3.9, standard library only). These are the rules; callers say in their own words which
field is wrong and what to write instead. The names of packages are in ``managers``, versions in ``versions``.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from .regular_expressions import regex

LARGEST_MODE = 0o777
"""Permission bits only: no setuid, setgid or sticky bit."""

_USER_OR_GROUP = regex(r"[A-Za-z_][A-Za-z0-9_.-]*\$?|[0-9]{1,10}")
_REPOSITORY_NAME = regex(r"[a-z0-9][a-z0-9_-]*")
_REPOSITORY_URL = regex(r"(?:https?://|file:/|copy:/)[!-?A-~]+")
_APT_WORD = regex(r"[A-Za-z0-9][A-Za-z0-9._/~+-]*|\./?|/")


def mode_bits(value: object) -> int | None:
    """A mode from an octal string (``"0640"``, ``"640"``, ``"0o640"``) or from an int by its value; None for others.

    It may be larger than :data:`LARGEST_MODE`: YAML reads an unquoted ``644`` as the decimal number.
    """
    if isinstance(value, str):
        return int(value, 8) if re.fullmatch(r"(?:0o)?[0-7]{1,5}", value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


_COMMON_MODES = frozenset(
    (
        *(0o400, 0o440, 0o444, 0o500, 0o550, 0o555, 0o600, 0o640, 0o644, 0o660, 0o664, 0o666),
        *(0o700, 0o710, 0o711, 0o750, 0o751, 0o755, 0o770, 0o771, 0o775, 0o777),
    )
)


def misread_mode(value: int) -> str:
    """The mode that was meant, such as ``"0440"``, where a number is no mode that people use, but its digits are one.

    Ansible's YAML does not say how a number was written: an unquoted ``0440`` arrives as 288, and ``440`` as 440, which
    is 0670. Empty where nothing is wrong.
    """
    digits = str(value)
    if value in _COMMON_MODES or not re.fullmatch("[0-7]{3}", digits):
        return ""
    return f"0{digits}" if int(digits, 8) in _COMMON_MODES else ""


def is_user_or_group(text: str) -> bool:
    """Whether this is the name of a user or group, or its number. Source: useradd(8), "CAVEATS"."""
    return _USER_OR_GROUP.fullmatch(text) is not None


def is_https(url: str) -> bool:
    """Whether this is an https address in printable ASCII with a host."""
    try:
        parts = urlsplit(url)
        return re.fullmatch(r"https://[!-~]+", url) is not None and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that are no IPv6 address, or a port that is no number
        return False


def is_sha256(text: str) -> bool:
    """Whether this is a SHA-256 checksum: 64 hexadecimal digits."""
    return re.fullmatch(r"[0-9a-fA-F]{64}", text) is not None


def fingerprint(text: str) -> str | None:
    """The 40 hexadecimal digits of an OpenPGP fingerprint (RFC 4880, version 4), without blanks; None if it is none."""
    plain = text.replace(" ", "").upper()
    return plain if re.fullmatch(r"[0-9A-F]{40}", plain) else None


def is_repository_name(text: str) -> bool:
    """Whether a package repository can have this name: it is part of file names, and dnf and zypper show it."""
    return _REPOSITORY_NAME.fullmatch(text) is not None


def is_repository_url(text: str) -> bool:
    """Whether this is an address for package managers: http, https, or a local path; without user and password."""
    return _REPOSITORY_URL.fullmatch(text) is not None


def is_apt_word(text: str) -> bool:
    """Whether this can be one suite or one component of apt. Source: sources.list(5)."""
    return _APT_WORD.fullmatch(text) is not None
