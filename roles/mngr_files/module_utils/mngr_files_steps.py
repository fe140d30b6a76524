"""The steps of a bundle as the host works with them, and their outcomes; paths are absolute bytes.

Python 3.9, standard library only.
"""

from __future__ import annotations

import os
import pwd
import stat
from typing import TYPE_CHECKING, Any, TypedDict, cast

from .mngr_files_paths import RefusedError, printable_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from .mngr_files_paths import Owner
    from .mngr_files_protocol import ReceivedEntry, ReceivedStep, StepOutcome


class HostEntry(TypedDict):
    """One path of this host, what is to be there, and what has to be done for it.

    The keys up to ``offset`` are those of a received entry, with ``path`` and ``target`` as bytes. The others are set
    by the comparison: ``current`` is the status of what is there, or None; ``owner_ids`` are the numbers that it is to
    have; ``action`` is None if nothing is to be done, or else ``content``, ``link``, ``directory`` (these are written),
    ``adjust`` (mode and owner are set), ``owner`` (of a link) or ``delete``.
    """

    path: bytes
    kind: str
    mode: int
    size: int
    sha256: str
    target: bytes | None
    is_top: bool
    is_secret: bool
    packed: str | None
    owner: str | None
    group: str | None
    if_exists: str
    directory_mode: int | None
    identity: str
    source_name: str
    index: int
    offset: int
    current: os.stat_result | None
    owner_ids: Owner
    action: str | None


class HostStep(TypedDict):
    """One transfer on this host; see ``mngr_files_protocol.Step``."""

    id: str
    mirror: bytes | None
    is_empty_refused: bool
    if_exists: str
    entries: list[HostEntry]


def host_steps(steps: Iterable[ReceivedStep], home: bytes) -> list[HostStep]:
    """The steps with absolute paths.

    Where two entries have the same path, the later one counts: the earlier file or link is left out, the earlier
    directory gets the later one's mode.
    """
    made: list[HostStep] = []
    last: dict[bytes, HostEntry] = {}
    for step in steps:
        entries = [_host_entry(entry, home) for entry in step["entries"]]
        last.update((entry["path"], entry) for entry in entries)
        mirror = None if step["mirror"] is None else _absolute(step["mirror"], home)
        made.append(
            {
                "id": step["id"],
                "mirror": mirror,
                "is_empty_refused": step.get("is_empty_refused", False),
                "if_exists": step["if_exists"],
                "entries": entries,
            }
        )
    for host_step in made:
        for entry in host_step["entries"]:
            if entry["kind"] == "directory":
                entry["mode"] = last[entry["path"]]["mode"]
        host_step["entries"] = [
            entry for entry in host_step["entries"] if entry["kind"] == "directory" or last[entry["path"]] is entry
        ]
    return made


def absent(path: bytes, if_exists: str, owner: str | None) -> HostEntry:
    """An entry for a path that a mirror deletes; ``owner`` is the user to whom the mirror belongs, if one is given."""
    return {
        "path": path,
        "kind": "absent",
        "mode": 0,
        "size": 0,
        "sha256": "",
        "target": None,
        "is_top": False,
        "is_secret": False,
        "packed": None,
        "owner": owner,
        "group": None,
        "if_exists": if_exists,
        "directory_mode": None,
        "identity": "",
        "source_name": "",
        "index": -1,
        "offset": 0,
        "current": None,
        "owner_ids": (-1, -1),
        "action": None,
    }


def home_directory() -> bytes:
    """The home of the user who runs this."""
    home = os.environ.get("HOME", "")
    return _as_bytes((home if os.path.isabs(home) else pwd.getpwuid(os.geteuid()).pw_dir).rstrip("/") or "/")


def _host_entry(entry: ReceivedEntry, home: bytes) -> HostEntry:
    made = cast(dict[str, Any], entry).copy()
    made["path"] = _absolute(entry["path"], home)
    made["target"] = None if entry["target"] is None else _as_bytes(entry["target"])
    made.update(current=None, owner_ids=(-1, -1), action=None)
    return cast("HostEntry", made)


def _absolute(path: str, home: bytes) -> bytes:
    """A path as bytes; a leading tilde is the home."""
    if not path.startswith("~"):
        return _as_bytes(path)
    return home.rstrip(b"/") + _as_bytes(path[1:]) or b"/"


def _as_bytes(text: str) -> bytes:
    """The bytes of a name, independent of the locale of this host."""
    return text.encode("utf-8", "surrogateescape")


def require_same(now: os.stat_result, entry: HostEntry) -> None:
    """Make sure that what is changed is what was compared.

    Raises:
        RefusedError: it is another file or directory.
    """
    seen = entry["current"]
    if seen is not None and (now.st_dev, now.st_ino) != (seen.st_dev, seen.st_ino):
        raise RefusedError(entry["path"], "was exchanged by another program meanwhile; run again")


def note_failure(outcome: StepOutcome, reason: str) -> None:
    """Note that a step failed, and why."""
    outcome["status"], outcome["reason"] = "failed", reason


def count_change(outcome: StepOutcome, entry: HostEntry) -> None:
    """Note that an entry was changed, or would be in a dry run."""
    if entry["action"] is None:
        return
    if outcome["status"] == "ok":
        outcome["status"] = "changed"
    current = entry["current"]
    if entry["kind"] != "directory" and not (current and stat.S_ISDIR(current.st_mode)):
        outcome["files_changed"] += 1


def after_words(entry: HostEntry, is_directory: bool, owner: str | None, group: str | None) -> str:
    """What will be at the path of an entry with an action, in words.

    ``is_directory``: a directory is there. ``owner`` and ``group`` are the names of those that it is to have, if they
    are given.
    """
    if entry["action"] == "delete":
        return "renamed to a backup" if entry["if_exists"] == "backup" and not is_directory else "nothing"
    if entry["kind"] == "link":
        return "link to %s%s" % (printable_path(entry["target"] or b""), owner_words(owner, group))
    return "%s %04o%s" % (entry["kind"], entry["mode"], owner_words(owner, group))


def owner_words(owner: str | None, group: str | None) -> str:
    """The words for an owner and a group, to follow others; only those that are given."""
    return "".join(", %s %s" % each for each in (("owner", owner), ("group", group)) if each[1])


def without_those_that_stay(
    found: Sequence[bytes], directories: Collection[bytes], staying: Iterable[bytes]
) -> list[bytes]:
    """What a mirror deletes, without the directories that stay since they hold what stays.

    Args:
        found: everything that is no longer sent.
        directories: those of it that are directories.
        staying: what stays below them, such as backups and mount points.
    """
    holders: set[bytes] = set()
    for path in staying:
        above = os.path.dirname(path)
        while above not in holders and len(above) > 1:
            holders.add(above)
            above = os.path.dirname(above)
    return [path for path in found if path not in directories or path not in holders]
