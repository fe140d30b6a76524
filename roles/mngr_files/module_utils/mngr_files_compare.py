"""Look at every path of a bundle, and say what is to be done there. Nothing is changed. Python 3.9, standard library.

What may stand where something is to go (the README says it to users):

========================  ====================================  ================================  ===================
there is                  a file goes there                     a directory goes there            a link goes there
========================  ====================================  ================================  ===================
nothing                   created, missing parents too          created, missing parents too      created
a file                    replaced at once, or only its mode    fails                             replaced
a link                    the link is replaced, not its target  fails                             replaced
a directory               fails: nothing ever lands inside it   its mode is set (not a top one)   fails
a fifo, socket, device    fails                                 fails                             fails
========================  ====================================  ================================  ===================

With ``if_exists: keep`` what is there stays as it is, unless it is a directory where something else is to go, or the
other way round. Of ``absent`` entries a directory that is not empty stays.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat

from ansible.module_utils import mngr_files_mirror as mirror
from ansible.module_utils.mngr_files_paths import (
    EXISTING,
    RefusedError,
    is_owned,
    kind_of,
    lstat,
    owner_of,
    reason,
    shown,
)

BLOCK = 1 << 20
SHOWN = 256 << 10
"""The largest content that is shown before it is replaced, in bytes."""
SHOWN_FILES = 16
SHOWN_DIFFERENCES = 200


class Looker:
    """Gives every entry a ``task``: None, ``content``, ``link``, ``directory``, ``adjust``, ``owner`` or ``delete``.

    ``home`` is never mirrored over. ``require_listener`` is called before every entry.
    """

    def __init__(self, home, wants_before, require_listener):
        self._home = home
        self._wants_before = wants_before
        self._require_listener = require_listener
        self._parents = set()
        self.wanting = []
        """Indices of the entries whose content is not there."""
        self.befores = {}
        """Index → what is there now, as base64; None where it is not shown."""
        self.differences = []
        """What else would change: path, before and after, in words."""

    def look(self, steps, outcomes):
        """Look at all steps; the first problem ends a step, whose outcome says so."""
        wanted = [entry["path"] for step in steps for entry in step["entries"] if entry["kind"] != "absent"]
        for step, outcome in zip(steps, outcomes):  # noqa: B905 - Python 3.9
            self._look(step, outcome, wanted)

    def _look(self, step, outcome, wanted):
        """Find out what is to be done about every entry of a step; the first problem ends it."""
        path = b"/"
        try:
            if step["mirror"] is not None:
                path = step["mirror"]
                for path in mirror.stale(step["mirror"], wanted, mirror.homes_to_guard(self._home)):
                    absent = {"path": path, "kind": "absent", "if_exists": step["if_exists"], "size": 0, "index": -1}
                    step["entries"].append(absent)
            for entry in step["entries"]:
                path = entry["path"]
                self._require_listener()
                entry["there"] = lstat(path)
                entry["task"] = self._task(entry, entry["there"])
                self._tell(entry)
        except (RefusedError, OSError) as error:
            outcome.update(status="failed", reason=reason(error, path))
            for entry in step["entries"]:
                entry["task"] = None

    def _task(self, entry, there):
        kind, path = entry["kind"], entry["path"]
        if kind == "absent":
            return None if there is None else "delete"
        self._refuse_parents(path)
        entry["to"] = owner_of(entry)
        if there is not None and (kind == "directory") != stat.S_ISDIR(there.st_mode):
            what, goes = kind_of(there), "directory" if kind == "directory" else kind
            raise RefusedError(path, "is a %s, and a %s is to go there; move it away" % (what, goes))
        if there is not None and entry["if_exists"] == "keep":
            return None
        if kind == "directory":
            return self._directory_task(entry, there)
        if there is not None and not stat.S_ISREG(there.st_mode) and not stat.S_ISLNK(there.st_mode):
            raise RefusedError(path, "is a fifo, a socket or a device; move it away")
        if kind == "link":
            is_there = there is not None and stat.S_ISLNK(there.st_mode) and os.readlink(path) == entry["target"]
            return "link" if not is_there else None if is_owned(there, entry["to"]) else "owner"
        return self._file_task(entry, there)

    @staticmethod
    def _directory_task(entry, there):
        if there is None:
            return "directory"
        is_right = entry["is_top"] or there.st_mode & 0o777 == entry["mode"]
        return None if is_right and is_owned(there, entry["to"]) else "adjust"

    def _file_task(self, entry, there):
        if there is not None and stat.S_ISREG(there.st_mode) and there.st_size == entry["size"]:
            found = _hashed(entry["path"])
            if found is not None and found[0] == entry["sha256"]:
                is_right = stat.S_IMODE(found[1].st_mode) == entry["mode"] and is_owned(found[1], entry["to"])
                return None if is_right else "adjust"
        self.wanting.append(entry["index"])
        if self._wants_before and there is not None and not entry["is_secret"]:
            self.befores[str(entry["index"])] = self._before(entry["path"], there)
        return "content"

    def _before(self, path, there):
        """What is there now, as base64, where everybody on the host may see it and it is not too much."""
        is_public = stat.S_ISREG(there.st_mode) and there.st_mode & stat.S_IROTH
        if not is_public or there.st_size > SHOWN or sum(map(bool, self.befores.values())) >= SHOWN_FILES:
            return None
        with open(os.open(path, EXISTING), "rb") as file:
            return base64.b64encode(file.read(SHOWN)).decode("ascii")

    def _tell(self, entry):
        """Note a change that is not one of content."""
        there, task = entry["there"], entry["task"]
        if not self._wants_before or task in (None, "content") or len(self.differences) >= SHOWN_DIFFERENCES:
            return
        after = {"delete": "nothing", "link": "link to %s" % shown(entry.get("target") or b"")}.get(task)
        if after is None:
            user, group = entry["owner"], entry["group"]
            after = "%s %04o%s" % (entry["kind"], entry["mode"], " %s:%s" % (user, group) if user or group else "")
        is_owner_told = bool(entry.get("owner") or entry.get("group"))
        before = "nothing" if there is None else describe(entry["path"], there, is_owner_told)
        self.differences.append({"path": shown(entry["path"]), "before": before, "after": after})

    def _refuse_parents(self, path):
        parent = os.path.dirname(path)
        while parent not in self._parents:
            try:
                status = os.stat(parent)
            except FileNotFoundError:
                if os.path.islink(parent):
                    raise RefusedError(parent, "is a link to nothing, and a directory is needed there") from None
            except NotADirectoryError:
                pass
            else:
                if not stat.S_ISDIR(status.st_mode):
                    raise RefusedError(parent, "is not a directory, and one is needed there; move it away")
                self._parents.add(parent)
                return
            parent = os.path.dirname(parent)


def describe(path, status, is_owner_told):
    """What stands somewhere, in words."""
    if stat.S_ISLNK(status.st_mode):
        words = "link to %s" % shown(os.readlink(path))
    else:
        words = "%s %04o" % (kind_of(status), stat.S_IMODE(status.st_mode))
    return words + (" %d:%d" % (status.st_uid, status.st_gid) if is_owner_told else "")


def _hashed(path):
    """The digest of what stands there and its status; None where it can not be read."""
    try:
        descriptor = os.open(path, EXISTING)
    except PermissionError:
        return None
    with open(descriptor, "rb", buffering=0) as file:
        sha256 = hashlib.sha256()
        while True:
            block = file.read(BLOCK)
            if not block:
                break
            sha256.update(block)
        return sha256.hexdigest(), os.fstat(descriptor)
