"""Which source comes next after a run in which one failed for a reason of its own, and when nothing is tried again."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

from mngr_ansible.diff.due import compare
from mngr_ansible.diff.resolver import Resolver
from mngr_ansible.inputs.hook_arguments import Agent, CommandResult, Host
from mngr_ansible.provisioning.execution import HostsRun
from mngr_ansible.provisioning.next_sources import merged, next_attempts
from mngr_ansible.provisioning.reporting import apply_report
from mngr_ansible.provisioning.request import Prepared, Target
from mngr_ansible.run.runner import Event, RunResult
from tests.support.builders import contribution, found, plan, state, statuses

if TYPE_CHECKING:
    from mngr_ansible.report.report import Report

ARCHIVE = {"manager": "archive", "url": "https://example.org/tool", "sha256": "0" * 64}


class NoConnection:
    is_local = False
    variables: ClassVar[dict[str, Any]] = {}


def tool(name: str, *sources: object, **fields: object) -> dict[str, object]:
    return {
        "name": name,
        "sources": [{"manager": each} if isinstance(each, str) else each for each in sources],
        **fields,
    }


def prepared_host(*requirements: object, managers: tuple[str, ...] = ("apt", "npm", "uv")) -> Prepared:
    """A host that has nothing of these; by default something of apt is due."""
    asked = contribution("codex", *(requirements or ("git",)))
    desired = plan(asked)
    there = state(managers=managers)
    steps = [each.id for each in (*desired.requirements, *desired.implied.values())]
    there = dataclasses.replace(there, findings={each: found("missing", each) for each in steps})
    resolver = Resolver(there, desired.policy, desired.implied)
    due = compare(desired, there, resolver, is_local=False)
    host = Host("build-1", False, lambda _command, _timeout: CommandResult("", "", False))
    target = Target("build-1", NoConnection(), Agent("a", "/srv/work"), host)  # type: ignore[arg-type]
    return Prepared(target, desired, (asked,), there, due, resolver=resolver)


def ran(prepared: Prepared, **failed: str | None) -> tuple[Report, HostsRun]:
    """A run in which these failed: by name, the reason if it is the source's own, None for one of the host."""
    assert prepared.due is not None
    events = []
    for each in prepared.due.installs:
        name = each.requirement.name.replace("-", "_")
        status = "failed" if name in failed else "changed"
        reason = failed.get(name) or "locked"
        step: Any = {"id": each.step_id, "status": status, "current": None, "reason": reason if name in failed else ""}
        if failed.get(name):
            step["is_of_source"] = True
        events.append(Event("step", "host-1", "Install", step=step))
    run = HostsRun(frozenset({"host-1"}), RunResult("finished", True, frozenset({"host-1"}), tuple(events)))
    return apply_report([prepared], "apply", run), run


def after(prepared: Prepared, report: Report, run: HostsRun) -> tuple[Prepared, Report, list[str]]:
    lines: list[str] = []
    (again,), report = next_attempts([prepared], run, report, 1.0, lambda _host, line: lines.append(line))
    return again, report, lines


def sources(prepared: Prepared) -> dict[str, str]:
    return {each.requirement.name: each.source.label for each in prepared.due.installs} if prepared.due else {}


def test_the_next_source_is_tried_and_the_report_says_what_failed_and_why() -> None:
    first = prepared_host(tool("atool", "npm", "uv"), "git")
    report, run = ran(first, atool="npm could not fetch it")
    again, report, lines = after(first, report, run)

    assert sources(again) == {"atool": "uv"}
    assert lines == ["atool could not be installed from npm; trying uv"]
    second, second_run = ran(again)
    final = merged(report, second, [again])
    assert statuses(final.hosts[0].outcomes) == {"package:atool": "changed", "package:git": "changed"}
    assert final.hosts[0].outcomes[0].source == "uv"
    assert final.hosts[0].notices == ("atool could not be installed from npm (npm could not fetch it); uv is next",)
    assert after(again, final, second_run)[0].due is None


