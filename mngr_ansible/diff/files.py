"""One transfer × the files on the host → what must be written or deleted, why, and what prevents it. Pure."""

import dataclasses
import hashlib
import itertools
import os
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mngr_ansible.diff.mirror import ProtectedPaths, deletions, mirror_problem, real_path
from mngr_ansible.diff.outcome import DUE, FileCounts, Outcome, Status
from mngr_ansible.diff.real_paths import RealPath, RealPaths
from mngr_ansible.host.probe_request import directories_above
from mngr_ansible.host.state import MISSING, FileState, HostState
from mngr_ansible.plan.plan import Plan
from mngr_ansible.plan.transfers import PlacedEntry, Transfer, WriteOptions
from mngr_ansible.portable.text import printable
from mngr_ansible.portable.trees import Entry

_MOST_NAMED = 20
"""How many destinations behind one link are named."""

_KINDS = {
    "file": "a file",
    "directory": "a directory",
    "link": "a link",
    "other": "not a regular file",
    "unreadable": "a file that cannot be read",
}
"""The kinds of ``FileState`` in words."""


@dataclass(frozen=True, slots=True)
class DueTransfer:
    """The part of one transfer that must be written or deleted.

    ``as_root``: the remote user cannot do it without becoming root.
    """

    transfer: Transfer
    entries: tuple[PlacedEntry, ...]
    as_root: bool = False


@dataclass(frozen=True, slots=True)
class HeldTransfer:
    """A mirror that would delete everything because its source is empty, perhaps a mount that is not there.

    ``outcome``: its step when a person has agreed; until then it is ``blocked``.
    """

    outcome: Outcome
    due: DueTransfer

    @property
    def question(self) -> str:
        """What a person is asked."""
        count = sum(1 for each in self.due.entries if each.entry.kind == "absent")
        what = "the only path" if count == 1 else f"all {count} paths"
        return f"The source of {self.outcome.name} is empty. Delete {what} in it?"


@dataclass(frozen=True, slots=True)
class DueFiles:
    """The steps of all transfers of a plan, in its order, and those transfers that a run has to do."""

    outcomes: tuple[Outcome, ...]
    transfers: tuple[DueTransfer, ...]
    notices: tuple[str, ...] = ()
    """Where destinations really are that are behind a link."""
    held: tuple[HeldTransfer, ...] = ()
    """What is blocked until a person agrees."""


@dataclass(frozen=True, slots=True)
class _Change:
    """One entry that is not on the host as planned, and why."""

    placed: PlacedEntry
    reason: str


def compare_files(plan: Plan, state: HostState, *, become: bool) -> DueFiles:
    """Compare all transfers of a plan with the host. ``become``: all files are written as root."""
    home, work_dir = state.login.home, state.paths.work_dir
    skipped = [each.destination(home, work_dir) for each in plan.skipped if each.kind == "file"]
    protected = ProtectedPaths.of(plan.transfers, skipped, state)
    real_paths = HostRealPaths(state, become=become)
    compared = [compare_transfer(each, state, protected, real_paths, become=become) for each in plan.transfers]
    held = tuple(
        HeldTransfer(outcome, due)
        for outcome, due in compared
        if due is not None and outcome.status in DUE and _empties(due)
    )
    is_held = {each.outcome.id for each in held}
    return DueFiles(
        outcomes=tuple(_held(outcome) if outcome.id in is_held else outcome for outcome, _ in compared),
        transfers=tuple(
            due for outcome, due in compared if due is not None and outcome.status in DUE and outcome.id not in is_held
        ),
        notices=tuple(_elsewhere(plan.transfers, state, real_paths)),
        held=held,
    )


def _empties(due: DueTransfer) -> bool:
    """Whether a mirror of a source without any file deletes something."""
    is_empty = any(all(entry.kind == "directory" for entry in claim.entries) for claim in due.transfer.mirrors)
    return is_empty and any(each.entry.kind == "absent" for each in due.entries)


def _held(outcome: Outcome) -> Outcome:
    count = (outcome.files or FileCounts(total=0, due=0)).get("deletions", 0)
    paths = "1 path" if count == 1 else f"{count} paths"
    reason = (
        f"its source is empty, and a mirror of it would delete {paths}. Check the source (is a mount missing?); if "
        "this is meant, run apply with --yes, or answer its question in a terminal"
    )
    return dataclasses.replace(outcome, status=Status.BLOCKED, reason=reason)


class HostRealPaths:
    """Where destinations really are on one host. ``become``: all files are written as root."""

    def __init__(self, state: HostState, *, become: bool) -> None:
        self._uid = 0 if become else state.login.uid
        self._ways = {uid: RealPaths(state, uid) for uid in {0, self._uid}}

    def to(self, placed: PlacedEntry, state: HostState, *, as_root: bool) -> RealPath:
        """Where the directory of an entry really is; ``as_root``: only root can write it."""
        owner, _ = _numbers(placed.options, state)
        if as_root and owner is None:
            owner = state.login.uid
        return self._ways[0 if as_root else self._uid].to(posixpath.dirname(placed.path), owner)


