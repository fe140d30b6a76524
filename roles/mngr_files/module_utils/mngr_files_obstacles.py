"""What keeps even root from changing something, found before anything is changed. Python 3.9, standard library only.

Mount points (a file that is mounted over another one cannot be replaced or deleted: rename(2), EBUSY), read-only file
systems, and the attributes "immutable" and "append-only" of ext4, xfs, btrfs and others (chattr(1)).
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import struct
from typing import TYPE_CHECKING

from .mngr_files_paths import EXISTING, READ_ONLY, RefusedError

if TYPE_CHECKING:
    from .mngr_files_directories import Directory
    from .mngr_files_steps import HostEntry

_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20
"""FS_IMMUTABLE_FL and FS_APPEND_FL of linux/fs.h."""
_OCTAL = re.compile(rb"\\([0-7]{3})")
"""How a blank, a tab, a newline and a backslash are written in mountinfo. Source: proc_pid_mountinfo(5)."""


MOUNTED = (
    "is a file that is mounted there, which cannot be replaced; change the file that is mounted (such as a container's "
    "volume), or use another destination"
)
"""Why a destination at which something is mounted is refused."""


class Obstacles:
    """Finds what prevents a change. Directories are looked at once."""

    def __init__(self) -> None:
        self._mounted: frozenset[bytes] | None = None
        self._seen: dict[tuple[int, int], tuple[bool, int]] = {}

    def check(self, entry: HostEntry, directory: Directory) -> None:
        """Look at what is at the path of an entry that has to be changed, and at the directory that holds it.

        Raises:
            RefusedError: the change is impossible.
        """
        action, path, current = entry["action"], entry["path"], entry["current"]
        if current is not None and action in ("content", "link") and self.is_mount_point(directory, path):
            raise RefusedError(path, MOUNTED)
        if directory.identity not in self._seen:
            self._seen[directory.identity] = _directory_state(directory)
        is_read_only, flags = self._seen[directory.identity]
        if is_read_only:
            raise RefusedError(directory.path, READ_ONLY)
        if action in ("content", "link", "delete"):
            _refuse_protected(directory.path, flags)
        elif action == "directory":
            _refuse_protected(directory.path, flags & _IMMUTABLE)  # in what is append-only, directories can be made
        if current is not None:
            _refuse_protected(path, _flags_of(directory, os.path.basename(path) or b".", current))

    def is_mount_point(self, directory: Directory, path: bytes) -> bool:
        """Whether something is mounted at a path that names something in a directory."""
        if self._mounted is None:
            self._mounted = _mount_points()
        return bool(self._mounted) and os.path.join(directory.real_path, os.path.basename(path)) in self._mounted


def _directory_state(directory: Directory) -> tuple[bool, int]:
    """Whether a directory is on a read-only file system, and its attributes, as far as that can be found out."""
    try:
        is_read_only = bool(os.fstatvfs(directory.fd).f_flag & os.ST_RDONLY)
        descriptor = directory.open_to_read()
    except OSError:
        return False, 0  # what fails then says why
    try:
        return is_read_only, _flags(descriptor)
    finally:
        os.close(descriptor)


def _flags_of(directory: Directory, name: bytes, seen: os.stat_result) -> int:
    """The attributes of what has this name in a directory; 0 if we may not read it, or if it is another one by now."""
    if not stat.S_ISREG(seen.st_mode) and not stat.S_ISDIR(seen.st_mode):
        return 0
    try:
        descriptor = os.open(name, EXISTING, dir_fd=directory.fd)
    except OSError:
        return 0
    try:
        status = os.fstat(descriptor)
        return _flags(descriptor) if (status.st_dev, status.st_ino) == (seen.st_dev, seen.st_ino) else 0
    finally:
        os.close(descriptor)


def _refuse_protected(path: bytes, flags: int) -> None:
    """Refuse to change something with these attributes.

    Raises:
        RefusedError: it is immutable, or append-only.
    """
    for flag, word, letter in ((_IMMUTABLE, "immutable", "i"), (_APPEND_ONLY, "append-only", "a")):
        if flags & flag:
            why = "is %s: somebody protected it with chattr +%s. If it may be changed, " % (word, letter)
            raise RefusedError(path, "%srun chattr -%s on it, then run again" % (why, letter))


def _flags(descriptor: int) -> int:
    """The attributes of an open file; 0 where its file system has none. Source: ioctl_iflags(2)."""
    request = _get_flags_request()
    try:
        found = fcntl.ioctl(descriptor, request, struct.pack("l", 0))
    except OSError:
        return 0
    return int(struct.unpack_from("i", found)[0])  # an int, though the request names a long


def _get_flags_request() -> int:
    """The number of FS_IOC_GETFLAGS: ``_IOR('f', 1, long)``. Source: asm-generic/ioctl.h and those of the others."""
    direction = 1 << 30 if os.uname().machine.startswith(("alpha", "mips", "ppc", "sparc")) else 2 << 30
    return direction | struct.calcsize("l") << 16 | ord("f") << 8 | 1


def _mount_points() -> frozenset[bytes]:
    """Every path at which something is mounted; none where the system does not say (macOS)."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return frozenset()
    fields = (line.split(b" ", 5) for line in lines)
    return frozenset(_OCTAL.sub(lambda code: bytes((int(code[1], 8),)), each[4]) for each in fields if len(each) > 5)
