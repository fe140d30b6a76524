"""How many files this process may have open. The limit is the caller's: it is kept to, and never changed."""

import os
import resource
from contextlib import suppress

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
