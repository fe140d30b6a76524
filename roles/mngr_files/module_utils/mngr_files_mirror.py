"""What a mirrored directory holds and no transfer sends. Python 3.9, standard library only."""

from __future__ import annotations

import os
import pwd
import re
from typing import TYPE_CHECKING

from .mngr_files_directories import MissingError
from .mngr_files_paths import HOLDS_A_HOME, RefusedError
from .mngr_files_steps import without_those_that_stay
from .mngr_files_temporaries import NAME
from .mngr_files_writing import BACKUP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .mngr_files_directories import Directories, Directory

BACKUP_NAME = re.compile(re.escape(BACKUP) + rb"\d{8}T\d{6}Z(-\d+)?\Z")


def extraneous(
    top: Directory,
    kept: Iterable[bytes],
    protected: Iterable[bytes],
    directories: Directories,
    *,
    keeps_backups: bool = False,
) -> list[bytes]:
    """Paths below ``top`` that a mirror deletes, or with ``keeps_backups`` renames, the deepest first.

    What is in ``kept``, backups, and temporary files of this role stay. Paths are compared after links in their parents
    are resolved. Other file systems that are mounted below ``top`` are not entered, and no link is followed there.

    Raises:
        RefusedError: ``top`` is one of the ``protected`` directories, or holds one.
        OSError: a directory cannot be read.
    """
    for home in protected:
        if any(each.identity == top.identity for each in _chain(home, directories)):
            raise RefusedError(top.path, HOLDS_A_HOME)
    needed = _with_parents(kept, top.real_path, directories)
    found: list[bytes] = []
    inner: set[bytes] = set()
    staying: list[bytes] = []
    waiting: list[tuple[Directory, bytes | None, bytes]] = [(top, None, top.real_path)]
    while waiting:
        holder, own_name, real = waiting.pop()
        directory = holder if own_name is None else directories.open_in(holder, own_name)
        if directory.status.st_dev != top.status.st_dev:
            staying.append(directory.path)
            continue
        for name, is_directory in _children(directory):
            path, named = os.path.join(real, name), os.path.join(directory.path, name)
            if path not in needed and not is_own_name(name):
                found.append(named)
            if path in needed or BACKUP_NAME.search(name) or (keeps_backups and not is_directory):
                staying.append(named)
            if is_directory:
                inner.add(named)
                waiting.append((directory, name, path))
    found.sort(key=lambda path: path.count(b"/"), reverse=True)
    return without_those_that_stay(found, inner, staying)


def is_own_name(name: bytes) -> bool:
    """Whether something has the name of a temporary file or a backup of this role."""
    return bool(NAME.match(name) or BACKUP_NAME.search(name))


def _children(directory: Directory) -> list[tuple[bytes, bool]]:
    """The names in a directory, and whether each is a real directory."""
    descriptor = directory.open_to_read()
    try:
        with os.scandir(descriptor) as children:
            return [(os.fsencode(child.name), child.is_dir(follow_symlinks=False)) for child in children]
    finally:
        os.close(descriptor)


def _with_parents(paths: Iterable[bytes], top: bytes, directories: Directories) -> set[bytes]:
    """These paths and their parents up to ``top``, with links in the parents resolved."""
    found: set[bytes] = set()
    resolved: dict[bytes, bytes] = {}
    for path in paths:
        directory, name = os.path.split(path)
        if directory not in resolved:
            resolved[directory] = _real_path(directory, directories)
        path = os.path.join(resolved[directory], name)
        while path not in found and len(path) > len(top):
            found.add(path)
            path = os.path.dirname(path)
    return found


def _real_path(path: bytes, directories: Directories) -> bytes:
    """A path without links; of what is missing or cannot be opened, as it is named."""
    try:
        return directories.open(path).real_path
    except MissingError as error:
        return os.path.join(error.nearest.real_path, *error.names)
    except (RefusedError, OSError):
        return path


def _chain(path: bytes, directories: Directories) -> list[Directory]:
    """A directory and those that really hold it; empty if it cannot be opened."""
    try:
        return directories.open(path).chain()
    except (MissingError, RefusedError, OSError):
        return []


def protected_homes(home: bytes) -> list[bytes]:
    """The home directories that no mirror may empty: the user's own; for root also those of everybody who logs in."""
    if os.geteuid() != 0:
        return [home]
    people = (each for each in pwd.getpwall() if each.pw_uid == 0 or 1000 <= each.pw_uid < 65534)
    return [home, *(os.fsencode(each.pw_dir) for each in people)]
