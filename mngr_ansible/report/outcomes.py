"""Events of a run → one outcome for every step of the plan. A step without an event never counts as done."""

import errno
import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from mngr_ansible.diff.due import Due, skipped
from mngr_ansible.diff.files import unseen
from mngr_ansible.diff.outcome import DUE, Outcome, Status
from mngr_ansible.diff.python import BOOTSTRAP
from mngr_ansible.errors import RUN_AGAIN, HostError, MngrAnsibleError
from mngr_ansible.plan.plan import Plan
from mngr_ansible.portable.regular_expressions import regex
from mngr_ansible.portable.text import clause
from mngr_ansible.values import frozen, replace

if TYPE_CHECKING:
    from mngr_ansible.run.runner import Event, RunResult

_ORDER = ("bootstrap", "file", "package", "playbook")
"""The kinds of steps in the order in which the playbook does them."""

_NO_TEMPORARY_DIRECTORY = "temporary directory"
"""In Ansible's message about a host that it calls unreachable although only its temporary directory failed."""

_TIME_IS_UP = regex(r"Task failed: Timed out after \d+ second|failed to execute in the expected time frame")
"""In Ansible's message about a task that took longer than it may: since ansible-core 2.19, and before."""

_NO_ANSWER = regex(r"MODULE FAILURE|deserialization failed|No start of json")
"""In Ansible's message about a module that gave no answer. Source: docs/decisions.md "Ansible and ansible-runner"."""

_EXCEPTION = regex(r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:[Ee]rror|Exception|Warning|Expired|Iteration|Exit)(?::.*)?")
"""The last line of a Python traceback. Source: Python documentation, "Exception hierarchy"."""

_FROM_EVENTS = {
    "ok": Status.OK,
    "changed": Status.CHANGED,
    "failed": Status.FAILED,
    "skipped": Status.SKIPPED,
    "unknown": Status.UNKNOWN,
}


def untouched(due: Due) -> tuple[Outcome, ...]:
    """The outcomes of a host on which nothing was run: stopped before its first change, or nothing was to change."""
    if due.stops:
        reason = f"nothing was changed on this host because of {_names(due.stops)}"
        return tuple(
            replace(each, status=Status.NOT_REACHED, reason=reason) if each.status in DUE else each
            for each in due.outcomes
        )
    if due.is_python_advised:
        return tuple(
            _to(each, Status.ADVISED if each.id == BOOTSTRAP else Status.NOT_REACHED) if each.status in DUE else each
            for each in _advised(due)
        )
    return tuple(_to(each, Status.NOT_REACHED) if each.status in DUE else each for each in _advised(due))


def unreached(plan: Plan) -> tuple[Outcome, ...]:
    """The steps of a host that never answered: ``not-reached``, with destinations as written."""
    steps = [unseen(each, plan.home, plan.work_dir) for each in plan.transfers]
    steps += [
        Outcome(each.id, "package", Status.NOT_REACHED, None, str(each.range) or "any", each.plugins)
        for each in plan.requirements
    ]
    return (*steps, *skipped(plan, plan.home, plan.work_dir))


def by_host(result: "RunResult", aliases: Collection[str]) -> "Mapping[str, RunResult]":
    """The result as each of these hosts has it, with its own events alone: the events are read once for all hosts."""
    events: dict[str, list[Event]] = {alias: [] for alias in aliases}
    for event in result.events:
        if event.host in events:
            events[event.host].append(event)
    return {alias: replace(result, events=tuple(own)) for alias, own in events.items()}


def from_events(
    due: Due, alias: str, host: str, result: "RunResult"
) -> tuple[tuple[Outcome, ...], MngrAnsibleError | None]:
    """One outcome a step, counted from the events of one host; and the error besides, if there is one.

    A step without an event is ``not-reached``, or ``unknown`` where the connection or the run ended while steps of its
    kind were being done. Where every step has an event, a task that failed without a step, a lost connection or a
    broken Ansible is still an error. That the time was up is not: another host used it.

    Args:
        due: what was to change on the host.
        alias: its name in the inventory.
        host: its name for people.
        result: the run; the host's part of it (:func:`by_host`) says as much.
    """
    seen = _HostEvents.of(alias, result)
    outcomes = [_reported(each, seen.steps.get(each.id)) if each.status in DUE else each for each in _advised(due)]
    if seen.breakage:
        broken = _of_first_stage(outcomes)
        outcomes = [_failed(each, seen.breakage) if each in broken else each for each in outcomes]
    open_steps = [each for each in outcomes if each.status in DUE]
    current = open_steps
    if seen.is_cut_off:
        current = open_steps if result.is_out_of_sight else _of_first_stage(open_steps)
    running = {each.id for each in current} if seen.is_cut_off else set()
    error = seen.error(
        host,
        _names(current),
        has_open_steps=bool(open_steps),
        has_failed_step=any(each.status is Status.FAILED for each in outcomes),
    )
    return tuple(_ended(each, is_running=each.id in running) for each in outcomes), error


