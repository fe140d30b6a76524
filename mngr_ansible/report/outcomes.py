"""Events of a run → one outcome for every step of the plan. Silence is never success."""

import dataclasses
import re
from collections.abc import Sequence

from mngr_ansible.diff.due import Due, skipped
from mngr_ansible.diff.files import unseen
from mngr_ansible.diff.outcome import DUE, Outcome, Status
from mngr_ansible.diff.python import BOOTSTRAP
from mngr_ansible.errors import HostError, MngrAnsibleError
from mngr_ansible.plan.plan import Plan
from mngr_ansible.run.runner import Event, RunResult

_ORDER = ("bootstrap", "file", "package", "playbook")
"""The kinds of steps in the order in which the playbook does them."""

_NO_ROOM = "temporary directory"
"""In what Ansible says of a host that it calls unreachable, where nothing but a place for its files was missing."""

_NO_ANSWER = re.compile(r"MODULE FAILURE|deserialization failed|No start of json")
"""In what Ansible says of a module that answered nothing. Source: docs/decisions.md "Ansible and ansible-runner"."""

_FROM_EVENTS = {
    "ok": Status.OK,
    "changed": Status.CHANGED,
    "failed": Status.FAILED,
    "skipped": Status.SKIPPED,
    "unknown": Status.UNKNOWN,
}


def untouched(due: Due) -> tuple[Outcome, ...]:
    """The outcomes of a host on which nothing was run: stopped before its first change, or nothing was due."""
    if due.stops:
        return tuple(_to(each, Status.NOT_REACHED) if each.status in DUE else each for each in due.outcomes)
    if due.is_python_advised:
        return tuple(
            _to(each, Status.ADVISED if each.id == BOOTSTRAP else Status.NOT_REACHED) if each.status in DUE else each
            for each in _advised(due)
        )
    return tuple(_to(each, Status.NOT_REACHED) if each.status in DUE else each for each in _advised(due))


def unreached(plan: Plan) -> tuple[Outcome, ...]:
    """The steps of a host that never answered: ``not-reached``, with destinations as written."""
    steps = [unseen(each) for each in plan.transfers]
    steps += [
        Outcome(each.id, "package", Status.NOT_REACHED, None, str(each.range) or "any", each.plugins)
        for each in plan.requirements
    ]
    return (*steps, *skipped(plan, plan.home, plan.work_dir))


def from_events(
    due: Due, alias: str, host: str, result: RunResult
) -> tuple[tuple[Outcome, ...], MngrAnsibleError | None]:
    """One outcome a step, counted from the events of the host ``alias``; and what went wrong besides, if anything.

    A step that no event settled is ``not-reached``; ``unknown`` where the connection or the run ended while steps of
    its kind were being done. Where every step is settled, a task that failed without one, a lost connection or a broken
    Ansible is still an error; that the time was up is not: it was another host that needed it.
    """
    events = [event for event in result.events if event.host == alias]
    said = {str(event.step.get("id")): event for event in events if event.step is not None}
    outcomes = [_settled(each, said.get(each.id)) if each.status in DUE else each for each in _advised(due)]
    open_steps = [each for each in outcomes if each.status in DUE]
    lost = [event for event in events if event.kind == "unreachable" and _NO_ROOM not in event.text]
    has_ended = any(event.kind == "failed" for event in events)
    is_cut = bool(lost or _broken(events)) or (result.status != "finished" and not has_ended)
    doing = min((_ORDER.index(each.kind) for each in open_steps), default=0) if is_cut else -1
    outcomes = [_cut(each, is_under_way=_ORDER.index(each.kind) == doing) for each in outcomes]
    told = [each.name for each in open_steps if not is_cut or _ORDER.index(each.kind) == doing]
    names = ", ".join(told[:3]) + (", …" if len(told) > 3 else "") or "the last checks"
    return tuple(outcomes), _cause(
        events,
        result,
        host,
        names,
        is_open=bool(open_steps),
        has_failed=any(each.status is Status.FAILED for each in outcomes),
    )


def _advised(due: Due) -> list[Outcome]:
    advised = {f"package:{candidate.requirement.name}" for candidate in due.advised}
    return [_to(each, Status.ADVISED) if each.id in advised and each.status in DUE else each for each in due.outcomes]


def _settled(outcome: Outcome, event: Event | None) -> Outcome:
    if event is None or event.step is None:
        return outcome
    status = _FROM_EVENTS.get(str(event.step.get("status")), Status.UNKNOWN)
    if outcome.kind == "package" and status is Status.OK:
        status = Status.CHANGED
    current = event.step.get("current")
    return dataclasses.replace(
        outcome,
        status=status,
        current=outcome.current if current is None else str(current),
        reason=str(event.step.get("reason") or ("" if status in (Status.OK, Status.CHANGED) else outcome.reason)),
    )


def _cut(outcome: Outcome, *, is_under_way: bool) -> Outcome:
    """The outcome of a step that nothing settled; what the plan said of it is no reason any more."""
    if outcome.status not in DUE:
        return outcome
    if not is_under_way:
        return _to(outcome, Status.NOT_REACHED)
    return dataclasses.replace(outcome, status=Status.UNKNOWN, reason="it was being done when the run was cut off")


def _broken(events: Sequence[Event]) -> bool:
    """Whether a module was killed on the host, or broke: Ansible found no answer in what it said."""
    return any(each.kind == "failed" and each.step is None and _NO_ANSWER.search(each.text) for each in events)


def _to(outcome: Outcome, status: Status) -> Outcome:
    return dataclasses.replace(outcome, status=status)


def _cause(
    events: Sequence[Event], result: RunResult, host: str, names: str, *, is_open: bool, has_failed: bool
) -> MngrAnsibleError | None:
    again = "Run again: what is done is not done twice."
    lost = next((event for event in events if event.kind == "unreachable"), None)
    if lost is not None and _NO_ROOM in lost.text:
        return HostError(
            f"it has no room, or no right, for a temporary directory; {names} was not begun",
            remedy=f"See to the home directory there, its owner and its disk. {again}",
            host=host,
        )
    if lost is not None:
        return HostError(f"the connection was lost; what became of {names} is unknown", remedy=again, host=host)
    if _broken(events):
        return HostError(
            f"what ran there ended without an answer; what became of {names} is unknown",
            remedy=f"See whether the host ended it, for want of memory (dmesg); -v shows what it said. {again}",
            host=host,
        )
    failed = next((event for event in events if event.kind == "failed"), None)
    if result.status == "timeout" and is_open and failed is None:
        return HostError(
            f"the time was up while {names} was being done; its outcome is unknown",
            remedy=f"Give more time with --timeout. {again}",
            host=host,
        )
    if failed is not None and not has_failed:
        return HostError(failed.text or "a task of the playbook failed", remedy=again, host=host)
    if result.status == "stopped" and result.problem is None:
        return None  # by a signal to ourselves, which is told for all hosts at once
    if result.problem is not None or (is_open and failed is None):
        return HostError(
            f"Ansible ended before {names}" + (f": {result.problem}" if result.problem else ""),
            remedy=f"{again} With render you get the directory to run by hand.",
            host=host,
        )
    return None
