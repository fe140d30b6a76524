"""Reports: what counts as done, and the JSON of it. Source: docs/contract.md "Commands", "JSON"."""

import json

import pytest

from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.errors import ErrorGroup, HostError, InputError
from mngr_ansible.report.report import HostReport, Report, error_dicts

GONE = HostError("it does not answer", remedy="Start it.", host="build-1")


def outcome(status: str, *, is_required: bool = True, **more) -> Outcome:
    return Outcome("package:git", "package", Status(status), is_required=is_required, **more)


def report(command: str, *outcomes: Outcome, **more) -> Report:
    return Report(command, (HostReport("build-1", False, outcomes),), **more)


@pytest.mark.parametrize("status", ["ok", "changed", "skipped"])
def test_a_host_is_done_where_every_step_is_there_changed_or_skipped(status):
    assert report("apply", outcome(status)).ok


@pytest.mark.parametrize(
    "status", ["missing", "too-old", "too-new", "differs", "unknown", "blocked", "failed", "not-reached", "advised"]
)
def test_every_other_status_is_a_failure_of_apply_if_the_step_is_required(status):
    assert not report("apply", outcome(status)).ok
    assert report("apply", outcome(status, is_required=False)).ok


def test_plan_has_done_its_job_when_it_could_plan():
    assert report("plan", outcome("blocked")).ok
    assert not Report("plan", (HostReport("build-1", False, error=GONE),)).ok
    assert not report("plan", outcome("ok"), errors=(GONE,)).ok


@pytest.mark.parametrize(
    ("status", "is_due"), [("ok", False), ("skipped", False), ("missing", True), ("too-new", True)]
)
def test_a_report_is_due_when_any_step_is_neither_ok_nor_skipped(status, is_due):
    assert report("plan", outcome("ok"), outcome(status)).is_due is is_due


def test_the_document_has_the_keys_of_the_contract():
    step = outcome("too-old", current="2.20.1", wanted=">=2.39", plugins=("claude",), reason="why", source="apt")
    host = HostReport("build-1", False, (step,), ("sudo apt-get install -y git",))

    assert Report("plan", (host,), notices=("n",)).to_dict() == {
        "schema": 1,
        "command": "plan",
        "ok": True,
        "hosts": [
            {
                "host": "build-1",
                "is_local": False,
                "steps": [
                    {
                        "id": "package:git",
                        "kind": "package",
                        "status": "too-old",
                        "current": "2.20.1",
                        "wanted": ">=2.39",
                        "plugins": ["claude"],
                        "reason": "why",
                        "source": "apt",
                    }
                ],
                "commands": ["sudo apt-get install -y git"],
            }
        ],
        "notices": [{"text": "n"}],
        "errors": [],
    }


def test_a_hosts_error_is_in_the_document_and_its_notices_name_it_among_others():
    hosts = (HostReport("a", False, notices=("n",)), HostReport("build-1", False, error=GONE))

    made = Report("plan", hosts).to_dict()

    assert made["errors"] == [{"problem": "it does not answer", "remedy": "Start it.", "host": "build-1"}]
    assert made["notices"] == [{"text": "a: n"}]


def test_a_group_of_errors_is_one_object_for_each():
    group = ErrorGroup([GONE, ErrorGroup([InputError("bad", remedy="Mend it.")])])
    assert [each["problem"] for each in error_dicts(group)] == ["it does not answer", "bad"]


def test_what_a_command_adds_is_beside_the_rest():
    assert Report("content", extra={"path": "/p"}).to_dict()["path"] == "/p"


def test_a_notice_of_all_hosts_is_shown_once_and_one_of_some_with_their_names():
    hosts = [HostReport(f"h{each}", False, notices=("of all", "of most.." if each else "of one")) for each in range(6)]
    report = Report("plan", tuple(hosts), notices=("of none",))
    assert report.all_notices == ("of none", "of all", "h0: of one", "h1, h2, h3 and 2 more: of most.")


@pytest.mark.parametrize(
    "made",
    [
        Report("plan"),
        Report(
            "plan", (HostReport("a", False), HostReport("b", True, (outcome("blocked", reason='"quoted"\n\udcff'),)))
        ),
        report("apply", outcome("ok"), errors=(GONE, ErrorGroup([GONE])), notices=("n",), extra={"path": "/p"}),
    ],
)
def test_the_text_of_the_document_is_the_same_where_it_is_written_host_by_host(made):
    assert "".join(made.json_pieces()) == json.dumps(made.to_dict(), indent=2) + "\n"


def test_of_the_notices_of_a_failure_those_about_the_plans_of_hosts_are_left_out():
    host = HostReport("a", False, notices=("n",), kept="/runs/1")
    notices = Report("apply", (host,), notices=("the canary a did not end as planned",)).failure_notices
    assert notices == ("the canary a did not end as planned", "the run directory is kept in /runs/1")


def test_a_report_gives_its_page_and_its_junit_xml():
    made = report("apply", outcome("changed"))
    assert "<h1>Apply: as planned</h1>" in made.to_html()
    assert 'tests="1" failures="0"' in made.to_junit()
