"""Open files: how many this process may have (the caller's limit, which is never changed), and those that may wait."""

import os
import resource
from contextlib import suppress
from typing import BinaryIO

_KEPT_FREE = 16
"""File descriptors for everything else that happens meanwhile."""


def room(each: int, most: int) -> int:
    """How many things that take so many file descriptors each there may be at once: ``most``, or fewer; at least one.

    Source: getrlimit(2), RLIMIT_NOFILE.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return most
    used = 0
    with suppress(OSError):
        used = len(os.listdir("/dev/fd"))  # noqa: PTH208 - only their number counts
    return max(1, min(most, (limit - used - _KEPT_FREE) // each))


def open_at_once(path: str) -> BinaryIO:
    """Open what may be no regular file, to read it: a fifo to which nobody writes is opened too, instead of waited for.

    Raises:
        OSError: it cannot be opened.
    """
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb")
