"""One transfer × the files on the host → what must be written or deleted, why, and what prevents it. Pure."""

import itertools
import posixpath
from collections.abc import Iterator, Sequence

from mngr_ansible.diff.mirror import ProtectedPaths, deletions
from mngr_ansible.diff.obstacles import KINDS, base_in_words, impossibilities, link_hash, obstacles, owner_numbers
from mngr_ansible.diff.outcome import DUE, FileCounts, Outcome, Status, short_path
from mngr_ansible.diff.real_paths import RealPath, RealPaths
from mngr_ansible.host.state import MISSING, FileState, HostState
from mngr_ansible.plan.plan import Plan
from mngr_ansible.plan.transfers import PlacedEntry, Transfer, WriteOptions
from mngr_ansible.portable.text import printable
from mngr_ansible.values import frozen, replace

_MOST_NAMED = 20
"""How many destinations behind one link are named."""


@frozen
class DueTransfer:
    """The part of one transfer that must be written or deleted.

    ``as_root``: the remote user cannot do it without becoming root.
    """

    transfer: Transfer
    entries: tuple[PlacedEntry, ...]
    as_root: bool = False


@frozen
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


@frozen
class DueFiles:
    """The steps of all transfers of a plan, in its order, and those transfers that a run has to do."""

    outcomes: tuple[Outcome, ...]
    transfers: tuple[DueTransfer, ...]
    notices: tuple[str, ...] = ()
    """Where destinations really are that are behind a link."""
    held: tuple[HeldTransfer, ...] = ()
    """What is blocked until a person agrees."""


@frozen
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
        "this is meant, add --yes, or answer the question in a terminal"
    )
    return replace(outcome, status=Status.BLOCKED, reason=reason)


class HostRealPaths:
    """Where destinations really are on one host. ``become``: all files are written as root."""

    def __init__(self, state: HostState, *, become: bool) -> None:
        self._uid = 0 if become else state.login.uid
        self._ways = {uid: RealPaths(state, uid) for uid in {0, self._uid}}

    def to(self, placed: PlacedEntry, state: HostState, *, as_root: bool) -> RealPath:
        """Where the directory of an entry really is; ``as_root``: only root can write it."""
        owner, _ = owner_numbers(placed.options, state)
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
    impossible = next(impossibilities(transfer, state), None)
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
        changed = (each.placed for each in changes)
        found = obstacles(changed, state, is_root=is_root, as_root=as_root)
        blocked = next(itertools.chain(found, refused), None)
    outcome = _outcome(transfer, state, changes, deleted, blocked)
    reached = real_paths.to(transfer.entries[0], state, as_root=as_root)
    if reached.link:
        real = posixpath.join(reached.real, posixpath.basename(transfer.destination))
        outcome = replace(outcome, real_path=printable(real))
    if not due:
        return outcome, None
    entries = [_owned_by_user(each, state) for each in due] if as_root else due
    return outcome, DueTransfer(transfer, tuple(entries), as_root)


def wanted_transfers(
    plan: Plan, state: HostState, due: Sequence[DueTransfer], *, become: bool
) -> tuple[DueTransfer, ...]:
    """All that is wanted of a plan's files, for a run that finds most of it there already: the due ones with the rest.

    An entry that is as planned keeps its owner on this host. ``due``: what a run has to do now, deletions included.
    """
    by_id = {each.transfer.id: each for each in due}
    return tuple(_wanted_transfer(each, by_id.get(each.id), state, become=become) for each in plan.transfers)


def _wanted_transfer(transfer: Transfer, due: DueTransfer | None, state: HostState, *, become: bool) -> DueTransfer:
    entries = tuple(each for each in transfer.entries if not _is_followed(each, state))
    as_root = (
        due.as_root
        if due is not None
        else not (become or state.login.uid == 0) and any(_needs_root(each.options, state) for each in entries)
    )
    changed = {each.path: each for each in due.entries} if due is not None else {}
    kept = [_owned_as_found(each, state) if as_root else each for each in entries]
    deleted = [each for each in changed.values() if each.entry.kind == "absent"]
    return DueTransfer(transfer, (*(changed.get(each.path, each) for each in kept), *deleted), as_root)


