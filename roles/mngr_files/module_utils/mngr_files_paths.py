"""How paths of the host are opened, whose they are to be, and the operating system's errors in plain words.

Python 3.9, standard library only.
"""

from __future__ import annotations

import errno
import functools
import grp
import os
import pwd
import stat
from typing import TYPE_CHECKING, Tuple

from .mngr_ansible_portable.text import printable

if TYPE_CHECKING:
    from types import TracebackType

    from .mngr_files_protocol import WriteOptions

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""Flags to open a directory."""
EXISTING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Flags to open a file that exists; a fifo in its place does not block."""

Owner = Tuple[int, int]
"""The numbers of a user and of a group."""
UNCHANGED = -1
"""A user or a group that stays as it is."""
NO_OWNER: Owner = (UNCHANGED, UNCHANGED)
"""Both stay as they are."""

READ_ONLY = "the file system is read-only; make it writable and run again"
"""Why nothing can be written to a file system, and what to do."""

HOLDS_A_HOME = "is a home directory, or contains one; a mirror would empty it"
"""Why a directory is not mirrored."""

_MESSAGES = {
    errno.ENOSPC: "the file system is full; free some space and run again",
    errno.EDQUOT: "the disk quota of this user is used up; free some space and run again",
    errno.EFBIG: "the file is larger than this user, or the file system, may have; see ulimit -f",
    errno.EROFS: READ_ONLY,
    errno.EACCES: "this user has no permission to write here",
    errno.EPERM: "this user has no permission to do this",
    errno.EBUSY: "the system uses it (a mount point, or a swap file); free it, or use another destination",
    errno.EIO: "the disk, or the connection to it, has a fault (an I/O error); see dmesg on the host",
    errno.EINVAL: "the file system does not allow this name, or what is to be done with it",
    errno.ESTALE: "the file server no longer knows it (a stale NFS handle); mount it again, then run again",
    errno.EMFILE: "this user may not open more files; raise ulimit -n on the host and run again",
    errno.ENFILE: "the host has too many open files; run again later",
}
_EVEN_ROOT = "not even root may do this: an attribute (see lsattr), or a security module (see dmesg), forbids it"


class RefusedError(Exception):
    """An entry cannot be written: the ``path`` that prevents it, and ``why``, which follows the path in a sentence."""

    def __init__(self, path: bytes, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why


class CancelledError(BaseException):
    """The connection is gone, or a signal asked for the end. Temporary files are removed on the way out."""


class blaming_path:  # noqa: N801  (a context manager, named as one uses it)
    """Name this path in the operating system's errors that are raised inside, instead of a temporary one."""

    def __init__(self, path: bytes) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Nothing is prepared."""

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Put the path into the error, if there is one."""
        if isinstance(error, OSError):
            error.filename, error.filename2 = self._path, None


def failure_reason(error: RefusedError | OSError, path: bytes) -> str:
    """What went wrong, as a sentence without a full stop; ``path`` is named if the error itself names none."""
    if isinstance(error, RefusedError):
        return "%s: %s" % (printable_path(error.path), error.why)
    path = error.filename if isinstance(error.filename, bytes) else path
    is_denied = error.errno in (errno.EPERM, errno.EACCES) and os.geteuid() == 0
    why = _EVEN_ROOT if is_denied else _MESSAGES.get(error.errno or 0, error.strerror or str(error))
    return "%s: %s" % (printable_path(path), why)


def plain_reason(number: int) -> str:
    """What an error number of the operating system means for a user who is not root."""
    return _MESSAGES.get(number) or os.strerror(number)


def empty_mirror(count: int) -> str:
    """Why an empty source is not mirrored where that deletes so many paths; it follows the path in a sentence."""
    why = "the source of its mirror is empty, and %d paths in it would be deleted. Check the source "
    return (why + "(is a mount missing?); if this is meant, set may_be_empty: true") % count


def printable_path(path: bytes) -> str:
    """A path for people: bytes that are not UTF-8 as ``\\xff``, control characters escaped."""
    return printable(path.decode("utf-8", "surrogateescape"))


def owner_ids(path: bytes, options: WriteOptions) -> Owner:
    """The numbers of the owner and the group that a path is to have, :data:`UNCHANGED` for what is not given.

    Raises:
        RefusedError: this host has no such user or group.
    """
    uid, gid = _user_id(options["owner"]), _group_id(options["group"])
    if uid is None:
        raise RefusedError(path, "is to belong to the user %s, and there is none on this host" % options["owner"])
    if gid is None:
        raise RefusedError(path, "is to belong to the group %s, and there is none on this host" % options["group"])
    return uid, gid


@functools.lru_cache(maxsize=None)
def _user_id(name: str | None) -> int | None:
    if name is None:
        return UNCHANGED
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return int(name) if name.isdigit() else None


@functools.lru_cache(maxsize=None)
def _group_id(name: str | None) -> int | None:
    if name is None:
        return UNCHANGED
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return int(name) if name.isdigit() else None


def has_owner(status: os.stat_result, owner: Owner) -> bool:
    """Whether something belongs to that user and group already."""
    return owner[0] in (UNCHANGED, status.st_uid) and owner[1] in (UNCHANGED, status.st_gid)


def kind_word(status: os.stat_result) -> str:
    """The word for what is at a path."""
    if stat.S_ISDIR(status.st_mode):
        return "directory"
    if stat.S_ISREG(status.st_mode):
        return "file"
    return "link" if stat.S_ISLNK(status.st_mode) else "fifo, socket or device"
