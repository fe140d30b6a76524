"""Whether there is room for what is to be written, before anything is. Python 3.9, standard library only."""

from __future__ import annotations

import os

from ansible.module_utils.mngr_files_writing import BATCH_BYTES, BATCH_FILES


class _FileSystem:
    """What one file system has, and will have to have while a bundle is written in its order."""

    def __init__(self, directory):
        found = os.statvfs(directory)
        is_root = os.geteuid() == 0
        self.block = found.f_frsize or 4096
        self.bytes = (found.f_bfree if is_root else found.f_bavail) * self.block
        counts_files = found.f_files > 0  # some make room for files as they need it
        self.files = (found.f_ffree if is_root else found.f_favail) if counts_files else None
        self.needed_bytes = self.needed_files = 0
        self._now_bytes = self._now_files = 0
        self._batch = []

    def add(self, size, replaced):
        """Count one new thing; what it replaces goes when its batch takes its place."""
        self._now_bytes += -(-size // self.block) * self.block
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

    @property
    def shortage(self):
        """What there is too little of, in words; empty if there is enough."""
        if self.needed_bytes > self.bytes:
            return "needs %s more, and its file system has %s free" % (amount(self.needed_bytes), amount(self.bytes))
        if self.files is not None and self.needed_files > self.files:
            return "needs %d more files, and its file system has room for %d" % (self.needed_files, self.files)
        return ""


def shortage(entries):
    """Why these entries, whose ``there`` says what they replace, have no room: a sentence, or an empty string."""
    systems, places, known = {}, {}, {}
    for entry in entries:
        directory = _existing(os.path.dirname(entry["path"]), known)
        device = os.stat(directory).st_dev
        if device not in systems:
            systems[device], places[device] = _FileSystem(directory), directory
        replaced = None if entry["if_exists"] == "backup" else entry["there"]
        systems[device].add(entry["size"] if entry["kind"] == "file" else 0, replaced)
    told = [
        "%s %s" % (places[device].decode("utf-8", "backslashreplace"), system.shortage)
        for device, system in systems.items()
        if system.shortage
    ]
    return "; ".join(told)


def _existing(directory, known):
    """The nearest directory above, itself included, that is there."""
    if directory not in known:
        known[directory] = directory if os.path.isdir(directory) else _existing(os.path.dirname(directory), known)
    return known[directory]


def amount(size):
    """Bytes in words."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return "%d %s" % (size, unit) if unit == "bytes" else "%.1f %s" % (size, unit)
        size /= 1000
    return "%.1f GB" % size
