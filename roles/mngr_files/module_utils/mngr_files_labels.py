"""Security labels of files, which a file that takes another one's place must keep. Python 3.9, standard library only.

A new file gets the label of its directory, and a policy may have given the old one another: a service that may read
``net_conf_t`` alone does not start any more. Source: selinux(8), restorecon(8), xattr(7).
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from .mngr_files_paths import EXISTING

if TYPE_CHECKING:
    from .mngr_files_directories import Directory

_LABELS = ("security.selinux", "security.SMACK64")
"""The attributes that hold a label. Capabilities and hashes of the content are none: they are about the old content."""


def keep(replaced: os.stat_result, directory: Directory, name: bytes, descriptor: int) -> None:
    """Give the open new file the labels of the file that it will replace, if that still is the one that was seen.

    A file system without labels, and a policy that does not allow this, are no error: the new file has a label already.
    """
    try:
        old_descriptor = os.open(name, EXISTING, dir_fd=directory.fd)
    except OSError:
        return
    try:
        status = os.fstat(old_descriptor)
        if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) == (replaced.st_dev, replaced.st_ino):
            copy(old_descriptor, descriptor)
    finally:
        os.close(old_descriptor)


def copy(old_descriptor: int, descriptor: int) -> None:
    """Give one open file the labels of another."""
    if not hasattr(os, "getxattr"):  # macOS
        return
    for name in _LABELS:
        try:
            label = os.getxattr(old_descriptor, name)
            if label and _label(descriptor, name) != label:
                os.setxattr(descriptor, name, label)
        except OSError:
            continue


def _label(descriptor: int, name: str) -> bytes:
    try:
        return os.getxattr(descriptor, name)
    except OSError:
        return b""
