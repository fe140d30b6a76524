"""Temporary files beside destinations: made so that a dead run's can be told from a living one's, and swept.

A temporary is called :data:`PREFIX` and 16 hexadecimal digits. Whoever writes it holds a lock on it; the kernel gives
the lock up with the process. So one that can be locked belongs to nobody. Python 3.9, standard library only.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
import stat
import time

PREFIX = b".mngr-ansible-"
NAME = re.compile(rb"\.mngr-ansible-[0-9a-f]{16}\Z")
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
LINK_LIFE = 2
"""Seconds after which a link under a temporary name is a dead run's: it lives for the instant before its rename."""
UPLOAD = "mngr-ansible-bundle"
UPLOAD_LIFE = 30
"""Seconds after which an upload that no longer grows is a dead run's: a silent connection ends before that."""
RUN_LIFE = 24 * 3600
"""Seconds after which a run's own temporary directory in which nothing changes is a dead run's."""


def name_in(directory):
    """A new name for a temporary in a directory."""
    return os.path.join(directory, PREFIX + secrets.token_hex(8).encode("ascii"))


def create(directory):
    """Create and lock a temporary file that its owner alone can read: its descriptor and path."""
    while True:
        path = name_in(directory)
        descriptor = os.open(path, NEW, 0o600)
        if _is_locked(descriptor) and os.fstat(descriptor).st_nlink:
            return descriptor, path
        os.close(descriptor)  # somebody swept it between its making and its locking
        discard(path)


def discard(path):
    """Remove a temporary file, unless it took its place already."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def sweep(directory):
    """Remove what dead runs left in a directory; what can not be looked at is left alone."""
    try:
        with os.scandir(directory) as children:
            found = [child.path for child in children if NAME.match(child.name)]
    except OSError:
        return
    for path in found:
        try:
            _sweep(path)
        except OSError:
            continue


def _sweep(path):
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        time.sleep(max(0, min(LINK_LIFE, LINK_LIFE - (time.time() - status.st_ctime))))
        if _is_same(os.lstat(path), status):
            os.unlink(path)
        return
    if not stat.S_ISREG(status.st_mode):
        return
    descriptor = _opened(path)
    try:
        if _is_locked(descriptor) and _is_same(os.fstat(descriptor), os.lstat(path)):
            os.unlink(path)
    finally:
        os.close(descriptor)


def _opened(path):
    """A descriptor to lock: some file systems want one that may write, and a temporary may have its final mode."""
    for access in (os.O_RDWR, os.O_RDONLY):
        try:
            return os.open(path, access | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except PermissionError:
            continue
    return os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _is_locked(descriptor):
    """Whether we hold the lock now; where a file system knows no locks, that nobody else is known to."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


def _is_same(one, other):
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def sweep_uploads(directory):
    """Remove the uploads of dead runs from Ansible's temporary directory of this user, each with its own directory.

    Where every run has a directory of its own (``.mngr-ansible-`` and 16 digits), those of dead runs go too.
    """
    for place in _siblings(directory):
        is_old = _age(place) > UPLOAD_LIFE
        for path in _children(place, lambda name: name.startswith("ansible-tmp-")):
            if _age(os.path.join(path, UPLOAD)) > UPLOAD_LIFE:
                shutil.rmtree(path, ignore_errors=True)
            elif _age(path) > UPLOAD_LIFE:
                _remove_empty(path)  # its run was killed before the first byte
        if place != directory and is_old and not _remove_empty(place):
            if min(map(_age, [place, *_children(place, bool)])) > RUN_LIFE:
                shutil.rmtree(place, ignore_errors=True)


def forget(directory):
    """Remove a run's own temporary directory, if it is one and nobody uses it any more."""
    if NAME.match(os.path.basename(os.fsencode(directory))):
        _remove_empty(directory)


def _remove_empty(directory):
    try:
        os.rmdir(directory)
    except OSError:
        return False
    return True


def _siblings(directory):
    parent, name = os.path.split(directory)
    if not NAME.match(os.fsencode(name)):
        return [directory]
    return _children(parent, lambda other: NAME.match(os.fsencode(other)))


def _children(directory, is_meant):
    """The directories below one that belong to us, by a rule for their names."""
    try:
        with os.scandir(directory) as children:
            return [child.path for child in children if is_meant(child.name) and not child.is_symlink()]
    except OSError:
        return []


def _age(path):
    """Seconds since our own file or directory was changed; below zero where there is none."""
    try:
        status = os.lstat(path)
    except OSError:
        return -1
    is_ours = status.st_uid == os.geteuid() and not stat.S_ISLNK(status.st_mode)
    return time.time() - status.st_mtime if is_ours else -1
