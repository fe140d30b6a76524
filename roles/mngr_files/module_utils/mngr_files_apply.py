"""Change the paths of the host to what a bundle says. Python 3.9, standard library only.

First everything is compared and nothing changed (:mod:`mngr_files_compare` has the rules), then the changes are made.
Where root replaces a file and no other owner is given, the new file keeps the old one's owner, if nobody else can have
put it there; a secret never does. With ``if_exists: backup`` what is replaced keeps a second name beside it. Nothing
else is ever changed.

Everything is done in a directory that :mod:`mngr_files_directories` opened, and what is changed or deleted is compared
with what the comparison saw there. What is to belong to the owner of its directory is made with that user's rights.
"""

from __future__ import annotations

import os
import select
import stat
from typing import TYPE_CHECKING, NamedTuple

from . import mngr_files_temporaries as temporaries
from .mngr_files_compare import Comparer
from .mngr_files_directories import Directories, MissingError
from .mngr_files_free_space import shortage
from .mngr_files_identity import acting_as, can_act_as, gives_others_a_say
from .mngr_files_paths import (
    DIRECTORY,
    EXISTING,
    NO_OWNER,
    UNCHANGED,
    CancelledError,
    RefusedError,
    blaming_path,
    failure_reason,
)
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
        self._modes: list[_Mode] = []
        self._deletions: list[tuple[HostEntry, StepOutcome]] = []
        self._comparer = Comparer(self._directories, home, bundle.shows_diff, self._require_connection)
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
        self._sweeper = temporaries.Sweeper({entry["owner_ids"][0] for step in steps for entry in step["entries"]})
        why = "" if self._is_dry_run else self._shortage(created)
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
                    directory = self._make_parents(entry, outcome)
                    self._actions[entry["action"]](entry, directory, outcome)
        except (RefusedError, OSError) as error:
            _fail(outcome, failure_reason(error, path))
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
                self._mkdir(error.nearest, error.names[0], mode, entry["owner_ids"], outcome)
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

    def _writer(self, directory: Directory, owner: Owner) -> int | None:
        """The user with whose rights something is made in a directory; None for our own.

        That is the one to whom it is to belong, if the directory is that user's own.

        Raises:
            RefusedError: nobody may, because of a link on the way.
        """
        required = self._directories.required_user(directory, owner[0])
        is_own = os.geteuid() == 0 and owner[0] not in (UNCHANGED, 0) and owner[0] == directory.status.st_uid
        if required is None and is_own and directory.status.st_mode & 0o300 == 0o300 and can_act_as(owner[0]):
            return owner[0]
        return required

    def _mkdir(self, directory: Directory, name: bytes, mode: int, owner: Owner, outcome: StepOutcome) -> bool:
        """Make a directory; False if it exists. A mode that keeps us out is set at the very end."""
        path = os.path.join(directory.path, name)
        writer = self._writer(directory, owner)
        self._touch(directory)
        with blaming_path(path):
            if directory.lstat(name) is not None:
                return False  # created since the comparison, for another entry or by another program
            try:
                if _needs_privacy(directory, writer, owner):
                    with temporaries.private_directory(directory) as private:
                        made = temporaries.new_name()
                        os.mkdir(made, mode | 0o700, dir_fd=private)
                        os.chown(made, *owner, dir_fd=private, follow_symlinks=False)
                        os.rename(made, name, src_dir_fd=private, dst_dir_fd=directory.fd)
                else:
                    with acting_as(writer):
                        os.mkdir(name, mode | 0o700, dir_fd=directory.fd)
                    _give_directory(directory, name, writer, owner)
            except (FileExistsError, NotADirectoryError):
                return False
        if mode & 0o700 != 0o700:
            self._modes.append(_Mode(path, self._directories.open(path).identity, mode, outcome))
        return True

    def _make_directory(self, entry: HostEntry, directory: Directory, outcome: StepOutcome) -> None:
        if self._mkdir(directory, os.path.basename(entry["path"]), entry["mode"], entry["owner_ids"], outcome):
            _count(outcome, entry)
        else:
            entry["is_top"] = False
            self._adjust(entry, directory, outcome)

    def _adjust(self, entry: HostEntry, directory: Directory, outcome: StepOutcome) -> None:
        """Set the mode and owner of what has the right content; it is never more open than before or after."""
        path, mode = entry["path"], entry["mode"]
        is_directory = entry["kind"] == "directory"
        flags = DIRECTORY if is_directory else EXISTING
        with blaming_path(path), self._directories.acting_for(directory, entry["owner_ids"][0]):
            descriptor = os.open(os.path.basename(path) or b".", flags, dir_fd=directory.fd)
            try:
                status = os.fstat(descriptor)
                _require_same(status, entry)
                if not is_directory and status.st_nlink > 1 and _is_risky(directory):
                    raise RefusedError(
                        path,
                        "has another name (a hard link), which another user can have made; its mode and owner stay. "
                        "Remove the other name and run again",
                    )
                now = status.st_mode & 0o7777
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
            self._modes.append(_Mode(path, (status.st_dev, status.st_ino), mode, outcome))
        _count(outcome, entry)

    def _set_link_owner(self, entry: HostEntry, directory: Directory, outcome: StepOutcome) -> None:
        if _is_risky(directory):
            self._put_link(entry, directory)  # a new one: the one that is there could be exchanged
        else:
            with blaming_path(entry["path"]):
                name = os.path.basename(entry["path"])
                os.chown(name, *entry["owner_ids"], dir_fd=directory.fd, follow_symlinks=False)
        _count(outcome, entry)

    def _write_content(self, entry: HostEntry, directory: Directory, outcome: StepOutcome) -> None:
        if entry["packed"] is None:
            raise RefusedError(entry["path"], "was changed on the host by another program meanwhile; run again")
        current, owner = entry["current"], entry["owner_ids"]
        writer = self._writer(directory, owner)
        if os.geteuid() == 0:
            owner = _kept_owner(entry, directory)
            if writer is not None and owner[1] == UNCHANGED and not directory.status.st_mode & stat.S_ISGID:
                owner = (owner[0], os.getegid())  # as if we had made it
        if_exists = entry["if_exists"] if current is not None or entry["if_exists"] == "keep" else "replace"

        def on_renamed(error: OSError | None) -> None:
            if error is None:
                _count(outcome, entry)
            elif outcome["status"] != "failed":
                _fail(outcome, failure_reason(error, entry["path"]))

        self._batch.add(entry, directory, writer, owner, if_exists, on_renamed)

    def _write_link(self, entry: HostEntry, directory: Directory, outcome: StepOutcome) -> None:
        path = entry["path"]
        if entry["current"] is not None and entry["if_exists"] == "backup":
            with blaming_path(path), self._directories.acting_for(directory, entry["owner_ids"][0]):
                back_up(directory, os.path.basename(path))
        self._put_link(entry, directory)
        _count(outcome, entry)

    def _put_link(self, entry: HostEntry, directory: Directory) -> None:
        path, owner = entry["path"], entry["owner_ids"]
        name, temporary, target = os.path.basename(path), temporaries.new_name(), entry["target"] or b""
        writer = self._directories.required_user(directory, owner[0])
        with blaming_path(path):
            if _needs_privacy(directory, writer, owner):
                with temporaries.private_directory(directory) as private:
                    os.symlink(target, temporary, dir_fd=private)
                    os.chown(temporary, *owner, dir_fd=private, follow_symlinks=False)
                    os.rename(temporary, name, src_dir_fd=private, dst_dir_fd=directory.fd)
                return
            with acting_as(writer):
                os.symlink(target, temporary, dir_fd=directory.fd)
                try:
                    if owner != NO_OWNER and writer is None:
                        os.chown(temporary, *owner, dir_fd=directory.fd, follow_symlinks=False)
                    os.rename(temporary, name, src_dir_fd=directory.fd, dst_dir_fd=directory.fd)
                except BaseException:
                    temporaries.discard(directory.fd, temporary)
                    raise

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
        for each in reversed(self._modes):
            try:
                self._set_mode(each)
            except (MissingError, RefusedError):
                continue  # another program removed or exchanged it: it is not ours any more
            except OSError as error:
                _fail(each.outcome, failure_reason(error, each.path))
        self._sync_directories()

    def _set_mode(self, late: _Mode) -> None:
        """Set a directory's permission bits and keep its setgid and sticky bits."""
        directory = self._directories.open(late.path)
        if directory.identity != late.identity:
            return
        descriptor = directory.open_to_read()
        try:
            os.fchmod(descriptor, late.mode & 0o777 | os.fstat(descriptor).st_mode & 0o7000)
        finally:
            os.close(descriptor)

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
            _require_same(current, entry)
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
        _count(outcome, entry)

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


