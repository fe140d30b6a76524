"""A host whose answers make no sense fails alone: the reports of the others stand. Source: docs/security.md."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mngr_ansible.report.outcomes import from_events
from mngr_ansible.run.lines import Reducer
from mngr_ansible.run.runner import RunRecord
from tests.support.builders import contribution, due, statuses

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = ("host-1", "host-2", "host-3")
STEP = "package:git"

NUMBERS = st.integers() | st.floats() | st.integers(0, 400).map(lambda digits: 10**digits)
VALUES = st.none() | st.booleans() | NUMBERS | st.text() | st.sampled_from([STEP, "ok", "changed", "failed"])
KEYS = st.text() | st.sampled_from(
    ["mngr_steps", "id", "status", "current", "reason", "warnings", "msg", "stdout", "module_stderr", "censored"]
)
JSON = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=20
)
EVENTS = st.sampled_from(
    ["runner_on_ok", "runner_on_failed", "runner_item_on_ok", "runner_item_on_failed", "runner_on_unreachable"]
)


def reported(*events: dict[str, Any]) -> tuple[RunRecord, Reducer]:
    """What the parent process has of these events of ansible-runner."""
    lines: list[object] = []
    reducer = Reducer(lines.append)
    for each in events:
        reducer.handle(each)
    reducer.handle({"event": "playbook_on_stats", "event_data": {"processed": dict.fromkeys(HOSTS, 1)}})
    record = RunRecord()
    end = {"kind": "end", "code": 2, "error": reducer.error, "output": list(reducer.output)}
    record.extend([json.dumps(line).encode() for line in [*lines, end]], None)
    return record, reducer


def event(host: str, result: Any, kind: str = "runner_on_ok") -> dict[str, Any]:
    return {"event": kind, "event_data": {"host": host, "task": "Install", "res": result}}


@given(lie=JSON, kind=EVENTS)
@example(lie={"mngr_steps": ["x"]}, kind="runner_on_ok")
@example(lie={"mngr_steps": 5}, kind="runner_on_ok")
@example(lie={"warnings": 5}, kind="runner_on_ok")
@example(lie="text", kind="runner_on_failed")
def test_any_answer_of_one_host_leaves_the_reports_of_the_others_as_they_are(lie: Any, kind: str) -> None:
    made = due(contribution("claude", "git"))
    honest = {"mngr_steps": [{"id": STEP, "status": "changed", "current": "2.39", "reason": ""}]}

    record, reducer = reported(event("host-1", honest), event("host-2", lie, kind), event("host-3", honest))

    result = record.result("finished", 0)
    assert (reducer.error, result.problem) == (None, None)
    for alias in ("host-1", "host-3"):
        steps, error = from_events(made, alias, alias, result)
        assert (statuses(steps), error) == ({STEP: "changed"}, None)
    steps, error = from_events(made, "host-2", "liar", result)
    assert [each.id for each in steps] == [STEP]
    assert error is not None or statuses(steps)[STEP] in ("changed", "failed", "skipped", "unknown")
    json.dumps([each.to_dict() for each in steps])


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ({"mngr_steps": ["x"]}, "mngr_steps has x, which is not the result of a step"),
        ({"mngr_steps": {"id": 1}}, "mngr_steps has {'id': 1}, which is not"),
        (["x"], "is not a mapping"),
        ({"mngr_steps": [{"id": STEP, "status": 10**5000}]}, "ValueError: Exceeds the limit"),
    ],
)
def test_nonsense_is_the_hosts_own_failure_and_the_message_says_so(lie: Any, said: str) -> None:
    record, _ = reported(event("host-2", lie))
    _, error = from_events(due(contribution("claude", "git")), "host-2", "liar", record.result("finished", 0))
    assert error is not None
    assert error.host == "liar"
    assert error.problem.startswith("its answer makes no sense: ")
    assert said in error.problem


@pytest.mark.parametrize("line", [b'{"kind": "failed", "more": 1}', b'{"kind": []}', b'{"kind": "x"}', b"[" * 10**5])
def test_a_line_that_the_supervisor_never_writes_is_other_output(line: bytes, tmp_path: Path) -> None:
    record = RunRecord()
    record.extend([line], None)
    assert record.interrupted().events == ()
