"""Where ssh's sockets are: in a private directory with a short path, which is gone when its run is."""

import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "mngr-ansible-"
_NAME = re.compile(re.escape(_PREFIX) + r"\w{8}")
_LONGEST_PARENT = 23
"""Bytes: with ``/mngr-ansible-12345678``, ``/%C`` (41) and ssh's own suffix (17) a path has 103, macOS's limit."""
_DEAD_SECONDS = 24 * 3600


@contextmanager
def socket_directory() -> Iterator[Path]:
    """A new directory for its owner alone, removed afterwards; what killed runs left of theirs is removed first.

    Raises:
        OSError: there is no room for it.
    """
    parent = tempfile.gettempdir()
    if len(os.fsencode(parent)) > _LONGEST_PARENT:
        parent = "/tmp"  # noqa: S108 - the directory in it is private
    _sweep(parent)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=parent, ignore_cleanup_errors=True) as directory:
        yield Path(directory).absolute()


def _sweep(parent: str) -> None:
    """Remove our empty directories that are a day old: a master without its run ends in seconds, and its socket too."""
    with suppress(OSError), os.scandir(parent) as children:
        for child in children:
            with suppress(OSError):
                status = child.stat(follow_symlinks=False)
                is_old = time.time() - status.st_mtime > _DEAD_SECONDS
                if _NAME.fullmatch(child.name) and status.st_uid == os.geteuid() and is_old:
                    Path(child.path).rmdir()
