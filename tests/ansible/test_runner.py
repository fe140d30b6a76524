"""What a run reports, and what it needs to start: with the real ansible-runner and ansible-playbook."""

from __future__ import annotations

import os
import subprocess
import textwrap
import venv
from pathlib import Path

import pytest

import mngr_ansible
from mngr_ansible.errors import RunError
from mngr_ansible.run import runner
from mngr_ansible.run.runner import Event
from tests.support.run_directories import GIT, LOCAL, NODE, run_directory, settle


def test_the_steps_that_a_role_reports_arrive_in_order_as_they_happen(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, settle("First", steps=[GIT]), settle("Second", steps=[NODE], warning="old"))
    seen: list[Event] = []
    result = runner.run(directory, timeout=60, on_event=seen.append)
    assert seen == [
        Event("task", task="First"),
        Event("step", "host-1", "First", step=GIT),
        Event("task", task="Second"),
        Event("step", "host-1", "Second", step=NODE),
        Event("warning", "host-1", "Second", "old"),
    ]
    assert result == runner.RunResult("finished", True, frozenset({"host-1"}), tuple(seen))


def test_while_nothing_happens_the_caller_is_told_so(tmp_path: Path) -> None:
    waited: list[int] = []
    sleeping = {"name": "Sleep", "ansible.builtin.command": "sleep 2.5"}
    runner.run(run_directory(tmp_path, sleeping), timeout=60, on_wait=lambda: waited.append(1))
    assert waited


def test_of_a_result_only_steps_message_and_warnings_get_through(tmp_path: Path) -> None:
    step = {**GIT, "content": "bytes-of-a-file", "reason": "x" * 100_000}
    result = runner.run(run_directory(tmp_path, settle(steps=[step])), timeout=60)
    assert "bytes-of-a-file" not in repr(result)
    assert len(repr(result)) < 20_000


def test_a_failed_task_is_reported_with_its_message_and_ends_its_host(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, settle(steps=[GIT, NODE], error="apt has no node."), settle("Never"))
    result = runner.run(directory, timeout=60)
    assert [event.step for event in result.events if event.kind == "step"] == [GIT, NODE]
    assert [event for event in result.events if event.kind == "failed"] == [
        Event("failed", "host-1", "Settle", "apt has no node.")
    ]
    assert Event("task", task="Never") not in result.events
    assert (result.status, result.is_complete, result.problem) == ("finished", True, None)


def test_a_failed_loop_is_reported_with_the_messages_of_its_items(tmp_path: Path) -> None:
    loop = {**settle(steps=[GIT], error="{{ item }} was not found."), "loop": ["node", "node", "fd"]}
    result = runner.run(run_directory(tmp_path, loop), timeout=60)
    assert [event.text for event in result.events if event.kind == "failed"] == [
        "node was not found.\nfd was not found."
    ]
    assert [event.step for event in result.events if event.kind == "step"] == [GIT] * 3


def test_an_ignored_failure_is_a_warning(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, {**settle(error="It is a pity."), "ignore_errors": True})
    result = runner.run(directory, timeout=60)
    assert Event("warning", "host-1", "Settle", "It is a pity.") in result.events
    assert not any(event.kind == "failed" for event in result.events)


def test_a_module_that_breaks_is_reported_with_its_exception(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, settle())
    (directory / "project" / "library" / "settle.py").write_text(
        "#!/usr/bin/python\nraise SystemError('a cracked gear')"
    )
    [failed] = [event for event in runner.run(directory, timeout=60).events if event.kind == "failed"]
    assert "a cracked gear" in failed.text


def test_a_host_that_cannot_be_reached_is_reported_and_the_others_continue(tmp_path: Path) -> None:
    closed = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    hosts: dict[str, dict[str, object]] = {"host-1": LOCAL, "host-2": {**closed, "ansible_ssh_common_args": "-F none"}}
    result = runner.run(run_directory(tmp_path, settle(steps=[GIT]), hosts=hosts), timeout=60)
    [lost] = [event for event in result.events if event.kind == "unreachable"]
    assert lost.host == "host-2"
    assert "Connection refused" in lost.text
    assert [event.host for event in result.events if event.kind == "step"] == ["host-1"]
    assert result.hosts == {"host-1", "host-2"}


def test_a_result_of_megabytes_keeps_its_steps(tmp_path: Path) -> None:
    steps = [{**GIT, "id": f"file:/srv/{number}", "reason": "r" * 1000} for number in range(2000)]
    result = runner.run(run_directory(tmp_path, settle(steps=steps)), timeout=60)
    assert [event.step["id"] for event in result.events if event.step] == [step["id"] for step in steps]


def test_a_playbook_that_ansible_refuses_is_a_problem_and_no_host_was_seen(tmp_path: Path) -> None:
    result = runner.run(run_directory(tmp_path, {"name": "No such module", "setttle": {}}), timeout=60)
    assert (result.status, result.is_complete, result.hosts) == ("finished", False, frozenset())
    assert result.problem == "Ansible broke with exit code 4 before the playbook was through."
    assert "setttle" in result.details


def test_a_play_without_hosts_does_not_count_as_a_run(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, settle())
    (directory / "inventory" / "hosts.yml").write_text('{"others": {"hosts": {"host-1": {}}}}')
    result = runner.run(directory, timeout=60)
    assert result.hosts == frozenset()
    assert any(event.kind == "warning" for event in result.events)


@pytest.mark.parametrize("present", [(), ("ansible",)])
def test_without_ansible_the_error_says_what_to_install(tmp_path: Path, present: tuple[str, ...]) -> None:
    python = bare_python(tmp_path / "venv", "mngr_ansible", "psutil", *present)
    message = run_error(python, run_directory(tmp_path, settle()))
    missing = "ansible-runner" if present else "ansible-core and ansible-runner"
    assert message.startswith(f"{missing} cannot be imported by {python}\n")
    assert f"{python} -m pip install" in message


def test_a_package_that_is_only_on_pythonpath_is_an_error_that_says_so(tmp_path: Path) -> None:
    python = bare_python(tmp_path / "venv", "psutil")
    checkout = str(Path(mngr_ansible.__file__).parents[1])
    message = run_error(python, run_directory(tmp_path, settle()), PYTHONPATH=checkout)
    assert "could not run mngr_ansible.run.supervisor" in message
    assert "PYTHONPATH" in message


def test_a_missing_directory_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="Ansible could not be started"):
        runner.run(tmp_path / "nowhere", timeout=60)


def bare_python(directory: Path, *packages: str) -> str:
    """A Python that can import these packages of ours and nothing else."""
    venv.create(directory, symlinks=True)
    [site] = directory.glob("lib/python*/site-packages")
    for name in packages:
        (site / name).symlink_to(Path(str(__import__(name).__file__)).parent)
    return str(directory / "bin" / "python")


def run_error(python: str, directory: Path, **env: str) -> str:
    script = """
        import sys
        from pathlib import Path
        from mngr_ansible import errors
        from mngr_ansible.run import runner
        try:
            runner.run(Path(sys.argv[1]), timeout=60)
        except errors.RunError as error:
            print(error)
    """
    command = [python, "-c", textwrap.dedent(script), str(directory)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=30, env={**os.environ, **env}, check=True)
    return done.stdout