def _of_first_stage(steps: Sequence[Outcome]) -> list[Outcome]:
    """Those of the steps that were being done together when the events end: the open ones of the first kind."""
    open_steps = [each for each in steps if each.status in DUE]
    stage = min((_ORDER.index(each.kind) for each in open_steps), default=0)
    return [each for each in open_steps if _ORDER.index(each.kind) == stage]


def _failed(outcome: Outcome, reason: str) -> Outcome:
    return replace(outcome, status=Status.FAILED, reason=reason)


def _breakage(text: str) -> str:
    """Why a module broke on the host, from Ansible's message about it; empty if something killed it.

    ``text``: the message, and below it the last line of the module's traceback or of its stderr.
    """
    last = text.rstrip().rpartition("\n")[2].strip()
    from mngr_ansible.portable import causes

    cause = causes.find("python3", last)
    if cause is None and not _EXCEPTION.fullmatch(last):
        return ""
    if cause is None:
        return f"a module of Ansible broke on the host: {clause(last)}. -v shows more; check the host's python3"
    return f"{cause.problem} ({clause(last)}). {cause.remedy}"


def failed_sources(alias: str, result: "RunResult") -> dict[str, str]:
    """By step, such as ``package:git`` or ``repository:NAME``: why its source failed, for a reason of its own."""
    steps = _HostEvents.of(alias, result).steps
    return {
        step: str(event.step.get("reason") or "")
        for step, event in steps.items()
        if event.step is not None and _is_failed(event) and event.step.get("is_of_source")
    }


def _is_failed(event: "Event | None") -> bool:
    return event is not None and event.step is not None and event.step.get("status") == "failed"


def _names(steps: Sequence[Outcome]) -> str:
    names = ", ".join(each.name for each in steps[:3])
    return f"{names}, …" if len(steps) > 3 else names or "the last checks"


def _advised(due: Due) -> list[Outcome]:
    advised = {f"package:{candidate.requirement.name}" for candidate in due.advised}
    return [_to(each, Status.ADVISED) if each.id in advised and each.status in DUE else each for each in due.outcomes]


def _reported(outcome: Outcome, event: "Event | None") -> Outcome:
    """The outcome with what the role reported of its step."""
    if event is None or event.step is None:
        return outcome
    status = _FROM_EVENTS.get(str(event.step.get("status")), Status.UNKNOWN)
    if outcome.kind == "package" and status is Status.OK:
        status = Status.CHANGED
    current = event.step.get("current")
    return replace(
        outcome,
        status=status,
        current=outcome.current if current is None else str(current),
        before=_before(outcome) if status is Status.CHANGED else "",
        purpose="" if outcome.kind == "file" else outcome.reason,
        reason=str(event.step.get("reason") or ("" if status in (Status.OK, Status.CHANGED) else outcome.reason)),
    )


def _before(outcome: Outcome) -> str:
    return str(outcome.status) if outcome.kind == "file" else outcome.current or ""


def _ended(outcome: Outcome, *, is_running: bool) -> Outcome:
    """The final outcome; a step that nobody reported has no reason from the plan any more."""
    if outcome.status not in DUE:
        return outcome
    if not is_running:
        return _to(outcome, Status.NOT_REACHED)
    return replace(outcome, status=Status.UNKNOWN, reason="it was running when the run was cut off")


def _to(outcome: Outcome, status: Status) -> Outcome:
    return replace(outcome, status=status)


def _lost_first(unreachable: "Sequence[Event]") -> "Event | None":
    """The event that counts: a lost connection before a temporary directory that could not be made."""
    lost = [event for event in unreachable if _NO_TEMPORARY_DIRECTORY not in event.text]
    return next(iter([*lost, *unreachable]), None)


