"""The files of ``--report`` and ``--junit``: whether they can be written is known before anything is done, and they are
written whole or not at all, also where the command failed or was stopped."""

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from mngr_ansible.errors import InputError, MngrAnsibleError, UsageError
from mngr_ansible.report.report import Report
from mngr_ansible.report.timeline import Timeline
from mngr_ansible.values import replace


class ReportFiles:
    """Which files a command writes about its result.

    Attributes:
        timeline: takes note of what hosts are at.
    """

    def __init__(
        self,
        page: str | None,
        junit: str | None,
        *,
        is_change_a_failure: bool = False,
        inputs: Iterable[tuple[str, Path]] = (),
    ) -> None:
        """Require that both files can be written.

        Args:
            page: the path of the page for a browser; None: none is written.
            junit: the path of the JUnit XML, likewise.
            is_change_a_failure: see :func:`mngr_ansible.report.junit.junit`.
            inputs: what the command reads, see :func:`inputs_of`.

        Raises:
            UsageError: one path is given for both, or it is that of something that the command reads.
            InputError: there is no such directory, nothing can be written there, or something else is in the way.
        """
        self._page, self._junit = (None if each is None else Path(each) for each in (page, junit))
        self._is_change_a_failure = is_change_a_failure
        self.timeline = Timeline()
        given = {"--report": self._page, "--junit": self._junit}
        for option, path in given.items():
            if path is not None:
                _require_writable(option, path)
        if self._page is not None and self._junit is not None and _place(self._page) == _place(self._junit):
            raise UsageError(
                f"--report and --junit name the same file: {self._page}", remedy="Give two names, or leave one out."
            )
        for read_by, read in inputs:
            for option, path in given.items():
                if path is not None and _is_input(path, read):
                    raise UsageError(
                        f"{option} {path}: the command reads this file ({read_by} {read})",
                        remedy="Give another path. Nothing was done.",
                    )

    def write(self, report: Report) -> Report:
        """Write the files; the report, with an error for each that could not be written."""
        timing, errors = self.timeline.timing(), list[MngrAnsibleError]()
        if self._page is not None:
            from mngr_ansible.report.html.page import page

            errors += _written(self._page, page(report, timing))
        if self._junit is not None:
            from mngr_ansible.report.junit import junit

            words = junit(report, timing, is_change_a_failure=self._is_change_a_failure)
            errors += _written(self._junit, words)
        return replace(report, errors=(*report.errors, *errors)) if errors else report


def inputs_of(options: object) -> Iterator[tuple[str, Path]]:
    """What a command with the options of ``apply`` reads on this machine: the option, and the file or directory."""
    for name in ("manifest", "file", "playbook", "key", "known_hosts", "inventory", "vault_id"):
        given = getattr(options, name, None) or ()
        for each in (given,) if isinstance(given, str) else given:
            path = {"file": each.partition(":")[0], "vault_id": each.rpartition("@")[2]}.get(name, each)
            yield f"--{name.replace('_', '-')}", Path(os.path.expanduser(path))  # noqa: PTH111 - it raises nothing


def _place(path: Path) -> Path:
    """The directory entry: no link before the last name."""
    return path.parent.resolve() / path.name


def _is_input(path: Path, read: Path) -> bool:
    """Whether writing the file would take away what is read: the file itself, or one in a directory that is read."""
    try:
        found = path.lstat()
        if any(os.path.samestat(found, each) for each in (read.lstat(), read.stat())):
            return True
        return _place(path).is_relative_to(read.resolve()) and bool(found.st_size) and not _is_ours(path)
    except (OSError, ValueError):  # one of them is not there
        return False


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(2000)
    return b"(mngr-ansible)</title>" in start or b'<testsuites name="mngr-ansible' in start


def _require_writable(option: str, path: Path) -> None:
    """Make a file beside it, and remove it: whether that can be done is known only then."""
    if str(path) == "-":
        raise UsageError(f"{option} - is no name of a file", remedy=f"Give one, such as {option} ./report.")
    try:
        found = path.lstat()
        is_link = stat.S_ISLNK(found.st_mode)
        if is_link and not _leads_to_a_file(path):
            raise InputError(
                f"{option} {path}: it leads to no regular file", remedy="Give the name of a file. Nothing was done."
            )
    except FileNotFoundError:
        found, is_link = None, False
    except (OSError, ValueError) as error:
        raise _refusal(option, path, error) from error
    if found is not None and not (stat.S_ISREG(found.st_mode) or is_link):
        what, such = "no regular file", ""
        if stat.S_ISDIR(found.st_mode):
            what, such = "a directory", f", such as {path / 'report'}"
        raise InputError(f"{option} {path}: it is {what}", remedy=f"Give the name of a file{such}. Nothing was done.")
    try:
        directory = path.parent.stat()
        owners = (0, directory.st_uid, os.geteuid() if found is None else found.st_uid)
        if directory.st_mode & stat.S_ISVTX and os.geteuid() not in owners:
            raise InputError(
                f"{option} {path}: it belongs to another user", remedy="Give another path. Nothing was done."
            )
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    except (OSError, ValueError) as error:
        raise _refusal(option, path, error) from error
    os.close(descriptor)
    Path(name).unlink()


def _leads_to_a_file(link: Path) -> bool:
    """Whether a link leads to a regular file, or to nothing. Files that a process has open are none: Linux has such
    links in /proc, and /dev/stdout leads to one."""
    try:
        if not stat.S_ISREG(link.stat().st_mode):
            return False
    except FileNotFoundError:
        return True
    open_files = Path("/proc").stat().st_dev if os.path.ismount("/proc") else None
    while link.is_symlink():
        if link.lstat().st_dev == open_files:
            return False
        link = link.parent / link.readlink()
    return True


def _refusal(option: str, path: Path, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError) and path.parent.is_dir():
        remedy = "Give a path that you can write to. Nothing was done."
        return InputError(f"{option} {path}: no file can be made in {path.parent}", remedy=remedy)
    if isinstance(error, FileNotFoundError):
        remedy = "Make that directory first, or give another path. Nothing was done."
        return InputError(f"{option} {path}: there is no directory {path.parent}", remedy=remedy)
    why = getattr(error, "strerror", None) or str(error)
    return InputError(
        f"{option} {path}: it cannot be written ({why})", remedy="Give a path that you can write to. Nothing was done."
    )


def _written(path: Path, words: str) -> list[MngrAnsibleError]:
    """Write a file beside it and give that its name: whoever reads sees the old one or the new one, whole.

    A link of that name is replaced, not followed. The mode is that of any new file.
    """
    name = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(words)
            umask = os.umask(0o077)
            os.umask(umask)
            os.fchmod(descriptor, 0o666 & ~umask)
        os.replace(name, path)  # noqa: PTH105
    except OSError as error:
        if name is not None:
            with suppress(OSError):
                os.unlink(name)  # noqa: PTH108
        return [
            InputError(
                f"{path} could not be written ({error.strerror})",
                remedy="Check the disk and the directory. What was done on hosts stays done.",
            )
        ]
    return []
