"""Where run directories are while they run, and which are kept: those of failed runs, redacted, few, and not large.

::

    $XDG_STATE_HOME/mngr-ansible/runs/       0700; default: ~/.local/state
        run-1f2e3d4c/                        one that runs, or whose process was killed: the next run removes that
        20261124T161500Z-1f2e3d4c/           one that failed: plan, playbook, inventory, events.jsonl, report.json
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mngr_ansible.errors import InputError
from mngr_ansible.system.tempdirs import private_directory

MOST = 10
"""How many failed runs are kept."""

LARGEST = 20 * 1024 * 1024
"""Bytes of all kept runs together."""

_LARGEST_FILE = 4 * 1024 * 1024

_HIDDEN = "(hidden)"
_PARTS = re.compile(
    r"(?P<user>(?<=://)[^/@\s\"']+(?=@))|(?P<value>(?i:(?<=token=)|(?<=password=)|(?<=secret=)|(?<=key=))[^&\s\"']+)"
)
_SECRET_KEYS = frozenset({"ansible_become_password", "ansible_password", "ansible_ssh_pass"})


@contextmanager
def temporary_run_directory() -> Iterator[Path]:
    """Make a private directory for one run. It is removed afterwards, unless :func:`keep_failed_run` kept it.

    Raises:
        InputError: there is no room for it, neither in the user's state directory nor in the temporary one.
    """
    with ExitStack() as rooms:
        try:
            try:
                directory = rooms.enter_context(private_directory(_runs(), "run-"))
            except OSError:
                directory = rooms.enter_context(private_directory(Path(tempfile.gettempdir()), "mngr-ansible-run-"))
        except OSError as error:
            raise InputError(
                f"a run directory cannot be made: {error}",
                remedy="Make room in your state directory (XDG_STATE_HOME) or the temporary one (TMPDIR); run again.",
            ) from error
        yield directory


def keep_failed_run(
    directory: Path,
    events: Iterable[Mapping[str, Any]],
    report: Mapping[str, Any],
    *,
    most: int = MOST,
    largest: int = LARGEST,
) -> Path | None:
    """Keep a failed run for whoever looks into it; where, or None where that cannot be done.

    What is kept has no role (they are this package's own), no hash of a secret's content, and no password or token in
    an address. Of all that are kept, ``most`` stay, of ``largest`` bytes together; the newest stays in any case.
    """
    parent = directory.parent
    if parent.name != "runs":
        return None  # there is no state directory
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{directory.name.rpartition('-')[2]}"
    kept = directory / name
    try:
        kept.mkdir(mode=0o700)
        for source in (directory / "run").rglob("*"):
            relative = source.relative_to(directory / "run")
            is_ours = relative.parts[:2] == ("project", "roles") or any(part.startswith(".") for part in relative.parts)
            if source.is_file() and not is_ours:
                _write(kept / relative, _redacted(source))
        _write(kept / "events.jsonl", "".join(f"{_hidden(json.dumps(event))}\n" for event in events))
        _write(kept / "report.json", _hidden(json.dumps(report, indent=2)) + "\n")
        kept = kept.rename(parent / name)
    except OSError:
        return None
    _rotate(parent, kept, most, largest)
    return kept


def _runs() -> Path:
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path(os.path.expanduser("~/.local/state"))  # noqa: PTH111
    runs = base / "mngr-ansible" / "runs"
    runs.mkdir(mode=0o700, parents=True, exist_ok=True)
    if runs.stat().st_uid != os.geteuid():
        raise PermissionError
    runs.chmod(0o700)
    return runs


def _rotate(runs: Path, newest: Path, most: int, largest: int) -> None:
    """Remove the oldest; what another run rotates at the same time is gone already."""
    older = [each for each in runs.iterdir() if re.fullmatch(r"\d{8}T\d{6}Z-\w+", each.name) and each != newest]
    total = 0
    for number, directory in enumerate([newest, *sorted(older, reverse=True)]):
        total += _size(directory)
        if number >= most or (number and total > largest):
            shutil.rmtree(directory, ignore_errors=True)


def _size(directory: Path) -> int:
    total = 0
    for file in directory.rglob("*"):
        with suppress(OSError):
            total += file.lstat().st_size
    return total


def _redacted(source: Path) -> str:
    if source.stat().st_size > _LARGEST_FILE:
        return f"(left out: {source.stat().st_size} bytes)\n"
    text = source.read_text("utf-8", errors="replace")
    if source.suffix != ".json":
        return _hidden(text)
    return _hidden(json.dumps(_without_secrets(json.loads(text)), indent=1)) + "\n"


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        is_secret = value.get("is_secret") is True
        return {
            key: _HIDDEN if key in _SECRET_KEYS or (is_secret and key in ("sha256", "size")) else _without_secrets(each)
            for key, each in value.items()
        }
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value


def _hidden(text: str) -> str:
    return _PARTS.sub(_HIDDEN, text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
