"""Bring the paths of a host to what a bundle says. Python 3.9, standard library only.

First everything is looked at, and nothing changed (:mod:`mngr_files_compare` has the rules); then what is due is done.
What replaces a file keeps that file's owner where root does it and no other is wanted. With ``if_exists: backup`` what
is replaced by something else keeps a second name beside it. Nothing else is ever changed.
"""

from __future__ import annotations

import os
import select
import stat

from ansible.module_utils import mngr_files_temporaries as temporaries
from ansible.module_utils.mngr_files_compare import Looker
from ansible.module_utils.mngr_files_free_space import shortage
from ansible.module_utils.mngr_files_paths import (
    DIRECTORY,
    EXISTING,
    UNCHANGED,
    Abandoned,
    RefusedError,
    lstat,
    naming,
    reason,
    set_mode,
    set_owner,
)
from ansible.module_utils.mngr_files_writing import Batch, back_up

NOBODY = (UNCHANGED, UNCHANGED)


class Settler:
    """Settles all steps of a bundle; where it is dry, only says what it would do.

    ``umask`` is for parents that nobody gave a mode; the process's own must be 0, so that a directory is born with the
    mode that it is to have. ``home`` is never mirrored over.
    """

    def __init__(self, bundle, is_dry, umask, home):
        self._is_dry = is_dry
        self._umask = umask
        self._parent = os.getppid()
        self._answer = select.poll()
        self._answer.register(1, 0)
        self._batch = Batch(bundle, self._require_listener)
        self._touched = set()
        self._modes = []
        self._deletions = []
        self.looker = Looker(home, bundle.wants_before, self._require_listener)

    def settle(self, steps):
        """Settle all steps, whatever becomes of the others; the outcome of each."""
        outcomes = [{"id": step["id"], "status": "ok", "files_changed": 0} for step in steps]
        self.looker.look(steps, outcomes)
        due = [
            entry for step in steps for entry in step["entries"] if entry["task"] in ("content", "link", "directory")
        ]
        why = "" if self._is_dry else _shortage(due)
        for step, outcome in zip(steps, outcomes):  # noqa: B905 - Python 3.9
            if outcome["status"] == "failed":
                continue
            if why and any(entry["task"] is not None for entry in step["entries"]):
                outcome.update(status="failed", reason="%s; nothing was changed. Make room there and run again" % why)
            elif self._is_dry:
                for entry in step["entries"]:
                    _count(outcome, entry)
            else:
                self._do(step, outcome)
        if not self._is_dry:
            self._finish()
        return outcomes

    def _do(self, step, outcome):
        path = b"/"
        try:
            for entry in step["entries"]:
                path = entry["path"]
                self._require_listener()
                if entry["task"] == "delete":
                    self._deletions.append((entry, outcome))
                elif entry["task"] is not None:
                    self._make_parents(entry, outcome)
                    getattr(self, "_do_" + entry["task"])(entry, outcome)
        except (RefusedError, OSError) as error:
            outcome.update(status="failed", reason=reason(error, path))
        except BaseException:
            self._batch.discard()
            raise

    def _make_parents(self, entry, outcome):
        directory, missing = os.path.dirname(entry["path"]), []
        if directory not in self._touched:
            while not os.path.isdir(directory):
                missing.append(directory)
                directory = os.path.dirname(directory)
            for each in reversed(missing):
                mode = entry["directory_mode"]
                self._make(each, 0o755 & ~self._umask if mode is None else mode, entry["to"], outcome)
            self._touch(os.path.dirname(entry["path"]))

    def _touch(self, directory):
        if directory not in self._touched:
            self._touched.add(directory)
            temporaries.sweep(directory)

    def _make(self, path, mode, owner, outcome):
        with naming(path):
            try:
                os.mkdir(path, mode | 0o700)
            except FileExistsError:
                return False  # it was made since we looked, for another entry or by somebody else
        set_owner(path, owner)
        self._touch(os.path.dirname(path))
        if mode & 0o700 != 0o700:
            self._modes.append((path, mode, outcome))
        return True

    def _do_directory(self, entry, outcome):
        if self._make(entry["path"], entry["mode"], entry["to"], outcome):
            _count(outcome, entry)
        else:
            self._do_adjust({**entry, "is_top": False}, outcome)

    def _do_adjust(self, entry, outcome):
        """Set the mode and owner of what has the right content; it is never more open than before or after."""
        path, mode = entry["path"], entry["mode"]
        is_directory = entry["kind"] == "directory"
        with naming(path):
            descriptor = os.open(path, DIRECTORY if is_directory else EXISTING)
            try:
                now = os.fstat(descriptor).st_mode & 0o7777
                special = now & 0o7000 if is_directory else 0
                if is_directory and entry["is_top"]:
                    mode = now & 0o777
                if entry["to"] != NOBODY:
                    os.fchmod(descriptor, special | now & mode)
                    os.fchown(descriptor, *entry["to"])
                os.fchmod(descriptor, special | mode | (0o700 if is_directory else 0))
            finally:
                os.close(descriptor)
        if is_directory and mode & 0o700 != 0o700:
            self._modes.append((path, mode, outcome))
        _count(outcome, entry)

    def _do_owner(self, entry, outcome):
        set_owner(entry["path"], entry["to"])
        _count(outcome, entry)

    def _do_content(self, entry, outcome):
        if entry["packed"] is None:
            raise RefusedError(entry["path"], "was changed on the host by somebody else meanwhile; run again")
        there, owner = entry["there"], entry["to"]
        if there is not None and stat.S_ISREG(there.st_mode) and os.geteuid() == 0:
            uid, gid = owner
            owner = (there.st_uid if uid == UNCHANGED else uid, there.st_gid if gid == UNCHANGED else gid)
        how = entry["if_exists"] if there is not None or entry["if_exists"] == "keep" else "replace"

        def done(error):
            if error is None:
                _count(outcome, entry)
            elif outcome["status"] != "failed":
                outcome.update(status="failed", reason=reason(error, entry["path"]))

        self._batch.add(entry, owner, how, done)

    def _do_link(self, entry, outcome):
        path = entry["path"]
        if entry["there"] is not None and entry["if_exists"] == "backup":
            with naming(path):
                back_up(path)
        temporary = temporaries.name_in(os.path.dirname(path))
        with naming(path):
            os.symlink(entry["target"], temporary)
            try:
                if entry["to"] != NOBODY:
                    os.lchown(temporary, *entry["to"])
                os.rename(temporary, path)
            except BaseException:
                temporaries.discard(temporary)
                raise
        _count(outcome, entry)

    def _finish(self):
        """Let the last batch take its places, delete what is to go, set the modes that wait, and make names lasting."""
        try:
            self._batch.place()
        except OSError:
            self._batch.discard()
            raise
        for entry, outcome in self._deletions:
            self._require_listener()
            try:
                self._delete(entry, outcome)
            except (RefusedError, OSError) as error:
                outcome.update(status="failed", reason=reason(error, entry["path"]))
        for path, mode, outcome in reversed(self._modes):
            try:
                set_mode(path, mode)
            except OSError as error:
                outcome.update(status="failed", reason=reason(error, path))
        self._sync()

    def _delete(self, entry, outcome):
        path = entry["path"]
        there = lstat(path)
        if there is None:
            return
        with naming(path):
            if stat.S_ISDIR(there.st_mode):
                temporaries.sweep(path)
                try:
                    os.rmdir(path)
                except OSError:
                    if os.listdir(path):
                        return  # it holds what is not ours to delete
                    raise
            else:
                if entry["if_exists"] == "backup":
                    back_up(path)
                os.unlink(path)
        self._touched.add(os.path.dirname(path))
        _count(outcome, entry)

    def _sync(self):
        for directory in sorted(self._touched):
            try:
                descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError:
                continue  # a directory that we may write and not read, or that is gone
            try:
                os.fsync(descriptor)
            except OSError:
                pass  # file systems that know no fsync of directories
            finally:
                os.close(descriptor)

    def _require_listener(self):
        """End where the connection is gone: what reads our answer has died, or whoever started us has."""
        if os.getppid() != self._parent or self._answer.poll(0):
            raise Abandoned


def _shortage(due):
    """Why there is no room for all of it; empty also where that can not be found out."""
    try:
        return shortage(due)
    except OSError:
        return ""


def _count(outcome, entry):
    """Note that an entry was, or would be, changed."""
    if entry["task"] is not None:
        if outcome["status"] == "ok":
            outcome["status"] = "changed"
        is_file = entry["kind"] != "directory" and not (entry["there"] and stat.S_ISDIR(entry["there"].st_mode))
        outcome["files_changed"] += is_file
