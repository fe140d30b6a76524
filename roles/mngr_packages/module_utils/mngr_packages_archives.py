# SPDX-License-Identifier: GPL-3.0-or-later
"""Take single programs out of an archive: regular files by their base name, and nothing else."""

from __future__ import annotations

import functools
import lzma
import os
import posixpath
import stat
import tarfile
import zipfile
import zlib
from typing import IO, TYPE_CHECKING, Callable, NamedTuple, cast

from .mngr_ansible_portable.text import clause

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PROGRAMS = (b"#!", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"\xca\xfe\xba\xbe")
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
_CHUNK = 1 << 18
_MOST_NAMES = 10


class ArchiveError(Exception):
    """Why a program cannot be taken, as a clause without a full stop."""


class _Member(NamedTuple):
    """One member of an archive; ``kind`` is ``file``, ``directory`` or ``link or device``."""

    name: str
    kind: str
    open: Callable[[], IO[bytes]]


def take(path: str, names: Sequence[str], directory: str, limit: int) -> list[str]:
    """Take these programs out of a tar (also gz, bz2, xz), a zip, or a file that is the program itself.

    Args:
        path: the file; if it is a program itself, it is moved.
        names: the base names of the programs.
        directory: where they are put; an empty directory.
        limit: bytes that one program may have.

    Returns:
        The path of each program, in the order of the names.

    Raises:
        ArchiveError: one of them is not in it exactly once, as a regular file with a path inside the archive.
    """
    with open(path, "rb") as file:
        start = file.read(512)
    try:
        if start.startswith(b"PK\x03\x04"):
            found = _search(_zip_members(path), names, directory, limit)
        elif start.startswith(_COMPRESSED) or start[257:262] == b"ustar":
            found = _search(_tar_members(path), names, directory, limit)
        elif start.startswith(_PROGRAMS):
            os.rename(path, os.path.join(directory, names[0]))
            return [os.path.join(directory, names[0])]
        else:
            raise ArchiveError("it is neither a tar (gz, bz2, xz), nor a zip, nor a program")
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError) as error:
        raise ArchiveError(f"it cannot be unpacked: {clause(str(error))}") from None
    for name in names:
        if found.get(name, 0) != 1:
            names_found = ", ".join(sorted(found)[:_MOST_NAMES]) or "no files"
            what = f"no file called {name}"
            if name in found:
                what = f"{found[name]} files called {name}, and only one is expected"
            raise ArchiveError(f"it contains {what} (it contains {names_found})")
    return [os.path.join(directory, name) for name in names]


def _search(members: Iterable[_Member], names: Sequence[str], directory: str, limit: int) -> dict[str, int]:
    """Copy the programs out of the members; how often each base name was found."""
    counts: dict[str, int] = {}
    for name, kind, opened in members:
        base = posixpath.basename(name)
        if kind == "directory":
            continue
        counts[base] = counts.get(base, 0) + 1
        if base not in names:
            continue
        if name.startswith("/") or ".." in name.split("/"):
            raise ArchiveError(f"it contains {name!r}, a path that leads out of it")
        if kind != "file":
            raise ArchiveError(f"its {name} is a {kind}, no regular file")
        if counts[base] == 1:
            _copy(opened, os.path.join(directory, base), limit)
    return counts


def _copy(opened: Callable[[], IO[bytes]], path: str, limit: int) -> None:
    left = limit
    with opened() as source, open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while True:
            chunk = source.read(_CHUNK)
            if not chunk:
                return
            left -= len(chunk)
            if left < 0:
                raise ArchiveError(f"its {os.path.basename(path)} is larger than {limit >> 20} MiB")
            file.write(chunk)


def _tar_members(path: str) -> Iterator[_Member]:
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            kind = "directory" if member.isdir() else "file" if member.isreg() else "link or device"
            yield _Member(member.name, kind, functools.partial(_extracted, archive, member))


def _extracted(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    return cast("IO[bytes]", archive.extractfile(member))  # not None: it is a regular file


def _zip_members(path: str) -> Iterator[_Member]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            mode = stat.S_IFMT(member.external_attr >> 16)
            kind = "directory" if member.is_dir() else "file" if mode in (0, stat.S_IFREG) else "link or device"
            yield _Member(member.filename, kind, functools.partial(archive.open, member))
