"""How a playbook of the user's own ended on each host: counted by Ansible, and never guessed where it says nothing."""

from __future__ import annotations

from typing import Any

import pytest

from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.inputs.fleet import OwnPlaybook
from mngr_ansible.report import own_playbooks
from mngr_ansible.run.runner import Event, RunResult

PLAYBOOK = OwnPlaybook("site.yml", plugin="settings")
BROKE = Event("failed", "web", "nginx : Install", "no such package")


def ended(
    result: RunResult, *, is_addressed: bool = True, host_timeout: float | None = None
) -> tuple[Status, str, str]:
    names = ["web", "db"]
    step, error = own_playbooks.ended(
        PLAYBOOK, "web", result, names, is_addressed=is_addressed, host_timeout=host_timeout
    )
    return step.status, step.reason, "" if error is None else error.problem


def complete(*events: Event, **ends: str) -> RunResult:
    return RunResult("finished", True, frozenset(ends), events, ends=ends)


def cut_off(*events: Event, **fields: Any) -> RunResult:
    return RunResult(**{"status": "stopped", "is_complete": False, "hosts": frozenset(), "events": events, **fields})


def test_in_a_plan_only_a_run_can_tell_and_nothing_is_to_change_or_stops_the_host() -> None:
    step = own_playbooks.planned(PLAYBOOK)
    assert (step.id, step.kind, step.status, step.plugins) == (
        "playbook:site.yml",
        "playbook",
        Status.UNKNOWN,
        ("settings",),
    )
    assert step.is_open
    assert not step.stops


def test_what_changed_something_and_what_did_not_are_told_apart() -> None:
    assert ended(complete(web="changed"))[0] is Status.CHANGED
    assert ended(complete(web="ok"))[0] is Status.OK


def test_a_failure_is_told_with_its_task_and_message() -> None:
    assert ended(complete(BROKE, web="failed")) == (Status.FAILED, "nginx : Install: no such package", "")


@pytest.mark.parametrize(
    "text",
    [
        "Timed out after 15 second(s)",
        "Task failed: Timed out after 15 second(s).",
        "The command action failed to execute in the expected time frame (15) and was terminated",
    ],
)
def test_a_task_that_took_longer_than_a_host_may_leaves_it_unknown(text: str) -> None:
    late = complete(Event("failed", "web", "Sleep", text), web="failed")
    assert ended(late, host_timeout=14.5) == (
        Status.UNKNOWN,
        "Sleep took longer than the 15 s of --host-timeout, and may go on there",
        "Sleep took longer than the 15 s of --host-timeout; the outcome of site.yml is unknown",
    )
    assert ended(late)[0] is Status.FAILED  # the playbook's own limit
    assert ended(late, host_timeout=20)[0] is Status.FAILED
    assert ended(complete(BROKE, web="failed"), host_timeout=15)[0] is Status.FAILED


def test_what_was_rescued_is_no_failure() -> None:
    assert ended(complete(BROKE, web="changed"))[0] is Status.CHANGED


def test_a_host_of_delegate_to_that_cannot_be_reached_is_named_and_this_one_is_not_lost() -> None:
    lost = Event("failed", "web", "Drain", "x1 cannot be reached: No route to host")
    assert ended(complete(lost, web="unreachable")) == (
        Status.FAILED,
        "Drain: x1 cannot be reached: No route to host",
        "",
    )


def test_a_lost_connection_leaves_it_unknown() -> None:
    assert ended(complete(web="unreachable")) == (
        Status.UNKNOWN,
        "the connection was lost while it ran",
        "the connection was lost; the outcome of site.yml is unknown",
    )


def test_a_host_that_no_play_is_for_is_skipped_and_that_is_no_failure() -> None:
    step, error = own_playbooks.ended(PLAYBOOK, "web", complete(db="failed"), ["web", "db"], is_addressed=False)
    assert (step.status, step.is_failure, error) == (Status.SKIPPED, False, None)


def test_a_play_that_had_no_task_for_a_host_is_done_there() -> None:
    assert ended(complete(db="changed"))[0] is Status.OK


def test_a_host_that_it_did_not_come_to_was_not_reached() -> None:
    assert ended(complete(db="failed"))[0] is Status.NOT_REACHED


def test_what_fails_on_this_machine_fails_for_every_host() -> None:
    here = Event("failed", "localhost", "Ask", "no answer")
    assert ended(complete(here, localhost="failed")) == (
        Status.NOT_REACHED,
        "the playbook ended before: on localhost, Ask: no answer",
        "",
    )
    assert ended(complete(here, localhost="failed"), is_addressed=False) == (
        Status.FAILED,
        "on localhost, Ask: no answer",
        "",
    )


def test_what_was_cut_off_after_its_first_task_is_unknown_and_before_it_not_reached() -> None:
    assert ended(cut_off(Event("task", task="One")))[0] is Status.UNKNOWN
    assert ended(cut_off())[0] is Status.NOT_REACHED
    status, _, problem = ended(cut_off(Event("task", task="One"), status="timeout"))
    assert (status, problem) == (Status.UNKNOWN, "the time was up; the outcome of site.yml is unknown")
    assert ended(cut_off(BROKE, Event("task", task="One")))[0] is Status.FAILED


def test_on_a_worker_that_was_lost_it_is_unknown_and_not_reached_where_it_had_not_begun() -> None:
    lost = {"problem": "the worker 'w' was lost", "remedy": "Check the link.", "is_out_of_sight": True}
    status, _, problem = ended(cut_off(**lost))  # what it did is not known, also where nothing was told
    assert (status, problem) == (Status.UNKNOWN, "the worker 'w' was lost; the outcome of site.yml is unknown")
    status, _, problem = ended(cut_off(**lost, has_begun=False))
    assert (status, problem) == (Status.NOT_REACHED, "the worker 'w' was lost; not started: site.yml")
    assert ended(cut_off(is_out_of_sight=True))[::2] == (Status.UNKNOWN, "")  # by a signal, which is told once for all


def test_what_ansible_said_when_it_broke_is_the_reason() -> None:
    result = cut_off(status="finished", problem="Ansible broke with exit code 1.", details="[ERROR]: no vault secret.")
    assert ended(result) == (Status.FAILED, "no vault secret", "")


def test_steps_stand_in_the_order_of_a_run() -> None:
    first, last = OwnPlaybook("a.yml", "before"), OwnPlaybook("b.yml")
    ours = Outcome("file:/x", "file", Status.OK)
    own = [own_playbooks.not_reached(each) for each in (last, first)]
    around = own_playbooks.around([last, first], [ours], own)
    assert [each.id for each in around] == ["playbook:a.yml", "file:/x", "playbook:b.yml"]
