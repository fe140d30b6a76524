"""Compare the paths of the host with a bundle, and decide what has to be done. Nothing is changed.

Python 3.9, standard library only. What happens to what is there already (the README has the same table):

========================  ====================================  ================================  ===================
what is there             when a file is to go there            when a directory is               when a link is
========================  ====================================  ================================  ===================
nothing                   created, missing parents too          created, missing parents too      created
a file                    replaced at once, or only its mode    fails                             replaced
a link                    the link is replaced, not its target  fails                             replaced
a directory               fails: nothing is put inside it       its mode is set (not a top one)   fails
a fifo, socket, device    fails                                 fails                             fails
========================  ====================================  ================================  ===================

With ``if_exists: keep`` what is there stays as it is, unless it is a directory where something else is to go, or the
other way round. For ``absent`` entries a directory that is not empty stays.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from typing import TYPE_CHECKING

from . import mngr_files_mirror as mirror
from .mngr_ansible_portable.file_diff import LARGEST
from .mngr_files_paths import (
    EXISTING,
    RefusedError,
    failure_reason,
    has_owner,
    kind_word,
    lstat,
    owner_ids,
    printable_path,
)
from .mngr_files_steps import absent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .mngr_files_protocol import Comparison, StepOutcome
    from .mngr_files_steps import HostEntry, HostStep

_BLOCK = 1 << 20
_MOST_CONTENTS = 16
"""Contents that are sent back for a diff."""
_MOST_DIFFERENCES = 200
"""Other changes that are sent back for a diff."""


class Comparer:
    """Sets ``current``, ``owner_ids`` and ``action`` of every entry (``mngr_files_steps.HostEntry``).

    Attributes:
        comparison: what the controller needs to know of it.
    """

    def __init__(self, home: bytes, shows_diff: bool, require_connection: Callable[[], None]) -> None:
        """``home`` is never mirrored over; ``require_connection`` is called before every entry."""
        self._home = home
        self._shows_diff = shows_diff
        self._require_connection = require_connection
        self._directories: set[bytes] = set()
        self.comparison: Comparison = {"content_needed": [], "previous_contents": {}, "differences": []}

    def compare(self, steps: Sequence[HostStep], outcomes: Sequence[StepOutcome]) -> None:
        """Compare all steps. The first problem ends a step: its outcome is ``failed`` then, and it has no actions."""
        sent = [entry["path"] for step in steps for entry in step["entries"] if entry["kind"] != "absent"]
        for step, outcome in zip(steps, outcomes):  # noqa: B905 - Python 3.9
            self._compare_step(step, outcome, sent)

    def _compare_step(self, step: HostStep, outcome: StepOutcome, sent: Sequence[bytes]) -> None:
        path = b"/"
        try:
            if step["mirror"] is not None:
                path = step["mirror"]
                found = mirror.extraneous(path, sent, mirror.protected_homes(self._home))
                step["entries"] += [absent(each, step["if_exists"]) for each in found]
            for entry in step["entries"]:
                path = entry["path"]
                self._require_connection()
                entry["current"] = lstat(path)
                entry["action"] = self._action(entry, entry["current"])
                self._note_difference(entry)
        except (RefusedError, OSError) as error:
            outcome["status"], outcome["reason"] = "failed", failure_reason(error, path)
            for entry in step["entries"]:
                entry["action"] = None

    def _action(self, entry: HostEntry, current: os.stat_result | None) -> str | None:
        kind, path = entry["kind"], entry["path"]
        if kind == "absent":
            return None if current is None else "delete"
        self._check_parents(path)
        entry["owner_ids"] = owner_ids(path, entry)
        if current is not None and (kind == "directory") != stat.S_ISDIR(current.st_mode):
            raise RefusedError(path, "is a %s, and a %s is to go there; move it away" % (kind_word(current), kind))
        if current is not None and entry["if_exists"] == "keep":
            return None
        if kind == "directory":
            return _directory_action(entry, current)
        if current is not None and not stat.S_ISREG(current.st_mode) and not stat.S_ISLNK(current.st_mode):
            raise RefusedError(path, "is a fifo, a socket or a device; move it away")
        return _link_action(entry, current) if kind == "link" else self._file_action(entry, current)

    def _file_action(self, entry: HostEntry, current: os.stat_result | None) -> str | None:
        if current is not None and stat.S_ISREG(current.st_mode) and current.st_size == entry["size"]:
            sha256, status = _digest(entry["path"])
            if status is not None and sha256 == entry["sha256"]:
                is_right = stat.S_IMODE(status.st_mode) == entry["mode"] and has_owner(status, entry["owner_ids"])
                return None if is_right else "adjust"
        self.comparison["content_needed"].append(entry["index"])
        if self._shows_diff and current is not None and not entry["is_secret"]:
            self.comparison["previous_contents"][str(entry["index"])] = self._content(entry["path"], current)
        return "content"

    def _content(self, path: bytes, current: os.stat_result) -> str | None:
        """The content that would be replaced, as base64; None if it is large, or not readable by all on the host."""
        is_public = stat.S_ISREG(current.st_mode) and current.st_mode & stat.S_IROTH
        shown = sum(1 for content in self.comparison["previous_contents"].values() if content)
        if not is_public or current.st_size > LARGEST or shown >= _MOST_CONTENTS:
            return None
        with open(os.open(path, EXISTING), "rb") as file:
            return base64.b64encode(file.read(LARGEST)).decode("ascii")

    def _note_difference(self, entry: HostEntry) -> None:
        """Add a change that is not one of content, if a diff is asked for."""
        action, differences = entry["action"], self.comparison["differences"]
        if not self._shows_diff or action in (None, "content") or len(differences) >= _MOST_DIFFERENCES:
            return
        names_owner = bool(entry["owner"] or entry["group"])
        current = entry["current"]
        before = "nothing" if current is None else _in_words(entry["path"], current, names_owner)
        differences.append({"path": printable_path(entry["path"]), "before": before, "after": _after(entry)})

    def _check_parents(self, path: bytes) -> None:
        """Raise RefusedError if a parent of this path is there and is not a directory."""
        parent = os.path.dirname(path)
        while parent not in self._directories:
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
                self._directories.add(parent)
                return
            parent = os.path.dirname(parent)


def _directory_action(entry: HostEntry, current: os.stat_result | None) -> str | None:
    if current is None:
        return "directory"
    is_right = entry["is_top"] or current.st_mode & 0o777 == entry["mode"]
    return None if is_right and has_owner(current, entry["owner_ids"]) else "adjust"


def _link_action(entry: HostEntry, current: os.stat_result | None) -> str | None:
    if current is None or not stat.S_ISLNK(current.st_mode) or os.readlink(entry["path"]) != entry["target"]:
        return "link"
    return None if has_owner(current, entry["owner_ids"]) else "owner"


def _after(entry: HostEntry) -> str:
    """What will be at a path, in words."""
    if entry["action"] == "delete":
        return "nothing"
    if entry["action"] == "link":
        return "link to %s" % printable_path(entry["target"] or b"")
    owner = " %s:%s" % (entry["owner"], entry["group"]) if entry["owner"] or entry["group"] else ""
    return "%s %04o%s" % (entry["kind"], entry["mode"], owner)


def _in_words(path: bytes, status: os.stat_result, names_owner: bool) -> str:
    """What is at a path, in words."""
    if stat.S_ISLNK(status.st_mode):
        words = "link to %s" % printable_path(os.readlink(path))
    else:
        words = "%s %04o" % (kind_word(status), stat.S_IMODE(status.st_mode))
    return words + (" %d:%d" % (status.st_uid, status.st_gid) if names_owner else "")


def _digest(path: bytes) -> tuple[str, os.stat_result | None]:
    """The SHA-256 of a file and its status; no status if this user may not read it."""
    try:
        descriptor = os.open(path, EXISTING)
    except PermissionError:
        return "", None
    with open(descriptor, "rb", buffering=0) as file:
        sha256 = hashlib.sha256()
        while True:
            block = file.read(_BLOCK)
            if not block:
                break
            sha256.update(block)
        return sha256.hexdigest(), os.fstat(descriptor)
