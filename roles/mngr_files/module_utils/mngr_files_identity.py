"""Whose directories are whose, and acting as another user so that the kernel decides what that user may do.

Python 3.9, standard library only.
"""

from __future__ import annotations

import functools
import grp
import os
import pwd
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def acting_as(uid: int | None) -> Iterator[None]:
    """Make the effective user and groups those of ``uid`` for the block; None changes nothing. Only root can.

    The real and the saved user stay root: that user can neither signal nor trace this process (credentials(7)).

    Raises:
        PermissionError: this root may not become other users, as in some containers.
    """
    if uid is None or uid == os.geteuid():
        yield
        return
    groups, gid = os.getgroups(), os.getegid()
    theirs = _groups(uid)
    os.setgroups(theirs)
    try:
        os.setegid(theirs[0])
        os.seteuid(uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)
        os.setgroups(groups)


@functools.lru_cache(maxsize=None)
def can_act_as(uid: int) -> bool:
    """Whether this process can act as that user."""
    if os.geteuid() != 0:
        return uid == os.geteuid()
    try:
        with acting_as(uid):
            return True
    except OSError:
        return False


@functools.lru_cache(maxsize=None)
def _groups(uid: int) -> list[int]:
    """The groups of a user, the primary one first. A user whom the host does not know is in the group of its number."""
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return [uid]
    others = [gid for gid in os.getgrouplist(user.pw_name, user.pw_gid) if gid != user.pw_gid]
    return [user.pw_gid, *others]


def user_name(uid: int) -> str:
    """The name of a user for people; the number where the host has no name for it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """The name of a group for people; the number where the host has no name for it."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


@functools.lru_cache(maxsize=None)
def system_owners() -> frozenset[int]:
    """The owners of the system: root, and the owner of ``/``, which in a rootless container is how root is shown."""
    descriptor = os.open("/", getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY)
    try:
        return frozenset((0, os.fstat(descriptor).st_uid))
    finally:
        os.close(descriptor)


def gives_others_a_say(directory: os.stat_result, uid: int) -> bool:
    """Whether anybody but root and the user ``uid`` can put something into a directory, or take it out."""
    if directory.st_uid != uid and directory.st_uid not in system_owners():
        return True
    if directory.st_mode & 0o002:
        return True
    return bool(directory.st_mode & 0o020) and not _is_group_of_one(directory.st_gid, uid)


@functools.lru_cache(maxsize=None)
def _is_group_of_one(gid: int, uid: int) -> bool:
    """Whether a group is root's, or the one that many systems make for each user."""
    if gid == 0:
        return True
    try:
        user, group = pwd.getpwuid(uid), grp.getgrgid(gid)
    except KeyError:
        return False
    return user.pw_gid == gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
