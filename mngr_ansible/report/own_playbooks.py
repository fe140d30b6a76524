"""Playbooks of the user's own as steps: what a plan says of them, and what a run did on each host."""

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from mngr_ansible.diff.outcome import ONLY_A_RUN_CAN_TELL, Outcome, Status
from mngr_ansible.errors import RUN_AGAIN, HostError, MngrAnsibleError
from mngr_ansible.inputs.fleet import OwnPlaybook
from mngr_ansible.portable.regular_expressions import regex
from mngr_ansible.portable.text import clause
from mngr_ansible.values import replace

if TYPE_CHECKING:
    from mngr_ansible.run.runner import Event, RunResult

_TIME_IS_UP = regex(r"Timed out after (\d+) second|failed to execute in the expected time frame \((\d+)\)")
"""In Ansible's message about a task that took longer than it may: since ansible-core 2.19, and before."""


def planned(playbook: OwnPlaybook) -> Outcome:
    """The step of a playbook in a plan."""
    return Outcome(playbook.id, "playbook", Status.UNKNOWN, plugins=(playbook.plugin,), reason=ONLY_A_RUN_CAN_TELL)


def not_reached(playbook: OwnPlaybook, reason: str = "") -> Outcome:
    """The step of a playbook that was not started for a host."""
    return replace(planned(playbook), status=Status.NOT_REACHED, reason=reason)


def around(playbooks: Sequence[OwnPlaybook], steps: Sequence[Outcome], own: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """All steps of a host in the order of a run; ``own``: one for each playbook."""
    before = [step for each, step in zip(playbooks, own, strict=True) if each.when == "before"]
    after = [step for each, step in zip(playbooks, own, strict=True) if each.when == "after"]
    return (*before, *steps, *after)


def ended(
    playbook: OwnPlaybook,
    name: str,
    result: "RunResult",
    names: Collection[str],
    *,
    is_addressed: bool,
    host_timeout: float | None = None,
) -> tuple[Outcome, MngrAnsibleError | None]:
    """How a playbook ended on one host, by Ansible's own counters where it came to its end.

    Args:
        playbook: which.
        name: the host's name in Ansible's inventory.
        result: its run on several hosts.
        names: those of all hosts of the command; it may have run on others, such as ``localhost``.
        is_addressed: whether a play of it is for this host.
        host_timeout: seconds that each of its tasks was given.
    """
    step = not_reached(playbook)
    own = [event for event in result.events if event.host == name]
    failed = [event for event in own if event.kind == "failed"]
    end = result.ends.get(name)
    if end in ("ok", "changed"):
        return replace(step, status=Status(end)), None
    if end == "unreachable" and failed and not any(event.kind == "unreachable" for event in own):
        return replace(step, status=Status.FAILED, reason=_told(failed)), None  # another host, of ``delegate_to``
    if end == "unreachable" or (not result.is_complete and any(event.kind == "unreachable" for event in own)):
        reason = "the connection was lost while it ran"
        problem = f"the connection was lost; the outcome of {playbook.path} is unknown"
        return replace(step, status=Status.UNKNOWN, reason=reason), HostError(problem, remedy=RUN_AGAIN, host="")
    if end == "failed" or (not result.is_complete and failed):
        if failed and host_timeout is not None and _is_late(failed[-1], host_timeout):
            return _too_late(playbook, step, failed[-1], host_timeout)
        return replace(step, status=Status.FAILED, reason=_told(failed)), None
    if elsewhere := [each for each in result.ends if each not in names and result.ends[each] == "failed"]:
        there = _told([event for event in result.events if event.kind == "failed" and event.host in elsewhere])
        if is_addressed:
            return replace(step, reason=f"the playbook ended before: on {elsewhere[0]}, {there}"), None
        return replace(step, status=Status.FAILED, reason=f"on {elsewhere[0]}, {there}"), None
    if not is_addressed:
        return replace(step, status=Status.SKIPPED, reason="no play of it is for this host", is_required=False), None
    if not result.is_complete:
        return _cut_off(playbook, step, result)
    if any(end in ("failed", "unreachable") for end in result.ends.values()):
        return replace(step, reason="it ended on other hosts before it came to this one"), None
    return replace(step, status=Status.OK), None  # its plays had no task for this host


def _cut_off(playbook: OwnPlaybook, step: Outcome, result: "RunResult") -> tuple[Outcome, MngrAnsibleError | None]:
    """The step of a host in a run that did not come to its end."""
    from mngr_ansible.run.own_playbook import broken

    has_begun = result.has_begun and (result.is_out_of_sight or any(event.kind == "task" for event in result.events))
    if result.status == "finished" and not has_begun:
        reason = broken(result.details) if result.details else str(result.problem or "")
        return replace(step, status=Status.FAILED, reason=clause(reason)), None
    if result.status == "finished":
        reason = f"it ended before it was through: {broken(result.details)}"
        return replace(step, status=Status.FAILED, reason=clause(reason)), None
    error = None
    left = f"the outcome of {playbook.path} is unknown" if has_begun else f"not started: {playbook.path}"
    if result.problem is not None and result.remedy:
        error = HostError(f"{clause(result.problem)}; {left}", remedy=f"{result.remedy} {RUN_AGAIN}", host="")
    if result.status == "timeout":
        remedy = f"Give more time with --timeout. {RUN_AGAIN}"
        error = HostError(f"the time was up; {left}", remedy=remedy, host="")
    if not has_begun:
        return step, error
    return replace(step, status=Status.UNKNOWN, reason="it was running when the run was cut off"), error


def _is_late(event: "Event", seconds: float) -> bool:
    """Whether this task was cut off by the limit of ours, and not by one of its playbook."""
    found = _TIME_IS_UP.search(event.text)
    return found is not None and int(found[1] or found[2]) == math.ceil(seconds)


def _too_late(playbook: OwnPlaybook, step: Outcome, event: "Event", seconds: float) -> tuple[Outcome, MngrAnsibleError]:
    """The step where a task was cut off: Ansible waits for it no longer, and what it began on the host may go on."""
    what = f"{event.task or 'a task'} took longer than the {math.ceil(seconds)} s of --host-timeout"
    remedy = f"Find out what slows it, or give more time with --host-timeout. {RUN_AGAIN}"
    error = HostError(f"{what}; the outcome of {playbook.path} is unknown", remedy=remedy, host="")
    return replace(step, status=Status.UNKNOWN, reason=f"{what}, and may go on there"), error


def _told(failed: "Sequence[Event]") -> str:
    """Why a playbook failed: the last task that did, and its message; what it rescued came before."""
    if not failed:
        return "it ended before it was through, because it failed on other hosts"
    last = failed[-1]
    return f"{last.task or 'a task'}: {clause(last.text)}"