@frozen
class _HostEvents:
    """What a run reported of one host."""

    result: "RunResult"
    steps: "Mapping[str, Event]"
    unreachable: "Event | None"
    failed: "Event | None"
    is_broken: bool
    """Whether a module was killed on the host: Ansible found no answer in its output, and nothing says why."""
    breakage: str
    """Why a module broke on the host: its Python said so; empty: none broke."""

    @classmethod
    def of(cls, alias: str, result: "RunResult") -> "_HostEvents":
        events = [event for event in result.events if event.host == alias]
        steps: dict[str, Event] = {}
        for event in events:
            if event.step is not None and not (_is_failed(event) and _is_failed(steps.get(str(event.step["id"])))):
                steps[str(event.step["id"])] = event  # of two failures the first one has the cause
        failures = [event for event in events if event.kind == "failed"]
        unanswered = [each.text for each in failures if each.step is None and _NO_ANSWER.search(each.text)]
        breakages = [_breakage(text) for text in unanswered]
        return cls(
            result,
            steps,
            _lost_first([event for event in events if event.kind == "unreachable"]),
            next(iter(failures), None),
            not all(breakages),
            next(iter(breakages), ""),
        )

    @property
    def has_no_temporary_directory(self) -> bool:
        return self.unreachable is not None and _NO_TEMPORARY_DIRECTORY in self.unreachable.text

    @property
    def is_lost(self) -> bool:
        return self.unreachable is not None and not self.has_no_temporary_directory

    @property
    def is_too_late(self) -> bool:
        """Whether the host's own time was up."""
        return self.failed is not None and self.failed.step is None and _TIME_IS_UP.search(self.failed.text) is not None

    @property
    def is_cut_off(self) -> bool:
        """Whether steps may still have been running when the events end."""
        is_unfinished = self.result.status != "finished" and self.failed is None and self.result.has_begun
        return self.is_lost or self.is_broken or self.is_too_late or is_unfinished

    def error(self, host: str, names: str, *, has_open_steps: bool, has_failed_step: bool) -> MngrAnsibleError | None:
        """What went wrong besides the steps; ``names``: the steps that were running, or had not begun."""
        result, failed = self.result, self.failed
        if self.has_no_temporary_directory:
            return HostError(
                f"no temporary directory could be made on it (no space or no permission); not started: {names}",
                remedy=f"Check the home directory on the host, its owner and its disk. {RUN_AGAIN}",
                host=host,
            )
        if self.is_lost:
            return HostError(f"the connection was lost; the outcome of {names} is unknown", remedy=RUN_AGAIN, host=host)
        if self.is_broken:
            return HostError(
                f"a module ended on the host without an answer; the outcome of {names} is unknown",
                remedy=f"Check whether the host killed it because memory ran out (dmesg), or whether a disk is full "
                f"(df); -v shows its output. {RUN_AGAIN}",
                host=host,
            )
        if self.is_too_late:
            return HostError(
                f"the time that each host has was up; the outcome of {names} is unknown",
                remedy=f"Find out what slows it, or give more time with --host-timeout. {RUN_AGAIN}",
                host=host,
            )
        if result.status == "timeout" and has_open_steps and failed is None:
            left = f"the outcome of {names} is unknown" if result.has_begun else f"not started: {names}"
            return HostError(
                f"the time was up; {left}",
                remedy=f"Give more time with --timeout. {RUN_AGAIN}",
                host=host,
            )
        if failed is not None and not has_failed_step:
            problem = self.breakage or failed.text or "a task of the playbook failed"
            return HostError(problem, remedy=RUN_AGAIN, host=host)
        if result.status == "stopped" and result.problem is None:
            return None  # by a signal to ourselves, which is reported once for all hosts
        if result.remedy and has_open_steps and failed is None:
            left = f"the outcome of {names} is unknown" if result.has_begun else f"not started: {names}"
            return HostError(f"{result.problem}; {left}", remedy=f"{result.remedy} {RUN_AGAIN}", host=host)
        if (result.problem is not None and not result.remedy) or (has_open_steps and failed is None):
            problem = f": {result.problem}" if result.problem else ""
            remedy = f"{RUN_AGAIN} 'render' writes a directory that you can run by hand."
            if os.strerror(errno.ENOSPC) in problem:
                remedy = "Free space on this machine's disk, or name another directory in XDG_STATE_HOME (or TMPDIR), "
                remedy += "and run again. "
                remedy += "Finished steps are skipped."
            return HostError(f"Ansible ended before {names} was finished{problem}", remedy=remedy, host=host)
        return None
