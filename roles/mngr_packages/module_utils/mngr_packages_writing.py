# SPDX-License-Identifier: GPL-3.0-or-later
"""Write files as root or as the user, all of them or none. A program of its own: its text is sent to ``python3``.

    python3 -I - MODE OWNER FROM PATH...   (OWNER: ``root``, or empty to leave the files to whoever runs it)
    python3 -I - remove '' MARK PATH...    (only files that begin with MARK)

Every directory is reached one name at a time by descriptor. A link is followed only if it is a system's link or our
own: in a directory that others can write too, nobody leads us elsewhere. A file is written under a random name beside
its destination, and renamed; a full disk leaves the old files. Python 3.9, standard library only.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import sys

_DIRECTORY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_EXISTING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MOST_LINKS = 40
_LABELS = ("security.selinux", "security.SMACK64")


class WritingError(Exception):
    """Why a file cannot be written, as a clause without a full stop."""


class NewFile:
    """A file under a random name in the open directory of its destination."""

    def __init__(self, path: str) -> None:
        parent, self.name = os.path.split(path)
        self.path = path
        self.directory = opened(parent)
        self.temporary = f".mngr-ansible-{secrets.token_hex(8)}"
        self.status: os.stat_result | None = None

    def write(self, source: str, mode: int, is_roots: bool) -> None:
        """Fill it with the content of a file, and give it its owner and mode."""
        current = self._status(self.name)
        if current is not None and stat.S_ISDIR(current.st_mode):
            raise WritingError(f"{self.path} is a directory")
        descriptor = os.open(self.temporary, _NEW, 0o600, dir_fd=self.directory)
        with open(descriptor, "wb") as file, open(source, "rb") as content:
            self.status = os.fstat(file.fileno())
            shutil.copyfileobj(content, file)
            if is_roots:
                os.fchown(file.fileno(), 0, 0)
            os.fchmod(file.fileno(), mode)
            self._keep_labels(file.fileno())
            file.flush()
            os.fsync(file.fileno())

    def _keep_labels(self, descriptor: int) -> None:
        """Give it the security labels of the file that it will replace; where there are none, nothing is done."""
        try:
            replaced = os.open(self.name, _EXISTING, dir_fd=self.directory)
        except OSError:
            return
        try:
            for label in _LABELS if hasattr(os, "getxattr") else ():
                with contextlib.suppress(OSError):  # no labels here, or a policy that does not allow this
                    os.setxattr(descriptor, label, os.getxattr(replaced, label))
        finally:
            os.close(replaced)

    def rename(self) -> None:
        """Give it the name of its destination."""
        self._check(self.temporary)
        with contextlib.suppress(FileNotFoundError):  # it was taken away since the check; the next one says so
            os.rename(self.temporary, self.name, src_dir_fd=self.directory, dst_dir_fd=self.directory)
        self._check(self.name)
        self.status = None

    def remove(self) -> None:
        """Remove it, unless it was renamed or never made."""
        current = self._status(self.temporary)
        if current is not None and self.status is not None and os.path.samestat(current, self.status):
            os.unlink(self.temporary, dir_fd=self.directory)

    def _check(self, name: str) -> None:
        """Refuse a name that is no longer that of our file. Whoever can write the directory can do that at any time."""
        current = self._status(name)
        if current is None or self.status is None or not os.path.samestat(current, self.status):
            raise WritingError(f"somebody else changed the directory of {self.path} at the same time")

    def _status(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(name, dir_fd=self.directory, follow_symlinks=False)
        except FileNotFoundError:
            return None


def opened(path: str) -> int:
    """A descriptor of the directory; missing ones are made.

    Raises:
        WritingError: a link on the way belongs to somebody who is neither a system's owner nor this user.
    """
    trusted = {0, os.stat("/").st_uid, os.geteuid()}
    names, links = path.split("/")[::-1], 0
    current = [os.open("/", _DIRECTORY)]
    while names:
        name = names.pop()
        if name in ("", "."):
            continue
        if name == "..":
            if len(current) > 1:
                current.pop()
            continue
        try:
            current.append(os.open(name, _DIRECTORY, dir_fd=current[-1]))
        except FileNotFoundError:
            os.mkdir(name, 0o755, dir_fd=current[-1])
            names.append(name)
        except OSError:
            status = os.stat(name, dir_fd=current[-1], follow_symlinks=False)
            if not stat.S_ISLNK(status.st_mode):
                raise
            links += 1
            if status.st_uid not in trusted or links > _MOST_LINKS:
                raise WritingError(f"a link on the way to {path} is not root's, and is not followed") from None
            target = os.readlink(name, dir_fd=current[-1])
            if target.startswith("/"):
                del current[1:]
            names += target.split("/")[::-1]
    return current[-1]


def write(mode: int, is_roots: bool, source: str, paths: list[str]) -> None:
    """Write these files; their contents are ``0``, ``1``, … in the directory ``source``."""
    os.umask(0o022)
    files: list[NewFile] = []
    try:
        for number, path in enumerate(paths):
            files.append(NewFile(path))
            files[-1].write(os.path.join(source, str(number)), mode, is_roots)
        for file in files:
            file.rename()
    finally:
        for file in files:
            file.remove()


def remove(mark: bytes, paths: list[str]) -> None:
    """Remove these files where they begin with this mark; what is no file, or another one, stays."""
    for path in paths:
        parent, name = os.path.split(path)
        if not os.path.isdir(parent):
            continue
        directory = opened(parent)
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
        except FileNotFoundError:
            continue
        with open(descriptor, "rb") as file:
            is_ours = file.read(len(mark)) == mark
        if is_ours:
            os.unlink(name, dir_fd=directory)


if __name__ == "__main__":
    try:
        if sys.argv[1] == "remove":
            remove(os.fsencode(sys.argv[3]), sys.argv[4:])
        else:
            write(int(sys.argv[1], 8), sys.argv[2] == "root", sys.argv[3], sys.argv[4:])
    except WritingError as error:
        raise SystemExit(str(error)) from None
    except OSError as error:
        raise SystemExit(f"{error.filename or sys.argv[4]}: {error.strerror}") from None
