"""Read a local file or directory into the entries that a transfer writes on a host.

Shared with the roles (Python 3.9, standard library only). The plan and the role ``mngr_files`` both read sources with
this module, so that they cannot disagree.

Paths are ``str`` as :func:`os.fsdecode` makes them (``surrogateescape``), so that names can have any bytes.
"""
# File descriptors, and names with any bytes: os handles both, pathlib does not.
# ruff: noqa: PTH114, PTH115, PTH116, PTH117, PTH118

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from . import snapshots
from .text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    class KnownHashes(Protocol):
        """Hashes of files that were read before. They are neither asked for nor told the hash of a secret."""

        def find(self, statuses: Sequence[os.stat_result]) -> list[str | None]:
            """The SHA-256 of each file that has not changed since it was read; None where that is not known."""

        def add(self, status: os.stat_result, sha256: str) -> None:
            """Take note of the SHA-256 of a file that nobody wrote to while it was read."""


MAX_LINKS = 40
"""How many links a path may go through; the kernel refuses more. Source: path_resolution(7)."""


class Entry(NamedTuple):
    """A file, directory or link that a transfer writes."""

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
    """Whether its content is never shown."""


class Tree(NamedTuple):
    """A source that was read completely.

    Attributes:
        entries: directories come before what is in them.
        notices: what the user should know about it, one sentence each, without a full stop.
        unsettled: the files of a directory, as ``Entry.relative``, that changed each time they were read. They are no
            entries: the host keeps what it has.
    """

    entries: tuple[Entry, ...]
    notices: tuple[str, ...]
    unsettled: frozenset[str] = frozenset()


