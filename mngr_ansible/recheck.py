"""Look at our files once more, after somebody else was at them: what is to be put right, and what is lost.

What others did to the *mode or owner* of a file is put right; *content* that they replaced or removed is theirs to
answer for, and only told of. Source: CONTRACT "mngr": mngr's own transfers come after ours.
"""

import dataclasses
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from mngr_ansible.diff import Due
from mngr_ansible.drift import DueTransfer, Wanted, look_at
from mngr_ansible.hoststate import MISSING, FileState, HostState
from mngr_ansible.probe import look
from mngr_ansible.question import Question
from mngr_ansible.report import Outcome, Status
from mngr_ansible.request import Prepared, Request
from mngr_ansible.transfers import Placed, Transfer


@dataclass(frozen=True, slots=True)
class Lost:
    """A path whose content is not ours any more, and the plugins that wanted it there."""

    path: str
    plugins: tuple[str, ...]
    is_there: bool
    """Whether something else stands there now; else it is gone."""


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What was found: ``prepared`` holds what is due to put modes and owners right, and is None if nothing is."""

    prepared: Prepared | None = None
    lost: tuple[Lost, ...] = ()


def recheck(before: Prepared, request: Request) -> Rechecked:
    """Look at the files of a host that was brought to its plan; no round trip where the plan has none.

    Nothing is said of what ``if_exists="keep"`` has handed over to the host.

    Raises:
        HostError: the host does not answer.
    """
    plan, target = before.plan, before.target
    if before.state is None or not plan.transfers:
        return Rechecked()
    question = Question(plan.claims, (), target.work_dir, request.become)
    state = look(target.connection, question, min(60.0, request.timeout))
    wanted = Wanted.of(plan.transfers, (), state)
    lost: list[Lost] = []
    outcomes: list[Outcome] = []
    transfers: list[DueTransfer] = []
    for transfer in plan.transfers:
        outcome, due = look_at(transfer, state, wanted, become=request.become)
        mine = [each for each in due.entries if _is_ours(each)] if due is not None else []
        found = {each.path: state.files.get(each.path, MISSING) for each in mine}
        mended = [each for each in mine if _has_content(each, found[each.path])]
        lost += [
            Lost(each.path, transfer.plugins, found[each.path].kind != "missing") for each in mine if each not in mended
        ]
        mended += _tops(transfer, before.state, state)
        if mended:
            outcomes.append(dataclasses.replace(outcome, status=Status.DIFFERS, reason="modes or owners", files=None))
            transfers.append(DueTransfer(transfer, tuple(mended), due is not None and due.as_root))
    if not transfers:
        return Rechecked(None, tuple(lost))
    due_now = Due(tuple(outcomes), tuple(transfers))
    return Rechecked(dataclasses.replace(before, state=state, due=due_now), tuple(lost))


def _is_ours(placed: Placed) -> bool:
    """Not what a mirror would delete: the host may have got it for good reason since."""
    return placed.entry.kind != "absent" and placed.policy.if_exists != "keep"


def _has_content(placed: Placed, found: FileState) -> bool:
    entry = placed.entry
    if entry.kind == "link":
        return found.sha256 == hashlib.sha256(os.fsencode(entry.target or "") + b"\n").hexdigest()
    return found.kind == entry.kind and (entry.kind == "directory" or found.sha256 == entry.sha256)


def _is_other(found: int | None, mode: int | None) -> bool:
    """Whether a directory's bits are others than they were; setgid and the like are the host's business."""
    return found is not None and mode is not None and found & 0o777 != mode & 0o777


def _tops(transfer: Transfer, before: HostState, now: HostState) -> Iterator[Placed]:
    """A transfer's own directory, if its mode is not as we left it: as it was there, or as we made it."""
    for placed in transfer.entries:
        if placed.is_top and placed.policy.if_exists != "keep":
            was, found = before.files.get(placed.path, MISSING), now.files.get(placed.path, MISSING)
            mode = was.mode if was.kind == "directory" else placed.entry.mode
            if found.kind == "directory" and _is_other(found.mode, mode):
                bits = (mode or 0) & 0o777
                policy = dataclasses.replace(placed.policy, directory_mode=bits)
                yield Placed(placed.path, placed.entry._replace(mode=bits), policy)