def _elsewhere(transfers: Sequence[Transfer], state: HostState, real_paths: HostRealPaths) -> Iterator[str]:
    """For every link on the way to destinations: where it leads, and which destinations are there."""
    behind: dict[tuple[str, str], list[str]] = {}
    for transfer in transfers:
        reached = real_paths.to(transfer.entries[0], state, as_root=False)
        if reached.link_target:
            behind.setdefault((reached.link, reached.link_target), []).append(printable(transfer.destination))
    for (link, target), destinations in behind.items():
        named = ", ".join(destinations[:_MOST_NAMED])
        more = f" and {len(destinations) - _MOST_NAMED} more" if len(destinations) > _MOST_NAMED else ""
        yield f"{printable(link)} is a link to {printable(target)}, where these really are: {named}{more}"


def compare_transfer(
    transfer: Transfer, state: HostState, protected: ProtectedPaths, real_paths: HostRealPaths, *, become: bool
) -> tuple[Outcome, DueTransfer | None]:
    """Compare one transfer with the host: its step, and what of it must change (None: nothing)."""
    changes = [each for each in _changes(transfer, state) if not _is_followed(each.placed, state)]
    impossible = next(_impossible(transfer, state), None)
    deleted = list(deletions(transfer, state, protected)) if impossible is None else []
    due = [*(change.placed for change in changes), *deleted]
    is_root = become or state.login.uid == 0
    as_root = not is_root and any(_needs_root(each.options, state) for each in (*transfer.entries, *deleted))
    blocked = impossible
    if due and blocked is None:
        refused = (
            reached.problem
            for reached in (real_paths.to(each, state, as_root=as_root) for each in due)
            if reached.problem
        )
        blocked = next(itertools.chain(_obstacles(changes, state, is_root=is_root, as_root=as_root), refused), None)
    outcome = _outcome(transfer, state, changes, deleted, blocked)
    reached = real_paths.to(transfer.entries[0], state, as_root=as_root)
    if reached.link:
        real = posixpath.join(reached.real, posixpath.basename(transfer.destination))
        outcome = dataclasses.replace(outcome, real_path=printable(real))
    if not due:
        return outcome, None
    entries = [_owned_by_user(each, state) for each in due] if as_root else due
    return outcome, DueTransfer(transfer, tuple(entries), as_root)


def unseen(transfer: Transfer) -> Outcome:
    """The step of a transfer on a host that never answered: all of it may have to be written."""
    count = len(transfer.files)
    return Outcome(
        id=transfer.id,
        kind="file",
        status=Status.NOT_REACHED,
        wanted=_wanted(transfer),
        plugins=transfer.plugins,
        files=FileCounts(total=count, due=count) if transfer.is_directory else None,
    )


def _outcome(
    transfer: Transfer,
    state: HostState,
    changes: Sequence[_Change],
    deleted: Sequence[PlacedEntry],
    blocked: str | None,
) -> Outcome:
    top = state.paths.files.get(transfer.destination, MISSING)
    if blocked is not None:
        status, reason = Status.BLOCKED, blocked
    elif not changes and not deleted:
        status, reason = Status.OK, ""
    else:
        status = Status.MISSING if top.kind == "missing" else Status.DIFFERS
        reason = _directory_reason(transfer, top, changes, deleted) if transfer.is_directory else changes[0].reason
    return Outcome(
        id=transfer.id,
        kind="file",
        status=status,
        current=_current(top),
        wanted=_wanted(transfer),
        plugins=transfer.plugins,
        reason=reason,
        files=_file_counts(transfer, changes, deleted) if transfer.is_directory else None,
    )


def _directory_reason(
    transfer: Transfer, top: FileState, changes: Sequence[_Change], deleted: Sequence[PlacedEntry]
) -> str:
    if top.kind == "missing":
        return f"{len(transfer.files)} files"
    changed = _count_files(changes)
    parts = []
    if changed:
        parts.append(f"{changed} of {len(transfer.files)} files")
    if deleted:
        verb = "rename to backups" if deleted[0].options.if_exists == "backup" else "delete"
        parts.append(f"{len(deleted)} to {verb}")
    return ", ".join(parts) or "modes or owners of directories"


def _file_counts(transfer: Transfer, changes: Sequence[_Change], deleted: Sequence[PlacedEntry]) -> FileCounts:
    counts = FileCounts(total=len(transfer.files) + len(deleted), due=_count_files(changes) + len(deleted))
    if deleted:
        counts["deletions"] = len(deleted)
    return counts


