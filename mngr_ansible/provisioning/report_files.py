"""The files of ``--report`` and ``--junit``: whether they can be written is known before anything is done, and they are
written whole or not at all, also where the command failed or was stopped."""

import os
import stat
import tempfile
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

    def __init__(self, page: str | None, junit: str | None, *, is_change_a_failure: bool = False) -> None:
        """Require that both files can be written.

        Args:
            page: the path of the page for a browser; None: none is written.
            junit: the path of the JUnit XML, likewise.
            is_change_a_failure: see :func:`mngr_ansible.report.junit.junit`.

        Raises:
            UsageError: one path is given for both.
            InputError: there is no such directory, nothing can be written there, or something else is in the way.
        """
        self._page, self._junit = (None if each is None else Path(each) for each in (page, junit))
        self._is_change_a_failure = is_change_a_failure
        self.timeline = Timeline()
        given = {"--report": self._page, "--junit": self._junit}
        for option, path in given.items():
            if path is not None:
                _require_writable(option, path)
        if self._page is not None and self._junit is not None and self._page.absolute() == self._junit.absolute():
            raise UsageError(
                f"--report and --junit name the same file: {self._page}", remedy="Give two names, or leave one out."
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


def _require_writable(option: str, path: Path) -> None:
    """Make a file beside it, and remove it: whether that can be done is known only then."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        found = None
    except (OSError, ValueError) as error:
        raise _refusal(option, path, error) from error
    if found is not None and not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
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


def _refusal(option: str, path: Path, error: Exception) -> InputError:
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
