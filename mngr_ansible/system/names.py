"""Names of files, and texts with such names in them, as bytes, also where the locale is not UTF-8."""

import codecs
import os
import sys


def as_bytes(text: str) -> bytes:
    """A text as a host gets it: a name of this machine in it has the bytes that it has here, the rest is UTF-8.

    In a locale with UTF-8 both are the same. Otherwise what cannot be in a name here is UTF-8.

    Raises:
        UnicodeEncodeError: a character that stands for no byte and is none of Unicode.
    """
    return text.encode(sys.getfilesystemencoding(), _OTHERS)


def normal_name(text: str) -> str:
    """A name as ``os.fsdecode`` makes it from the bytes of :func:`as_bytes`, so that ``os.fsencode`` takes it.

    Raises:
        UnicodeEncodeError: see :func:`as_bytes`.
    """
    return os.fsdecode(as_bytes(text))


_OTHERS = "mngr-ansible-utf-8"
"""What becomes of a character that the locale does not have. See ``codecs.register_error``."""


def _as_utf8(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return error.object[error.start : error.end].encode("utf-8", "surrogateescape"), error.end


codecs.register_error(_OTHERS, _as_utf8)
