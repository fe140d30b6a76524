"""Change the paths of the host to what a bundle says. Python 3.9, standard library only.

First everything is compared and nothing changed (:mod:`mngr_files_compare` has the rules), then the changes are made.
Where root replaces a file and no other owner is given, the new file keeps the old one's owner. With
``if_exists: backup`` what is replaced keeps a second name beside it. Nothing else is ever changed.
"""

from __future__ import annotations

import os
import select
import stat
from typing import TYPE_CHECKING

from . import mngr_files_temporaries as temporaries
from .mngr_files_compare import Comparer
from .mngr_files_free_space import shortage
from .mngr_files_paths import (
    DIRECTORY,
    EXISTING,
    NO_OWNER,
    UNCHANGED,
    CancelledError,
    RefusedError,
    blaming_path,
    failure_reason,
    lstat,
    set_mode,
    set_owner,
)
from .mngr_files_writing import Batch, back_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .mngr_files_bundle import Bundle
    from .mngr_files_paths import Owner
    from .mngr_files_protocol import Comparison, StepOutcome
    from .mngr_files_steps import HostEntry, HostStep


class Applier:
    """Applies all steps of a bundle; in a dry run, only says what it would do.

    ``umask`` is for missing parents without a mode of their own. The process's own umask must be 0, so that a directory
    has its mode from its creation on. ``home`` is never mirrored over.
    """

    def __init__(self, bundle: Bundle, is_dry_run: bool, umask: int, home: bytes) -> None:
        self._is_dry_run = is_dry_run
        self._umask = umask
        self._parent = os.getppid()
        self._stdout = select.poll()
        self._stdout.register(1, 0)
        self._batch = Batch(bundle, self._require_connection)
        self._touched: set[bytes] = set()
        self._modes: list[tuple[bytes, int, StepOutcome]] = []
        self._deletions: list[tuple[HostEntry, StepOutcome]] = []
        self._comparer = Comparer(home, bundle.shows_diff, self._require_connection)
        self._actions = {
            "content": self._write_content,
            "link": self._write_link,
            "directory": self._make_directory,
            "adjust": self._adjust,
            "owner": self._set_link_owner,
        }

    @property
    def comparison(self) -> Comparison:
        """What the comparison found; complete after :meth:`apply`."""
        return self._comparer.comparison

    def apply(self, steps: Sequence[HostStep]) -> list[StepOutcome]:
        """Apply all steps and return the outcome of each. A step that fails does not stop the others.

        Raises:
            CancelledError: the connection is gone; what was not renamed is removed.
            OSError: the batch that was being written could not be put into place.
        """
        outcomes: list[StepOutcome] = [{"id": step["id"], "status": "ok", "files_changed": 0} for step in steps]
        self._comparer.compare(steps, outcomes)
        created = [
            entry for step in steps for entry in step["entries"] if entry["action"] in ("content", "link", "directory")
        ]
        why = "" if self._is_dry_run else _shortage(created)
        for step, outcome in zip(steps, outcomes):  # noqa: B905 - Python 3.9
            if outcome["status"] == "failed":
                continue
            if why and any(entry["action"] is not None for entry in step["entries"]):
                _fail(outcome, "%s; nothing was changed. Free some space and run again" % why)
            elif self._is_dry_run:
                for entry in step["entries"]:
                    _count(outcome, entry)
            else:
                self._apply_step(step, outcome)
        if not self._is_dry_run:
            self._finish()
        return outcomes

    def _apply_step(self, step: HostStep, outcome: StepOutcome) -> None:
        path = b"/"
        try:
            for entry in step["entries"]:
                path = entry["path"]
                self._require_connection()
                if entry["action"] == "delete":
                    self._deletions.append((entry, outcome))
                elif entry["action"] is not None:
                    self._make_parents(entry, outcome)
                    self._actions[entry["action"]](entry, outcome)
        except (RefusedError, OSError) as error:
            _fail(outcome, failure_reason(error, path))
        except BaseException:
            self._batch.discard()
            raise

    def _make_parents(self, entry: HostEntry, outcome: StepOutcome) -> None:
        directory = os.path.dirname(entry["path"])
        if directory in self._touched:
            return
        missing = []
        while not os.path.isdir(directory):
            missing.append(directory)
            directory = os.path.dirname(directory)
        mode = entry["directory_mode"]
        for each in reversed(missing):
            self._mkdir(each, 0o755 & ~self._umask if mode is None else mode, entry["owner_ids"], outcome)
        self._touch(os.path.dirname(entry["path"]))

    def _touch(self, directory: bytes) -> None:
        """Note that a directory is written to; what dead runs left in it is removed first."""
        if directory not in self._touched:
            self._touched.add(directory)
            temporaries.sweep(directory)

    def _mkdir(self, path: bytes, mode: int, owner: Owner, outcome: StepOutcome) -> bool:
        """Make a directory; False if it exists. A mode that keeps us out is set at the very end."""
        with blaming_path(path):
            try:
                os.mkdir(path, mode | 0o700)
            except FileExistsError:
                return False  # created since the comparison, for another entry or by another program
        set_owner(path, owner)
        self._touch(os.path.dirname(path))
        if mode & 0o700 != 0o700:
            self._modes.append((path, mode, outcome))
        return True

    def _make_directory(self, entry: HostEntry, outcome: StepOutcome) -> None:
        if self._mkdir(entry["path"], entry["mode"], entry["owner_ids"], outcome):
            _count(outcome, entry)
        else:
            entry["is_top"] = False
            self._adjust(entry, outcome)

    def _adjust(self, entry: HostEntry, outcome: StepOutcome) -> None:
        """Set the mode and owner of what has the right content; it is never more open than before or after."""
        path, mode = entry["path"], entry["mode"]
        is_directory = entry["kind"] == "directory"
        with blaming_path(path):
            descriptor = os.open(path, DIRECTORY if is_directory else EXISTING)
            try:
                now = os.fstat(descriptor).st_mode & 0o7777
                special = now & 0o7000 if is_directory else 0
                if is_directory and entry["is_top"]:
                    mode = now & 0o777
                if entry["owner_ids"] != NO_OWNER:
                    os.fchmod(descriptor, special | now & mode)
                    os.fchown(descriptor, *entry["owner_ids"])
                os.fchmod(descriptor, special | mode | (0o700 if is_directory else 0))
            finally:
                os.close(descriptor)
        if is_directory and mode & 0o700 != 0o700:
            self._modes.append((path, mode, outcome))
        _count(outcome, entry)

    def _set_link_owner(self, entry: HostEntry, outcome: StepOutcome) -> None:
        set_owner(entry["path"], entry["owner_ids"])
        _count(outcome, entry)

    def _write_content(self, entry: HostEntry, outcome: StepOutcome) -> None:
        if entry["packed"] is None:
            raise RefusedError(entry["path"], "was changed on the host by another program meanwhile; run again")
        current, owner = entry["current"], entry["owner_ids"]
        if current is not None and stat.S_ISREG(current.st_mode) and os.geteuid() == 0:
            uid, gid = owner
            owner = (current.st_uid if uid == UNCHANGED else uid, current.st_gid if gid == UNCHANGED else gid)
        if_exists = entry["if_exists"] if current is not None or entry["if_exists"] == "keep" else "replace"

        def on_renamed(error: OSError | None) -> None:
            if error is None:
                _count(outcome, entry)
            elif outcome["status"] != "failed":
                _fail(outcome, failure_reason(error, entry["path"]))

        self._batch.add(entry, owner, if_exists, on_renamed)

    def _write_link(self, entry: HostEntry, outcome: StepOutcome) -> None:
        path = entry["path"]
        if entry["current"] is not None and entry["if_exists"] == "backup":
            with blaming_path(path):
                back_up(path)
        temporary = temporaries.name_in(os.path.dirname(path))
        with blaming_path(path):
            os.symlink(entry["target"] or b"", temporary)
            try:
                if entry["owner_ids"] != NO_OWNER:
                    os.lchown(temporary, *entry["owner_ids"])
                os.rename(temporary, path)
            except BaseException:
                temporaries.discard(temporary)
                raise
        _count(outcome, entry)

    def _finish(self) -> None:
        """Commit the last batch, delete what mirrors delete, set the modes that were put off, and sync directories."""
        try:
            self._batch.commit()
        except OSError:
            self._batch.discard()
            raise
        for entry, outcome in self._deletions:
            self._require_connection()
            try:
                self._delete(entry, outcome)
            except (RefusedError, OSError) as error:
                _fail(outcome, failure_reason(error, entry["path"]))
        for path, mode, outcome in reversed(self._modes):
            try:
                set_mode(path, mode)
            except OSError as error:
                _fail(outcome, failure_reason(error, path))
        self._sync_directories()

    def _delete(self, entry: HostEntry, outcome: StepOutcome) -> None:
        path = entry["path"]
        current = lstat(path)
        if current is None:
            return
        with blaming_path(path):
            if stat.S_ISDIR(current.st_mode):
                temporaries.sweep(path)
                try:
                    os.rmdir(path)
                except OSError:
                    if os.listdir(path):
                        return  # it holds something that stays, such as a backup
                    raise
            else:
                if entry["if_exists"] == "backup":
                    back_up(path)
                os.unlink(path)
        self._touched.add(os.path.dirname(path))
        _count(outcome, entry)

    def _sync_directories(self) -> None:
        """Make new names survive a crash, as far as the file systems can."""
        for directory in sorted(self._touched):
            try:
                descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError:
                continue  # a directory that we may write and not read, or that was deleted
            try:
                os.fsync(descriptor)
            except OSError:
                pass  # a file system that cannot sync directories
            finally:
                os.close(descriptor)

    def _require_connection(self) -> None:
        """Raise CancelledError if nobody reads our answer any more, or the process that started us has ended."""
        if os.getppid() != self._parent or self._stdout.poll(0):
            raise CancelledError


def _shortage(created: Sequence[HostEntry]) -> str:
    """Why there is not enough space for these; empty if there is, or if that cannot be found out."""
    try:
        return shortage(created)
    except OSError:
        return ""


def _fail(outcome: StepOutcome, reason: str) -> None:
    outcome["status"], outcome["reason"] = "failed", reason


def _count(outcome: StepOutcome, entry: HostEntry) -> None:
    """Note that an entry was changed, or would be in a dry run."""
    if entry["action"] is None:
        return
    if outcome["status"] == "ok":
        outcome["status"] = "changed"
    current = entry["current"]
    if entry["kind"] != "directory" and not (current and stat.S_ISDIR(current.st_mode)):
        outcome["files_changed"] += 1
