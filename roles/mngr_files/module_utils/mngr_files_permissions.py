"""What a user who is not root may not do, so that check mode says it before a run fails for it.

Python 3.9, standard library only.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from .mngr_files_paths import UNCHANGED

if TYPE_CHECKING:
    from collections.abc import Collection

    from .mngr_files_directories import Directory
    from .mngr_files_paths import Owner
    from .mngr_files_steps import HostEntry


class Person(NamedTuple):
    """The user who changes something: the numbers of the user and of all its groups."""

    uid: int
    groups: Collection[int]


class Place(NamedTuple):
    """The directory in which something is changed: whether the user may write there, its mode and its owner."""

    is_writable: bool
    mode: int
    uid: int


def this_person() -> Person:
    """The user whose rights this process has now."""
    return Person(os.geteuid(), {*os.getgroups(), os.getegid()})


def is_writable(descriptor: int) -> bool:
    """Whether this process may make and delete something in an open directory; True where the system cannot say."""
    if os.access not in os.supports_effective_ids:
        return True
    return os.access(b".", os.W_OK | os.X_OK, dir_fd=descriptor, effective_ids=True)


def forbidden(action: str, person: Person, place: Place, current_uid: int | None, owner: Owner) -> int:
    """The error number that a change fails with; 0 if it may succeed.

    Args:
        action: as in ``mngr_files_steps.HostEntry``.
        person: who changes it. Root may do everything.
        place: where.
        current_uid: the owner of what is there; None if nothing is.
        owner: the user and group that it is to have.
    """
    if person.uid == 0:
        return 0
    if action in ("adjust", "owner"):
        if current_uid != person.uid:
            return errno.EPERM
    elif not place.is_writable:
        return errno.EACCES
    elif current_uid is not None and place.mode & stat.S_ISVTX and person.uid not in (place.uid, current_uid):
        return errno.EPERM  # the sticky bit of a directory such as /tmp: inode(7)
    uid, gid = owner
    is_given_away = uid not in (UNCHANGED, person.uid) or (gid != UNCHANGED and gid not in person.groups)
    return errno.EPERM if is_given_away and action != "delete" else 0


def refuse_forbidden(entry: HostEntry, directory: Directory, *, becomes_writable: bool) -> None:
    """Refuse a change that this process may not make; the directory may become writable in the same run.

    Raises:
        PermissionError: with the path of the entry.
    """
    if os.geteuid() == 0:
        return
    current = entry["current"]
    current_uid = None if current is None else current.st_uid
    status = directory.status
    place = Place(becomes_writable or is_writable(directory.fd), status.st_mode, status.st_uid)
    number = forbidden(entry["action"] or "", this_person(), place, current_uid, entry["owner_ids"])
    if number:
        raise PermissionError(number, os.strerror(number), entry["path"])
