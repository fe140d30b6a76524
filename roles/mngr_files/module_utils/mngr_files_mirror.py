"""What a mirrored directory has and nobody wants. Python 3.9, standard library only."""

from __future__ import annotations

import os
import re

from ansible.module_utils.mngr_files_paths import RefusedError, lstat
from ansible.module_utils.mngr_files_temporaries import NAME
from ansible.module_utils.mngr_files_writing import BACKUP

BACKUP_NAME = re.compile(re.escape(BACKUP) + rb"\d{8}T\d{6}Z(-\d+)?\Z")


def stale(top, wanted, home):
    """Paths below ``top`` that are not in ``wanted``, the deepest first; our own backups and temporaries stay.

    Raises:
        RefusedError: ``top`` is a home directory, or holds one.
    """
    if home == top or home.startswith(top.rstrip(b"/") + b"/"):
        raise RefusedError(top, "holds a home directory; a mirror would empty it")
    status = lstat(top)
    if status is None or not os.path.isdir(top) or os.path.islink(top):
        return []
    kept = set(wanted)
    for path in wanted:
        while path != top and len(path) > len(top):
            path = os.path.dirname(path)
            kept.add(path)
    found, waiting = [], [top]
    while waiting:
        with os.scandir(waiting.pop()) as children:
            for child in children:
                if child.path not in kept and not NAME.match(child.name) and not BACKUP_NAME.search(child.name):
                    found.append(child.path)
                if child.is_dir(follow_symlinks=False) and child.stat(follow_symlinks=False).st_dev == status.st_dev:
                    waiting.append(child.path)
    return sorted(found, key=lambda path: path.count(b"/"), reverse=True)
