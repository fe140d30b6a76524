"""A directory of the user into which content is put: all of it or nothing, and nothing is replaced."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mngr_ansible.errors import InputError
from mngr_ansible.portable.text import printable
from mngr_ansible.system.owners import why_unsafe


@contextmanager
def filled(directory: Path, paths: Sequence[str]) -> Iterator[Path]:
    """A new directory to fill; at the end, what is at ``paths`` in it is moved to ``directory``.

    Args:
        directory: where the content goes. It is made if it is missing; what else is in it stays.
        paths: what is put there, relative to it. Nothing may exist at any of them.

    Raises:
        InputError: something exists there, other users could exchange what is written, or it cannot be written.
            Nothing new stays then.
    """
    made = _missing(directory)
    try:
        _refuse_existing(directory, paths)
        directory.mkdir(parents=True, exist_ok=True)
        if reason := why_unsafe(directory):
            raise InputError(
                f"content is not written to {printable(str(directory))}: {reason}, and its roles run as root on hosts",
                remedy="Give a directory that only you can write to.",
            )
        with tempfile.TemporaryDirectory(prefix=".mngr-ansible-", dir=directory) as work:
            yield Path(work)
            _move(Path(work), directory, paths)
        made = None
    except OSError as error:
        raise InputError(
            f"content cannot be written to {printable(str(directory))}: {error.strerror or error}",
            remedy="Give another directory, or make this one writable and free disk space, and run again.",
        ) from error
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


def _missing(directory: Path) -> Path | None:
    """The uppermost directory of a path that does not exist; None if all do."""
    missing = [each for each in (directory, *directory.parents) if not os.path.lexists(each)]
    return missing[-1] if missing else None


def _refuse_existing(directory: Path, paths: Sequence[str]) -> None:
    existing = [path for path in paths if os.path.lexists(directory / path)]
    if existing:
        raise InputError(
            f"{printable(str(directory))} has {', '.join(existing)} already, and nothing there is replaced",
            remedy="Give a new directory, or remove what you no longer need there.",
        )


def _move(work: Path, directory: Path, paths: Sequence[str]) -> None:
    """Move each path; if one cannot be moved, those that were moved and the directories made for them are removed."""
    done: list[Path] = []
    try:
        for path in paths:
            _refuse_existing(directory, [path])
            target = directory / path
            made = _missing(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            done.append(made or target)
            (work / path).rename(target)
    except BaseException:
        for each in reversed(done):
            shutil.rmtree(each) if each.is_dir() else each.unlink(missing_ok=True)
        raise
