"""What the installing tasks found is believed by the assertion as long as nothing else changed the host. No host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from tests.support.controller import role_module
from tests.support.role_playbook import CALLBACK, run_playbook

if TYPE_CHECKING:
    from pathlib import Path

reports = role_module("mngr_packages", "mngr_packages_reports")

GIT, FD = {"name": "git", "version": ">=2"}, "fd>=8"


def found(*states: str) -> list[dict[str, Any]]:
    ids = ("package:git", "package:fd")
    return [
        {"id": name, "status": state, "current": "9.1" if state == "ok" else None}
        for name, state in zip(ids, states, strict=False)
    ]


def kept(path: Path, *viewer: str, host: str = "host-1") -> Any:
    return reports.Reports(str(path), host, viewer or ("root",))


def after(path: Path, *results: dict[str, Any]) -> Any:
    """What is kept after tasks about git and fd with these results."""
    made = kept(path)
    for result in results:
        made.keep(made.take(), [GIT, FD], result)
    return made


def test_what_was_found_to_be_satisfied_is_the_outcome_and_what_was_installed_is_changed(tmp_path: Path) -> None:
    made = after(tmp_path, {"changed": True, "found": found("ok", "ok")})
    assert made.steps([FD, GIT], ["package:fd"]) == [
        {"id": "package:fd", "status": "changed", "current": "9.1", "reason": ""},
        {"id": "package:git", "status": "ok", "current": "9.1", "reason": ""},
    ]


def test_a_report_is_about_one_host_one_user_and_the_requirement_as_it_is_written(tmp_path: Path) -> None:
    made = after(tmp_path, {"changed": False, "found": found("ok", "ok")})
    assert made.steps([GIT], [])
    assert made.steps([{**GIT, "version": ">=3"}], []) is None
    assert kept(tmp_path, host="host-2").steps([GIT], []) is None
    assert kept(tmp_path, "root", "sudo", "someone").steps([GIT], []) is None


def test_one_that_is_not_satisfied_or_was_not_looked_at_is_asked_for(tmp_path: Path) -> None:
    made = after(tmp_path, {"changed": True, "found": found("ok", "missing")})
    assert made.steps([GIT], [])
    assert made.steps([GIT, FD], []) is None
    assert made.steps([GIT, "other"], []) is None


def test_a_task_that_changes_the_host_or_fails_or_never_ends_makes_earlier_reports_worthless(tmp_path: Path) -> None:
    first = {"changed": True, "found": found("ok", "ok")}
    made = after(tmp_path, first)
    npm = [{"id": "package:npm", "status": "ok", "current": "9"}]
    made.keep(made.take(), ["npm"], {"changed": False, "found": npm})
    assert made.steps([GIT, "npm"], [])
    made.keep(made.take(), ["npm"], {"changed": True, "found": npm})
    assert made.steps(["npm"], [])
    assert made.steps([GIT], []) is None
    odd = ({"found": "ok"}, {"found": ["ok", {}]}, {"found": found("ok")})  # no module of ours says so
    for second in ({"failed": True}, {"changed": True}, {"skipped": True}, {"ansible_job_id": "1"}, *odd):
        assert after(tmp_path, first, second).steps([GIT], []) is None
    after(tmp_path, first).take()
    assert kept(tmp_path).steps([GIT], []) is None


def test_the_role_asks_no_host_for_its_assertion_and_one_after_other_tasks_asks_it(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("tool 1.2\n")
    looks = tmp_path / "looks"
    check = {"kind": "shell", "value": f"echo >>'{looks}'; cat '{tool}'"}
    requirements = [{"name": "tool", "version": ">=1", "checks": [check]}]
    role = {"name": "mngr_packages"}
    tasks = [
        {"name": "All of it", "ansible.builtin.import_role": role},
        {"name": "Remove it", "ansible.builtin.raw": f"rm '{tool}'"},
        {"name": "Again", "ansible.builtin.import_role": {**role, "tasks_from": "assert"}},
    ]
    play = {"hosts": "all", "gather_facts": False, "vars": {"mngr_packages_requirements": requirements}, "tasks": tasks}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    own = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"host-1": own}}}))
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/results.py").write_text(CALLBACK)

    ran = run_playbook(tmp_path, tmp_path / "play.yml")

    first, second = [each for each in ran.results if each["task"].endswith("Assert versions")]
    assert first["mngr_steps"] == [{"id": "package:tool", "status": "ok", "current": "1.2", "reason": ""}], ran.text
    assert second["mngr_steps"][0]["status"] == "failed", ran.text
    assert ran.code == 2
    assert looks.read_text() == "\n\n", "looked at where it would be installed, and after the other task"