def _count_files(changes: Sequence[_Change]) -> int:
    return sum(1 for change in changes if change.placed.entry.kind != "directory")


def _current(found: FileState) -> str | None:
    if found.kind == "missing":
        return None
    return f"{found.kind}, {found.mode:04o}" if found.mode is not None and found.kind != "link" else found.kind


def _wanted(transfer: Transfer) -> str:
    parts = ["directory" if transfer.is_directory else f"{transfer.entries[0].entry.mode:04o}"]
    owners = [_owner(each.options) for each in transfer.entries]
    parts += [owner for owner in owners if owner][:1]
    if transfer.is_secret:
        parts.append("secret")
    return ", ".join(parts)


def _owner(options: WriteOptions) -> str:
    return (options.owner or "") + (f":{options.group}" if options.group else "")


def _changes(transfer: Transfer, state: HostState) -> Iterator[_Change]:
    for placed in transfer.entries:
        reason = _difference(placed, state.paths.files.get(placed.path, MISSING), state)
        if reason is not None:
            yield _Change(placed, reason)


def _difference(placed: PlacedEntry, found: FileState, state: HostState) -> str | None:
    """Why an entry must be written; None if the host has it as planned."""
    entry = placed.entry
    if found.kind == "missing":
        return "it does not exist"
    if placed.options.if_exists == "keep" and (entry.kind == "directory") == (found.kind == "directory"):
        return None
    if found.kind == "unreadable" and entry.kind == "file":
        return "it cannot be read"
    if found.kind != entry.kind:
        return f"it is {_KINDS[found.kind]}"
    if entry.kind == "link" and found.sha256 != _link_hash(entry.target):
        return "it links to another target"
    if entry.kind == "file" and found.sha256 != entry.sha256:
        return "other content"
    if _has_other_mode(placed, found):
        return f"mode {found.mode:04o}, wanted {entry.mode:04o}"
    return _owner_difference(placed.options, found, state)


def _is_followed(placed: PlacedEntry, state: HostState) -> bool:
    """Whether an entry is the home directory or work_dir itself, and the host has a link to a directory there.

    Such a link stays, and what is below goes where it leads, as with every link on the way to a destination.
    """
    found = state.paths.files.get(placed.path, MISSING)
    is_directory = placed.entry.kind == "directory" and found.leads_to_directory
    return is_directory and _is_base(placed.path, state) != ""


def _is_base(path: str, state: HostState) -> str:
    """What a path is for people if destinations start there: "the home directory"; empty for all other paths."""
    home = posixpath.normpath(state.login.home)
    return {state.paths.work_dir: "work_dir", home: "the home directory"}.get(path, "")


def _link_hash(target: str | None) -> str:
    """The hash by which the probe reports the target of a link: of the target and a newline."""
    return hashlib.sha256(os.fsencode(target or "") + b"\n").hexdigest()


def _has_other_mode(placed: PlacedEntry, found: FileState) -> bool:
    """Whether the mode differs: all bits of a file; the permissions of a directory below a transfer's own."""
    if placed.entry.kind == "file":
        return found.mode != placed.entry.mode
    if placed.entry.kind == "directory" and not placed.is_top and found.mode is not None:
        return found.mode & 0o777 != placed.entry.mode
    return False


def _owner_difference(options: WriteOptions, found: FileState, state: HostState) -> str | None:
    uid, gid = _numbers(options, state)
    if uid is not None and uid != found.uid:
        return f"owner {found.uid}, wanted {options.owner}"
    if gid is not None and gid != found.gid:
        return f"group {found.gid}, wanted {options.group}"
    return None


def _numbers(options: WriteOptions, state: HostState) -> tuple[int | None, int | None]:
    return _number("user", options.owner, state), _number("group", options.group, state)


def _number(kind: str, name: str | None, state: HostState) -> int | None:
    if name is None:
        return None
    return int(name) if name.isdigit() else state.paths.owner_ids.get((kind, name))


def _needs_root(options: WriteOptions, state: HostState) -> bool:
    """Whether only root may give a file this owner and group. Source: chown(2): a user may choose among own groups."""
    uid, gid = _numbers(options, state)
    return uid not in (None, state.login.uid) or not (gid is None or gid in state.login.groups)


def _owned_by_user(placed: PlacedEntry, state: HostState) -> PlacedEntry:
    """The same where root writes it for the remote user: without an owner of its own it belongs to the remote user."""
    options = placed.options
    owner = options.owner or str(state.login.uid)
    group = options.group
    if group is None and options.owner is None and state.login.groups:
        group = str(state.login.groups[0])
    return dataclasses.replace(placed, options=dataclasses.replace(options, owner=owner, group=group))


