"""One transfer × what stands on the host → what must travel, why, and what is known against it. Pure."""

import dataclasses
import hashlib
import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.host.state import MISSING, FileState, HostState
from mngr_ansible.plan.transfers import PlacedEntry, Transfer, WriteOptions
from mngr_ansible.portable.text import printable
from mngr_ansible.portable.trees import Entry

_OURS = re.compile(r"\.mngr-backup-\d{8}T\d{6}Z(-\d+)?\Z|\A\.mngr-ansible-[0-9a-f]{16}\Z")
"""Names that the role gives: backups, and temporaries of runs that were cut off."""


@dataclass(frozen=True, slots=True)
class DueTransfer:
    """What of one transfer must travel, or go. ``as_root``: whoever logs in may not do that himself."""

    transfer: Transfer
    entries: tuple[PlacedEntry, ...]
    as_root: bool = False


@dataclass(frozen=True, slots=True)
class ProtectedPaths:
    """What no mirror deletes, by real path: ``paths`` where something is wanted or above that, and all in ``trees``.

    ``trees`` are the destinations of transfers that are skipped: what stands there is not this run's to judge.
    """

    paths: AbstractSet[str]
    trees: AbstractSet[str]

    @classmethod
    def of(cls, transfers: Iterable[Transfer], skipped: Iterable[str], state: HostState) -> "ProtectedPaths":
        """``skipped``: destinations."""
        trees = {_really(path, state) for path in skipped}
        paths = {_really(placed.path, state) for transfer in transfers for placed in transfer.entries}
        for directory in {posixpath.dirname(path) for path in paths | trees}:
            above = directory
            while above not in paths and above not in ("", "/"):
                paths.add(above)
                above = posixpath.dirname(above)
        return cls(paths, trees)

    def holds(self, top: str, relative: str) -> bool:
        """Whether what is at ``relative`` below a mirrored directory stays."""
        path = posixpath.join(top, relative)
        return path in self.paths or any(
            path == tree or path.startswith(f"{tree}/") for tree in self.trees if tree != top
        )


def _really(path: str, state: HostState) -> str:
    """The same path behind the links above it."""
    directory = posixpath.dirname(path)
    return posixpath.join(state.paths.real.get(directory, directory), posixpath.basename(path))


def compare_transfer(
    transfer: Transfer, state: HostState, wanted: ProtectedPaths, *, become: bool
) -> tuple[Outcome, DueTransfer | None]:
    """Hold one transfer against the host: its step, and what is due of it."""
    is_root = become or state.login.uid == 0
    due, reasons, blocked = [], [], _impossible(transfer, state)
    for placed in transfer.entries:
        found = state.paths.files.get(placed.path, MISSING)
        if why := _difference(placed, found, state):
            due.append(placed)
            reasons.append(why)
    stale = [] if blocked else list(_stale(transfer, state, wanted))
    as_root = not is_root and any(_needs_root(placed.options, state) for placed in (*transfer.entries, *stale))
    if due or stale:
        blocked = blocked or (_unprivileged(state) if as_root else "")
        blocked = blocked or _first_obstacle(due, state, is_root=is_root or as_root, as_root=as_root)
    outcome = _step(transfer, state, due, stale, blocked, reasons)
    if not due and not stale:
        return outcome, None
    entries = (*due, *stale)
    if as_root:
        entries = tuple(_of_login(placed, state) for placed in entries)
    return outcome, DueTransfer(transfer, entries, as_root)


def unseen(transfer: Transfer) -> Outcome:
    """The step of a transfer on a host that never answered: all of it may be due."""
    files = {"total": len(transfer.files), "due": len(transfer.files)} if transfer.is_directory else None
    return Outcome(
        transfer.id, "file", Status.NOT_REACHED, wanted=_wanted(transfer), plugins=transfer.plugins, files=files
    )