def test_a_failure_of_the_host_is_no_reason_to_try_another_source() -> None:
    first = prepared_host(tool("atool", "npm", "uv"))
    report, run = ran(first, atool=None)
    assert after(first, report, run)[0].due is None


def test_where_no_source_is_left_the_reason_names_all_that_failed() -> None:
    first = prepared_host(tool("atool", "npm", "uv"))
    again, report, _ = after(first, *ran(first, atool="one"))
    second, run = ran(again, atool="two")
    again, report, _ = after(again, merged(report, second, [again]), run)

    assert again.due is None
    assert report.hosts[0].outcomes[0].reason == "npm: one; uv: two"
    assert not report.ok


def test_what_failed_with_another_one_in_a_transaction_gets_its_own_source_again() -> None:
    first = prepared_host(tool("atool", "apt", "uv"), tool("btool", "apt"))
    report, run = ran(first, atool="a conflict", btool="a conflict")
    assert sources(after(first, report, run)[0]) == {"atool": "uv", "btool": "apt"}


def test_what_would_not_have_failed_alone_stays_with_its_source_although_it_has_another_one() -> None:
    first = prepared_host(tool("atool", "apt", "uv"), tool("btool", "apt", "uv"), tool("ctool", "npm"))
    report, run = ran(first, atool="a conflict", btool=None)
    again, report, _ = after(first, report, run)
    assert sources(again) == {"atool": "uv", "btool": "apt"}


def test_without_a_next_source_nothing_of_the_transaction_is_tried_again() -> None:
    first = prepared_host("atool", "btool")
    report, run = ran(first, atool="a conflict", btool="a conflict")
    again, report, _ = after(first, report, run)
    assert again.due is None
    assert [each.reason for each in report.hosts[0].outcomes] == ["a conflict", "a conflict"]


def test_the_next_source_brings_what_it_needs_first_and_what_is_there_by_now_is_not_installed_again() -> None:
    needs = {"manager": "uv", "requires": ["xtool>=1", "git"]}
    first = prepared_host(tool("atool", "npm", needs), "git")
    again, report, _ = after(first, *ran(first, atool="gone"))
    assert sources(again) == {"xtool": "apt", "atool": "uv"}
    second, _ = ran(again)
    ids = [each.id for each in merged(report, second, [again]).hosts[0].outcomes]
    assert ids == ["package:xtool", "package:atool", "package:git"]


def test_where_what_a_source_needs_first_cannot_be_had_the_source_after_it_is_tried_and_that_is_no_failure() -> None:
    first = prepared_host(tool("atool", {"manager": "uv", "requires": ["xtool>=1"]}, ARCHIVE))
    report, run = ran(first, xtool="unmet", atool=None)
    again, report, _ = after(first, report, run)
    assert sources(again) == {"atool": "archive of example.org"}
    final = merged(report, ran(again)[0], [again])
    assert statuses(final.hosts[0].outcomes) == {"package:xtool": "failed", "package:atool": "changed"}
    assert final.ok


def test_a_repository_that_cannot_be_added_is_not_tried_again_for_another_suite() -> None:
    vendor = {"name": "vendor", "url": "https://example.org", "key": "https://example.org/key", "fingerprint": "A" * 40}
    suites = [{"manager": "apt", "repository": vendor | {"suite": suite}} for suite in ("new", "old")]
    first = prepared_host(tool("atool", *suites, "npm"))
    report, run = ran(first, atool="its signing key could not be downloaded")
    step: Any = {"id": "repository:vendor", "status": "failed", "current": None, "reason": "x", "is_of_source": True}
    events = (Event("step", "host-1", "Add", step=step), *run.result.events)
    run = dataclasses.replace(run, result=dataclasses.replace(run.result, events=events))
    assert sources(after(first, report, run)[0]) == {"atool": "npm"}


def test_what_a_stopped_run_left_is_not_tried_again() -> None:
    first = prepared_host(tool("atool", "npm", "uv"))
    report, run = ran(first, atool="gone")
    stopped = dataclasses.replace(run, result=dataclasses.replace(run.result, status="timeout"))
    assert after(first, report, stopped)[0].due is None
