"""Programs that we run: limited in time and output, stoppable, ended with us."""

import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from contextlib import suppress

import psutil
import pytest

from mngr_ansible.system import processes
from mngr_ansible.system.processes import LONGEST, StoppedError, TooLongError, find_program, run_bounded
from tests.support.processes import processes_with
from tests.support.waiting import wait_until


def test_input_and_output_are_complete():
    text = os.urandom(3_000_000)
    done = run_bounded(["sh", "-c", "cat; echo end >&2; exit 3"], text, seconds=20)
    assert (done.stdout, done.stderr, done.code) == (text, b"end\n", 3)


def test_a_program_that_does_not_read_its_input_is_no_error():
    assert run_bounded(["sh", "-c", "echo yes"], b"x" * 3_000_000, seconds=20).stdout == b"yes\n"


def test_a_program_that_hangs_is_ended_in_time():
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        run_bounded(["sleep", "997"], b"", seconds=0.5)
    assert time.monotonic() - begin < 30
    assert not processes_with("sleep 997")


def test_an_endless_answer_is_refused_before_it_fills_our_memory():
    tracemalloc.start()
    try:
        with pytest.raises(TooLongError):
            run_bounded(["sh", "-c", "exec yes 0123456789"], b"", seconds=60)
        assert tracemalloc.get_traced_memory()[1] < 3 * LONGEST
    finally:
        tracemalloc.stop()
    assert not processes_with("yes 0123456789")


def test_stderr_is_bounded_too():
    done = run_bounded(["sh", "-c", "head -c 5000000 /dev/zero >&2"], b"", seconds=20)
    assert 0 < len(done.stderr) <= 65536


def test_an_endless_stderr_is_refused_before_it_fills_the_disk():
    begin = time.monotonic()
    with pytest.raises(TooLongError):
        run_bounded(["sh", "-c", "while :; do head -c 2000000 /dev/zero; sleep 0.0992; done >&2"], b"", seconds=300)
    assert time.monotonic() - begin < 60
    wait_until(lambda: not processes_with("sleep 0.0992"))  # the system reaps it in its own time


def test_what_a_program_has_started_ends_with_it():
    with pytest.raises(TimeoutError):
        run_bounded(["sh", "-c", "timeout -s KILL 600 sleep 993; true"], b"", seconds=2)
    wait_until(lambda: not processes_with("sleep 993"), 5)


def test_it_ends_too_where_the_kernel_keeps_no_list_of_children():
    with subprocess.Popen(["sh", "-c", "timeout 600 sleep 992; true"], start_new_session=True) as program:
        wait_until(lambda: [each for each in processes_with("sleep 992") if each.name() == "sleep"])
        processes._kill_children_anywhere(program.pid)
    wait_until(lambda: not processes_with("sleep 992"), 5)


def test_another_thread_can_stop_it():
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    begin = time.monotonic()
    with pytest.raises(StoppedError):
        run_bounded(["sleep", "996"], b"", seconds=60, stop=stop)
    assert time.monotonic() - begin < 30
    assert not processes_with("sleep 996")


def test_a_process_left_behind_that_holds_stderr_does_not_block_us():
    begin = time.monotonic()
    assert run_bounded(["sh", "-c", "sleep 994 >/dev/null & echo done"], b"", seconds=60).stdout == b"done\n"
    assert time.monotonic() - begin < 60
    for process in processes_with("sleep 994"):
        with suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a child with its parent")
def test_the_program_of_a_killed_caller_ends_too():
    code = "from mngr_ansible.system.processes import run_bounded; run_bounded(['sleep', '995'], b'', seconds=60)"
    with subprocess.Popen([sys.executable, "-c", code]) as caller:
        wait_until(lambda: [each for each in processes_with("sleep 995") if each.name() == "sleep"])
        os.kill(caller.pid, signal.SIGKILL)
    wait_until(lambda: not [each for each in psutil.process_iter(["cmdline"]) if "995" in (each.info["cmdline"] or [])])


@pytest.mark.parametrize("entry", [".", "", "bin"])
def test_no_program_of_the_current_directory_is_taken_for_one_of_path(entry, tmp_path, monkeypatch):
    program = tmp_path / entry / "sh"
    program.parent.mkdir(exist_ok=True)
    program.write_text("#!/bin/false\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{entry}:/usr/bin:/bin")
    assert find_program("sh") in ("/usr/bin/sh", "/bin/sh")
    assert find_program("no-such-program") is None
    monkeypatch.setenv("PATH", entry)
    assert find_program("sh") != str(program)
