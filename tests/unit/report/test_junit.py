"""A report as JUnit XML. There is no standard: what is checked is what Jenkins' and Ant's schemas have in common.
Jenkins' (``junit-10.xsd`` of its xUnit plugin) allows no ``skipped`` on ``testsuites``."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.errors import ErrorGroup, InputError
from mngr_ansible.inputs.fleet import OwnPlaybook
from mngr_ansible.report.junit import junit
from mngr_ansible.report.own_playbooks import planned
from mngr_ansible.report.report import HostReport, Report
from mngr_ansible.values import replace
from tests.support import reports

GRAMMAR = {
    "testsuites": ({"name", "tests", "failures", "errors"}, {"time"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped", "time"}, {"timestamp"}, {"testcase"}),
    "testcase": ({"classname", "name", "time"}, set(), {"failure", "error", "skipped", "system-out"}),
    "failure": ({"type", "message"}, set(), set()),
    "error": ({"type", "message"}, set(), set()),
    "skipped": ({"message"}, set(), set()),
    "system-out": (set(), set(), set()),
}
"""Each element: the attributes that it has, those that it may have, and what may be in it."""


def read(report: Report, **options) -> ET.Element:
    """The document, of which every element is as the schemas have it."""
    root = ET.fromstring(junit(report, reports.timing(report), **options))
    assert root.tag == "testsuites"
    for each in root.iter():
        needed, allowed, inside = GRAMMAR[each.tag]
        assert needed <= set(each.attrib) <= needed | allowed, each.tag
        assert {child.tag for child in each} <= inside, each.tag
        for name in {"tests", "failures", "errors", "skipped"} & set(each.attrib):
            assert each.get(name, "").isdecimal()
        if "time" in each.attrib:
            assert re.fullmatch(r"\d+\.\d{3}", each.get("time", ""))
        if "timestamp" in each.attrib:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", each.get("timestamp", ""))
    for suite in root:
        assert suite.get("tests") == str(len(suite))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(name) == str(len(suite.findall(f"testcase/{tag}")))
    for name in ("tests", "failures", "errors"):
        assert root.get(name) == str(sum(int(each.get(name, "")) for each in root))
    return root


def ends(root: ET.Element) -> dict[str, str]:
    """How each case ended, by its name."""
    return {case.get("name", ""): case[0].tag for case in root.iter("testcase")}


def one(*outcomes: Outcome, command: str = "apply") -> Report:
    return Report(command, (HostReport("build-1", False, outcomes),))


def step(status: str, *, is_required: bool = True) -> Outcome:
    return Outcome(
        "package:git", "package", Status(status), "2.20", ">=2.39", ("claude",), "why", is_required=is_required
    )


def test_a_suite_is_a_host_and_a_case_is_a_step() -> None:
    root = read(reports.a_fleet(3))
    assert [each.get("name") for each in root] == ["web-001", "web-002", "web-003"]
    first = root[0][3]
    assert (first.get("classname"), first.get("name")) == ("web-001", "package:node")
    assert first[0].text == "changed\nfound: 20.11.0\nneeded: >=20\nsource: NodeSource\nneeded by: codex"
    assert root[0].get("timestamp") == "2026-11-27T11:02:13"
    assert float(root[0].get("time", "")) > 0


@pytest.mark.parametrize(
    ("status", "tag"),
    [
        ("ok", "system-out"), ("changed", "system-out"), ("skipped", "skipped"), ("not-reached", "skipped"),
        ("failed", "failure"), ("blocked", "failure"), ("too-new", "failure"), ("advised", "failure"),
        ("unknown", "error"),
    ],
)  # fmt: skip
def test_how_a_required_step_ended_is_how_its_case_ended(status: str, tag: str) -> None:
    root = read(one(step(status)))
    assert ends(root)["package:git"] == tag
    if tag in ("failure", "error"):
        (found,) = root.iter(tag)
        assert found.get("message", "").endswith("to install by hand" if status == "advised" else ": why")
        assert found.get("type") == status
        assert found.text == "found: 2.20\nneeded: >=2.39\nneeded by: claude"


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("is_required", [True, False])
def test_a_run_has_a_failure_or_an_error_exactly_where_its_exit_code_is_not_0(status: str, is_required: bool) -> None:
    report = one(step(status, is_required=is_required))
    root = read(report)
    assert (root.get("failures") == root.get("errors") == "0") is report.ok


def test_what_a_person_has_to_run_is_in_the_failure() -> None:
    host = HostReport("build-1", False, (step("advised"),), ("sudo apt-get install -y git",))
    (found,) = read(Report("apply", (host,))).iter("failure")
    assert (found.text or "").splitlines()[-1] == "sudo apt-get install -y git"


def test_a_host_that_never_answered_is_an_error_and_its_steps_are_skipped() -> None:
    root = read(Report("apply", (reports.unreachable("web-1"),)))
    assert set(ends(root).values()) == {"error", "skipped"}
    (error,) = root.iter("error")
    assert error.get("message") == "web-1: it does not answer on port 22 (connection timed out)"
    assert error.text == (
        "web-1: it does not answer on port 22 (connection timed out)\n"
        "Check its address, the port and the firewall. Nothing was changed."
    )


def test_an_error_without_a_host_has_a_suite_of_its_own() -> None:
    errors = ErrorGroup([InputError("one\n  of them", remedy="Fix it."), InputError("two", remedy="")])
    root = read(replace(reports.a_run(), errors=(errors,)))
    assert [each.get("name") for each in root] == ["mngr-ansible", "build-1"]
    assert [each.get("message") for each in root.iter("error")] == ["one", "two"]
    assert [each.text for each in root.iter("error")] == ["one\n  of them\nFix it.", "two"]


def test_what_would_change_fails_only_where_the_exit_code_says_so_too() -> None:
    plan = Report("plan", (reports.host(),))
    assert read(plan).get("failures") == "0"
    root = read(plan, is_change_a_failure=True)
    assert root.get("failures") == "5"
    assert ends(root)["package:git"] == "system-out"
    assert (
        read(one(step("unknown", is_required=False), command="plan"), is_change_a_failure=True).get("failures") == "1"
    )


def test_a_playbook_of_which_only_a_run_can_tell_is_skipped() -> None:
    plan = one(planned(OwnPlaybook("site.yml")), command="plan")
    assert ends(read(plan, is_change_a_failure=True)) == {"playbook:site.yml": "skipped"}


def test_every_foreign_word_is_text_that_xml_can_hold() -> None:
    words = junit(reports.a_nasty_run(), None)
    assert all(character.isprintable() or character == "\n" for character in words)
    root = read(reports.a_nasty_run())
    assert root[1].get("name") == (
        "<img src=x onerror=alert(1)>\"'&{{7*7}}\\x1b[31m\\u202e\\x00\\xff\\ufffe]]></style><script>alert(2)</script>"
    )
