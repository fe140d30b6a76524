"""Ansible that was started before its playbook was there: what it runs, and what is left where it is not needed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from mngr_ansible.run import runner
from mngr_ansible.run.ready import NEXT_PLAYBOOK, ReadyAnsible, ready_ansible
from tests.support.processes import processes_with
from tests.support.run_directories import GIT, NODE, run_directory, settle
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

LAUNCHER = Path(__file__).parents[2] / "launcher" / "ansible_playbook.py"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


@contextmanager
def ready_for(*tasks: dict[str, object]) -> Iterator[ReadyAnsible]:
    """Ansible that waits for a playbook with these tasks, which is complete."""
    with ready_ansible(2) as ready:
        assert ready is not None
        made = run_directory(ready.directory, *tasks)
        run = ready.directory / "run"
        (made / "inventory" / "host_vars" / "host-1.json").rename(run / "inventory" / "host_vars" / "host-1.json")
        (made / "project" / "library").rename(run / "project" / "library")
        text = (made / "project" / "provision.yml").read_text().replace("mngr_hosts", "host-1")
        (run / "project" / NEXT_PLAYBOOK).write_text(text)
        yield ready


def waiting(state: Path) -> list[psutil.Process]:
    """The processes of an Ansible that waits in this state directory, or is about to."""
    found = []
    for process in processes_with(str(LAUNCHER)):
        try:
            if process.cwd().startswith(str(state)):
                found.append(process)
        except psutil.Error:
            continue
    return found


def ran(ready: ReadyAnsible) -> runner.RunResult:
    return runner.run(ready.directory / "run", timeout=60, ready=ready)


def test_it_runs_the_playbook_that_it_is_given_on_the_hosts_that_this_names(state: Path) -> None:
    with ready_for(settle("First", steps=[GIT]), settle("Second", steps=[NODE], error="no")) as ready:
        wait_until(lambda: waiting(state))
        [ansible] = waiting(state)
        result = ran(ready)
    assert [event.kind for event in result.events] == ["task", "step", "task", "step", "failed"]
    assert (result.status, result.is_complete, result.hosts) == ("finished", True, {"host-1"})
    assert not ansible.is_running()
    assert not list((state / "mngr-ansible" / "runs").iterdir())


def test_a_playbook_that_it_refuses_is_the_same_problem_as_without_it(state: Path) -> None:
    with ready_for({"name": "No such module", "setttle": {}}) as ready:
        result = ran(ready)
    assert result.problem == "Ansible broke with exit code 4 before the playbook was through."
    assert "setttle" in result.details


def test_where_it_is_not_needed_nothing_is_left_and_nothing_was_run(state: Path) -> None:
    with ready_for(settle(steps=[GIT])) as ready:
        wait_until(lambda: waiting(state))
        ready.dismiss()
    assert waiting(state) == []
    assert not list((state / "mngr-ansible" / "runs").iterdir())


def test_a_signal_while_it_is_started_leaves_no_process(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*arguments: Any, **options: Any) -> Any:
        made.append(popen(*arguments, **options))
        signal.raise_signal(signal.SIGINT)
        return made[-1]

    popen, made = subprocess.Popen, list[subprocess.Popen[bytes]]()
    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(KeyboardInterrupt), ready_ansible(1):
        pytest.fail("it is not used")
    assert [each.returncode is None for each in made] == [False]
    assert not list((state / "mngr-ansible" / "runs").iterdir())


@pytest.mark.parametrize("who", ["ansible", "its supervisor"])
def test_where_it_hangs_before_the_playbook_nothing_was_begun(state: Path, who: str) -> None:
    with ready_for(settle(steps=[GIT])) as ready:
        wait_until(lambda: waiting(state))
        [ansible] = waiting(state)
        (ansible if who == "ansible" else ansible.parent()).suspend()
        result = runner.run(ready.directory / "run", timeout=0.5, ready=ready)
    assert (result.status, result.has_begun, result.events) == ("timeout", False, ())
    assert waiting(state) == []


def test_it_can_be_ended_at_any_moment_of_its_start(state: Path) -> None:
    for moment in range(6):
        with ready_for(settle(steps=[GIT])):
            time.sleep(moment * 0.05)
        assert waiting(state) == []
    assert not list((state / "mngr-ansible" / "runs").iterdir())


@pytest.mark.parametrize("who", ["ansible", "its supervisor"])
def test_where_it_died_meanwhile_the_playbook_is_run_all_the_same_and_once(state: Path, who: str) -> None:
    with ready_for(settle(steps=[GIT])) as ready:
        wait_until(lambda: waiting(state))
        [ansible] = waiting(state)
        victim = ansible if who == "ansible" else ansible.parent()
        assert victim is not None
        victim.kill()
        result = ran(ready)
    assert (result.status, result.is_complete, result.problem) == ("finished", True, None)
    assert [event.step for event in result.events if event.kind == "step"] == [GIT]
    assert not list((state / "mngr-ansible" / "runs").iterdir())


def test_a_version_of_ansible_that_nobody_tried_does_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "provision.yml")
    script = """
        import runpy, sys
        from ansible import release
        release.__version__ = "2.99.0"
        sys.argv = [sys.argv[1], sys.argv[2]]
        runpy.run_path(sys.argv[0], run_name="__main__")
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(LAUNCHER), str(tmp_path / "provision.yml")]
    assert subprocess.run(command, timeout=60).returncode == 251


def test_where_it_cannot_be_started_there_is_none(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "mkfifo", refuse)
    with ready_ansible(1) as ready:
        assert ready is None
    assert not list((state / "mngr-ansible" / "runs").iterdir())


CALLER = """
    import sys, time
    from mngr_ansible.run.ready import ReadyAnsible
    ready = ReadyAnsible(1)
    print("waits", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("both", [False, True])
def test_it_ends_with_the_command_that_is_killed_also_if_its_supervisor_is_killed_too(state: Path, both: bool) -> None:
    """Then its directory goes with it, if the supervisor lives."""
    command = [sys.executable, "-c", textwrap.dedent(CALLER)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        wait_until(lambda: waiting(state))
        [ansible] = waiting(state)
        time.sleep(1)  # the launcher has asked the kernel by now
        supervisor = ansible.parent()
        assert supervisor is not None
        process.send_signal(signal.SIGKILL)
        if both:
            supervisor.kill()
    wait_until(lambda: waiting(state) == [] and not supervisor.is_running(), 10)
    assert both or not list((state / "mngr-ansible" / "runs").iterdir())
