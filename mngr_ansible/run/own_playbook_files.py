"""The files that a playbook of the user's own needs where it is run elsewhere: those beside it and on its paths.

Source: docs/contract.md "Fleets".
"""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from mngr_ansible.errors import InputError
from mngr_ansible.portable.text import printable
from mngr_ansible.run.own_playbook import PATHS, OwnPlaybookRun
from mngr_ansible.values import frozen

MOST_BYTES = 256 << 20
"""Bytes of all files together; they go to each worker with each run of the playbook."""

MOST_FILES = 50_000
"""Files and directories, all together."""

_LEFT_OUT = ".git"

_NOTHING = "Nothing of it was run."


@frozen
class PlaybookFile:
    """A file, or an empty directory.

    Attributes:
        place: where it is, relative to the root of what is sent.
        source: its path on this machine; None for a directory.
        size: in bytes.
        mode: its permissions; a playbook may give them to a host's file.
    """

    place: str
    source: str | None
    size: int
    mode: int


@frozen
class PlaybookFiles:
    """All of them.

    Attributes:
        files: in the order of their names.
        settings: the playbook's settings, with the places that its paths have there.
    """

    files: tuple[PlaybookFile, ...]
    settings: dict[str, str]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(each.size for each in self.files)


def playbook_files(playbook: OwnPlaybookRun, shown: str, root: str) -> PlaybookFiles:
    """Find all files: those of the playbook's directory get a place in ``playbook``, those of other paths in ``paths``.

    Links are followed, as Ansible does when it reads. What leads nowhere, what is no file, and ``.git`` are left out.

    Args:
        playbook: which.
        shown: its path for people.
        root: the root of what is sent, as Ansible will see it.

    Raises:
        InputError: a file cannot be read, has a name that cannot be sent, or there are too many.
    """
    beside = playbook.path.parent
    places = {beside: "playbook"}
    settings = dict(playbook.settings)
    for variable in PATHS.values():
        words = [_place(Path(each), beside, places) for each in settings.get(variable, "").split(":") if each]
        if words:
            settings[variable] = ":".join(f"{root}/{each}" for each in words)
    files: list[PlaybookFile] = []
    size = 0
    for directory, place in places.items():
        if directory.is_dir():
            for each in _below(str(directory), place, shown, frozenset()):
                files.append(each)
                size += each.size
                _require_few(shown, len(files), size, directory)
    return PlaybookFiles(tuple(files), settings)


def require_all(files: PlaybookFiles, loaded: Iterable[str], shown: str) -> None:
    """Refuse a playbook that needs a file which is not sent: Ansible leaves out some that are missing without a word.

    Args:
        files: those that are sent.
        loaded: the paths of those that Ansible has loaded on this machine.
        shown: the playbook's path for people.

    Raises:
        InputError: one of these is not sent.
    """
    sent = {each.source for each in files.files}
    missing = [each for each in loaded if each not in sent]
    if missing:  # Ansible follows some links first
        real = {os.path.realpath(each) for each in sent if each is not None}
        missing = [each for each in missing if os.path.realpath(each) not in real]
    if missing:
        raise InputError(
            f"the playbook {shown} cannot be sent to a worker: it needs {printable(missing[0])}, which is not in its "
            "directory",
            remedy=f"Move that there, or link to it from there. {_NOTHING}",
        )


def _place(path: Path, beside: Path, places: dict[Path, str]) -> str:
    """Where a path is found there, which is a new place where it is not beside the playbook."""
    if path.is_relative_to(beside):
        return (Path("playbook") / path.relative_to(beside)).as_posix()
    return places.setdefault(path, f"paths/{len(places)}")


def _require_few(shown: str, count: int, size: int, directory: Path) -> None:
    if count > MOST_FILES or size > MOST_BYTES:
        many = f"{MOST_FILES} files" if count > MOST_FILES else f"{MOST_BYTES >> 20} MiB"
        last = printable(str(directory))
        raise InputError(
            f"the playbook {shown} cannot be sent to a worker: with all in {last} it has more than {many}",
            remedy=f"Put it into a directory with only what it needs. {_NOTHING}",
        )


def _below(directory: str, place: str, shown: str, above: frozenset[tuple[int, int]]) -> Iterator[PlaybookFile]:
    """The files below a directory. ``above``: the directories that hold it, into which a link may lead back."""
    path = directory
    try:
        own = os.stat(directory)  # noqa: PTH116
        if (own.st_dev, own.st_ino) in above:
            return
        above |= {(own.st_dev, own.st_ino)}
        with os.scandir(directory) as scanned:
            entries = sorted((each for each in scanned if each.name != _LEFT_OUT), key=lambda each: each.name)
        if not entries:
            yield PlaybookFile(f"{place}/", None, 0, 0o700)
        for each in entries:
            path = each.path
            try:
                status = each.stat()
            except OSError as error:
                if each.is_symlink() and not isinstance(error, PermissionError):
                    continue  # it leads nowhere, or to itself
                raise
            if stat.S_ISDIR(status.st_mode):
                yield from _below(each.path, f"{place}/{_sendable(each, shown)}", shown, above)
            elif stat.S_ISREG(status.st_mode):
                if not os.access(each.path, os.R_OK):
                    raise _unreadable(shown, path, "Permission denied")
                mode = stat.S_IMODE(status.st_mode) & 0o777
                yield PlaybookFile(f"{place}/{_sendable(each, shown)}", each.path, status.st_size, mode)
    except OSError as error:
        raise _unreadable(shown, path, error.strerror or str(error)) from error


def _sendable(entry: "os.DirEntry[str]", shown: str) -> str:
    """The name, which is UTF-8."""
    if entry.name.encode("utf-8", "ignore").decode() != entry.name:
        raise InputError(
            f"the playbook {shown} cannot be sent to a worker: {printable(entry.path)} has a name that is not UTF-8",
            remedy=f"Give it another name, or move it away. {_NOTHING}",
        )
    return entry.name


def _unreadable(shown: str, path: str, reason: str) -> InputError:
    return InputError(
        f"the playbook {shown} cannot be sent to a worker: {printable(path)} cannot be read: {reason}",
        remedy=f"Check its permissions, or move it away. {_NOTHING}",
    )
