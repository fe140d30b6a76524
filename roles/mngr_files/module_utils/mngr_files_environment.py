"""A content that comes from the controller's environment: no variable of Ansible ever holds it.

So it is in no output of ``-vvv`` and no result, and it arrives byte for byte; templates of ansible-core before 2.19
make another text of what looks like a list. Runs on the controller; standard library only.
"""

from __future__ import annotations

import base64
import binascii
import os
import re

from .mngr_ansible_portable.text import printable

FILE = "_FILE"
"""The end of the name of the variable that names a file instead: of any size, and of any bytes."""


class NotSetError(Exception):
    """The environment does not have the content; the message is a sentence without a full stop."""


def content(variable: str, is_base64: bool) -> bytes:
    """What a variable holds, or else the file that the variable with ``_FILE`` at its end names.

    Args:
        variable: its name.
        is_base64: the variable holds base64; a file is always taken as it is, also an empty one.

    Raises:
        NotSetError: neither is set, the value is no base64, or the file cannot be read.
    """
    if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", variable, re.ASCII) is None:
        raise NotSetError(f"{printable(variable)!r} is no name of an environment variable")
    value = os.environb.get(variable.encode("ascii"))
    if not value:  # empty: what a failed command or an empty field of a form gives
        return _of_file(variable)
    if not is_base64:
        return value
    try:
        return base64.b64decode(b"".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise NotSetError(f"the environment variable {variable} is not base64") from None


def _of_file(variable: str) -> bytes:
    path = os.environ.get(variable + FILE)
    if not path:
        raise NotSetError(f"the environment variable {variable} is not set")
    try:
        # O_NONBLOCK: a fifo without a writer must not block.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return file.read()
    except OSError as error:
        raise NotSetError(f"{printable(path)}, of {variable}{FILE}: {error.strerror}") from None
