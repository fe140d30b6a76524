"""However a run ends, nothing of it is left behind, and the caller's process is unchanged."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from mngr_ansible.run import runner
from mngr_ansible.run.runner import Event
from tests.support.processes import processes_with
from tests.support.run_directories import GIT, hang, run_directory, settle
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def mark() -> Iterator[str]:
    """A mark for processes that must be gone when the test is over."""
    name = f"mark{uuid.uuid4().hex}"
    yield name
    for process in processes_with(name):
        with suppress(psutil.Error):
            process.kill()


@pytest.mark.timed
def test_after_the_timeout_everything_is_stopped_and_the_finished_steps_are_reported(tmp_path: Path, mark: str) -> None:
    directory = run_directory(tmp_path, settle(steps=[GIT]), hang(mark))
    since = time.monotonic()
    result = runner.run(directory, timeout=12)
    assert 12 <= time.monotonic() - since < 40
    assert processes_with(mark) == []
    assert processes_with(str(directory)) == []
    assert (result.status, result.is_complete, result.hosts) == ("timeout", False, frozenset())
    assert [event.step for event in result.events if event.kind == "step"] == [GIT]
    assert Event("task", task="Hang") in result.events, "the test's time was too short"
    assert private_directories(directory) == []


def test_a_callback_that_raises_stops_the_run(tmp_path: Path, mark: str) -> None:
    directory = run_directory(tmp_path, hang(mark))

    def refuse(event: Event) -> None:
        wait_until(lambda: len(processes_with(mark)) > 1)
        raise TimeoutError("not the run's own")

    with pytest.raises(TimeoutError, match="not the run's own"):
        runner.run(directory, timeout=60, on_event=refuse)
    assert processes_with(mark) == []
    assert processes_with(str(directory)) == []


def test_another_thread_ends_a_run_of_which_the_events_until_then_are_the_result(tmp_path: Path, mark: str) -> None:
    directory, stop = run_directory(tmp_path, settle(steps=[GIT]), hang(mark)), runner.RunStop()

    def end(event: Event) -> None:
        if event.task == "Hang":
            threading.Thread(target=stop.set).start()

    result = runner.run(directory, timeout=120, on_event=end, stop=stop)
    assert (result.status, result.problem, result.has_begun) == ("stopped", None, True)
    assert [event.step for event in result.events if event.kind == "step"] == [GIT]
    assert processes_with(mark) == processes_with(str(directory)) == []
    assert private_directories(directory) == []


def test_a_run_that_is_begun_after_it_was_ended_runs_nothing(tmp_path: Path) -> None:
    directory, stop = run_directory(tmp_path, settle(steps=[GIT])), runner.RunStop()
    stop.set()
    result = runner.run(directory, timeout=120, stop=stop)
    assert (result.status, result.problem, result.events) == ("stopped", None, ())


def test_the_events_of_a_run_that_an_exception_cut_off_are_in_its_record(tmp_path: Path) -> None:
    directory, record = run_directory(tmp_path, settle("First", steps=[GIT]), settle("Second")), runner.RunRecord()

    def refuse(event: Event) -> None:
        if event.task == "Second":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner.run(directory, timeout=60, on_event=refuse, record=record)
    events = (Event("task", task="First"), Event("step", "host-1", "First", step=GIT), Event("task", task="Second"))
    assert record.interrupted() == runner.RunResult("stopped", False, frozenset(), events)


def caller(directory: Path, on_event: str = "None") -> subprocess.Popen[str]:
    """A program of its own that runs this directory and prints how that ended."""
    script = f"""
        import os, sys, time
        from pathlib import Path
        from mngr_ansible.run import runner
        try:
            print(runner.run(Path(sys.argv[1]), timeout=60, on_event={on_event}).status)
        except BaseException as error:
            print(type(error).__name__)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(directory)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def private_directories(directory: Path) -> list[Path]:
    """The private directories of runs."""
    return list(directory.glob(".run-*"))


