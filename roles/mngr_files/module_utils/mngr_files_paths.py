"""Paths of the host, opened so that no link leads astray, and what the operating system refuses, in plain words.

Python 3.9, standard library only.
"""

from __future__ import annotations

import errno
import functools
import grp
import os
import pwd
import stat

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
EXISTING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
UNCHANGED = -1
"""An owner or a group that stays as it is."""

WORDS = {
    errno.ENOSPC: "the file system is full; make room there and run again",
    errno.EDQUOT: "the quota of this user is used up; free some of it and run again",
    errno.EROFS: "the file system is read-only; make it writable and run again",
    errno.EACCES: "this user may not write there",
    errno.EPERM: "this user may not do that there",
}


class RefusedError(Exception):
    """An entry can not be had: the path that it is about, and why."""

    def __init__(self, path, why):
        super().__init__(path, why)
        self.path = path
        self.why = why


class Abandoned(BaseException):
    """Nobody waits for the answer any more; temporary files are removed on the way out."""


class naming:  # noqa: N801  (reads as a word of the with statement)
    """Let an operating system's refusal inside name this path, not a temporary one."""

    def __init__(self, path):
        self._path = path

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _traceback):
        if isinstance(error, OSError):
            error.filename, error.filename2 = self._path, None


def reason(error, path):
    """What went wrong with ``path``, in one sentence."""
    if isinstance(error, RefusedError):
        return "%s: %s" % (shown(error.path), error.why)
    path = error.filename if isinstance(error.filename, bytes) else path
    return "%s: %s" % (shown(path), WORDS.get(error.errno, error.strerror or str(error)))


def shown(path):
    """A path for people: bytes that are not UTF-8 as ``\\xff``, control characters escaped."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def lstat(path):
    """What stands at a path, or None; something that is no directory above it is found by others."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def owner_of(entry):
    """The numbers of the owner and the group that an entry is to have, each :data:`UNCHANGED` where it says nothing.

    Raises:
        RefusedError: this host has no such user or group.
    """
    owner, group = _number("user", entry["owner"]), _number("group", entry["group"])
    if owner is None or group is None:
        who = "user %s" % entry["owner"] if owner is None else "group %s" % entry["group"]
        raise RefusedError(entry["path"], "is to belong to the %s, and there is none on this host" % who)
    return owner, group


@functools.lru_cache(maxsize=None)
def _number(what, name):
    if name is None:
        return UNCHANGED
    try:
        return pwd.getpwnam(name).pw_uid if what == "user" else grp.getgrnam(name).gr_gid
    except KeyError:
        return int(name) if name.isdigit() else None


def is_owned(status, owner):
    """Whether something belongs to that owner and group."""
    return owner[0] in (UNCHANGED, status.st_uid) and owner[1] in (UNCHANGED, status.st_gid)


def set_mode(path, mode):
    """Set a directory's permission bits and leave its setgid and sticky bits; a link is never followed."""
    with naming(path):
        descriptor = os.open(path, DIRECTORY)
        try:
            os.fchmod(descriptor, mode & 0o777 | os.fstat(descriptor).st_mode & 0o7000)
        finally:
            os.close(descriptor)


def set_owner(path, owner):
    """Give a directory or link to an owner; a link is never followed."""
    if owner != (UNCHANGED, UNCHANGED):
        with naming(path):
            os.lchown(path, *owner)


def kind_of(status):
    """The word for what stands somewhere."""
    if stat.S_ISDIR(status.st_mode):
        return "directory"
    if stat.S_ISREG(status.st_mode):
        return "file"
    return "link" if stat.S_ISLNK(status.st_mode) else "fifo, a socket or a device"
