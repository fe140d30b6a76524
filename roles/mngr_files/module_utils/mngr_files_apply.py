"""Change the paths of the host to what a bundle says. Python 3.9, standard library only.

First everything is compared and nothing changed (:mod:`mngr_files_compare` has the rules), then the changes are made.
Where root replaces a file and no other owner is given, the new file keeps the old one's owner, if nobody else can have
put it there; a secret never does. With ``if_exists: backup`` what is replaced keeps a second name beside it. Nothing
else is ever changed.

Everything is done in a directory that :mod:`mngr_files_directories` opened, and what is changed or deleted is compared
with what the comparison saw there.
"""

from __future__ import annotations

import os
import select
import stat
from typing import TYPE_CHECKING

from . import mngr_files_temporaries as temporaries
from .mngr_files_compare import Comparer
from .mngr_files_directories import Directories, MissingError
from .mngr_files_free_space import shortage
from .mngr_files_identity import gives_others_a_say
from .mngr_files_making import Maker
from .mngr_files_paths import UNCHANGED, CancelledError, RefusedError, blaming_path, failure_reason
from .mngr_files_steps import count_change, note_failure, require_same
from .mngr_files_writing import Batch, back_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .mngr_files_bundle import Bundle
    from .mngr_files_directories import Directory
    from .mngr_files_paths import Owner
    from .mngr_files_protocol import Comparison, StepOutcome
    from .mngr_files_steps import HostEntry, HostStep


_MOST_PARENTS = 4096
"""Missing parents of one path; no path is so long that it has more."""


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
        self._directories = Directories()
        self._sweeper = temporaries.Sweeper(())
        self._touched: set[bytes] = set()
        self._maker = Maker(self._directories, self._touch)
        self._deletions: list[tuple[HostEntry, StepOutcome]] = []
        self._comparer = Comparer(
            self._directories, home, bundle.shows_diff, self._require_connection, is_dry_run=is_dry_run
        )
        self._actions = {
            "content": self._write_content,
            "link": self._maker.write_link,
            "directory": self._maker.make_directory,
            "adjust": self._maker.adjust,
            "owner": self._maker.set_link_owner,
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
        self._sweeper = temporaries.Sweeper({entry["owner_ids"][0] for step in steps for entry in step["entries"]})
        why = self._shortage(created)
        for step, outcome in zip(steps, outcomes):  # noqa: B905 - Python 3.9
            if outcome["status"] == "failed":
                continue
            if why and any(entry["action"] is not None for entry in step["entries"]):
                note_failure(outcome, "%s; nothing was changed. Free some space and run again" % why)
            elif self._is_dry_run:
                for entry in step["entries"]:
                    count_change(outcome, entry)
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
                    directory = self._make_parents(entry, outcome)
                    self._actions[entry["action"]](entry, directory, outcome)
        except (RefusedError, OSError) as error:
            note_failure(outcome, failure_reason(error, path))
        except BaseException:
            self._batch.discard()
            raise

    def _make_parents(self, entry: HostEntry, outcome: StepOutcome) -> Directory:
        """The directory that holds a path; it is made, and those above it, if they are missing."""
        path = os.path.dirname(entry["path"])
        mode = 0o755 & ~self._umask if entry["directory_mode"] is None else entry["directory_mode"]
        for _ in range(_MOST_PARENTS):
            try:
                directory = self._directories.open(path)
            except MissingError as error:
                self._maker.mkdir(error.nearest, error.names[0], mode, entry["owner_ids"], outcome)
            else:
                self._directories.required_user(directory, entry["owner_ids"][0])  # before anything is removed there
                self._touch(directory)
                return directory
        raise RefusedError(path, "is removed by another program again and again; stop that program and run again")

    def _touch(self, directory: Directory) -> None:
        """Note that a directory is written to; what dead runs left in it is removed first."""
        if directory.path not in self._touched:
            self._touched.add(directory.path)
            self._sweeper.sweep(directory)

    def _write_content(self, entry: HostEntry, directory: Directory, outcome: StepOutcome) -> None:
        if entry["packed"] is None:
            raise RefusedError(entry["path"], "was changed on the host by another program meanwhile; run again")
        current, owner = entry["current"], entry["owner_ids"]
        writer = self._maker.writer(directory, owner)
        if os.geteuid() == 0:
            owner = _kept_owner(entry, directory)
            if writer is not None and owner[1] == UNCHANGED and not directory.status.st_mode & stat.S_ISGID:
                owner = (owner[0], os.getegid())  # as if we had made it
        is_trusted = current is not None and stat.S_ISREG(current.st_mode) and not _is_strange(current, directory)
        if_exists = entry["if_exists"] if current is not None or entry["if_exists"] == "keep" else "replace"

        def on_renamed(error: OSError | None) -> None:
            if error is None:
                count_change(outcome, entry)
            elif outcome["status"] != "failed":
                note_failure(outcome, failure_reason(error, entry["path"]))

        self._batch.add(entry, directory, writer, owner, if_exists, current if is_trusted else None, on_renamed)

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
                note_failure(outcome, failure_reason(error, entry["path"]))
        self._maker.set_late_modes()
        self._sync_directories()

    def _delete(self, entry: HostEntry, outcome: StepOutcome) -> None:
        path, name = entry["path"], os.path.basename(entry["path"])
        try:
            directory = self._directories.open(os.path.dirname(path))
        except MissingError:
            return
        with blaming_path(path), self._directories.acting_for(directory, entry["owner_ids"][0]):
            current = directory.lstat(name)
            if current is None:
                return
            require_same(current, entry)
            if stat.S_ISDIR(current.st_mode):
                inner = self._directories.open_in(directory, name)
                self._sweeper.sweep(inner)
                try:
                    os.rmdir(name, dir_fd=directory.fd)
                except OSError:
                    if not _is_empty(inner):
                        return  # it holds something that stays, such as a backup
                    raise
            else:
                if entry["if_exists"] == "backup":
                    back_up(directory, name)
                os.unlink(name, dir_fd=directory.fd)
        self._touched.add(directory.path)
        count_change(outcome, entry)

    def _shortage(self, created: Sequence[HostEntry]) -> str:
        """Why there is not enough space for these; empty if there is, or if that cannot be found out."""
        try:
            return shortage(created, self._directories)
        except (RefusedError, OSError):
            return ""

    def _sync_directories(self) -> None:
        """Make new names survive a crash, as far as the file systems can."""
        for path in sorted(self._touched):
            try:
                descriptor = self._directories.open(path).open_to_read()
            except (MissingError, RefusedError, OSError):
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


def _kept_owner(entry: HostEntry, directory: Directory) -> Owner:
    """The owner of new content: what is given; else that of the file that is replaced, if it can be trusted.

    A file that somebody else may have put there lends its owner to nothing, and nobody's file to a secret.
    """
    current, (uid, gid) = entry["current"], entry["owner_ids"]
    if current is None or not stat.S_ISREG(current.st_mode) or entry["is_secret"]:
        return uid, gid
    if _is_strange(current, directory):
        return uid, gid
    return current.st_uid if uid == UNCHANGED else uid, current.st_gid if gid == UNCHANGED else gid


def _is_strange(current: os.stat_result, directory: Directory) -> bool:
    """Whether somebody else than its owner and root can have put a file there."""
    return gives_others_a_say(directory.status, current.st_uid)


def _is_empty(directory: Directory) -> bool:
    descriptor = directory.open_to_read()
    try:
        return not os.listdir(descriptor)
    finally:
        os.close(descriptor)
