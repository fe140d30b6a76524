"""Look at our files once more after mngr's own provisioning: what is to be restored, and what is lost.

A *mode or owner* that was changed is restored. *Content* that was replaced or removed is only reported: mngr's own
transfers come after ours. Source: docs/contract.md "Hooks".
"""

import hashlib
import os
from collections.abc import Iterator

from mngr_ansible.diff.due import Due
from mngr_ansible.diff.files import DueTransfer, HostRealPaths, compare_transfer
from mngr_ansible.diff.mirror import ProtectedPaths
from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.host.probe import probe
from mngr_ansible.host.probe_request import ProbeRequest
from mngr_ansible.host.state import MISSING, FileState, HostState
from mngr_ansible.plan.transfers import PlacedEntry, Transfer
from mngr_ansible.provisioning.request import Prepared, Request
from mngr_ansible.values import frozen, replace


@frozen
class Lost:
    """A path whose content is not ours any more, and the plugins that had sent it.

    ``is_there``: whether something else is at the path now; else nothing is.
    """

    path: str
    plugins: tuple[str, ...]
    is_there: bool


@frozen
class Rechecked:
    """What was found: ``prepared`` holds what is due to restore modes and owners; None if nothing is."""

    prepared: Prepared | None = None
    lost: tuple[Lost, ...] = ()


def recheck(before: Prepared, request: Request) -> Rechecked:
    """Look at the files of a host that was provisioned; no round trip where the plan has no files.

    Files with ``if_exists="keep"`` are left out: they belong to the host.

    Raises:
        HostError: the host does not answer.
    """
    plan, target = before.plan, before.target
    if before.state is None or not plan.transfers:
        return Rechecked()
    probe_request = ProbeRequest(plan.claims, (), target.work_dir, request.become)
    state = probe(target.connection, probe_request, min(60.0, request.timeout))
    protected, real_paths = ProtectedPaths.of(plan.transfers, (), state), HostRealPaths(state, become=request.become)
    lost: list[Lost] = []
    outcomes: list[Outcome] = []
    transfers: list[DueTransfer] = []
    for transfer in plan.transfers:
        outcome, due = compare_transfer(transfer, state, protected, real_paths, become=request.become)
        mine = [each for each in due.entries if _is_ours(each)] if due is not None else []
        found = {each.path: state.paths.files.get(each.path, MISSING) for each in mine}
        restored = [each for each in mine if _has_our_content(each, found[each.path])]
        lost += [
            Lost(each.path, transfer.plugins, found[each.path].kind != "missing")
            for each in mine
            if each not in restored
        ]
        restored += _changed_tops(transfer, before.state, state)
        if restored:
            outcomes.append(replace(outcome, status=Status.DIFFERS, reason="modes or owners", files=None))
            transfers.append(DueTransfer(transfer, tuple(restored), due is not None and due.as_root))
    if not transfers:
        return Rechecked(None, tuple(lost))
    due_now = Due(tuple(outcomes), tuple(transfers))
    return Rechecked(replace(before, state=state, due=due_now, playbooks=()), tuple(lost))


def _is_ours(placed: PlacedEntry) -> bool:
    """Whether we sent it. What a mirror would delete now may have been made for a good reason since."""
    return placed.entry.kind != "absent" and placed.options.if_exists != "keep"


def _has_our_content(placed: PlacedEntry, found: FileState) -> bool:
    entry = placed.entry
    if entry.kind == "link":
        return found.sha256 == hashlib.sha256(os.fsencode(entry.target or "") + b"\n").hexdigest()
    return found.kind == entry.kind and (entry.kind == "directory" or found.sha256 == entry.sha256)


def _has_other_bits(found: int | None, mode: int | None) -> bool:
    """Whether a directory's permission bits changed; setuid, setgid and the sticky bit are not compared."""
    return found is not None and mode is not None and found & 0o777 != mode & 0o777


def _changed_tops(transfer: Transfer, before: HostState, now: HostState) -> Iterator[PlacedEntry]:
    """A transfer's own directory, if its mode is not as we left it: the mode it had before, or the one we gave it."""
    for placed in transfer.entries:
        if placed.is_top and placed.options.if_exists != "keep":
            was, found = before.paths.files.get(placed.path, MISSING), now.paths.files.get(placed.path, MISSING)
            mode = was.mode if was.kind == "directory" else placed.entry.mode
            if found.kind == "directory" and _has_other_bits(found.mode, mode):
                bits = (mode or 0) & 0o777
                options = replace(placed.options, directory_mode=bits)
                yield PlacedEntry(placed.path, placed.entry._replace(mode=bits), options)
