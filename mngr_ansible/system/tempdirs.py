"""Private temporary directories of one run: removed when it ends, or by a later run if it was killed."""

import errno
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mngr_ansible.system.owners import why_unsafe

_NEW_SECONDS = 60
"""A directory that is younger than this is never removed: its run may not have locked it yet."""

_LONGEST_SOCKET_PARENT = 23
"""Bytes: with ``/mngr-ansible-12345678``, ``/%C`` (41) and the suffix that ssh adds (17), a socket's path
has 103 bytes, the limit of macOS."""

_PLAIN_PATH = r"[A-Za-z0-9/._+,:@=-]+"

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK | os.O_CLOEXEC
_TMP = Path("/tmp")  # noqa: S108 - what we make in it is private


@contextmanager
def private_directory(parent: Path, prefix: str) -> Iterator[Path]:
    """A new directory that only its owner can use; it is removed at the end.

    First the directories of the same prefix whose runs were killed are removed. A run holds a lock on its directory,
    which the kernel releases when the process ends.

    Raises:
        OSError: it could not be made (no space, no permission), or another user could exchange it.
    """
    parent = Path(os.path.realpath(parent))  # so that no link on the way can be exchanged later
    if reason := why_unsafe(parent):
        raise PermissionError(errno.EPERM, f"it would not be safe, because {reason}", str(parent))
    remove_abandoned(parent, prefix)
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
    """A private directory whose path suits ssh's sockets; in /tmp where TMPDIR is too long or not safe, or where its
    name has a character that ssh reads as something else: a token, a variable, a quotation mark (ssh_config(5)).

    Raises:
        OSError: as :func:`private_directory`.
    """
    with private_directory(socket_parent(), "mngr-ansible-") as directory:
        yield directory


def socket_parent() -> Path:
    """Where :func:`socket_directory` makes its directories."""
    parent = temporary_parent()
    is_fit = len(os.fsencode(parent)) <= _LONGEST_SOCKET_PARENT and re.fullmatch(_PLAIN_PATH, str(parent))
    return parent if is_fit else _TMP


def temporary_parent() -> Path:
    """Where temporary directories are made: TMPDIR, or /tmp where other users could exchange what is in TMPDIR."""
    chosen = Path(os.path.realpath(tempfile.gettempdir()))
    return _TMP if why_unsafe(chosen) else chosen


def private_parents(directory: Path) -> None:
    """Make a directory; what is missing of it is made for this user alone. Source: XDG Base Directory Specification."""
    for each in (*reversed(directory.parents), directory):
        with suppress(FileExistsError):
            each.mkdir(mode=0o700)


def remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove our own directories of this prefix whose runs were killed: nobody has locked them, and they are not new.

    ``parent``: a directory in which nobody else can exchange what is ours (:func:`why_unsafe`).
    """
    is_temporary = re.compile(re.escape(prefix) + r"[a-z0-9_]{8}").fullmatch
    try:
        holder = os.open(parent, _DIRECTORY)
    except OSError:
        return  # a directory can be writable without being readable
    try:
        for name in filter(is_temporary, os.listdir(holder)):  # noqa: PTH208 - of a descriptor
            with suppress(OSError):
                _remove_one(name, holder)
    finally:
        os.close(holder)


def _remove_one(name: str, holder: int) -> None:
    """Remove such a directory from an open one. A link is not followed, and its lock tells whether its run lives."""
    if os.stat(name, dir_fd=holder, follow_symlinks=False).st_uid != os.geteuid():
        return
    lock = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=holder)
    try:
        status = os.fstat(lock)
        if time.time() - status.st_mtime < _NEW_SECONDS or status.st_uid != os.geteuid():
            return
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(name, ignore_errors=True, dir_fd=holder)
    finally:
        os.close(lock)
