"""Read a local file or directory into the entries that a transfer writes on a host.

The planner and the role ``mngr_files`` (through a link in its ``module_utils``) both read sources with this file, so
that the plan and the transfer can not disagree. Standard library only, and Python 3.9: it must not grow imports.

Paths are ``str`` as :func:`os.fsdecode` makes them (``surrogateescape``): any bytes that a file system allows survive.
"""
# Names of any bytes and file descriptors: os speaks of both plainly.
# ruff: noqa: PTH114, PTH115, PTH117, PTH118, PTH123

from __future__ import annotations

import hashlib
import os
import stat
from typing import NamedTuple

BLOCK = 1 << 20
"""How many bytes are read at once, so that a file of any size needs little memory."""

MAX_LINKS = 40
"""How many links a path may go through before the kernel refuses it (Linux: ``ELOOP`` after 40)."""


class Entry(NamedTuple):
    """One thing to have below the destination."""

    relative: str
    """Path below the destination, ``/`` between the parts; ``""`` is the destination itself."""
    kind: str
    """``file``, ``directory`` or ``link``."""
    source: str
    """Absolute local path."""
    mode: int
    """Permission bits, never above 0o777 (always 0o777 for a link)."""
    size: int
    """Bytes of content; 0 for all but files."""
    sha256: str
    """Hexadecimal digest of the content; ``""`` for all but files."""
    target: str | None
    """Where a link points, as written in it."""
    is_secret: bool
    """Whether the content is not for everybody's eyes."""


class Tree(NamedTuple):
    """A source that was read whole: parents before what is in them, and what the user should know about it."""

    entries: tuple[Entry, ...]
    notices: tuple[str, ...]


