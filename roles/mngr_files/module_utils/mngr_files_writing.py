"""Write files beside their destinations, in batches, and rename them into place. Python 3.9, standard library only.

The files of a batch are written, then synced by several threads at once (with many small files most of the time is
spent waiting for the disk), then renamed in order. Until a file is renamed, nothing has changed except for its
temporary file. That has its final mode and owner before the rename, and is readable only by its owner until it is
complete.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
import zlib
from typing import TYPE_CHECKING, NamedTuple, Optional, cast

from . import mngr_files_labels as labels
from . import mngr_files_temporaries as temporaries
from .mngr_files_identity import acting_as
from .mngr_files_paths import EXISTING, NO_OWNER, RefusedError, blaming_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .mngr_files_bundle import Bundle
    from .mngr_files_directories import Directory
    from .mngr_files_paths import Owner
    from .mngr_files_protocol import ReceivedEntry
    from .mngr_files_steps import HostEntry

    OnRenamed = Callable[[Optional[OSError]], None]
    """Called when a file was renamed into place (None), or could not be."""

BATCH_FILES = 200
BATCH_BYTES = 32 << 20
BACKUP = b".mngr-backup-"
_THREADS = 8
_BLOCK = 1 << 20
_LONGEST_NAME = 255
"""Bytes that a file name can have."""


class _WrittenFile(NamedTuple):
    """One file that was written and is not yet renamed."""

    descriptor: int
    temporary: bytes
    directory: Directory
    user: int | None
    path: bytes
    if_exists: str
    on_renamed: OnRenamed

    @property
    def name(self) -> bytes:
        """Its name in ``directory`` when it is complete."""
        return os.path.basename(self.path)


class Batch:
    """Files that were written beside their destinations and are not yet renamed into place."""

    def __init__(self, bundle: Bundle, require_connection: Callable[[], None]) -> None:
        self._bundle = bundle
        self._require_connection = require_connection
        self._written: list[_WrittenFile] = []
        self._bytes = 0

    def add(
        self,
        entry: HostEntry,
        directory: Directory,
        user: int | None,
        owner: Owner,
        if_exists: str,
        labelled_by: os.stat_result | None,
        on_renamed: OnRenamed,
    ) -> None:
        """Write the content of one entry; a batch that is full is committed.

        Args:
            directory: where it is written, under a temporary name first.
            user: with whose rights; None for our own.
            owner: to whom it is to belong.
            if_exists: what happens at the rename: ``replace``, ``backup`` (what is there keeps a second name), or
                ``keep`` (what has been created there meanwhile stays).
            labelled_by: the file in its place, if the new one is to keep its security labels.
            on_renamed: called with None, or with what went wrong, when the batch is committed.

        Raises:
            RefusedError, OSError: it cannot be written, or arrived damaged.
        """
        path = entry["path"]
        with blaming_path(path), acting_as(user):
            descriptor, temporary = temporaries.create(directory)
        try:
            self._write(descriptor, entry)
            with blaming_path(path):
                if owner != NO_OWNER:
                    os.fchown(descriptor, *owner)
                os.fchmod(descriptor, entry["mode"])
                if labelled_by is not None:
                    labels.keep(labelled_by, directory, os.path.basename(path), descriptor)
        except BaseException as error:
            os.close(descriptor)
            with acting_as(user):
                temporaries.discard(directory.fd, temporary)
            if isinstance(error, zlib.error):
                raise RefusedError(path, "arrived damaged (%s); run again" % error) from None
            raise
        self._written.append(_WrittenFile(descriptor, temporary, directory, user, path, if_exists, on_renamed))
        self._bytes += entry["size"]
        if len(self._written) >= BATCH_FILES or self._bytes >= BATCH_BYTES:
            self.commit()

    def _write(self, descriptor: int, entry: HostEntry) -> None:
        sha256 = hashlib.sha256()
        for block in self._bundle.content(cast("ReceivedEntry", entry)):
            self._require_connection()
            sha256.update(block)
            while block:
                with blaming_path(entry["path"]):
                    block = block[os.write(descriptor, block) :]
        if sha256.hexdigest() != entry["sha256"]:
            raise RefusedError(entry["path"], "arrived damaged; run again")

    def commit(self) -> None:
        """Sync what was written to the disk, and rename it into place, in order."""
        written, self._written, self._bytes = self._written, [], 0
        try:
            for file, error in zip(written, _sync_all(written)):  # noqa: B905 - Python 3.9
                self._require_connection()
                file.on_renamed(error or _rename(file))
        finally:
            _remove(written)

    def discard(self) -> None:
        """Remove what is not yet renamed."""
        _remove(self._written)
        self._written = []


def _remove(written: Sequence[_WrittenFile]) -> None:
    for file in written:
        os.close(file.descriptor)
        with acting_as(file.user):
            temporaries.discard(file.directory.fd, file.temporary)


def _sync_all(written: Sequence[_WrittenFile]) -> list[OSError | None]:
    if len(written) < _THREADS:
        return [_sync(file) for file in written]
    from concurrent.futures import ThreadPoolExecutor  # takes long, and a few files do without

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(_sync, written))


def _sync(file: _WrittenFile) -> OSError | None:
    try:
        with blaming_path(file.path):
            os.fsync(file.descriptor)
    except OSError as error:
        return error
    return None


def _rename(file: _WrittenFile) -> OSError | None:
    try:
        with blaming_path(file.path), acting_as(file.user):
            if file.if_exists == "keep":
                _rename_if_missing(file)
                return None
            if file.if_exists == "backup":
                back_up(file.directory, file.name)
            _move(file)
    except OSError as error:
        return error
    return None


def _move(file: _WrittenFile) -> None:
    """Rename a file into place, and find out whether it is the one that was written."""
    directory = file.directory.fd
    os.rename(file.temporary, file.name, src_dir_fd=directory, dst_dir_fd=directory)
    status, written = file.directory.lstat(file.name), os.fstat(file.descriptor)
    if written.st_nlink == 0 or status is None or (status.st_dev, status.st_ino) != (written.st_dev, written.st_ino):
        raise OSError(errno.EBUSY, "was exchanged by another program while it was written; run again", file.path)


def _rename_if_missing(file: _WrittenFile) -> None:
    """Put a file into place, unless something was created there since the comparison."""
    directory = file.directory.fd
    try:
        os.link(file.temporary, file.name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        if file.directory.lstat(file.name) is None:
            _move(file)


def back_up(directory: Directory, name: bytes) -> None:
    """Give what has a name in a directory a second name beside it (a hard link, or a copy); it stays where it is.

    Raises:
        RefusedError, OSError: there is no backup.
    """
    suffix = BACKUP + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()).encode("ascii")
    for number in range(1000):
        end = suffix + (b"-%d" % number if number else b"")
        backup = name[: _LONGEST_NAME - len(end)] + end
        try:
            os.link(name, backup, src_dir_fd=directory.fd, dst_dir_fd=directory.fd, follow_symlinks=False)
        except FileExistsError:
            continue
        except FileNotFoundError:
            return  # it was deleted meanwhile
        except OSError:
            if directory.lstat(backup) is not None:
                continue
            _copy(directory, name, backup)
        return
    raise RefusedError(os.path.join(directory.path, name), "has a thousand backups of this second; run again")


def _copy(directory: Directory, name: bytes, backup: bytes) -> None:
    """A backup on a file system without hard links."""
    status = directory.lstat(name)
    if status is not None and stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(name, dir_fd=directory.fd), backup, dir_fd=directory.fd)
        return
    descriptor, temporary = temporaries.create(directory)
    try:
        with open(descriptor, "wb") as copy:
            with open(os.open(name, EXISTING, dir_fd=directory.fd), "rb") as original:
                status = os.fstat(original.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise OSError(errno.EBUSY, "was exchanged by another program meanwhile; run again", name)
                for block in iter(lambda: original.read(_BLOCK), b""):
                    copy.write(block)
                labels.copy(original.fileno(), copy.fileno())
            copy.flush()
            if os.geteuid() == 0:
                os.fchown(copy.fileno(), status.st_uid, status.st_gid)
            os.fchmod(copy.fileno(), stat.S_IMODE(status.st_mode))
            os.fsync(copy.fileno())
            os.rename(temporary, backup, src_dir_fd=directory.fd, dst_dir_fd=directory.fd)
    finally:
        temporaries.discard(directory.fd, temporary)