def _owned_as_found(placed: PlacedEntry, state: HostState) -> PlacedEntry:
    """The same where root writes it for the remote user, unless the host has it with another owner: that one stays."""
    found = state.paths.files.get(placed.path, MISSING)
    is_users = found.uid in (None, state.login.uid) and found.gid in (None, *state.login.groups[:1])
    return _owned_by_user(placed, state) if is_users else placed


def unseen(transfer: Transfer, home: str, work_dir: str) -> Outcome:
    """The step of a transfer on a host that never answered: all of it may have to be written."""
    count = len(transfer.files)
    return Outcome(
        id=transfer.id,
        kind="file",
        status=Status.NOT_REACHED,
        wanted=_wanted(transfer),
        plugins=transfer.plugins,
        files=FileCounts(total=count, due=count) if transfer.is_directory else None,
        short=printable(short_path(transfer.destination, home, work_dir)),
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
        short=printable(short_path(transfer.destination, state.login.home, state.paths.work_dir)),
    )


def _directory_reason(
    transfer: Transfer, top: FileState, changes: Sequence[_Change], deleted: Sequence[PlacedEntry]
) -> str:
    if top.kind == "missing":
        return f"{len(transfer.files)} file{'' if len(transfer.files) == 1 else 's'}"
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
        return f"it is {KINDS[found.kind]}"
    if entry.kind == "link" and found.sha256 != link_hash(entry.target):
        return "it links to another target"
    if entry.kind == "file" and found.sha256 != entry.sha256:
        return "other content"
    if _has_other_mode(placed, found):
        return f"mode {found.mode:04o}, needed {entry.mode:04o}"
    return _owner_difference(placed.options, found, state) or _foreign_owner(placed, found, state)


def _is_followed(placed: PlacedEntry, state: HostState) -> bool:
    """Whether an entry is the home directory or work_dir itself, and the host has a link to a directory there.

    Such a link stays, and what is below goes where it leads, as with every link on the way to a destination.
    """
    found = state.paths.files.get(placed.path, MISSING)
    is_directory = placed.entry.kind == "directory" and found.leads_to_directory
    return is_directory and base_in_words(placed.path, state) != ""


def _has_other_mode(placed: PlacedEntry, found: FileState) -> bool:
    """Whether the mode differs: all bits of a file; the permissions of a directory below a transfer's own."""
    if placed.entry.kind == "file":
        return found.mode != placed.entry.mode
    if placed.entry.kind == "directory" and not placed.is_top and found.mode is not None:
        return found.mode & 0o777 != placed.entry.mode
    return False


def _owner_difference(options: WriteOptions, found: FileState, state: HostState) -> str | None:
    uid, gid = owner_numbers(options, state)
    if uid is not None and uid != found.uid:
        return f"owner {found.uid}, needed {options.owner}"
    if gid is not None and gid != found.gid:
        return f"group {found.gid}, needed {options.group}"
    return None


def _foreign_owner(placed: PlacedEntry, found: FileState, state: HostState) -> str | None:
    """Why a secret is written anew although its content is there: the file is another user's, who can read it."""
    if placed.entry.kind != "file" or not placed.entry.is_secret or placed.options.owner is not None:
        return None
    directory = posixpath.dirname(placed.path)
    node = state.paths.path_nodes.get(directory) or state.paths.path_nodes_as_root.get(directory)
    if found.uid in (None, 0, state.login.uid, node.uid if node else None):
        return None
    return f"owner {found.uid}, and a secret may not belong to another user"


def _needs_root(options: WriteOptions, state: HostState) -> bool:
    """Whether only root may give a file this owner and group. Source: chown(2): a user may choose among own groups."""
    uid, gid = owner_numbers(options, state)
    return uid not in (None, state.login.uid) or not (gid is None or gid in state.login.groups)


def _owned_by_user(placed: PlacedEntry, state: HostState) -> PlacedEntry:
    """The same where root writes it for the remote user: without an owner of its own it belongs to the remote user."""
    options = placed.options
    owner = options.owner or str(state.login.uid)
    group = options.group
    if group is None and options.owner is None and state.login.groups:
        group = str(state.login.groups[0])
    return replace(placed, options=replace(options, owner=owner, group=group))