def begun(mark: str) -> bool:
    """Whether the task of :func:`hang` and its daemon run."""
    there = processes_with(mark)
    with suppress(psutil.Error):
        return len(there) > 2 and sum("daemon" in process.cmdline() for process in there) == 1
    return False


def forks(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The forks of :func:`caller`, which have its arguments."""
    caller = psutil.Process(process.pid)
    those = processes_with(" ".join(caller.cmdline()))
    return [each for each in caller.children() if each in those]


def test_ctrl_c_stops_the_run_and_reaches_the_caller(tmp_path: Path, mark: str) -> None:
    directory = run_directory(tmp_path, hang(mark))
    with caller(directory) as process:
        wait_until(lambda: begun(mark))
        process.send_signal(signal.SIGINT)
        since = time.monotonic()
        assert process.communicate(timeout=30)[0] == "KeyboardInterrupt\n"
    assert time.monotonic() - since < 20
    assert processes_with(mark) == []
    assert processes_with(str(directory)) == []
    assert private_directories(directory) == []


@pytest.mark.timed
def test_the_death_of_the_caller_ends_everything(tmp_path: Path, mark: str) -> None:
    directory = run_directory(tmp_path, hang(mark))
    with caller(directory) as process:
        wait_until(lambda: begun(mark))
        process.kill()
    wait_until(
        lambda: (
            processes_with(mark) == [] and processes_with(str(directory)) == [] and not private_directories(directory)
        ),
        20,
    )


@pytest.mark.timed
def test_the_death_of_the_caller_is_noticed_though_a_fork_of_it_lives_on(tmp_path: Path, mark: str) -> None:
    directory = run_directory(tmp_path, hang(mark))
    with caller(directory, on_event="lambda event: os.fork() or time.sleep(60)") as process:
        wait_until(lambda: begun(mark) and forks(process))
        [fork] = forks(process)
        process.kill()
        wait_until(lambda: processes_with(mark) == [] and not private_directories(directory), 20)
        fork.kill()


@pytest.mark.timed
def test_the_death_of_the_supervisor_ends_everything_and_is_reported(tmp_path: Path, mark: str) -> None:
    directory = run_directory(tmp_path, hang(mark))

    def shoot(event: Event) -> None:
        wait_until(lambda: begun(mark))
        [supervisor] = [each for each in processes_with("mngr_ansible.run.supervisor") if each.ppid() == os.getpid()]
        supervisor.kill()

    result = runner.run(directory, timeout=60, on_event=shoot)
    assert (result.status, result.is_complete) == ("stopped", False)
    assert result.problem == "The process that ran Ansible was ended from outside (exit code -9)."
    assert processes_with(mark) == []
    assert processes_with(str(directory)) == []


def test_the_calling_process_is_left_as_it_was(tmp_path: Path, mark: str) -> None:
    def state() -> object:
        umask = os.umask(0o22)
        os.umask(umask)
        return (
            [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP)],
            sum(1 for _ in Path("/proc/self/fd").iterdir()) if sys.platform == "linux" else psutil.Process().num_fds(),
            (dict(os.environ), Path.cwd(), umask, threading.active_count(), psutil.Process().children()),
        )

    def refuse(event: Event) -> None:
        raise ValueError(event.task)

    good, slow = run_directory(tmp_path, settle(steps=[GIT])), run_directory(tmp_path, hang(mark))
    gc.collect()
    before = state()
    runner.run(good, timeout=60)
    runner.run(slow, timeout=1.5)
    with pytest.raises(ValueError, match="Settle"):
        runner.run(good, timeout=60, on_event=refuse)
    assert state() == before


def test_the_supervisor_ends_also_where_it_cannot_look_for_what_it_started(tmp_path):
    code = """
import psutil, resource, sys
from mngr_ansible.run import supervisor
supervisor._held.has_begun = True
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
supervisor._finish({"worker": None, "sockets": sys.argv[1], "private": sys.argv[1], "temporary": None, "parent": 1})
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "none")], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