def _step(
    transfer: Transfer,
    state: HostState,
    due: list[PlacedEntry],
    stale: list[PlacedEntry],
    blocked: str,
    reasons: list[str],
) -> Outcome:
    top = state.paths.files.get(transfer.destination, MISSING)
    files = None
    if transfer.is_directory:
        count = sum(1 for each in due if each.entry.kind != "directory")
        files = {"total": len(transfer.files) + len(stale), "due": count + len(stale)}
        changes = [f"{count} of {len(transfer.files)} files"] * bool(count) + [f"{len(stale)} to delete"] * bool(stale)
        reason = ", ".join(changes) or "modes of directories"
        reason = (reason if top.kind != "missing" else f"{len(transfer.files)} files") if due or stale else ""
    else:
        reason = reasons[0] if reasons else ""
    status = Status.OK
    if blocked:
        status = Status.BLOCKED
    elif due or stale:
        status = Status.MISSING if top.kind == "missing" else Status.DIFFERS
    return Outcome(
        transfer.id,
        "file",
        status,
        current=_described(top),
        wanted=_wanted(transfer),
        plugins=transfer.plugins,
        reason=blocked or reason,
        files=files,
    )


def _described(state: FileState) -> str | None:
    if state.kind == "missing":
        return None
    return f"{state.kind}, {state.mode:04o}" if state.mode is not None and state.kind != "link" else state.kind


def _wanted(transfer: Transfer) -> str:
    words = ["directory" if transfer.is_directory else f"{transfer.entries[0].entry.mode:04o}"]
    words += list(dict.fromkeys(_owner(each.options) for each in transfer.entries if _owner(each.options)))[:1]
    return ", ".join(words + ["secret"] * transfer.is_secret)


def _owner(options: WriteOptions) -> str:
    return (options.owner or "") + (f":{options.group}" if options.group else "")


def _difference(placed: PlacedEntry, found: FileState, state: HostState) -> str:
    entry = placed.entry
    if found.kind == "missing":
        return "not there"
    if placed.options.if_exists == "keep" and (entry.kind == "directory") == (found.kind == "directory"):
        return ""
    if entry.kind == "link":
        wanted = hashlib.sha256(os.fsencode(entry.target or "") + b"\n").hexdigest()
        is_same = found.kind == "link" and found.sha256 == wanted
        return _other_owner(placed.options, found, state) if is_same else "another link"
    if entry.kind == "directory":
        if found.kind != "directory":
            return f"a {found.kind} is there"
        is_right = placed.is_top or found.mode is None or found.mode & 0o777 == entry.mode
        other = "" if is_right else f"mode {found.mode:04o}, wanted {entry.mode:04o}"
        return other or _other_owner(placed.options, found, state)
    if found.kind != "file":
        return "it cannot be read there" if found.kind == "unreadable" else f"a {found.kind} is there"
    if found.sha256 != entry.sha256:
        return "other content"
    if found.mode != entry.mode:
        return f"mode {found.mode:04o}, wanted {entry.mode:04o}"
    return _other_owner(placed.options, found, state)


def _other_owner(options: WriteOptions, found: FileState, state: HostState) -> str:
    uid, gid = _numbers(options, state)
    if uid is not None and uid != found.uid:
        return f"owner {found.uid}, wanted {options.owner}"
    return f"group {found.gid}, wanted {options.group}" if gid is not None and gid != found.gid else ""


def _numbers(options: WriteOptions, state: HostState) -> tuple[int | None, int | None]:
    return _number("user", options.owner, state), _number("group", options.group, state)


def _number(kind: str, name: str | None, state: HostState) -> int | None:
    if name is None:
        return None
    return int(name) if name.isdigit() else state.paths.owner_ids.get((kind, name))


def _needs_root(options: WriteOptions, state: HostState) -> bool:
    """Whether the login cannot give a file away like that: chown(2) lets it choose among its own groups alone."""
    uid, gid = _numbers(options, state)
    return uid not in (None, state.login.uid) or not (gid is None or gid in state.login.groups)


def _of_login(placed: PlacedEntry, state: HostState) -> PlacedEntry:
    """The same where root writes it for the login: what nobody else is to have is the login's, as if it wrote it."""
    options = placed.options
    owner = options.owner or str(state.login.uid)
    group = options.group or (str(state.login.groups[0]) if state.login.groups and options.owner is None else None)
    return dataclasses.replace(placed, options=dataclasses.replace(options, owner=owner, group=group))


