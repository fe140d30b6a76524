"""The temporary directories of runs on a host, and the removal of those that killed runs left behind.

Every run has a directory of its own inside Ansible's temporary directory (``remote_tmp``): ``.mngr-ansible-`` and 16
hexadecimal digits. Normally the run removes it. After a run that was killed, the next one does.

Shared with the roles (Python 3.9, standard library only).
"""
# Paths are plain text here, as Ansible gives them.
# ruff: noqa: PTH106, PTH119, PTH120

from __future__ import annotations

import os
import re
import shutil
import stat
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME = re.compile(r"\.mngr-ansible-[0-9a-f]{16}\Z")
EMPTY_SECONDS = 30
"""Age after which an empty directory belongs to a dead run: a living one fills it at once."""
UNCHANGED_SECONDS = 24 * 3600
"""Age after which a directory belongs to a dead run if nothing in it has changed."""


def is_run_directory(path: str) -> bool:
    """Whether a path has the name of a run's own temporary directory."""
    return _NAME.match(os.path.basename(path)) is not None


def sweep(directory: str, clean: Callable[[str], None] | None = None) -> None:
    """Remove the directories of dead runs beside ``directory``, which stays. Never raises.

    Only directories of the user who runs this are removed. Where ``directory`` is not a run's own, nothing is removed.

    Args:
        directory: the temporary directory of this run.
        clean: called with every run's directory, ``directory`` first, before it is removed. It may remove some of what
            is in it.
    """
    if clean is not None:
        clean(directory)
    if not is_run_directory(directory):
        return
    for other in children(os.path.dirname(directory)):
        if other == directory or not is_run_directory(other):
            continue
        is_old = age(other) > EMPTY_SECONDS
        if clean is not None:
            clean(other)
        if is_old and not remove_empty(other) and _unchanged_seconds(other) > UNCHANGED_SECONDS:
            shutil.rmtree(other, ignore_errors=True)


def children(directory: str) -> list[str]:
    """The paths in a directory, without links; none if it cannot be read."""
    try:
        with os.scandir(directory) as found:
            return [child.path for child in found if not child.is_symlink()]
    except OSError:
        return []


def age(path: str) -> float:
    """Seconds since a path was last changed; below zero if it is missing, a link, or belongs to another user."""
    try:
        status = os.lstat(path)
    except OSError:
        return -1
    is_own = status.st_uid == os.geteuid() and not stat.S_ISLNK(status.st_mode)
    return time.time() - status.st_mtime if is_own else -1


def remove_empty(directory: str) -> bool:
    """Remove a directory if it is empty; whether it was removed."""
    try:
        os.rmdir(directory)
    except OSError:
        return False
    return True


def _unchanged_seconds(directory: str) -> float:
    """Seconds since the last change of a directory and of what is directly in it."""
    return min(age(path) for path in [directory, *children(directory)])
