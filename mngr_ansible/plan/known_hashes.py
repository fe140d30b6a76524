"""Hashes of local files that earlier plans have read, so that content which did not change is not read again.

::

    $XDG_STATE_HOME/mngr-ansible/hashes/     0700; default: ~/.local/state
        4f2a…                                0600; one for each set of sources

A hash is known by what the system says of its file: device, inode, size, and the times of the last change of its
content and of its status. A program can set the first time, but not the second. Names are not kept, and nothing about
secrets: the hash of a short one would give it away.
"""

import hashlib
import os
import stat
import struct
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

MOST_FILES = 200_000
"""How many files one set of sources has at most; the hashes of more are not kept."""
KEPT_SETS = 20
"""How many sets of sources are kept: those of the newest plans."""

_WORTH_FILES, _WORTH_BYTES = 64, 1 << 20
"""Fewer files with fewer bytes are read as fast as their hashes."""
_TICK, _COARSE_TICK = 100_000_000, 2_000_000_000
"""How far apart two changes must be, in nanoseconds, so that their times differ: the clock of the kernel has ticks of
up to 10 ms; file systems that keep whole seconds have up to two of them (FAT)."""
_SECOND = 1_000_000_000

_KEY = struct.Struct("<QQQqq")
_DIGEST = 32
_ROW = _KEY.size + _DIGEST
_MARK = b"mngr-ansible hashes 1\n"


class KnownHashes:
    """The known hashes of one set of sources.

    Whoever changed a file so shortly before it was read that one more change would have had the same times may have
    changed it once more: such a hash is not kept. Source: git's documentation, "racy-git".
    """

    def __init__(self, sources: Sequence[str], *, is_read: bool = True) -> None:
        """``sources``: their paths. ``is_read``: whether what earlier plans have read counts, or all is read anew."""
        self._name = hashlib.sha256("\0".join(sorted(sources)).encode("utf-8", "surrogateescape")).hexdigest()
        self._is_read = is_read
        self._started = time.time_ns()
        self._files, self._bytes = len(sources), 0
        self._earlier: dict[bytes, bytes] | None = None
        self._found: dict[bytes, bytes] = {}

    def find(self, statuses: Sequence[os.stat_result]) -> list[str | None]:
        """The SHA-256 of each file that has not changed since it was read; None where that is not known."""
        self._files += len(statuses)
        self._bytes += sum(each.st_size for each in statuses)
        if self._files < _WORTH_FILES and self._bytes < _WORTH_BYTES:
            return [None] * len(statuses)
        earlier = self._load()
        keys = [_key(each) for each in statuses]
        self._found.update((key, earlier[key]) for key in keys if key in earlier)
        return [earlier[key].hex() if key in earlier else None for key in keys]

    def add(self, status: os.stat_result, sha256: str) -> None:
        """Take note of the SHA-256 of a file that nobody wrote to while it was read."""
        changed = max(status.st_mtime_ns, status.st_ctime_ns)
        is_coarse = status.st_mtime_ns % _SECOND == 0 and status.st_ctime_ns % _SECOND == 0
        if changed + (_COARSE_TICK if is_coarse else _TICK) >= self._started:
            return
        self._found[_key(status)] = bytes.fromhex(sha256)

    def forget(self, paths: Iterable[str]) -> None:
        """Keep nothing about these files: they are somebody's secrets, whoever else sends them."""
        for path in paths:
            self._load()
            with suppress(OSError):
                self._found.pop(_key(os.stat(path)), None)  # noqa: PTH116 - names of any bytes

    def save(self) -> None:
        """Keep what is known now, if it differs; nothing is kept where the state directory cannot be written."""
        if self._earlier is None or self._found == self._earlier:
            return
        rows = b"".join(key + self._found[key] for key in list(self._found)[:MOST_FILES])
        with suppress(OSError):
            from mngr_ansible.system.state_directory import write_state_file

            directory = _directory()
            write_state_file(directory / self._name, _MARK + hashlib.sha256(rows).digest() + rows)
            _remove_old(directory)

    def _load(self) -> dict[bytes, bytes]:
        """What the last plan of these sources has kept, read once."""
        if self._earlier is None:
            self._earlier = _kept(self._name) if self._is_read else {}
        return self._earlier


def forget_sets_with(paths: Iterable[str]) -> None:
    """Forget what is known of every set of sources with one of these files, as they are now: one of them was found to
    have other content than its known hash says, as where a program writes through a mapping of it."""
    keys = set[bytes]()
    for path in paths:
        with suppress(OSError):
            keys.add(_key(os.stat(path)))  # noqa: PTH116 - names of any bytes
    with suppress(OSError):
        for each in _directory().glob("[0-9a-f]*"):
            if not keys.isdisjoint(_kept(each.name)):
                each.unlink(missing_ok=True)


def _kept(name: str) -> dict[bytes, bytes]:
    """What a file of hashes holds; nothing where it is broken or not this user's own."""
    try:
        data = _read_private(_directory() / name)
    except OSError:
        return {}
    start = len(_MARK) + _DIGEST
    rows = data[start:]
    if data[:start] != _MARK + hashlib.sha256(rows).digest() or len(rows) % _ROW:
        return {}
    starts = range(0, len(rows), _ROW)
    return {rows[start : start + _KEY.size]: rows[start + _KEY.size : start + _ROW] for start in starts}


def _directory() -> Path:
    from mngr_ansible.system.state_directory import state_directory

    return state_directory("hashes")


def _key(status: os.stat_result) -> bytes:
    device = status.st_dev & (1 << 64) - 1
    return _KEY.pack(device, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _read_private(path: Path) -> bytes:
    """The content of a file of this user that nobody else can read or write.

    Raises:
        OSError: it is not there, or something else is.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        is_private = status.st_uid == os.geteuid() and not status.st_mode & 0o077
        if not stat.S_ISREG(status.st_mode) or not is_private:
            raise PermissionError
        return file.read(len(_MARK) + _DIGEST + MOST_FILES * _ROW + 1)


def _remove_old(directory: Path) -> None:
    """Remove all but the newest, and what killed plans left; another plan may remove them at the same time."""
    from mngr_ansible.system.state_directory import remove_unfinished

    remove_unfinished(directory)
    found: list[tuple[int, Path]] = []
    for each in directory.glob("[0-9a-f]*"):
        with suppress(OSError):
            found.append((each.lstat().st_mtime_ns, each))
    for _, each in sorted(found, reverse=True)[KEPT_SETS:]:
        with suppress(OSError):
            each.unlink()