class TreeError(Exception):
    """A source cannot be sent. ``problems`` has all of its problems as ``(path, why)``; ``why`` is a predicate."""

    def __init__(self, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        """One ``path: why`` a line."""
        return "\n".join(f"{printable(path)}: {why}" for path, why in self.problems)


def read(
    local_path: str,
    *,
    mode: int | None = None,
    directory_mode: int | None = None,
    is_secret: bool = False,
    symlinks: str = "keep",
    excluded: Callable[[str, bool], bool] | None = None,
    hashes: KnownHashes | None = None,
) -> Tree:
    """Read a file, or a directory with everything in it. A link at ``local_path`` itself is followed.

    Args:
        local_path: the file or directory; relative to the working directory.
        mode: the mode of every file; None for the rules of docs/contract.md "Data": the source's own bits, or for a
            secret 0600 (0700 if its owner may execute it). A file that only its owner may read is a secret.
        directory_mode: the mode of every directory; None for the source's own bits, or 0700 with ``is_secret``.
        is_secret: whether all of it is secret.
        symlinks: what to do with a link inside a directory. ``keep``: it stays a link, and must be relative and lead to
            a path inside that directory; ``follow``: its target is sent instead; ``refuse``: it is a problem.
        excluded: whether a path below the directory is left out; its second argument says whether that is a directory.
            What is left out is not opened.
        hashes: of files that were read before; without it every file is read.

    Raises:
        TreeError: the source is missing, or has something in it that cannot be sent (a fifo, a socket, a device, a file
            that cannot be opened, a link as above), or is a file that changes each time it is read.
    """
    try:
        root = os.path.realpath(local_path)
        reader = _Reader(root, _ReadOptions(mode, directory_mode, is_secret, symlinks, excluded, hashes))
        reader.visit(root)
    except (OSError, ValueError) as error:
        raise TreeError(((local_path, _reason(error)),)) from None
    if reader.problems:
        raise TreeError(tuple(sorted(reader.problems)))
    entries = tuple(sorted(reader.entries, key=lambda entry: entry.relative.split("/")))
    return Tree(entries, (*reader.notices, *reader.gone_notice()), frozenset(reader.unsettled))


class _ReadOptions(NamedTuple):
    """How a source is to be read: the arguments of :func:`read`."""

    mode: int | None
    directory_mode: int | None
    is_secret: bool
    symlinks: str
    excluded: Callable[[str, bool], bool] | None
    hashes: KnownHashes | None


class _Found(NamedTuple):
    """A path that has not been read yet; ``above`` identifies the directories that contain it (device, inode)."""

    path: str
    relative: str
    status: os.stat_result
    above: tuple[tuple[int, int], ...]


class _Reader:
    """Collects entries, notices and problems of one source; never stops at the first problem."""

    def __init__(self, root: str, options: _ReadOptions) -> None:
        self.entries: list[Entry] = []
        self.notices: list[str] = []
        self.problems: list[tuple[str, str]] = []
        self.unsettled: set[str] = set()
        self._gone_paths: list[str] = []
        self._root = root
        self._options = options
        self._waiting: list[_Found] = []
        self._files: list[_Found] = []

    def visit(self, path: str) -> None:
        """Read what is at ``path``; of a directory, everything below it too."""
        self._waiting = [_Found(path, "", os.lstat(path), ())]
        while self._waiting:
            found = self._waiting.pop()
            try:
                if stat.S_ISDIR(found.status.st_mode):
                    self._directory(found)
                elif stat.S_ISREG(found.status.st_mode):
                    self._files.append(found)
                elif stat.S_ISLNK(found.status.st_mode):
                    self._link(found)
                else:
                    self.problems.append((found.path, f"is {special_kind(found.status.st_mode)}, which cannot be sent"))
            except FileNotFoundError as error:
                self._gone(found.path, found.relative, error)
            except OSError as error:
                self.problems.append((found.path, _reason(error)))
        self._read_files()

    def gone_notice(self) -> tuple[str, ...]:
        """A notice that names what was deleted while the directory was read, if anything was."""
        if not self._gone_paths:
            return ()
        first, more = printable(self._gone_paths[0]), len(self._gone_paths) - 1
        return (f"{first}{f' and {more} more' if more else ''}: deleted while the directory was read, and not sent",)

    def _gone(self, path: str, relative: str, error: OSError) -> None:
        """Note that something does not exist any more: a problem only for the source itself."""
        if relative:
            self._gone_paths.append(path)
        else:
            self.problems.append((path, _reason(error)))

    def _directory(self, found: _Found) -> None:
        path, relative, status, above = found
        mode = self._options.directory_mode
        if mode is None:
            mode = 0o700 if self._options.is_secret else self._permissions(path, status)
        entry = Entry(relative, "directory", path, mode, 0, "", None, self._options.is_secret)
        above = (*above, (status.st_dev, status.st_ino))
        excluded = self._options.excluded
        with os.scandir(path) as children:
            self.entries.append(entry)
            for child in children:
                below = f"{relative}/{child.name}" if relative else child.name
                try:
                    if excluded is None or not excluded(below, child.is_dir(follow_symlinks=False)):
                        self._waiting.append(_Found(child.path, below, child.stat(follow_symlinks=False), above))
                except FileNotFoundError as error:
                    self._gone(child.path, below, error)
                except OSError as error:
                    self.problems.append((child.path, _reason(error)))

    def _read_files(self) -> None:
        """Make entries of the files that were found; read those whose hashes are not known."""
        hashes, unread = self._options.hashes, []
        public = [each.status for each in self._files if not self._is_secret(each.status)]
        found = iter([] if hashes is None else hashes.find(public))
        for each in self._files:
            known = None if self._is_secret(each.status) else next(found, None)
            if known is None:
                unread.append(each)
            else:
                self._file(each, snapshots.Snapshot(each.status, known, False))
        results = snapshots.read_all([each.path for each in unread], [each.status.st_size for each in unread])
        for each, result in zip(unread, results):
            if isinstance(result, snapshots.Snapshot):
                self._file(each, result)
                if hashes is not None and not (result.is_changing or self._is_secret(result.status)):
                    hashes.add(result.status, result.sha256)
            elif isinstance(result, FileNotFoundError):
                self._gone(each.path, each.relative, result)
            elif isinstance(result, OSError):
                self.problems.append((each.path, _reason(result)))
            elif each.relative:
                self.unsettled.add(each.relative)
                why = "it changed each time it was read, and is not sent; the host keeps what it has"
                self.notices.append(f"{printable(each.path)}: {why}")
            else:
                self.problems.append((each.path, f"changed while it was read, {snapshots.TRIES} times"))

    def _is_secret(self, status: os.stat_result) -> bool:
        return self._options.is_secret or not status.st_mode & 0o044

    def _file(self, found: _Found, snapshot: snapshots.Snapshot) -> None:
        path, (status, digest, is_changing) = found.path, snapshot
        if is_changing:
            self.notices.append(f"{printable(path)}: a program is writing to it; it is sent as it was when it was read")
        is_secret = self._is_secret(status)
        mode = self._options.mode
        if mode is None:
            mode = self._permissions(path, status)
            if is_secret:
                mode = 0o700 if mode & stat.S_IXUSR else 0o600
        self.entries.append(Entry(found.relative, "file", path, mode, status.st_size, digest, None, is_secret))

    def _link(self, found: _Found) -> None:
        path, relative, _, above = found
        target = os.readlink(path)
        if self._options.symlinks == "refuse":
            self.problems.append((path, f"is a link, to {printable(target)}; symlinks = refuse allows no link"))
        elif self._options.symlinks == "follow":
            self._follow(path, relative, above)
        elif os.path.isabs(target):
            self.problems.append(
                (
                    path,
                    f"is a link to the absolute path {printable(target)}; only relative links that stay inside work",
                )
            )
        elif not self._stays_inside(relative.split("/")[:-1], target):
            self.problems.append((path, f"is a link that leads out of the directory: {printable(target)}"))
        else:
            self.entries.append(Entry(relative, "link", path, 0o777, 0, "", target, self._options.is_secret))

    def _follow(self, path: str, relative: str, above: tuple[tuple[int, int], ...]) -> None:
        try:
            status = os.stat(path)
        except FileNotFoundError:
            self.problems.append((path, f"is a link to nothing: {printable(os.readlink(path))}"))
            return
        real = os.path.realpath(path)
        if (status.st_dev, status.st_ino) in above:
            self.problems.append((path, f"is a link to a directory that contains it: {printable(real)}"))
        else:
            self._waiting.append(_Found(real, relative, status, above))

    def _stays_inside(self, place: list[str], target: str) -> bool:
        """Whether ``target``, followed from ``place`` as the kernel does it (links included), never leaves the root."""
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
            self.notices.append(f"{printable(path)}: its setuid, setgid or sticky bit is not copied")
        return status.st_mode & 0o777


def not_expanded(path: str) -> str:
    """What to know about the path of a source that does not exist, if it may have been meant for a shell; or empty."""
    if "$" in path or (path.startswith("~") and not path.startswith("~/")):
        return "variables and ~user are not expanded: give the path itself"
    if any(letter in path for letter in "*?[{"):
        return "patterns are not expanded: give the directory, and `exclude`, or one entry for each file"
    return ""


def special_kind(mode: int) -> str:
    """What something is that is no file, directory or link: "a fifo", "a socket" or "a device"."""
    if stat.S_ISFIFO(mode):
        return "a fifo"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _reason(error: Exception) -> str:
    """Why a source cannot be read, as a predicate: "does not exist"."""
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    if isinstance(error, ValueError):
        return "is not a path: it has a null character"
    return getattr(error, "strerror", None) or str(error)