def _impossible(transfer: Transfer, state: HostState) -> str:
    """Why a transfer can never be made on this host, whatever stands there."""
    for options in {placed.options for placed in transfer.entries}:
        for kind, name in (("user", options.owner), ("group", options.group)):
            if name is not None and _number(kind, name, state) is None:
                return f"the host has no {kind} {name}; create it there, or name another one"
    if transfer.mirrors:
        tops = tuple(f"{each.rstrip('/')}/" for each in (transfer.destination, _really(transfer.destination, state)))
        guarded = [("home directory", each) for each in (state.login.home, state.login.real_home)]
        for what, directory in (*guarded, ("work_dir", state.paths.work_dir), ("work_dir", state.paths.real_work_dir)):
            if directory and f"{directory}/".startswith(tops):
                top = printable(transfer.destination)
                return f"a mirror of {top} would empty the {what}; give it a directory of its own"
    return ""


def _unprivileged(state: HostState) -> str:
    if state.login.privilege in ("root", "sudo", "password"):
        return ""
    remedy = "log in as root, allow sudo without a password, or leave owner and group out"
    return f"{state.login.user} may not give files to others; {remedy}"


def _first_obstacle(due: Iterable[PlacedEntry], state: HostState, *, is_root: bool, as_root: bool) -> str:
    parents = state.paths.parents_as_root if as_root else {**state.paths.parents_as_root, **state.paths.parents}
    for placed in due:
        found = state.paths.files.get(placed.path, MISSING)
        code = parents.get(posixpath.dirname(placed.path), "w")
        if why := _obstacle(placed, found, code, state, is_root=is_root):
            return why
    return ""


def _obstacle(placed: PlacedEntry, found: FileState, code: str, state: HostState, *, is_root: bool) -> str:
    """Why a due entry cannot be written; empty if nothing is known against it. ``code`` is of its directory."""
    path, kind = printable(placed.path), placed.entry.kind
    if kind == "directory" and found.kind not in ("missing", "directory"):
        return f"a {found.kind} stands at {path}, where a directory is wanted; move it away"
    if kind != "directory" and found.kind in ("directory", "other"):
        what = "a directory" if found.kind == "directory" else "something that is not a file"
        return f"{what} stands at {path}, where a file is wanted; move it away"
    if code == "x":
        return f"something that is not a directory stands above {path}; move it away"
    if code in "rR" and not (found.kind == "directory" and kind == "directory"):
        remedy = "use --become, or another destination"
        if is_root:
            remedy = "the file system may be read-only; make it writable, or use another destination, and run again"
        return f"{state.login.user} may not write {posixpath.dirname(path)}; {remedy}"
    return ""


def _stale(transfer: Transfer, state: HostState, wanted: ProtectedPaths) -> Iterator[PlacedEntry]:
    """What a mirrored destination holds and nobody wants, the deepest first.

    What a plugin's ``exclude`` or the user's ``exclude_files`` match is left alone, as are our own backups and
    temporaries, and every directory that holds something that stays. Source: rsync(1), "--delete-excluded".
    """
    if not transfer.mirrors:
        return
    options = transfer.mirrors[-1].options
    listing = state.paths.listings.get(transfer.destination, {})
    really = _really(transfer.destination, state).rstrip("/")
    staying: set[str] = set()
    for relative in sorted(listing, key=lambda each: (-each.count("/"), each)):
        path = f"{transfer.destination.rstrip('/')}/{relative}"
        is_directory = listing[relative] == "directory"
        is_spared = any(
            each.mirror_ignores(transfer.destination, relative, is_directory, state.login.home, state.paths.work_dir)
            for each in transfer.mirrors
        )
        is_kept = (
            wanted.holds(really, relative)
            or relative in staying
            or is_spared
            or _OURS.search(posixpath.basename(relative))
        )
        if not is_kept:
            yield PlacedEntry(path, Entry(relative, "absent", "", 0, 0, "", None, False), options)
        if is_kept or (options.if_exists == "backup" and not is_directory):
            staying.add(posixpath.dirname(relative))
