"""Directories of the host by descriptor: nobody can exchange what we opened for something else.

A path is walked from ``/`` one name at a time with ``openat`` and ``O_NOFOLLOW``; a link is read and followed by us.
So we know whose link it was, and where it leads. The rule (docs/security.md "Links on the way to a destination") is
like that of systemd-tmpfiles for unsafe path transitions: root follows a link of somebody else only to what belongs to
that user too. Everything in a directory is then done relative to its descriptor.

Python 3.9, standard library only.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from .mngr_files_identity import acting_as, system_owners, user_name
from .mngr_files_paths import DIRECTORY, UNCHANGED, RefusedError, blaming_path, printable_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

_PASSABLE = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""Flags to open a directory that one may pass and perhaps not read."""
_MOST_OPEN = 64
"""Directories that stay open for the next entry."""
_MOST_LINKS = 40
"""Links that one path may have, as in path_resolution(7)."""


class _Link(NamedTuple):
    """A link of a user who is not trusted, and that was followed."""

    path: bytes
    uid: int


class _Descriptor:
    """An open directory; it is closed with its last use."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        close(self.number)


class Directory:
    """An open directory, and how we came to it.

    Attributes:
        path: as the destination names it.
        status: of the directory itself.
        parent: the directory that really holds it; None for ``/``.
        link: the last link of a stranger on the way to it.
        name: its own name in ``parent``.
    """

    def __init__(self, path: bytes, descriptor: _Descriptor, parent: Directory | None, name: bytes = b"") -> None:
        self.path = path
        self.status = os.fstat(descriptor.number)
        self.parent = parent
        self.link: _Link | None = None if parent is None else parent.link
        self.name = name
        self._descriptor = descriptor

    @property
    def fd(self) -> int:
        """Its descriptor, for ``dir_fd``. It is open for as long as this object lives."""
        return self._descriptor.number

    @property
    def identity(self) -> tuple[int, int]:
        """What tells it from every other directory of this host: its device and inode."""
        return self.status.st_dev, self.status.st_ino

    @property
    def real_path(self) -> bytes:
        """Where it really is: the path without links."""
        return b"/" + b"/".join(each.name for each in reversed(self.chain()[:-1]))

    def chain(self) -> list[Directory]:
        """This directory and those that really hold it, up to ``/``."""
        found: list[Directory] = [self]
        while found[-1].parent is not None:
            found.append(found[-1].parent)
        return found

    def reached_by(self, path: bytes, link: _Link | None) -> Directory:
        """The same directory under another path, through a link."""
        reached = Directory(path, self._descriptor, self.parent, self.name)
        reached.link = link or self.link
        return reached

    def lstat(self, name: bytes) -> os.stat_result | None:
        """The status of what has this name here, links not followed; None if nothing has."""
        try:
            with blaming_path(os.path.join(self.path, name)):
                return os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open_to_read(self) -> int:
        """A new descriptor with which the directory can be listed and changed; the caller closes it."""
        with blaming_path(self.path):
            return os.open(b".", DIRECTORY, dir_fd=self.fd)


class MissingError(Exception):
    """A directory does not exist. ``nearest`` is the last one that does, ``names`` are those that are missing in it."""

    def __init__(self, nearest: Directory, names: list[bytes]) -> None:
        super().__init__(names)
        self.nearest = nearest
        self.names = names


class Directories:
    """Opens the directories of a run.

    What was opened once must be the same directory when it is opened again.
    """

    def __init__(self) -> None:
        self._uid = os.geteuid()
        root = _Descriptor(os.open(b"/", _PASSABLE))
        self._root = Directory(b"/", root, None)
        self._trusted = {*system_owners(), self._uid}
        self._open: OrderedDict[bytes, Directory] = OrderedDict()
        self._identities: dict[bytes, tuple[int, int]] = {}

    def open(self, path: bytes) -> Directory:
        """The directory at an absolute path; links on the way, and at its end, are followed by the rule above.

        Raises:
            MissingError: it does not exist, or one that holds it.
            RefusedError: something there is no directory, or a link that we do not follow.
            OSError: it cannot be opened.
        """
        above, names = path, []
        while above != b"/" and above not in self._open:
            above, name = os.path.split(above)
            names.append(name)
        directory = self._root
        if above != b"/":
            directory = self._open[above]
            self._open.move_to_end(above)
        while names:
            above = os.path.join(above, names[-1])
            try:
                directory = self._known(above, self._enter(directory, names.pop(), above, []))
            except MissingError as error:
                error.names += reversed(names)
                raise
            self._open[above] = directory
            if len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
        return directory

    def open_in(self, holder: Directory, name: bytes) -> Directory:
        """The directory of this name; what is a link by now is refused, whoever made it.

        Raises:
            RefusedError: it is a link, or no directory.
            OSError: it cannot be opened, or is missing.
        """
        path = os.path.join(holder.path, name)
        found = _open_directory(holder, name, path)
        if found is None:
            raise RefusedError(path, "is no longer a directory; run again")
        return self._known(path, found)

    def acting_for(self, directory: Directory, owner: int) -> AbstractContextManager[None]:
        """Act, for a block, with the rights with which a directory may be used for what is to belong to ``owner``.

        Raises:
            RefusedError: somebody's link led us to what is not that user's.
        """
        return acting_as(self.required_user(directory, owner))

    def required_user(self, directory: Directory, owner: int) -> int | None:
        """The user with whose rights alone a directory may be used; None for our own rights.

        Args:
            directory: where something is read or written.
            owner: the number of the user to whom that is to belong; UNCHANGED if none is given.

        Raises:
            RefusedError: somebody's link led us there, to what is not that user's.
        """
        link = directory.link
        if link is None or self._uid != 0:
            return None
        owners: list[int] = [each.status.st_uid for each in directory.chain()]
        strangers: list[int] = [uid for uid in owners if uid not in self._trusted and uid != link.uid]
        if link.uid in owners and not strangers:
            return None
        real, name = printable_path(directory.real_path), user_name(link.uid)
        if owner == link.uid != UNCHANGED and not strangers:
            if _may_write(link.uid, directory):
                return link.uid
            why = "is a link of %s to %s, where %s may not write. Give the real path as the destination"
            raise RefusedError(link.path, why % (name, real, name))
        whose = user_name(strangers[0] if strangers else directory.status.st_uid)
        why = "is a link of %s to %s, which belongs to %s; root does not follow it. " % (name, real, whose)
        more = "" if strangers else ", or the owner %s to write with the rights of that user" % name
        raise RefusedError(link.path, "%sGive the real path as the destination%s" % (why, more))

    def _known(self, path: bytes, found: Directory) -> Directory:
        """The directory, if it is the one that this path led to before."""
        if self._identities.setdefault(path, found.identity) != found.identity:
            raise RefusedError(path, "was exchanged by another program meanwhile; run again")
        return found

    def _enter(self, holder: Directory, name: bytes, path: bytes, links: list[bytes]) -> Directory:
        """The directory of this name; ``links`` are those that were followed on the way."""
        try:
            found = _open_directory(holder, name, path)
        except FileNotFoundError:
            raise MissingError(holder, [name]) from None
        if found is not None:
            return found
        status = holder.lstat(name)
        if status is None:
            raise MissingError(holder, [name])
        if not stat.S_ISLNK(status.st_mode):
            raise RefusedError(path, "is not a directory, and one is needed there; use another destination")
        if len(links) >= _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        links.append(path)
        target = os.readlink(name, dir_fd=holder.fd)
        link = self._judge(path, status.st_uid, holder)
        reached = self._root if target.startswith(b"/") else holder
        for part in target.split(b"/"):
            if part == b"..":
                reached = reached.parent or reached
            elif part not in (b"", b"."):
                try:
                    reached = self._enter(reached, part, os.path.join(reached.path, part), links)
                except MissingError:
                    raise RefusedError(path, "is a link to nothing, and a directory is needed there") from None
            if link is not None and reached.link is not None and link.uid != reached.link.uid:
                raise _of_two_users(path, (link.uid, reached.link.uid))
            link = link or reached.link
        return reached.reached_by(path, link or holder.link)

    def _judge(self, path: bytes, uid: int, holder: Directory) -> _Link | None:
        """The link, if its leading us somewhere is not trusted.

        Raises:
            RefusedError: it is of another user, and we are not root.
        """
        if self._uid != 0:
            if uid in self._trusted:
                return None
            raise RefusedError(
                path,
                "is a link of %s, and we are not that user; it is not followed. Give the real path" % user_name(uid),
            )
        people = {uid, holder.status.st_uid, uid if holder.link is None else holder.link.uid} - self._trusted
        if not people:
            return None
        if len(people) > 1:
            raise _of_two_users(path, people)
        return _Link(path, people.pop())  # who owns a directory can give root's link in it another name


def _of_two_users(path: bytes, uids: Iterable[int]) -> RefusedError:
    names = " and ".join(sorted(user_name(uid) for uid in uids))
    return RefusedError(
        path, "is a link that depends on %s; root follows no link of two users. Give the real path" % names
    )


def _may_write(uid: int, directory: Directory) -> bool:
    """Whether a user may make and delete something in a directory; True where the system cannot say."""
    if os.access not in os.supports_effective_ids:
        return True
    with acting_as(uid):
        return os.access(b".", os.W_OK | os.X_OK, dir_fd=directory.fd, effective_ids=True)


def _open_directory(holder: Directory, name: bytes, path: bytes) -> Directory | None:
    """The real directory of this name; None if it is a link, or anything else."""
    try:
        with blaming_path(path):
            descriptor = _Descriptor(os.open(name, _PASSABLE, dir_fd=holder.fd))
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            return None
        raise
    return Directory(path, descriptor, holder, name)
