"""What a mirrored directory has and nobody wants. Python 3.9, standard library only."""

from __future__ import annotations

import os
import pwd
import re
import stat

from ansible.module_utils.mngr_files_paths import RefusedError, lstat
from ansible.module_utils.mngr_files_temporaries import NAME
from ansible.module_utils.mngr_files_writing import BACKUP

BACKUP_NAME = re.compile(re.escape(BACKUP) + rb"\d{8}T\d{6}Z(-\d+)?\Z")


def stale(top, wanted, homes):
    """Paths below ``top`` that are not in ``wanted``, the deepest first; our own backups and temporaries stay.

    Paths are compared behind the links above them.

    Raises:
        RefusedError: ``top`` is one of the ``homes``, or holds one.
    """
    real = os.path.realpath(top)
    for home in homes:
        if (os.path.realpath(home) + b"/").startswith(real.rstrip(b"/") + b"/"):
            raise RefusedError(top, "is a home directory, or holds one; a mirror would empty it")
    status = lstat(top)
    if status is None or not stat.S_ISDIR(status.st_mode):
        return []
    kept, parents = set(), {}
    for path in wanted:
        directory, name = os.path.split(path)
        if directory not in parents:
            parents[directory] = os.path.realpath(directory)
        path = os.path.join(parents[directory], name)
        while path not in kept and len(path) > len(real):
            kept.add(path)
            path = os.path.dirname(path)
    found, waiting = [], [real]
    while waiting:
        with os.scandir(waiting.pop()) as children:
            for child in children:
                if child.path not in kept and not NAME.match(child.name) and not BACKUP_NAME.search(child.name):
                    found.append(top + child.path[len(real) :])
                if child.is_dir(follow_symlinks=False) and child.stat(follow_symlinks=False).st_dev == status.st_dev:
                    waiting.append(child.path)
    return sorted(found, key=lambda path: path.count(b"/"), reverse=True)


def homes_to_guard(home):
    """The home of whoever runs this; for root those of everybody who logs in, too."""
    if os.geteuid() != 0:
        return [home]
    people = (each for each in pwd.getpwall() if each.pw_uid == 0 or 1000 <= each.pw_uid < 65534)
    return [home, *(os.fsencode(each.pw_dir) for each in people if os.path.isdir(each.pw_dir))]
