"""Compare the paths of the host with a bundle, and decide what has to be done. Nothing is changed.

Python 3.9, standard library only. What happens to what is there already (the README has the same table):

========================  ====================================  ================================  ===================
what is there             when a file is to go there            when a directory is               when a link is
========================  ====================================  ================================  ===================
nothing                   created, missing parents too          created, missing parents too      created
a file                    replaced at once, or only its mode    fails                             replaced
a link                    the link is replaced, not its target  fails (a home is followed)        replaced
a directory               fails: nothing is put inside it       its mode is set (not a top one)   fails
a fifo, socket, device    fails                                 fails                             fails
========================  ====================================  ================================  ===================

One file that goes to a home directory, or to a link to a directory, was meant to go into it: that fails too.

With ``if_exists: keep`` what is there stays as it is, unless it is a directory where something else is to go, or the
other way round. For ``absent`` entries a directory that is not empty stays, and a mount point. What nobody can change
is refused too (:mod:`mngr_files_obstacles`).
"""

from __future__ import annotations

import binascii
import hashlib
import os
import stat
from typing import TYPE_CHECKING

from . import mngr_files_mirror as mirror
from .mngr_ansible_portable.file_diff import LARGEST
from .mngr_files_directories import MissingError
from .mngr_files_identity import group_name, user_name
from .mngr_files_obstacles import Obstacles
from .mngr_files_paths import (
    EXISTING,
    UNCHANGED,
    RefusedError,
    blaming_path,
    empty_mirror,
    failure_reason,
    has_owner,
    kind_word,
    owner_ids,
    printable_path,
)
from .mngr_files_permissions import refuse_forbidden
from .mngr_files_steps import absent, after_words, owner_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .mngr_files_directories import Directories, Directory
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

    def __init__(
        self,
        directories: Directories,
        home: bytes,
        shows_diff: bool,
        require_connection: Callable[[], None],
        *,
        is_dry_run: bool = False,
    ) -> None:
        """``home`` is never mirrored over; ``require_connection`` is called before every entry.

        In a dry run, what this user may not do is refused; else doing it says so best.
        """
        self._is_dry_run = is_dry_run
        self._adjusted: set[bytes] = set()
        self._home = home
        self._shows_diff = shows_diff
        self._require_connection = require_connection
        self._directories = directories
        self._obstacles = Obstacles()
        self.comparison: Comparison = {"content_needed": [], "previous_contents": {}, "differences": []}

    def compare(self, steps: Sequence[HostStep], outcomes: Sequence[StepOutcome]) -> None:
        """Compare all steps. The first problem ends a step: its outcome is ``failed`` then, and it has no actions."""
        sent = [entry["path"] for step in steps for entry in step["entries"] if entry["kind"] != "absent"]
        for step, outcome in zip(steps, outcomes):  # noqa: B905 - Python 3.9
            self._compare_step(step, outcome, sent)

    def _compare_step(self, step: HostStep, outcome: StepOutcome, sent: Sequence[bytes]) -> None:
        path, count = b"/", len(self.comparison["differences"])
        try:
            if step["mirror"] is not None:
                path = step["mirror"]
                extraneous = self._extraneous(step, path, sent)
                if extraneous and step["is_empty_refused"]:
                    raise RefusedError(path, empty_mirror(len(extraneous)))
                step["entries"] += extraneous
            for entry in step["entries"]:
                path = entry["path"]
                self._require_connection()
                self._compare_entry(entry)
        except (RefusedError, OSError) as error:
            outcome["status"], outcome["reason"] = "failed", failure_reason(error, path)
            del self.comparison["differences"][count:]
            for entry in step["entries"]:
                entry["action"] = None

    def _extraneous(self, step: HostStep, path: bytes, sent: Sequence[bytes]) -> list[HostEntry]:
        """What a mirror deletes; nothing where there is no directory, or a link."""
        top = step["entries"][0] if step["entries"] else None
        uid = UNCHANGED if top is None else owner_ids(path, top)[0]
        try:
            holder = self._directories.open(os.path.dirname(path))
            with self._directories.acting_for(holder, uid):
                current = holder.lstat(_name(path))
                if current is None or not stat.S_ISDIR(current.st_mode):
                    return []
                homes = mirror.protected_homes(self._home)
                found = mirror.extraneous(
                    self._directories.open(path),
                    sent,
                    homes,
                    self._directories,
                    keeps_backups=step["if_exists"] == "backup",
                )
                return [absent(each, step["if_exists"], None if top is None else top["owner"]) for each in found]
        except MissingError:
            return []

    def _compare_entry(self, entry: HostEntry) -> None:
        entry["owner_ids"] = owner_ids(entry["path"], entry)
        try:
            directory = self._directories.open(os.path.dirname(entry["path"]))
        except MissingError as error:
            self._directories.required_user(error.nearest, entry["owner_ids"][0])
            entry["current"] = None
            entry["action"] = self._action(entry, error.nearest, None)
            self._refuse_impossible(entry, error.nearest)
            self._note_difference(entry, error.nearest)
            return
        with self._directories.acting_for(directory, entry["owner_ids"][0]), blaming_path(entry["path"]):
            entry["current"] = directory.lstat(_name(entry["path"]))
            entry["action"] = self._action(entry, directory, entry["current"])
            self._refuse_impossible(entry, directory)
            self._note_difference(entry, directory)

    def _refuse_impossible(self, entry: HostEntry, directory: Directory) -> None:
        """Refuse a change that is impossible, or in a dry run one that is not allowed."""
        if entry["action"] is None:
            return
        self._obstacles.check(entry, directory)
        if self._is_dry_run:
            refuse_forbidden(entry, directory, becomes_writable=directory.path in self._adjusted)
        if entry["action"] == "adjust":
            self._adjusted.add(entry["path"])

    def _action(self, entry: HostEntry, directory: Directory, current: os.stat_result | None) -> str | None:
        kind, path = entry["kind"], entry["path"]
        if kind == "absent":
            if current is not None and not _is_what_was_seen(entry, current):
                raise RefusedError(path, "was exchanged by another program since it was looked at; run again")
            is_kept = current is None or self._obstacles.is_mount_point(directory, path)
            return None if is_kept else "delete"
        if kind == "file":
            self._refuse_directory(entry, directory, current)
        elif current is not None and kind == "directory" and path == self._home and stat.S_ISLNK(current.st_mode):
            return None  # what is below it goes where the link leads, by the rule for links on the way
        if current is not None and (kind == "directory") != stat.S_ISDIR(current.st_mode):
            raise RefusedError(
                path, "is a %s, and a %s is to go there; use another destination" % (kind_word(current), kind)
            )
        if current is not None and entry["if_exists"] == "keep":
            return None
        if kind == "directory":
            return _directory_action(entry, current)
        if current is not None and not stat.S_ISREG(current.st_mode) and not stat.S_ISLNK(current.st_mode):
            raise RefusedError(path, "is a fifo, a socket or a device; use another destination")
        if kind == "link":
            return _link_action(entry, directory, current)
        return self._file_action(entry, directory, current)

    def _refuse_directory(self, entry: HostEntry, directory: Directory, current: os.stat_result | None) -> None:
        """Refuse to put one file in the place of a directory, when its name there was left out.

        Raises:
            RefusedError: with the name to give.
        """
        path, what = entry["path"], ""
        if path == self._home:
            what = "the home directory"
        elif entry["source_name"] and current is not None and _is_directory(directory, path, current):
            what = "a link to a directory" if stat.S_ISLNK(current.st_mode) else "a directory"
        if what:
            name = entry["source_name"] or "NAME"
            why = "is %s; give the full file name, such as %s/%s" % (what, printable_path(path), name)
            raise RefusedError(path, why)

    def _file_action(self, entry: HostEntry, directory: Directory, current: os.stat_result | None) -> str | None:
        if current is not None and stat.S_ISREG(current.st_mode) and current.st_size == entry["size"]:
            sha256, status = _digest(directory, _name(entry["path"]))
            if status is not None and sha256 == entry["sha256"] and not _is_foreign(entry, directory, status):
                is_right = stat.S_IMODE(status.st_mode) == entry["mode"] and has_owner(status, entry["owner_ids"])
                return None if is_right else "adjust"
        self.comparison["content_needed"].append(entry["index"])
        if self._shows_diff and current is not None and not entry["is_secret"]:
            content = self._content(directory, _name(entry["path"]))
            self.comparison["previous_contents"][str(entry["index"])] = content
        return "content"

    def _content(self, directory: Directory, name: bytes) -> str | None:
        """The content that would be replaced, as base64; None if it is large, or not readable by all on the host.

        What is read is what was looked at: both are one open file.
        """
        shown = sum(1 for content in self.comparison["previous_contents"].values() if content)
        if shown >= _MOST_CONTENTS:
            return None
        try:
            descriptor = os.open(name, EXISTING, dir_fd=directory.fd)
        except OSError:
            return None
        with open(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            is_public = stat.S_ISREG(status.st_mode) and status.st_mode & stat.S_IROTH
            if not is_public or status.st_size > LARGEST:
                return None
            return binascii.b2a_base64(file.read(LARGEST), newline=False).decode("ascii")

    def _note_difference(self, entry: HostEntry, directory: Directory) -> None:
        """Add a change that is not one of content, if a diff is asked for."""
        action, differences = entry["action"], self.comparison["differences"]
        if not self._shows_diff or action is None or len(differences) >= _MOST_DIFFERENCES:
            return
        current = entry["current"]
        if action == "content" and (current is None or not _changes_more(entry, current)):
            return
        before = "nothing" if current is None else _in_words(entry, directory, current)
        uid, gid = entry["owner_ids"]
        owner, group = entry["owner"] and user_name(uid), entry["group"] and group_name(gid)
        after = after_words(entry, current is not None and stat.S_ISDIR(current.st_mode), owner, group)
        differences.append({"path": printable_path(entry["path"]), "before": before, "after": after})


def _name(path: bytes) -> bytes:
    """The name of a path in the directory that holds it; the root directory holds itself."""
    return os.path.basename(path) or b"."


def _is_foreign(entry: HostEntry, directory: Directory, status: os.stat_result) -> bool:
    """Whether a secret is in a file of another user, who can read it: it is written anew then."""
    is_given = entry["owner_ids"][0] != UNCHANGED
    return entry["is_secret"] and not is_given and status.st_uid not in (0, os.geteuid(), directory.status.st_uid)


def _is_directory(directory: Directory, path: bytes, current: os.stat_result) -> bool:
    """Whether a directory is at this path, or a link that leads to one."""
    if not stat.S_ISLNK(current.st_mode):
        return stat.S_ISDIR(current.st_mode)
    try:
        return stat.S_ISDIR(os.stat(_name(path), dir_fd=directory.fd).st_mode)
    except OSError:
        return False


def _is_what_was_seen(entry: HostEntry, current: os.stat_result) -> bool:
    """Whether what is to be deleted is what the plan saw. Some file systems number a directory anew, and an empty one
    is all that can be deleted of it.
    """
    is_same = entry["identity"] in ("", "%d:%d" % (current.st_dev, current.st_ino))
    return is_same or stat.S_ISDIR(current.st_mode)


def _directory_action(entry: HostEntry, current: os.stat_result | None) -> str | None:
    if current is None:
        return "directory"
    is_right = entry["is_top"] or current.st_mode & 0o777 == entry["mode"]
    return None if is_right and has_owner(current, entry["owner_ids"]) else "adjust"


def _link_action(entry: HostEntry, directory: Directory, current: os.stat_result | None) -> str | None:
    if current is None or not stat.S_ISLNK(current.st_mode):
        return "link"
    if os.readlink(_name(entry["path"]), dir_fd=directory.fd) != entry["target"]:
        return "link"
    return None if has_owner(current, entry["owner_ids"]) else "owner"


def _changes_more(entry: HostEntry, current: os.stat_result) -> bool:
    """Whether a file whose content changes gets another mode or owner too."""
    is_right = stat.S_IMODE(current.st_mode) == entry["mode"] and has_owner(current, entry["owner_ids"])
    return stat.S_ISREG(current.st_mode) and not is_right


def _in_words(entry: HostEntry, directory: Directory, status: os.stat_result) -> str:
    """What is at the path of an entry, in words; its owner and group if the entry has them."""
    if stat.S_ISLNK(status.st_mode):
        words = "link to %s" % printable_path(os.readlink(_name(entry["path"]), dir_fd=directory.fd))
    else:
        words = "%s %04o" % (kind_word(status), stat.S_IMODE(status.st_mode))
    owner, group = entry["owner"] and user_name(status.st_uid), entry["group"] and group_name(status.st_gid)
    return words + owner_words(owner, group)


def _digest(directory: Directory, name: bytes) -> tuple[str, os.stat_result | None]:
    """The SHA-256 of a file and its status; no status if this user may not read it, or if it is no file any more."""
    try:
        descriptor = os.open(name, EXISTING, dir_fd=directory.fd)
    except (PermissionError, FileNotFoundError):
        return "", None
    with open(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return "", None
        sha256, left = hashlib.sha256(), status.st_size
        while left >= 0:  # a file that grows all the time has another content
            block = file.read(_BLOCK)
            if not block:
                break
            left -= len(block)
            sha256.update(block)
        return sha256.hexdigest(), status