class TreeError(Exception):
    """A source can not be sent. ``problems`` holds every ``(path, why)``, never only the first."""

    def __init__(self, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        """One ``path: why`` a line."""
        return "\n".join(f"{shown(path)}: {why}" for path, why in self.problems)


def read(
    local_path: str, *, mode: int | None = None, directory_mode: int | None = None, is_secret: bool = False
) -> Tree:
    """Read a file, or a directory with all that is in it.

    A link at ``local_path`` itself is followed. A link inside a directory stays a link, and must be relative and lead
    to a place inside that directory.

    Args:
        local_path: the file or directory; relative to the working directory.
        mode: the mode of every file; None for the rules of the contract ("Data"): the source's own bits, 0600 (0700
            where the owner may execute) for a secret. A file that nobody but its owner may touch is a secret.
        directory_mode: the mode of every directory; None for the source's own bits, or 0700 with ``is_secret``.
        is_secret: whether all of it is secret.

    Raises:
        TreeError: the source is missing, or holds what can not be sent (a fifo, a socket, a device, what can not be
            opened, a link that leads out of it), or keeps changing while it is read.
    """
    try:
        root = os.path.realpath(local_path)
        reader = _Reader(root, mode, directory_mode, is_secret)
        reader.visit(root, "", os.lstat(root))
    except (OSError, ValueError) as error:
        raise TreeError(((local_path, _reason(error)),)) from None
    if reader.problems:
        raise TreeError(tuple(sorted(reader.problems)))
    return Tree(tuple(sorted(reader.entries, key=lambda entry: entry.relative.split("/"))), tuple(reader.notices))


def shown(path: str) -> str:
    """A path as text that can be printed: bytes that are not UTF-8 as ``\\xff``, control characters escaped."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class _Reader:
    """Collects entries, notices and problems of one source; never stops at the first problem."""

    def __init__(self, root: str, mode: int | None, directory_mode: int | None, is_secret: bool) -> None:
        self.entries: list[Entry] = []
        self.notices: list[str] = []
        self.problems: list[tuple[str, str]] = []
        self._root = root
        self._mode = mode
        self._directory_mode = directory_mode
        self._is_secret = is_secret

    def visit(self, path: str, relative: str, status: os.stat_result) -> None:
        """Read what is at ``path``; of a directory, everything below it too."""
        waiting = [(path, relative, status)]
        while waiting:
            path, relative, status = waiting.pop()
            try:
                if stat.S_ISDIR(status.st_mode):
                    self._directory(path, relative, status)
                    waiting += self._children(path, relative)
                elif stat.S_ISREG(status.st_mode):
                    self._file(path, relative)
                elif stat.S_ISLNK(status.st_mode):
                    self._link(path, relative)
                else:
                    self.problems.append((path, f"is {special_kind(status.st_mode)}, which can not be sent"))
            except OSError as error:
                self.problems.append((path, _reason(error)))

    def _children(self, path: str, relative: str) -> list[tuple[str, str, os.stat_result]]:
        found = []
        with os.scandir(path) as children:
            for child in children:
                below = f"{relative}/{child.name}" if relative else child.name
                try:
                    found.append((child.path, below, child.stat(follow_symlinks=False)))
                except OSError as error:
                    self.problems.append((child.path, _reason(error)))
        return found

    def _directory(self, path: str, relative: str, status: os.stat_result) -> None:
        mode = self._directory_mode
        if mode is None:
            mode = 0o700 if self._is_secret else self._permissions(path, status)
        self.entries.append(Entry(relative, "directory", path, mode, 0, "", None, self._is_secret))

    def _file(self, path: str, relative: str) -> None:
        try:
            status, digest = _settled_digest(path)
        except _ChangedError:
            self.problems.append((path, "changed while it was read, twice"))
            return
        is_secret = self._is_secret or not status.st_mode & 0o077
        mode = self._mode
        if mode is None and is_secret:
            mode = 0o700 if status.st_mode & stat.S_IXUSR else 0o600
        elif mode is None:
            mode = self._permissions(path, status)
        self.entries.append(Entry(relative, "file", path, mode, status.st_size, digest, None, is_secret))

    def _link(self, path: str, relative: str) -> None:
        target = os.readlink(path)
        if os.path.isabs(target):
            self.problems.append((path, f"is a link to the absolute path {shown(target)}; only links inside it work"))
        elif not self._stays_inside(relative.split("/")[:-1], target):
            self.problems.append((path, f"is a link that leads out of the directory: {shown(target)}"))
        else:
            self.entries.append(Entry(relative, "link", path, 0o777, 0, "", target, self._is_secret))

    def _stays_inside(self, place: list[str], target: str) -> bool:
        """Walk ``target`` from ``place`` as the kernel would, links included, and never above the root."""
        place, ahead, links = list(place), target.split("/")[::-1], 0
        while ahead:
            part = ahead.pop()
            if part == ".." and not place:
                return False
            if part == "..":
                place.pop()
            elif part not in ("", "."):
                step = os.path.join(self._root, *place, part)
                if not os.path.islink(step):
                    place.append(part)
                    continue
                links += 1
                if links > MAX_LINKS:
                    return True
                onward = os.readlink(step)
                if os.path.isabs(onward):
                    return False
                ahead += onward.split("/")[::-1]
        return True

    def _permissions(self, path: str, status: os.stat_result) -> int:
        if status.st_mode & 0o7000:
            self.notices.append(f"{shown(path)}: its setuid, setgid or sticky bit is not copied")
        return status.st_mode & 0o777


class _ChangedError(Exception):
    """A file was not the same after reading as before."""


def _settled_digest(path: str) -> tuple[os.stat_result, str]:
    """What :func:`os.fstat` says and the SHA-256 of a file that did not change meanwhile; tried twice."""
    try:
        return _digest(path)
    except _ChangedError:
        return _digest(path)


def _digest(path: str) -> tuple[os.stat_result, str]:
    # O_NONBLOCK: a fifo that took the file's place must not hold us for ever.
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise _ChangedError
        sha256, size = hashlib.sha256(), 0
        while block := file.read(BLOCK):
            sha256.update(block)
            size += len(block)
        after = os.fstat(file.fileno())
    here = os.lstat(path)
    if size != before.st_size or not _identity(before) == _identity(after) == _identity(here):
        raise _ChangedError
    return before, sha256.hexdigest()


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def special_kind(mode: int) -> str:
    """The words for a thing that is neither file, directory nor link: "a fifo", "a socket", "a device"."""
    if stat.S_ISFIFO(mode):
        return "a fifo"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _reason(error: Exception) -> str:
    """What an operating system's refusal means for a source, in a few words."""
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    if isinstance(error, ValueError):
        return "is not a path: it has a null character"
    return getattr(error, "strerror", None) or str(error)