def _impossible(transfer: Transfer, state: HostState) -> Iterator[str]:
    """Reasons why a transfer is impossible on this host with any files on it. The first one is reported."""
    for options in dict.fromkeys(placed.options for placed in transfer.entries):
        for kind, name in (("user", options.owner), ("group", options.group)):
            if name is not None and _number(kind, name, state) is None:
                yield f"the host has no {kind} {name}; create it on the host, or use another one"
    problem = mirror_problem(transfer, state)
    if problem is not None:
        yield problem


def _obstacles(changes: Sequence[_Change], state: HostState, *, is_root: bool, as_root: bool) -> Iterator[str]:
    """Reasons why what must change cannot be changed now. The first one is reported."""
    if as_root and state.login.privilege not in ("root", "sudo", "password"):
        remedy = "log in as root, allow sudo without a password, or leave owner and group out"
        yield f"{state.login.user} may not give files to other users; {remedy}"
    parents = state.paths.parents_as_root if as_root else {**state.paths.parents_as_root, **state.paths.parents}
    for change in changes:
        placed = change.placed
        found = state.paths.files.get(placed.path, MISSING)
        parent = parents.get(posixpath.dirname(placed.path), "w")
        yield from _kind_obstacles(placed, found, state)
        yield from _parent_obstacles(placed, found, parent, state, is_root=is_root or as_root)
        if _is_replaced(placed.entry, found) and real_path(placed.path, state) in state.paths.mounted:
            yield (
                f"{printable(placed.path)} is a file that is mounted there, which cannot be replaced; change the file "
                "that is mounted (such as a container's volume), or use another destination"
            )


def _is_replaced(entry: Entry, found: FileState) -> bool:
    """Whether what the host has is replaced by another file or link; else only its mode or owner is set."""
    if entry.kind == "directory" or found.kind in ("missing", "directory"):
        return False
    return found.kind != entry.kind or found.sha256 != (_link_hash(entry.target) if entry.target else entry.sha256)


def _kind_obstacles(placed: PlacedEntry, found: FileState, state: HostState) -> Iterator[str]:
    """Something of another kind is at the path, which is never deleted for a transfer."""
    path, entry = printable(placed.path), placed.entry
    if entry.kind == "directory" and found.leads_to_directory:
        yield f"{path} is a link to a directory; give the real path as the destination"
    elif entry.kind == "directory" and found.kind not in ("missing", "directory"):
        yield f"{path} is {_KINDS[found.kind]}, but must be a directory; use another destination, or move it away"
    if entry.kind != "directory":
        # A tree's own file or link may take the place of a link to a directory; one file that was given alone and is
        # "copied to /bin" was meant to go into it.
        what = _is_base(placed.path, state) if not entry.relative else ""
        if found.kind == "directory" or what:
            what = what or "a directory"
        elif found.leads_to_directory and not entry.relative:
            what = "a link to a directory"
        if what:
            name = printable(posixpath.basename(entry.source)) or "NAME"
            remedy = f"give the full file name, such as {path}/{name}" if not entry.relative else "move it away"
            yield f"{path} is {what}; {remedy}"
    if entry.kind != "directory" and found.kind == "other":
        yield f"{path} is not a regular file; move it away"


def _parent_obstacles(
    placed: PlacedEntry, found: FileState, parent: str, state: HostState, *, is_root: bool
) -> Iterator[str]:
    """The directory of an entry cannot be written; ``parent``: its code in ``HostState.paths.parents``."""
    path = printable(placed.path)
    if parent == "x":
        above = _not_a_directory(placed.path, state) or f"something above {path}"
        yield f"{above} is not a directory, so nothing can be put below it; use another destination"
    changes_only_mode = found.kind == "directory" and placed.entry.kind == "directory"
    if parent in ("r", "R") and not changes_only_mode:
        user, directory = state.login.user, posixpath.dirname(path)
        if _is_read_only(posixpath.dirname(placed.path), state):
            yield (
                f"{directory} is on a file system that is read-only; use another destination, or make it writable and "
                "run again"
            )
        elif is_root:
            yield (
                f"{user} cannot write to {directory}; the file system may be read-only, or the directory is protected "
                "(see lsattr); make it writable, or use another destination, and run again"
            )
        else:
            yield f"{user} cannot write to {directory}; use --become, or another destination"


def _not_a_directory(path: str, state: HostState) -> str:
    """What is above a path and no directory, for people; empty where the probe does not say."""
    nodes = {**state.paths.path_nodes_as_root, **state.paths.path_nodes}
    above = [each for each in directories_above(path) if each in nodes and nodes[each].kind == "other"]
    return printable(above[0]) if above else ""


def _is_read_only(directory: str, state: HostState) -> bool:
    """Whether the file system of a directory, or of the nearest that exists above it, is read-only."""
    real = state.paths.real.get(directory, directory)
    return not state.paths.read_only.isdisjoint((real, *directories_above(real), "/"))
