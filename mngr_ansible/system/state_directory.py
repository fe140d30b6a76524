"""The user's state directory: what is kept between runs. Source: XDG Base Directory Specification."""

import errno
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from mngr_ansible.system.tempdirs import private_parents

_NEW_SECONDS = 60
"""A file that is younger than this may still be written."""


def state_directory(name: str) -> Path:
    """``mngr-ansible/NAME`` in the user's state directory (``~/.local/state``); it is made, for its user alone.

    Raises:
        OSError: it cannot be made, or is another user's.
    """
    path = state_path(name)
    if path.is_absolute():
        private_parents(path)
    return find_state_directory(name)


def find_state_directory(name: str) -> Path:
    """As :func:`state_directory`, where it was made before.

    Raises:
        OSError: it is not there, or is another user's.
    """
    directory = state_path(name)
    if not directory.is_absolute():  # a "~" that means nothing would be a directory of that name
        raise FileNotFoundError(errno.ENOENT, "your user has no home directory", str(directory))
    directory = Path(os.path.realpath(directory.parent), directory.name)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise PermissionError
        os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)
    return directory


def state_path(name: str) -> Path:
    """Where :func:`state_directory` makes it; nothing is made. It is relative only where the user has no home."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path(os.path.expanduser("~/.local/state"))  # noqa: PTH111
    return base / "mngr-ansible" / name


def write_state_file(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, as a whole or not at all, in the place of an earlier one.

    Raises:
        OSError: it cannot be written; nothing is left of it.
    """
    new = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def remove_unfinished(directory: Path) -> None:
    """Remove what killed commands left of their :func:`write_state_file` in a directory, after a minute.

    Raises:
        OSError: the directory cannot be read.
    """
    for name in os.listdir(directory):  # noqa: PTH208 - names alone
        if re.fullmatch(r"\..+\.[0-9a-f]{8}", name):
            with suppress(OSError):
                if time.time() - (directory / name).lstat().st_mtime > _NEW_SECONDS:
                    (directory / name).unlink()
