"""Write files beside their destinations, in batches, and let them take their places. Python 3.9, standard library only.

A batch is written, then made lasting by several threads at once (waiting for the disk is most of the work with many
small files), then renamed in order. Until a file is renamed nothing has changed but for its temporary; it has its final
mode and owner before that, and is readable by its owner alone until it is whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

from ansible.module_utils import mngr_files_temporaries as temporaries
from ansible.module_utils.mngr_files_paths import EXISTING, UNCHANGED, RefusedError, naming

BATCH_FILES = 200
BATCH_BYTES = 32 << 20
THREADS = 8
BACKUP = b".mngr-backup-"
LONGEST = 255
"""Bytes that a name can have."""


class Written:
    """One file that was written and waits for its place."""

    def __init__(self, descriptor, temporary, path, how, done):
        self.descriptor = descriptor
        self.temporary = temporary
        self.path = path
        self.how = how
        self.done = done


class Batch:
    """Files that were written beside their destinations, and do not stand there yet."""

    def __init__(self, bundle, require_listener):
        self._bundle = bundle
        self._require_listener = require_listener
        self._waiting = []
        self._bytes = 0

    def add(self, entry, owner, how, done):
        """Write one entry's content; ``done`` is called with None, or what went wrong, when the batch is placed.

        ``how`` it takes its place: ``replace``, ``backup`` (what stands there keeps a second name) or ``keep`` (what
        has come to stand there meanwhile stays).

        Raises:
            RefusedError, OSError: it can not be written, or arrived damaged.
        """
        path = entry["path"]
        with naming(path):
            descriptor, temporary = temporaries.create(os.path.dirname(path))
        try:
            self._fill(descriptor, entry)
            with naming(path):
                if owner != (UNCHANGED, UNCHANGED):
                    os.fchown(descriptor, *owner)
                os.fchmod(descriptor, entry["mode"])
        except BaseException as error:
            os.close(descriptor)
            temporaries.discard(temporary)
            if isinstance(error, zlib.error):
                raise RefusedError(path, "arrived damaged (%s); run again" % error) from None
            raise
        self._waiting.append(Written(descriptor, temporary, path, how, done))
        self._bytes += entry["size"]
        if len(self._waiting) >= BATCH_FILES or self._bytes >= BATCH_BYTES:
            self.place()

    def _fill(self, descriptor, entry):
        sha256 = hashlib.sha256()
        for block in self._bundle.content(entry):
            self._require_listener()
            sha256.update(block)
            while block:
                with naming(entry["path"]):
                    block = block[os.write(descriptor, block) :]
        if sha256.hexdigest() != entry["sha256"]:
            raise RefusedError(entry["path"], "arrived damaged; run again")

    def place(self):
        """Make what was written lasting, and let it take its places, in order."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        try:
            for written, error in zip(waiting, self._lasting(waiting)):  # noqa: B905 - Python 3.9
                self._require_listener()
                written.done(error or self._placed(written))
        finally:
            for written in waiting:
                os.close(written.descriptor)
                temporaries.discard(written.temporary)

    def discard(self):
        """Remove what has not taken its place."""
        for written in self._waiting:
            os.close(written.descriptor)
            temporaries.discard(written.temporary)
        self._waiting = []

    @staticmethod
    def _lasting(waiting):
        if len(waiting) < THREADS:
            return [_synced(written) for written in waiting]
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(_synced, waiting))

    @staticmethod
    def _placed(written):
        try:
            with naming(written.path):
                if written.how == "keep":
                    _put_if_missing(written)
                    return None
                if written.how == "backup":
                    back_up(written.path)
                os.rename(written.temporary, written.path)
        except OSError as error:
            return error
        return None


def _put_if_missing(written):
    """Let a file take its place, unless something took it since we looked."""
    try:
        os.link(written.temporary, written.path)
    except FileExistsError:
        pass
    except OSError:  # a file system without second names
        if not os.path.lexists(written.path):
            os.rename(written.temporary, written.path)


def _synced(written):
    try:
        with naming(written.path):
            os.fsync(written.descriptor)
    except OSError as error:
        return error
    return None


def back_up(path):
    """Give what stands at a path a second name beside it; it goes on standing there."""
    directory, name = os.path.split(path)
    suffix = BACKUP + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()).encode("ascii")
    for number in range(1000):
        end = suffix + (b"-%d" % number if number else b"")
        backup = os.path.join(directory, name[: LONGEST - len(end)] + end)
        try:
            os.link(path, backup, follow_symlinks=False)
        except FileExistsError:
            continue
        except FileNotFoundError:
            return  # nothing stands there any more
        except OSError:
            if os.path.lexists(backup):
                continue
            _copy(path, backup)
        return
    raise RefusedError(path, "has a thousand backups of this second; run again")


def _copy(path, backup):
    """A backup where the file system has no second names for a file."""
    if os.path.islink(path):
        os.symlink(os.readlink(path), backup)
        return
    descriptor, temporary = temporaries.create(os.path.dirname(path))
    try:
        with open(descriptor, "wb") as copy:
            with open(os.open(path, EXISTING), "rb") as original:
                status = os.fstat(original.fileno())
                shutil.copyfileobj(original, copy)
            copy.flush()
            if os.geteuid() == 0:
                os.fchown(copy.fileno(), status.st_uid, status.st_gid)
            os.fchmod(copy.fileno(), stat.S_IMODE(status.st_mode))
            os.fsync(copy.fileno())
            os.rename(temporary, backup)
    finally:
        temporaries.discard(temporary)
