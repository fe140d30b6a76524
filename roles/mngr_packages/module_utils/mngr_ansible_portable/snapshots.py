"""Read files that other programs may be writing to: what is read is what the file held at one moment.

A file that only grows (a log, a history) is read up to the size that it had at first. One that is written anew while
it is read is read again. Shared with the roles (Python 3.9, standard library only).
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from typing import IO, TYPE_CHECKING, NamedTuple, Union

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCK = 1 << 20
"""How many bytes are read at once: a file of any size needs little memory."""
TRIES = 4
"""How often a file is read that changes each time."""


_LARGE = 256 << 10
"""Bytes of a file that is worth a thread: a smaller one needs most of its time in Python, where threads take turns."""
_WORTH_THREADS = 4 << 20
"""Bytes of all large files for which threads are started."""
_MOST_THREADS = 4


class ChangingError(Exception):
    """A file was never the same for as long as it takes to read it."""


class Snapshot(NamedTuple):
    """What a file held at one moment.

    Attributes:
        status: of the file, at that moment; its size is that of the content.
        sha256: of the content, in hexadecimal.
        is_changing: another program wrote to the file meanwhile.
    """

    status: os.stat_result
    sha256: str
    is_changing: bool


def read(path: str, sink: IO[bytes] | None = None) -> Snapshot:
    """Read a file; the content is written to ``sink``, from its beginning, if there is one.

    Raises:
        ChangingError: it changed each time; or it is no regular file any more, or a kernel file without a size.
        OSError: it cannot be read.
    """
    for _ in range(TRIES):
        found = _read_once(path, sink)
        if found is not None:
            return found
    raise ChangingError(path)


Found = Union[Snapshot, ChangingError, OSError]
"""What :func:`read` returned, or raised."""


def read_all(paths: Sequence[str], sizes: Sequence[int]) -> list[Found]:
    """Read files as :func:`read` does, large ones at the same time where there are several processors.

    Args:
        paths: the files.
        sizes: about how many bytes each has.

    Returns: what became of each, in the order of ``paths``.
    """
    found: dict[int, Found] = {}
    small = [index for index, size in enumerate(sizes) if size < _LARGE]
    large = sorted(set(range(len(paths))).difference(small), key=lambda index: sizes[index])  # the largest is last

    def read_one(index: int) -> None:
        try:
            found[index] = read(paths[index])
        except (ChangingError, OSError) as error:
            found[index] = error

    def read_large() -> None:
        while True:
            try:
                index = large.pop()
            except IndexError:
                return
            read_one(index)

    is_worth_it = len(large) > 1 and sum(sizes[index] for index in large) >= _WORTH_THREADS
    count = min(_MOST_THREADS, os.cpu_count() or 1, len(large)) - 1 if is_worth_it else 0
    threads = [threading.Thread(target=read_large, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        for index in small:
            read_one(index)
        read_large()
        for thread in threads:
            thread.join()
    finally:
        large.clear()  # after Ctrl-C no thread begins another file
    return [found[index] for index in range(len(paths))]


def copy_beginning(path: str, size: int, sink: IO[bytes]) -> str | None:
    """Copy so many bytes of a file, and return their SHA-256; None if it has fewer, or is no regular file any more.

    Raises:
        OSError: it cannot be read, or the copy cannot be written.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return _digest(descriptor, size, sink) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    finally:
        os.close(descriptor)


def _read_once(path: str, sink: IO[bytes] | None) -> Snapshot | None:
    # O_NONBLOCK: a fifo that has replaced the file must not block.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            return None
        first = _digest(descriptor, before.st_size, sink)
        has_more = bool(os.read(descriptor, 1))
        after = os.fstat(descriptor)
        if first is None or (has_more and after.st_size <= before.st_size):
            return None
        if not has_more and _identity(before) == _identity(after):
            return Snapshot(before, first, False)
        # It was written to. Where the same is read once more, only something was added to it.
        os.lseek(descriptor, 0, os.SEEK_SET)
        return Snapshot(before, first, True) if _digest(descriptor, before.st_size, None) == first else None
    finally:
        os.close(descriptor)


def _digest(descriptor: int, size: int, sink: IO[bytes] | None) -> str | None:
    """The SHA-256 of so many bytes; None if there are fewer."""
    sha256, left = hashlib.sha256(), size
    if sink is not None:
        sink.seek(0)
        sink.truncate()
    while left:
        block = os.read(descriptor, min(BLOCK, left))
        if not block:
            return None
        left -= len(block)
        sha256.update(block)
        if sink is not None:
            sink.write(block)
    return sha256.hexdigest()


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
