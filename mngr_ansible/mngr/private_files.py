"""Private files of the user that a repository would send: reason for a warning before anything is created or sent.

Whatever named them: decided is on the contributions that mngr's settings and options led to, and on the files that
these lead to through links.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.plan.local_files import local_path
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.patterns import Patterns
from mngr_ansible.system.owners import is_shared_group
from mngr_ansible.values import frozen

_MOST_FOUND = 1000
"""How many private files are looked for; more are not counted."""

_MOST_SEEN = 200_000
"""How many files of all sources are looked at."""


@frozen
class PrivateFile:
    """A file outside of the repository that other users of this machine cannot reach.

    Attributes:
        path: where it really is.
        source: the file or directory that is sent, as it was named.
        named_by: what named it.
    """

    path: str
    source: str
    named_by: Contribution


def private_files(contributions: Sequence[Contribution], repository: Path) -> list[PrivateFile]:
    """The private files that the repository would send, each once.

    Of what the repository says, that is every private file outside of it. Of what the user says himself, only what a
    path in the repository leads to, and what a manifest in the repository names.
    """
    root = os.path.realpath(repository)
    seen: dict[str, PrivateFile] = {}
    looked = 0
    for contribution in contributions:
        is_theirs = bool(contribution.repository) or (contribution.file != "" and _is_in(contribution.file, root))
        for spec in contribution.transfers:
            source = local_path(spec)
            if not is_theirs and not _leads_through(source, root):
                continue
            for path in _files_of(spec, source):
                looked += 1
                if len(seen) >= _MOST_FOUND or looked > _MOST_SEEN:
                    return list(seen.values())
                real = os.path.realpath(path)
                if real not in seen and not _is_below(real, root) and not can_others_read(real):
                    seen[real] = PrivateFile(real, source, contribution)
    return list(seen.values())


def _leads_through(path: str, root: str) -> bool:
    """Whether a path goes through the repository, so that a link in it decides where the path ends."""
    return any(_is_in(str(each), root) for each in (Path(path), *Path(path).parents))


def _is_below(path: str, root: str) -> bool:
    return Path(path).is_relative_to(root)


def _is_in(path: str, root: str) -> bool:
    """Whether a path is in the repository: as it is written, or where links lead."""
    return _is_below(path, root) or _is_below(os.path.realpath(path), root)


def _files_of(spec: FileTransferSpec, source: str) -> Iterator[str]:
    """The files that a source sends: itself, or those of a directory, and those that links in it lead to."""
    if not os.path.isdir(source):  # noqa: PTH112
        if os.path.lexists(source):
            yield source
        return
    excludes = Patterns(spec.exclude).excludes
    waiting, seen = [(os.path.realpath(source), "")], set[tuple[int, int]]()
    while waiting:
        directory, below = waiting.pop()
        try:
            status = os.stat(directory)  # noqa: PTH116
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            children = sorted(os.scandir(directory), key=lambda child: child.name)
        except OSError:
            continue  # reported when the files are read for use
        for child in children:
            relative = f"{below}/{child.name}" if below else child.name
            if excludes(relative, child.is_dir(follow_symlinks=False)):
                continue
            is_followed = child.is_symlink() and spec.symlinks == "follow"
            if child.is_dir(follow_symlinks=is_followed):
                waiting.append((os.path.realpath(child.path), relative))
            elif is_followed or not child.is_symlink():
                yield child.path


def can_others_read(path: str) -> bool:
    """Whether any other user of this machine can read a file: its own mode, and that of every directory above it.

    Root is no other user. What cannot be looked at is not read by others, for this answer. Access control lists are
    not looked at: their mask is in the group's bits.
    """
    try:
        status = os.stat(path)  # noqa: PTH116
        above = [each.stat() for each in Path(path).parents]
    except OSError:
        return False
    if status.st_mode & stat.S_IROTH and all(each.st_mode & stat.S_IXOTH for each in above):
        return True
    if not status.st_mode & stat.S_IRGRP or not is_shared_group(status.st_gid):
        return False
    return all(
        each.st_mode & stat.S_IXOTH or (each.st_mode & stat.S_IXGRP and each.st_gid == status.st_gid) for each in above
    )
