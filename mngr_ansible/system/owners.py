"""Other users of this machine: which groups they share with us, and whether they can exchange what is at a path."""

import grp
import os
import pwd
import stat
from functools import cache
from pathlib import Path


@cache
def is_shared_group(number: int) -> bool:
    """Whether a group has a member besides this user and root."""
    us = {"root"}
    try:
        us.add(pwd.getpwuid(os.geteuid()).pw_name)
        members = set(grp.getgrgid(number).gr_mem)
    except KeyError:
        members = set()
    members.update(each.pw_name for each in pwd.getpwall() if each.pw_gid == number)
    return bool(members - us)


def why_unsafe(directory: Path) -> str:
    """Why another user could exchange what this user makes in a directory, as a clause; empty if none could.

    The directory and all above it, links resolved, must belong to this user or to root, and nobody else may write in
    them, unless they are sticky as /tmp is. Source: unlink(2), "EACCES" and "EPERM".
    """
    trusted = {os.geteuid(), 0, Path("/").stat().st_uid}
    real = Path(os.path.realpath(directory))
    for each in (real, *real.parents):
        status = each.stat()
        if status.st_uid not in trusted:
            return f"{each} belongs to another user"
        if status.st_mode & stat.S_ISVTX:
            continue
        if status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and is_shared_group(status.st_gid)):
            return f"other users can write in {each}"
    return ""
