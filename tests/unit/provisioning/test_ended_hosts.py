"""When a host is over although the run goes on on others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mngr_ansible.content.location import content_directory
from mngr_ansible.provisioning.ended_hosts import telling
from mngr_ansible.provisioning.request import Prepared, Target
from mngr_ansible.run.playbook import HostRun
from mngr_ansible.run.runner import Event
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import compared, contribution, plan, state, write

if TYPE_CHECKING:
    from pathlib import Path

    from mngr_ansible.report.report import HostReport

INSTALL, ASSERT = "Install packages with apt", "Assert versions"


class _Somewhere:
    is_local = False


class _Told:
    def __init__(self, tmp_path: Path) -> None:
        asked = contribution("codex", FileTransferSpec(write(tmp_path / "file"), "x"), "git")
        there = state(findings={"git": "missing"})
        one = Prepared(
            Target("build-1", _Somewhere(), None, None),  # type: ignore[arg-type]
            plan(asked),
            (asked,),
            there,
            compared(plan(asked), there),
        )
        assert one.due is not None
        self.reports: list[HostReport | None] = []
        self.followed: list[Event] = []
        run = HostRun("host-1", {}, one.due, None)
        self.tell = telling(
            self.followed.append, {"host-1": one}, [run], lambda _host, report: self.reports.append(report)
        )

    def step(self, task: str, name: str, status: str = "changed") -> list[HostReport | None]:
        step: Any = {"id": name, "status": status, "current": None, "reason": ""}
        self.tell(Event("step", "host-1", task, step=step))
        return self.reports


def test_it_is_over_when_the_last_word_is_heard_of_each_step_and_has_its_report_then(tmp_path: Path) -> None:
    told = _Told(tmp_path)
    assert told.step("Copy files", "file:/srv/work/x") == []
    assert told.step(INSTALL, "package:git") == []
    (report,) = told.step(ASSERT, "package:git", "ok")
    assert report is not None
    assert report.ok
    assert [str(each.status) for each in report.outcomes] == ["changed", "changed"]
    assert len(told.followed) == 3


def test_a_host_that_failed_is_over_once(tmp_path: Path) -> None:
    told = _Told(tmp_path)
    told.step("Copy files", "file:/srv/work/x")
    assert told.step(INSTALL, "package:git", "failed") == []
    told.tell(Event("failed", "host-1", INSTALL, "boom"))
    told.tell(Event("unreachable", "host-1", INSTALL, "boom"))
    (report,) = told.reports
    assert report is not None
    assert [str(each.status) for each in report.outcomes] == ["changed", "failed"]


def test_a_host_for_which_another_source_may_be_tried_is_not_over(tmp_path: Path) -> None:
    told = _Told(tmp_path)
    step: Any = {"id": "package:git", "status": "failed", "current": None, "reason": "boom", "is_of_source": True}
    told.tell(Event("step", "host-1", INSTALL, step=step))
    told.tell(Event("failed", "host-1", INSTALL, "boom"))
    assert told.reports == []


def test_the_last_word_about_packages_is_that_of_the_roles_last_task() -> None:
    text = (content_directory() / "roles" / "mngr_packages" / "tasks" / "assert.yml").read_text()
    assert text.startswith(f"---\n- name: {ASSERT}\n")
    assert text.count("- name: ") == 1