class _Mode(NamedTuple):
    """The mode that a directory gets at the very end, since it would keep us out before."""

    path: bytes
    identity: tuple[int, int]
    mode: int
    outcome: StepOutcome


def _is_risky(directory: Directory) -> bool:
    """Whether we are root in a directory where somebody else can exchange what we look at."""
    return os.geteuid() == 0 and gives_others_a_say(directory.status, 0)


def _needs_privacy(directory: Directory, writer: int | None, owner: Owner) -> bool:
    """Whether something must get its owner where nobody else can exchange it."""
    return owner != NO_OWNER and writer is None and _is_risky(directory)


def _give_directory(directory: Directory, name: bytes, writer: int | None, owner: Owner) -> None:
    """Give a new directory its owner. One that was made with its owner's rights lacks only the group."""
    if owner == NO_OWNER:
        return
    if writer is None:
        os.chown(name, *owner, dir_fd=directory.fd, follow_symlinks=False)
        return
    gid = owner[1]
    if gid == UNCHANGED:
        if directory.status.st_mode & stat.S_ISGID:
            return
        gid = os.getegid()  # as if we had made it
    descriptor = os.open(name, DIRECTORY, dir_fd=directory.fd)
    try:
        if os.fstat(descriptor).st_uid == writer:
            os.fchown(descriptor, UNCHANGED, gid)
    finally:
        os.close(descriptor)


def _kept_owner(entry: HostEntry, directory: Directory) -> Owner:
    """The owner of new content: what is given; else that of the file that is replaced, if it can be trusted.

    A file that somebody else may have put there lends its owner to nothing, and nobody's file to a secret.
    """
    current, (uid, gid) = entry["current"], entry["owner_ids"]
    if current is None or not stat.S_ISREG(current.st_mode) or entry["is_secret"]:
        return uid, gid
    if gives_others_a_say(directory.status, current.st_uid):
        return uid, gid
    return current.st_uid if uid == UNCHANGED else uid, current.st_gid if gid == UNCHANGED else gid


def _require_same(now: os.stat_result, entry: HostEntry) -> None:
    """Make sure that what is changed is what was compared.

    Raises:
        RefusedError: it is another file or directory.
    """
    seen = entry["current"]
    if seen is not None and (now.st_dev, now.st_ino) != (seen.st_dev, seen.st_ino):
        raise RefusedError(entry["path"], "was exchanged by another program meanwhile; run again")


def _is_empty(directory: Directory) -> bool:
    descriptor = directory.open_to_read()
    try:
        return not os.listdir(descriptor)
    finally:
        os.close(descriptor)


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
