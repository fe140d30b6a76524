"""What a mirrored directory holds and no transfer sends. Python 3.9, standard library only."""

from __future__ import annotations

import os
import pwd
import re
import stat
from typing import TYPE_CHECKING

from .mngr_files_paths import RefusedError, lstat
from .mngr_files_temporaries import NAME
from .mngr_files_writing import BACKUP

if TYPE_CHECKING:
    from collections.abc import Iterable

_BACKUP_NAME = re.compile(re.escape(BACKUP) + rb"\d{8}T\d{6}Z(-\d+)?\Z")


def extraneous(top: bytes, kept: Iterable[bytes], protected: Iterable[bytes]) -> list[bytes]:
    """Paths below ``top`` that a mirror deletes, the deepest first.

    What is in ``kept``, backups, and temporary files of this role stay. Paths are compared after links in their parents
    are resolved. Other file systems that are mounted below ``top`` are not entered.

    Raises:
        RefusedError: ``top`` is one of the ``protected`` directories, or holds one.
    """
    real = os.path.realpath(top)
    for directory in protected:
        if (os.path.realpath(directory) + b"/").startswith(real.rstrip(b"/") + b"/"):
            raise RefusedError(top, "is a home directory, or holds one; a mirror would empty it")
    status = lstat(top)
    if status is None or not stat.S_ISDIR(status.st_mode):
        return []
    needed = _with_parents(kept, real)
    found, waiting = [], [real]
    while waiting:
        with os.scandir(waiting.pop()) as children:
            for child in children:
                if child.path not in needed and not NAME.match(child.name) and not _BACKUP_NAME.search(child.name):
                    found.append(top + child.path[len(real) :])
                if child.is_dir(follow_symlinks=False) and child.stat(follow_symlinks=False).st_dev == status.st_dev:
                    waiting.append(child.path)
    return sorted(found, key=lambda path: path.count(b"/"), reverse=True)


def _with_parents(paths: Iterable[bytes], top: bytes) -> set[bytes]:
    """These paths and their parents up to ``top``, with links in the parents resolved."""
    found: set[bytes] = set()
    resolved: dict[bytes, bytes] = {}
    for path in paths:
        directory, name = os.path.split(path)
        if directory not in resolved:
            resolved[directory] = os.path.realpath(directory)
        path = os.path.join(resolved[directory], name)
        while path not in found and len(path) > len(top):
            found.add(path)
            path = os.path.dirname(path)
    return found


def protected_homes(home: bytes) -> list[bytes]:
    """The home directories that no mirror may empty: the user's own; for root also those of everybody who logs in."""
    if os.geteuid() != 0:
        return [home]
    people = (each for each in pwd.getpwall() if each.pw_uid == 0 or 1000 <= each.pw_uid < 65534)
    return [home, *(os.fsencode(each.pw_dir) for each in people if os.path.isdir(each.pw_dir))]
