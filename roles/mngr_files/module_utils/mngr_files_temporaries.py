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
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .mngr_files_identity import gives_others_a_say
from .mngr_files_paths import DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from .mngr_files_directories import Directory

PREFIX = b".mngr-ansible-"
NAME = re.compile(rb"\.mngr-ansible-[0-9a-f]{16}\Z")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_YOUNG_SECONDS = 2
"""Age after which a link or directory with a temporary name belongs to a dead run: a living one renames it at once."""


def new_name() -> bytes:
    """A name for something temporary, which nobody can foresee."""
    return PREFIX + os.urandom(8).hex().encode("ascii")


def create(directory: Directory) -> tuple[int, bytes]:
    """Create and lock a temporary file that only its owner can read: its descriptor and its name."""
    while True:
        name = new_name()
        descriptor = os.open(name, _NEW, 0o600, dir_fd=directory.fd)
        if _lock(descriptor) and os.fstat(descriptor).st_nlink:
            return descriptor, name
        os.close(descriptor)  # another run removed it after it was created and before it was locked
        discard(directory.fd, name)


def discard(directory: int, name: bytes) -> None:
    """Remove a temporary file or link, unless it was renamed already."""
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        pass


@contextmanager
def private_directory(directory: Directory) -> Iterator[int]:
    """A temporary directory inside ``directory`` that only this user can enter: its descriptor.

    What is made in it cannot be exchanged by those who may write ``directory``, until it is renamed into place.
    """
    name = new_name()
    os.mkdir(name, 0o700, dir_fd=directory.fd)
    try:
        descriptor = os.open(name, DIRECTORY, dir_fd=directory.fd)
        try:
            status = os.fstat(descriptor)
            if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
                raise FileExistsError(errno.EEXIST, "was exchanged by another program meanwhile", name)
            yield descriptor
        finally:
            _empty(descriptor)
            os.close(descriptor)
    finally:
        _remove_directory(directory.fd, name)


class Sweeper:
    """Removes what dead runs left in the directories that are written to.

    Where others can write too, only what belongs to one of ``owners`` is looked at: a stranger can put any number of
    such names there. It waits for young links once in a run, however many there are.
    """

    def __init__(self, owners: Collection[int]) -> None:
        self._owners = {os.geteuid(), *owners}
        self._has_waited = False

    def sweep(self, directory: Directory) -> None:
        """Remove the temporary files of dead runs; what cannot be examined stays. Never raises OSError."""
        try:
            descriptor = directory.open_to_read()
        except OSError:
            return
        try:
            self._sweep(descriptor, directory.status)
        except OSError:
            pass
        finally:
            os.close(descriptor)

    def _sweep(self, descriptor: int, status: os.stat_result) -> None:
        names = [os.fsencode(name) for name in os.listdir(descriptor) if NAME.match(os.fsencode(name))]
        if not names:
            return
        others_can_write = gives_others_a_say(status, os.geteuid())
        found = []
        for name in names:
            try:
                each = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except OSError:
                continue
            if not others_can_write or each.st_uid in self._owners:
                found.append((name, each))
        self._wait(each for _, each in found if not stat.S_ISREG(each.st_mode))
        for name, each in found:
            try:
                _sweep_one(descriptor, name, each)
            except OSError:
                continue

    def _wait(self, young: Iterator[os.stat_result]) -> None:
        """Wait until none of these is young any more; not twice in a run."""
        newest = max((each.st_ctime for each in young), default=0.0)
        seconds = _YOUNG_SECONDS - (time.time() - newest)
        if seconds > 0 and not self._has_waited:
            self._has_waited = True
            time.sleep(min(_YOUNG_SECONDS, seconds))


def _sweep_one(directory: int, name: bytes, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        is_old = time.time() - status.st_ctime >= _YOUNG_SECONDS
        if is_old and _is_same(os.stat(name, dir_fd=directory, follow_symlinks=False), status):
            if stat.S_ISLNK(status.st_mode):
                os.unlink(name, dir_fd=directory)
            elif stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
                _sweep_private_directory(directory, name, status)
        return
    descriptor = _open_for_lock(directory, name)
    try:
        if _lock(descriptor) and _is_same(os.fstat(descriptor), os.stat(name, dir_fd=directory, follow_symlinks=False)):
            os.unlink(name, dir_fd=directory)
    finally:
        os.close(descriptor)


def _sweep_private_directory(directory: int, name: bytes, status: os.stat_result) -> None:
    descriptor = os.open(name, DIRECTORY, dir_fd=directory)
    try:
        if _is_same(os.fstat(descriptor), status) and stat.S_IMODE(status.st_mode) == 0o700:
            _empty(descriptor)
            os.rmdir(name, dir_fd=directory)
    finally:
        os.close(descriptor)


def _empty(descriptor: int) -> None:
    """Remove the link or the empty directory that is in a private directory."""
    for name in os.listdir(descriptor):
        if NAME.match(os.fsencode(name)) is None:
            continue
        try:
            os.unlink(name, dir_fd=descriptor)
        except OSError:
            os.rmdir(name, dir_fd=descriptor)


def _remove_directory(directory: int, name: bytes) -> None:
    try:
        os.rmdir(name, dir_fd=directory)
    except OSError:
        pass


def _open_for_lock(directory: int, name: bytes) -> int:
    """A descriptor to lock. Some file systems lock only what is open for writing, which the file's mode may forbid."""
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    for access in (os.O_RDWR, os.O_RDONLY):
        try:
            return os.open(name, access | flags, dir_fd=directory)
        except PermissionError:
            continue
    return os.open(name, os.O_WRONLY | flags, dir_fd=directory)


def _lock(descriptor: int) -> bool:
    """Lock a file if no other process has; where a file system has no locks, the answer is True."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


def _is_same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
