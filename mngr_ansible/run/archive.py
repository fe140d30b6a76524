"""Where run directories are, and which of them are kept: those of failed runs, without secrets, limited in number.

::

    $XDG_STATE_HOME/mngr-ansible/runs/       0700; default: ~/.local/state
        run-1f2e3d4c/                        one that runs now, or whose process was killed: the next run removes it
        20261124T161500Z-1f2e3d4c/           one that failed: plan, playbook, inventory, events.jsonl, report.json
"""

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mngr_ansible.portable import addresses, marked_text
from mngr_ansible.portable.regular_expressions import regex
from mngr_ansible.run.directory import write_private_text
from mngr_ansible.run.places import is_in_state_directory
from mngr_ansible.run.runner import Event
from mngr_ansible.values import fields_of

KEPT_RUNS = 10
"""How many failed runs are kept."""

KEPT_BYTES = 20 * 1024 * 1024
"""Bytes of all kept runs together."""

_LARGEST_FILE = 4 * 1024 * 1024
"""Bytes of one kept file."""

_HIDDEN = "(hidden)"
_SECRET_TEXT = regex(
    r"(?P<user>(?<=://)[^/@\s\"']+(?=@))|(?P<value>(?i:(?<=token=)|(?<=password=)|(?<=secret=)|(?<=key=))[^&\s\"']+)"
)
"""The user part of an address, and the value of a parameter that is named like a secret."""
_SECRET_KEYS = frozenset({"ansible_become_password", "ansible_password", "ansible_ssh_pass"})


def keep_failed_run(
    directory: Path,
    events: Iterable[Event],
    report: Mapping[str, Any],
    *,
    most: int = KEPT_RUNS,
    largest: int = KEPT_BYTES,
) -> Path | None:
    """Keep what helps to find out why a run failed; returns where, or None if nothing could be kept.

    Roles are not kept (they are in this package), nor the hash of a secret's content, nor login or query of an
    address.

    Args:
        directory: of :func:`mngr_ansible.run.places.temporary_run_directory`; the run directory is ``run`` in it.
        events: of the run.
        report: of the run, as JSON.
        most: how many failed runs are kept.
        largest: how many bytes all kept runs may have together; the newest run is kept in any case.
    """
    runs = directory.parent
    if not is_in_state_directory(directory):
        return None
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{directory.name.rpartition('-')[2]}"
    kept = directory / name
    try:
        kept.mkdir(mode=0o700)
        for source in (directory / "run").rglob("*"):
            relative = source.relative_to(directory / "run")
            if source.is_file() and _is_kept(relative):
                write_private_text(kept / relative, _redacted(source))
        lines = (json.dumps(fields_of(event)) for event in events)
        write_private_text(kept / "events.jsonl", "".join(f"{_without_secret_text(line)}\n" for line in lines))
        write_private_text(kept / "report.json", _without_secret_text(json.dumps(report, indent=2)) + "\n")
        kept = kept.rename(runs / name)
    except OSError:
        return None
    _remove_old(runs, kept, most, largest)
    return kept


def _is_kept(relative: Path) -> bool:
    is_role = relative.parts[:2] == ("project", "roles")
    return not is_role and not any(part.startswith(".") for part in relative.parts)


def _remove_old(runs: Path, newest: Path, most: int, largest: int) -> None:
    """Remove the oldest kept runs that are too many or too large; another run may remove them at the same time."""
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
    """The text of a file of the run directory, without secrets."""
    size = source.stat().st_size
    if size > _LARGEST_FILE:
        return f"(left out: {size} bytes)\n"
    text = source.read_text("utf-8", errors="replace")
    if source.suffix != ".json":
        return _without_secret_text(text)
    return json.dumps(_without_secret_values(json.loads(text)), indent=1) + "\n"


def _without_secret_values(value: Any) -> Any:
    if isinstance(value, Mapping):
        hidden = _SECRET_KEYS | {"sha256", "size"} if value.get("is_secret") is True else _SECRET_KEYS
        return {key: _HIDDEN if key in hidden else _without_secret_values(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_secret_values(each) for each in value]
    if marked_text.is_marked(value):
        return marked_text.dump(_without_secret_values(marked_text.load(value)))
    return _without_secret_text(value) if isinstance(value, str) else value


def _without_secret_text(text: str) -> str:
    return addresses.redacted(_SECRET_TEXT.sub(_HIDDEN, text))
