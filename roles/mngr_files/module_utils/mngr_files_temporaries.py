"""Temporary files beside destinations: created so that those of a dead run can be recognised, and removed.

A temporary file is called :data:`PREFIX` and 16 hexadecimal digits. The process that writes it holds a lock on it, and
the kernel releases the lock when the process ends. So a temporary file that can be locked belongs to a dead run.
Python 3.9, standard library only.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import stat
import time

PREFIX = b".mngr-ansible-"
NAME = re.compile(rb"\.mngr-ansible-[0-9a-f]{16}\Z")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LINK_SECONDS = 2
"""Age after which a link with a temporary name belongs to a dead run: a living one renames it at once."""


def name_in(directory: bytes) -> bytes:
    """A new path for a temporary file in a directory."""
    return os.path.join(directory, PREFIX + secrets.token_hex(8).encode("ascii"))


def create(directory: bytes) -> tuple[int, bytes]:
    """Create and lock a temporary file that only its owner can read: its descriptor and its path."""
    while True:
        path = name_in(directory)
        descriptor = os.open(path, _NEW, 0o600)
        if _lock(descriptor) and os.fstat(descriptor).st_nlink:
            return descriptor, path
        os.close(descriptor)  # another run removed it after it was created and before it was locked
        discard(path)


def discard(path: bytes) -> None:
    """Remove a temporary file, unless it was renamed already."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def sweep(directory: bytes) -> None:
    """Remove the temporary files of dead runs from a directory; what cannot be examined stays. Never raises OSError."""
    try:
        with os.scandir(directory) as children:
            found = [child.path for child in children if NAME.match(child.name)]
    except OSError:
        return
    for path in found:
        try:
            _sweep_one(path)
        except OSError:
            continue


def _sweep_one(path: bytes) -> None:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        time.sleep(max(0, min(_LINK_SECONDS, _LINK_SECONDS - (time.time() - status.st_ctime))))
        if _is_same(os.lstat(path), status):
            os.unlink(path)
        return
    if not stat.S_ISREG(status.st_mode):
        return
    descriptor = _open_for_lock(path)
    try:
        if _lock(descriptor) and _is_same(os.fstat(descriptor), os.lstat(path)):
            os.unlink(path)
    finally:
        os.close(descriptor)


def _open_for_lock(path: bytes) -> int:
    """A descriptor to lock. Some file systems lock only what is open for writing, which the file's mode may forbid."""
    for access in (os.O_RDWR, os.O_RDONLY):
        try:
            return os.open(path, access | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except PermissionError:
            continue
    return os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _lock(descriptor: int) -> bool:
    """Lock a file if no other process has; where a file system has no locks, the answer is True."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


def _is_same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
