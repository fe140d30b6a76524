"""Where mngr-ansible writes on this machine: its state directory and the temporary directory."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mngr_ansible.doctor.checks import HERE, Level, finding, megabytes
from mngr_ansible.portable.text import printable
from mngr_ansible.report.findings import Finding
from mngr_ansible.system.owners import why_unsafe
from mngr_ansible.system.state_directory import state_path

_FULL_BYTES, _FEW_BYTES = 1 << 20, 200 << 20
"""A run directory needs the first; with less than the second a larger file, or a kept run, may not find room."""
_FEW_INODES = 200


def about_places() -> Iterator[Finding]:
    """The state directory, then the temporary one."""
    yield _state_directory()
    yield _temporary_directory()


def _state_directory() -> Finding:
    given = os.environ.get("XDG_STATE_HOME", "")
    directory = state_path("")
    name = printable(str(directory))
    existing = _nearest(directory)
    instead = "runs use the temporary directory instead, and no failed run is kept"
    if not directory.is_absolute():
        text, remedy = f"your user has no home directory; {instead}", "Set HOME, or XDG_STATE_HOME"
        return finding(HERE, "state directory", "warning", text, remedy)
    try:
        status = existing.stat()
    except OSError as error:
        text = f"{printable(str(existing))} cannot be used: {error.strerror}; {instead}"
        return finding(HERE, "state directory", "warning", text, "Correct that link, or set XDG_STATE_HOME")
    if not stat.S_ISDIR(status.st_mode):
        deed = "used" if existing == directory else "made"
        text = f"{printable(str(existing))} is no directory, so {name} cannot be {deed}; {instead}"
        return finding(HERE, "state directory", "warning", text, "Move that file away, or set XDG_STATE_HOME")
    if existing == directory and status.st_uid != os.geteuid():
        text = f"{name} belongs to another user; {instead}"
        remedy = "Remove it, give it to your user, or set XDG_STATE_HOME to a directory of yours"
        return finding(HERE, "state directory", "warning", text, remedy)
    if not os.access(existing, os.W_OK | os.X_OK) or os.statvfs(existing).f_flag & os.ST_RDONLY:
        text = f"{printable(str(existing))} cannot be written; {instead}"
        remedy = "Set XDG_STATE_HOME to a directory that you can write"
        return finding(HERE, "state directory", "warning", text, remedy)
    if reason := why_unsafe(existing):
        text = f"{name} is not safe: {printable(reason)}; {instead}"
        return finding(HERE, "state directory", "warning", text, "Set XDG_STATE_HOME to a directory of yours alone")
    if full := _too_full(existing):
        return finding(HERE, "state directory", "warning", f"{name}: {full}", _FREE.format("XDG_STATE_HOME"))
    if given and not given.startswith("/"):
        text = f"XDG_STATE_HOME is {printable(given)[:100]}, which is not absolute, so it is ignored; {name} is used"
        return finding(HERE, "state directory", "warning", text, "Set it to an absolute path, or remove it")
    made = "" if existing == directory else ", which the first run makes"
    return finding(HERE, "state directory", "ok", f"{name}{made}: {_free(existing)} free")


_FREE = "Free some space there, or set {} to a directory on another disk"


def _temporary_directory() -> Finding:
    given = os.environ.get("TMPDIR", "")
    try:
        chosen = Path(os.path.realpath(tempfile.gettempdir()))
    except FileNotFoundError:
        text = "no temporary directory can be written: neither TMPDIR, /tmp, /var/tmp nor the current directory"
        return finding(HERE, "temporary directory", "problem", text, "Free some space in /tmp, or set TMPDIR")
    name = printable(str(chosen))
    if given and chosen != Path(os.path.realpath(given)):
        text = f"TMPDIR is {printable(given)[:200]}, {_why_unused(Path(given))}; {name} is used"
        remedy = "Correct that, or set TMPDIR to another directory"
        return finding(HERE, "temporary directory", "warning", text, remedy)
    if reason := why_unsafe(chosen):
        text = f"{name} is not safe: {printable(reason)}; /tmp is used"
        return finding(HERE, "temporary directory", "warning", text, "Set TMPDIR to a directory of yours, or unset it")
    if full := _too_full(chosen):
        kind: Level = (
            "problem" if os.statvfs(chosen).f_bavail * os.statvfs(chosen).f_frsize < _FULL_BYTES else "warning"
        )
        return finding(HERE, "temporary directory", kind, f"{name}: {full}", _FREE.format("TMPDIR"))
    noexec = "; noexec, which is no obstacle" if os.statvfs(chosen).f_flag & getattr(os, "ST_NOEXEC", 0) else ""
    return finding(HERE, "temporary directory", "ok", f"{name}: {_free(chosen)} free{noexec}")


def _why_unused(directory: Path) -> str:
    """Why no file can be written in a directory, as a clause that follows its name."""
    if not directory.exists():
        return "which does not exist"
    if not directory.is_dir():
        return "which is no directory"
    if os.access(directory, os.W_OK | os.X_OK) and (full := _too_full(directory)):
        return f"which is full: {full}"
    return "where no file can be written"


def _nearest(path: Path) -> Path:
    """The path, or the nearest one above it that exists."""
    while not os.path.lexists(path):
        path = path.parent
    return path


def _free(directory: Path) -> str:
    room = os.statvfs(directory)
    return megabytes(room.f_bavail * room.f_frsize)


def _too_full(directory: Path) -> str:
    """That there is little space or there are few inodes, as a clause; empty where there are enough."""
    room = os.statvfs(directory)
    if room.f_bavail * room.f_frsize < _FEW_BYTES:
        return f"only {_free(directory)} free"
    if room.f_files and room.f_favail < _FEW_INODES:
        return f"room for only {room.f_favail} more files (inodes)"
    return ""
