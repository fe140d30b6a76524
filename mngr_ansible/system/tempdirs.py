"""Private temporary directories of one run: removed when it ends, or by a later run if it was killed."""

import fcntl
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NEW_SECONDS = 60
"""A directory that is younger than this is never removed: its run may not have locked it yet."""

_LONGEST_SOCKET_PARENT = 23
"""Bytes: with ``/mngr-ansible-12345678``, ``/%C`` (41) and the suffix that ssh adds (17), a socket's path
has 103 bytes, the limit of macOS."""


@contextmanager
def private_directory(parent: Path, prefix: str) -> Iterator[Path]:
    """A new directory that only its owner can use; it is removed at the end.

    First the directories of the same prefix whose runs were killed are removed. A run holds a lock on its directory,
    which the kernel releases when the process ends.

    Raises:
        OSError: it could not be made (no space, no permission).
    """
    _remove_abandoned(parent, prefix)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True) as made:
        lock = os.open(made, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with suppress(OSError):  # some file systems have no locks
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield Path(made).absolute()
        finally:
            os.close(lock)


@contextmanager
def socket_directory() -> Iterator[Path]:
    """A private directory whose path is short enough for ssh's sockets.

    Raises:
        OSError: as :func:`private_directory`.
    """
    parent = tempfile.gettempdir()
    if len(os.fsencode(parent)) > _LONGEST_SOCKET_PARENT:
        parent = "/tmp"  # noqa: S108 - the directory in it is private
    with private_directory(Path(parent), "mngr-ansible-") as directory:
        yield directory


def _remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove our own directories of this prefix that nobody has locked, if they are not new."""
    is_temporary = re.compile(re.escape(prefix) + r"[a-z0-9_]{8}").fullmatch
    try:
        names = os.listdir(parent)  # noqa: PTH208 - a temporary directory may hold very many
    except OSError:
        return  # a directory can be writable without being readable
    for path in [parent / name for name in names if is_temporary(name)]:
        with suppress(OSError):
            status = path.lstat()
            is_new = time.time() - status.st_mtime < _NEW_SECONDS
            if is_new or status.st_uid != os.geteuid() or not stat.S_ISDIR(status.st_mode):
                continue
            lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
