"""Make directories and links, and set modes and owners, in directories that are open.

Python 3.9, standard library only.
What is to belong to the owner of its directory is made with that user's rights. What gets another owner where others
could exchange it is made in a private directory first. A mode that would keep us out is set at the very end.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from . import mngr_files_temporaries as temporaries
from .mngr_files_directories import MissingError
from .mngr_files_identity import acting_as, can_act_as, gives_others_a_say
from .mngr_files_paths import (
    DIRECTORY,
    EXISTING,
    NO_OWNER,
    UNCHANGED,
    RefusedError,
    blaming_path,
    failure_reason,
)
from .mngr_files_steps import count_change, note_failure, require_same
from .mngr_files_writing import back_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from .mngr_files_directories import Directories, Directory
    from .mngr_files_paths import Owner
    from .mngr_files_protocol import StepOutcome
    from .mngr_files_steps import HostEntry


class _Mode(NamedTuple):
    """The mode that a directory gets at the very end, since it would keep us out before."""

    path: bytes
    identity: tuple[int, int]
    mode: int
    outcome: StepOutcome


class Maker:
    """Makes everything but the content of files; each change is counted in its step's outcome.

    ``touch`` is called for every directory before something is made in it.
    """

    def __init__(self, directories: Directories, touch: Callable[[Directory], None]) -> None:
        self._directories = directories
        self._touch = touch
        self._modes: list[_Mode] = []

    def writer(self, directory: Directory, owner: Owner) -> int | None:
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

    def mkdir(self, directory: Directory, name: bytes, mode: int, owner: Owner, outcome: StepOutcome) -> bool:
        """Make a directory; False if it exists. A mode that keeps us out is set at the very end."""
        path = os.path.join(directory.path, name)
        writer = self.writer(directory, owner)
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

    def make_directory(self, entry: HostEntry, directory: Directory, outcome: StepOutcome) -> None:
        """Make the directory of an entry; one that exists by now gets its mode and owner."""
        if self.mkdir(directory, os.path.basename(entry["path"]), entry["mode"], entry["owner_ids"], outcome):
            count_change(outcome, entry)
        else:
            entry["is_top"] = False
            self.adjust(entry, directory, outcome)

    def adjust(self, entry: HostEntry, directory: Directory, outcome: StepOutcome) -> None:
        """Set the mode and owner of what has the right content; it is never more open than before or after."""
        path, mode = entry["path"], entry["mode"]
        is_directory = entry["kind"] == "directory"
        flags = DIRECTORY if is_directory else EXISTING
        with blaming_path(path), self._directories.acting_for(directory, entry["owner_ids"][0]):
            descriptor = os.open(os.path.basename(path) or b".", flags, dir_fd=directory.fd)
            try:
                status = os.fstat(descriptor)
                require_same(status, entry)
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
        count_change(outcome, entry)

    def set_link_owner(self, entry: HostEntry, directory: Directory, outcome: StepOutcome) -> None:
        """Give a link its owner; its target stays."""
        if _is_risky(directory):
            self._put_link(entry, directory)  # a new one: the one that is there could be exchanged
        else:
            with blaming_path(entry["path"]):
                name = os.path.basename(entry["path"])
                os.chown(name, *entry["owner_ids"], dir_fd=directory.fd, follow_symlinks=False)
        count_change(outcome, entry)

    def write_link(self, entry: HostEntry, directory: Directory, outcome: StepOutcome) -> None:
        """Make the link of an entry; it takes the place of what is there at once."""
        path = entry["path"]
        if entry["current"] is not None and entry["if_exists"] == "backup":
            with blaming_path(path), self._directories.acting_for(directory, entry["owner_ids"][0]):
                back_up(directory, os.path.basename(path))
        self._put_link(entry, directory)
        count_change(outcome, entry)

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

    def set_late_modes(self) -> None:
        """Set the modes of directories that were put off. Nothing can be made in these directories afterwards."""
        for each in reversed(self._modes):
            try:
                self._set_mode(each)
            except (MissingError, RefusedError):
                continue  # another program removed or exchanged it: it is not ours any more
            except OSError as error:
                note_failure(each.outcome, failure_reason(error, each.path))

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
