"""Whether the host has enough free space, before anything is written. Python 3.9, standard library only."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .mngr_files_directories import MissingError
from .mngr_files_paths import printable_path
from .mngr_files_writing import BATCH_BYTES, BATCH_FILES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .mngr_files_directories import Directories, Directory
    from .mngr_files_steps import HostEntry


class _FileSystem:
    """What one file system has free, and the most that it needs while a bundle is written in its order.

    Attributes:
        needed_bytes, needed_files: the most that is needed at any time.
    """

    def __init__(self, directory: Directory) -> None:
        found = os.fstatvfs(directory.fd)
        is_root = os.geteuid() == 0
        counts_files = found.f_files > 0  # some file systems create inodes when they need them
        self._block = found.f_frsize or 4096
        self._free_bytes = (found.f_bfree if is_root else found.f_bavail) * self._block
        self._free_files = (found.f_ffree if is_root else found.f_favail) if counts_files else None
        self.needed_bytes = self.needed_files = 0
        self._now_bytes = self._now_files = 0
        self._batch: list[tuple[int, os.stat_result | None]] = []

    def add(self, size: int, replaced: os.stat_result | None) -> None:
        """Count one new file, link or directory; what it replaces is freed when its batch is renamed."""
        self._now_bytes += -(-size // self._block) * self._block
        self._now_files += 1
        self.needed_bytes = max(self.needed_bytes, self._now_bytes)
        self.needed_files = max(self.needed_files, self._now_files)
        self._batch.append((size, replaced))
        if len(self._batch) >= BATCH_FILES or sum(each for each, _ in self._batch) >= BATCH_BYTES:
            for _, status in self._batch:
                if status is not None and status.st_nlink == 1:
                    self._now_bytes -= status.st_blocks * 512
                    self._now_files -= 1
            self._batch = []

    def shortage(self) -> str:
        """What there is too little of, in words; empty if there is enough."""
        if self.needed_bytes > self._free_bytes:
            needed, free = amount(self.needed_bytes), amount(self._free_bytes)
            return "needs %s more, and its file system has %s free" % (needed, free)
        if self._free_files is not None and self.needed_files > self._free_files:
            return "needs %d more files, and its file system has room for %d" % (self.needed_files, self._free_files)
        return ""


def shortage(entries: Iterable[HostEntry], directories: Directories) -> str:
    """Why there is not enough space for these entries, as a sentence without a full stop; empty if there is.

    Each entry's ``current`` says what it replaces.

    Raises:
        OSError: it cannot be found out.
    """
    systems: dict[int, _FileSystem] = {}
    names: dict[int, bytes] = {}
    for entry in entries:
        directory = _existing(os.path.dirname(entry["path"]), directories)
        device = directory.status.st_dev
        if device not in systems:
            systems[device], names[device] = _FileSystem(directory), directory.path
        replaced = None if entry["if_exists"] == "backup" else entry["current"]
        systems[device].add(entry["size"] if entry["kind"] == "file" else 0, replaced)
    shortages = [
        "%s %s" % (printable_path(names[device]), system.shortage())
        for device, system in systems.items()
        if system.shortage()
    ]
    return "; ".join(shortages)


def _existing(path: bytes, directories: Directories) -> Directory:
    """The nearest existing directory at or above this path."""
    try:
        return directories.open(path)
    except MissingError as error:
        return error.nearest


def amount(size: float) -> str:
    """A number of bytes in words."""
    if size < 1000:
        return "%d bytes" % size
    for unit in ("kB", "MB"):
        size /= 1000
        if size < 1000:
            return "%.1f %s" % (size, unit)
    return "%.1f GB" % (size / 1000)
