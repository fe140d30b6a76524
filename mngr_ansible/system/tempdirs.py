"""Directories of one run's own: private, gone when the run is, and swept by a later one where it was killed."""

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
"""How long one without a lock may be one that is just being made."""

_LONGEST_SOCKET_PARENT = 23
"""Bytes: with ``/mngr-ansible-12345678``, ``/%C`` (41) and ssh's own suffix (17) a path has 103, macOS's limit."""


@contextmanager
def private_directory(parent: Path, prefix: str) -> Iterator[Path]:
    """A new directory for its owner alone, removed afterwards; those beside it whose runs were killed go first.

    Whoever has one holds a lock on it, which the kernel gives up with the process.

    Raises:
        OSError: there is no room for it, or no right.
    """
    _sweep(parent, prefix)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True) as made:
        lock = os.open(made, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with suppress(OSError):  # some file systems know no locks
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield Path(made).absolute()
        finally:
            os.close(lock)


@contextmanager
def socket_directory() -> Iterator[Path]:
    """A room whose path is short enough for ssh's sockets; raises as :func:`private_directory` does."""
    parent = tempfile.gettempdir()
    if len(os.fsencode(parent)) > _LONGEST_SOCKET_PARENT:
        parent = "/tmp"  # noqa: S108 - the directory in it is private
    with private_directory(Path(parent), "mngr-ansible-") as directory:
        yield directory


def _sweep(parent: Path, prefix: str) -> None:
    is_one = re.compile(re.escape(prefix) + r"[a-z0-9_]{8}").fullmatch
    try:
        names = os.listdir(parent)  # noqa: PTH208 - a temporary directory may hold very many
    except OSError:
        return  # one may be allowed to write where one may not look
    for path in [parent / name for name in names if is_one(name)]:
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
