"""The temporary directories of runs on a host, and the removal of those that killed runs left behind.

Every run has a directory of its own inside Ansible's temporary directory (``remote_tmp``): ``.mngr-ansible-`` and 16
hexadecimal digits. Normally the run removes it. After a run that was killed, the next one does.

Shared with the roles (Python 3.9, standard library only).
"""
# Paths are plain text here, as Ansible gives them; what is in a directory is reached by its descriptor, so that nobody
# can exchange it for something else.
# ruff: noqa: PTH116, PTH119

from __future__ import annotations

import os
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from .regular_expressions import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NAME = regex(r"\.mngr-ansible-[0-9a-f]{16}\Z")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK | os.O_CLOEXEC
_MOST_NAMES = 100_000
"""How many names of a directory are looked at: anybody can make very many in /tmp."""
EMPTY_SECONDS = 30
"""Age after which an empty directory belongs to a dead run: a living one fills it at once."""
UNCHANGED_SECONDS = 24 * 3600
"""Age after which a directory belongs to a dead run if nothing in it has changed."""


def is_run_directory(path: str) -> bool:
    """Whether a path has the name of a run's own temporary directory."""
    return _NAME.match(os.path.basename(path)) is not None


def sweep(directory: str, clean: Callable[[int], None] | None = None) -> None:
    """Remove the directories of dead runs beside ``directory``, which stays. Never raises.

    Only directories of the user who runs this are removed, and only where nobody else can give another directory such a
    name: beside them is what is this user's own, or a sticky directory of root's such as /tmp. Where ``directory`` is
    not a run's own, nothing is removed.

    Args:
        directory: the temporary directory of this run.
        clean: called with the descriptor of every run's directory that is this user's, that of ``directory`` first,
            before it is removed. It may remove some of what is in it.
    """
    parent, own = os.path.split(directory.rstrip("/"))
    with _opened(parent or ".") as holder:
        if holder is None:
            return
        if clean is not None:
            with _opened(own, holder) as descriptor:
                if descriptor is not None:
                    clean(descriptor)
        if not is_run_directory(own) or not _is_safe(holder):
            return
        for name in names(holder):
            if name != own and is_run_directory(name):
                _sweep_one(name, holder, clean)


def _sweep_one(name: str, holder: int, clean: Callable[[int], None] | None) -> None:
    with _opened(name, holder) as descriptor:
        if descriptor is None:
            return
        is_old = age(name, holder) > EMPTY_SECONDS
        if clean is not None:
            clean(descriptor)
        if not is_old:
            return
        is_dead = remove_empty(name, holder) or _unchanged_seconds(descriptor) > UNCHANGED_SECONDS
    if is_dead:
        remove_tree(name, holder)


@contextmanager
def _opened(name: str, holder: int | None = None) -> Iterator[int | None]:
    """The descriptor of a directory of this user's in an open one; None if it is none, or a link to one.

    Without ``holder``, that of any directory; then links are followed, such as that of a home.
    """
    try:
        descriptor = os.open(name, _DIRECTORY | (0 if holder is None else os.O_NOFOLLOW), dir_fd=holder)
    except OSError:
        yield None
        return
    try:
        is_own = holder is None or os.fstat(descriptor).st_uid == os.geteuid()
        yield descriptor if is_own else None
    finally:
        os.close(descriptor)


def _is_safe(holder: int) -> bool:
    """Whether nobody else can rename what this user has in a directory."""
    status, is_root = os.fstat(holder), os.geteuid() == 0
    if status.st_mode & stat.S_ISVTX:
        return status.st_uid in (os.geteuid(), 0, os.stat("/").st_uid)
    others = 0o022 if is_root else 0o002  # a user's group is often his alone
    return status.st_uid == os.geteuid() and not status.st_mode & others


def names(holder: int) -> list[str]:
    """The names in an open directory, without links; none if it cannot be read."""
    found: list[str] = []
    try:
        with os.scandir(holder) as children:
            for child in children:
                if len(found) >= _MOST_NAMES:
                    break
                if not child.is_symlink():
                    found.append(child.name)
    except OSError:
        return []
    return found


def age(name: str, holder: int) -> float:
    """Seconds since the last change of what has this name in an open directory.

    Below zero if it is missing, a link, or belongs to another user.
    """
    try:
        status = os.stat(name, dir_fd=holder, follow_symlinks=False)
    except OSError:
        return -1
    is_own = status.st_uid == os.geteuid() and not stat.S_ISLNK(status.st_mode)
    return time.time() - status.st_mtime if is_own else -1


def remove_empty(name: str, holder: int | None = None) -> bool:
    """Remove a directory if it is empty; whether it was removed. ``holder``: the open directory that it is in."""
    try:
        os.rmdir(name, dir_fd=holder)
    except OSError:
        return False
    return True


def remove_tree(name: str, holder: int) -> None:
    """Remove a directory of this user's from an open one, with all that is in it, as far as that is possible."""
    with _opened(name, holder) as descriptor:
        if descriptor is None:
            return
        try:
            with os.scandir(descriptor) as children:
                found = [(child.name, child.is_dir(follow_symlinks=False)) for child in children]
        except OSError:
            return
        for child, is_directory in found:
            if is_directory:
                remove_tree(child, descriptor)
                continue
            with suppress(OSError):  # it stays, with the directories around it
                os.unlink(child, dir_fd=descriptor)
    remove_empty(name, holder)


def age_below(directory: str, name: str, holder: int) -> float:
    """The same as :func:`age` for what is in a directory of this user's in an open one; below zero if that is none."""
    with _opened(directory, holder) as descriptor:
        return -1 if descriptor is None else age(name, descriptor)


def _unchanged_seconds(descriptor: int) -> float:
    """Seconds since the last change of an open directory and of what is directly in it."""
    own = time.time() - os.fstat(descriptor).st_mtime
    return min([own, *(age(name, descriptor) for name in names(descriptor))])
