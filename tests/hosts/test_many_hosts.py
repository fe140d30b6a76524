"""Many hosts at once: what they cost here, that none is held up by another, and that nothing of them is left.

They are users of one test host (``tests.support.fleet``). ``MNGR_ANSIBLE_MANY_HOSTS=200`` tries more of them than a
plain run does. That a host is not held up is shown by order: what must not wait for a host is done while that host
waits for a gate, which the test opens only then.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.support.fleet import Fleet, Session, running_fleet
from tests.support.interrupted_runs import leftovers
from tests.support.processes import processes_with, started
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNT = int(os.environ.get("MNGR_ANSIBLE_MANY_HOSTS", "40"))
SOME = COUNT if COUNT > 40 else 24
"""Hosts where it is about what each costs."""
AT_ONCE = 32
"""Hosts that are asked at the same time, of more that there are."""
FIRST = 40
"""Hosts for which one waits that is not let go before they are done. More of them could use up its own time."""
FEW = 64
"""Open files that a run is allowed: fewer than three a host."""
PATIENCE = 120
"""Seconds after which something that was waited for will not happen; never how long it may take."""


_MEASURED = """\
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""
"""Runs a program and writes how much memory it took. Measured from here, what the tests have would count too."""


@dataclass(frozen=True)
class Done:
    """A finished run: its exit code and output, and the most memory of its largest process, in KiB."""

    code: int
    output: str
    memory: int


def run(fleet: Fleet, directory: Path, *words: object, count: int = COUNT) -> Done:
    """A run that is allowed few open files."""
    output, memory = directory / "output", directory / "memory"
    with output.open("w") as file:
        done = subprocess.run(
            [sys.executable, "-c", _MEASURED, memory, *fleet.words(*words, count=count)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, FEW)),
        )
    return Done(done.returncode, output.read_text(), int(memory.read_text()))


@pytest.fixture(scope="module")
def fleet(_hosts_are_possible: None) -> Iterator[Fleet]:
    with running_fleet(COUNT) as made:
        yield made


def test_each_host_costs_one_connection_and_two_sessions_then_one_and_little_memory_with_few_open_files(
    fleet: Fleet, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("content")
    words = ("apply", "--file", f"{tmp_path}/file:file", "--verbose")
    two = run(fleet, tmp_path, *words, count=2)
    before = fleet.connections, fleet.sessions
    rest = run(fleet, tmp_path, *words, count=SOME)
    between = fleet.connections, fleet.sessions
    again = run(fleet, tmp_path, *words, count=SOME)

    assert two.code == rest.code == again.code == 0, rest.output
    assert fleet.with_file("file", len("content")) == set(range(1, SOME + 1))
    assert between[0] - before[0] == SOME
    assert between[1] - before[1] == SOME + (SOME - 2)  # the first two have the file already
    assert rest.memory - two.memory < (SOME - 2) * 1024

    assert again.output.count("nothing to change") == SOME
    assert (fleet.connections - between[0], fleet.sessions - between[1]) == (SOME, SOME)
    assert not processes_with(str(fleet.host.key))


def at_rest(fleet: Fleet, directory: Path, count: int, session: Session) -> tuple[int, int]:
    """The memory of the main process in KiB, and its open files, while so many hosts wait in this session."""
    source = directory / f"{session}-{count}"
    source.write_text(f"{count} {session}")
    fleet.behave(dict.fromkeys(range(1, count + 1), (session, "waits")))
    with fleet.closed_gate(), started(fleet.words("apply", "--file", f"{source}:rest", count=count)) as command:
        wait_until(lambda: fleet.waiting() == set(range(1, count + 1)) or command.poll() is not None, PATIENCE)
        assert command.poll() is None, command.communicate()
        process = psutil.Process(command.pid)
        seen = process.memory_full_info().uss // 1024, process.num_fds()
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=PATIENCE)
    wait_until(lambda: not fleet.waiting(), PATIENCE)
    return seen


@pytest.mark.parametrize("session", ["probe", "task"])
def test_a_host_more_costs_at_most_a_mebibyte_and_four_open_files_while_all_are_at_rest(
    fleet: Fleet, tmp_path: Path, session: Session
) -> None:
    few, many = 4, min(SOME, AT_ONCE)
    memory, files = at_rest(fleet, tmp_path, few, session)
    more_memory, more_files = at_rest(fleet, tmp_path, many, session)
    assert (more_memory - memory) / (many - few) <= 1024
    assert (more_files - files) / (many - few) <= 4


def test_no_host_is_held_up_by_one_that_is_dead_silent_slow_lying_full_hostile_or_lost(
    fleet: Fleet, tmp_path: Path
) -> None:
    (tmp_path / "big").write_bytes(os.urandom(300_000))
    slow_to_answer, slow_to_end, lies, lies_late, endless, full, lost, lost_late = range(2, 10)
    fleet.behave(
        {
            slow_to_answer: ("probe", "waits"),
            slow_to_end: ("task", "waits"),
            lies: ("probe", "lies"),
            lies_late: ("task", "lies"),
            endless: ("probe", "endless"),
            lost: ("probe", "waits"),
            lost_late: ("task", "waits"),
        }
    )
    fleet.host.run(f"mount -t tmpfs -o size=64k,mode=0777 full /home/u{full}")
    waiting = {slow_to_answer, slow_to_end, lost, lost_late}
    healthy = set(range(1, COUNT + 1)) - {*waiting, lies, lies_late, endless, full}
    first = {number for number in healthy if number <= FIRST}
    with socket.create_server(("127.0.0.1", 0)) as silent, fleet.closed_gate():
        dead, mute = "root@127.0.0.1:1", f"root@127.0.0.1:{silent.getsockname()[1]}"
        words = fleet.words("apply", "--json", "--file", f"{tmp_path}/big:big", "--host", dead, "--host", mute)
        said = tmp_path / "said"
        with said.open("w") as stderr, started(words, stderr=stderr) as command:
            wait_until(lambda: fleet.with_file("big", 300_000) >= first or command.poll() is not None, PATIENCE)
            assert command.poll() is None, said.read_text()
            assert fleet.waiting() == waiting, "what waits did not hold up the others"
            wait_until(lambda: "done in" in said.read_text(), PATIENCE)  # they are reported too
            wait_until(lambda: "no ssh server listens on this port" in said.read_text(), PATIENCE)
            fleet.cut(lost)
            fleet.cut(lost_late)
            wait_until(lambda: "the connection was lost during the check" in said.read_text(), PATIENCE)
            assert command.poll() is None
            assert fleet.with_file("big", 300_000) <= healthy
            free(fleet)
            stdout, _ = command.communicate(timeout=PATIENCE)
    fleet.host.run(f"umount -l /home/u{full}")

    assert command.returncode == 1
    found = {host["host"]: [step["status"] for step in host["steps"]] for host in json.loads(stdout)["hosts"]}
    errors = {error["host"] for error in json.loads(stdout)["errors"]}
    by_number = {number: found[fleet.address(number)] for number in range(1, COUNT + 1)}
    assert {number for number, statuses in by_number.items() if statuses == ["changed"]} == {
        *healthy, slow_to_answer, slow_to_end,
    }  # fmt: skip
    assert found[dead] == found[mute] == ["not-reached"]
    for number in (lies, endless, lost):
        assert by_number[number] == ["not-reached"], number
    assert by_number[lost_late] == ["unknown"]
    assert by_number[lies_late] in (["failed"], ["unknown"])
    assert by_number[full] in (["failed"], ["blocked"])
    assert {dead, mute, *map(fleet.address, (lies, endless, lost, lost_late))} <= errors
    assert not errors & set(map(fleet.address, healthy))
    assert not processes_with(str(fleet.host.key))


def test_a_host_that_hangs_loses_the_time_that_each_host_has_and_no_other_waits_for_it(
    fleet: Fleet, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("time")
    fleet.behave({1: ("probe", "waits"), 3: ("task", "waits")})
    words = fleet.words("apply", "--json", "--file", f"{tmp_path}/file:late", "--host-timeout", 30, count=4)
    with fleet.closed_gate(), started(words) as command:
        stdout, stderr = command.communicate(timeout=PATIENCE)
        wait_until(lambda: not processes_with(str(fleet.host.key)), PATIENCE)

    assert command.returncode == 1, stderr
    document = json.loads(stdout)
    found = [host["steps"][0]["status"] for host in document["hosts"]]
    assert found == ["not-reached", "changed", "unknown", "changed"]
    assert {error["host"]: error["problem"].partition(";")[0] for error in document["errors"]} == {
        fleet.address(1): "it was not looked at within the 30 s that each host has",
        fleet.address(3): "the time that each host has was up",
    }


def free(fleet: Fleet) -> None:
    """Let those go on that wait, although the gate stays closed for others."""
    fleet.host.run("pkill flock", check=False)


@pytest.mark.parametrize("end", ["SIGINT", "SIGKILL"])
def test_a_signal_with_hosts_in_every_stage_ends_all_and_the_next_run_ends_well(
    fleet: Fleet, tmp_path: Path, end: str
) -> None:
    (tmp_path / "file").write_text(end)
    count, asked, changing, ready = 13, 3, {4, *range(7, 11)}, {1, 2, 5, 6}
    fleet.behave({asked: ("probe", "waits"), **dict.fromkeys(changing, ("task", "waits"))})
    connections = fleet.connections
    words = ("--file", f"{tmp_path}/file:stage")
    with fleet.closed_gate(), started(fleet.words("apply", "--json", "--forks", 6, *words, count=count)) as command:
        wait_until(lambda: fleet.waiting() == {asked, *changing} or command.poll() is not None, PATIENCE)
        assert command.poll() is None, command.communicate()
        command.send_signal(getattr(signal, end))
        stdout, stderr = command.communicate(timeout=PATIENCE)
        wait_until(lambda: not processes_with(str(fleet.host.key)), PATIENCE)

    assert command.returncode == {"SIGINT": 130, "SIGKILL": -9}[end], stderr
    assert fleet.connections - connections == 10, "the others were not even asked"
    if end != "SIGKILL":
        hosts = json.loads(stdout)["hosts"]
        found = {number: hosts[number - 1]["steps"][0]["status"] for number in range(1, count + 1)}
        assert {number for number, status in found.items() if status == "changed"} == ready
        assert {number for number, status in found.items() if status == "unknown"} == changing
        assert {status for number, status in found.items() if number not in {*ready, *changing}} == {"not-reached"}
    assert fleet.with_file("stage", len(end)) >= ready

    fleet.behave()
    again = run(fleet, tmp_path, "apply", *words, count=count)
    assert again.code == 0, again.output
    assert fleet.with_file("stage", len(end)) == set(range(1, count + 1))
    fleet.empty()


@pytest.mark.parametrize("moment", ["while hosts are asked", "while Ansible runs"])
def test_one_ctrl_c_ends_all_and_leaves_nothing_here_or_there(fleet: Fleet, tmp_path: Path, moment: str) -> None:
    source = tmp_path / f"for {moment}"
    source.write_bytes(os.urandom(3_000_000))
    fleet.behave()
    connections = fleet.connections
    with started(fleet.words("apply", "--file", f"{source}:large", "--verbose", count=SOME)) as process:
        assert process.stderr is not None
        if moment == "while Ansible runs":
            next(line for line in process.stderr if "task: Copy files" in line)
        else:
            wait_until(lambda: fleet.connections > connections)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=120)

    assert process.returncode == 130, stderr
    assert "error: stopped; " in stderr
    assert "warning: stopped" not in stderr
    assert not processes_with(str(fleet.host.key))
    wait_until(lambda: not leftovers(fleet.host, "/home"), 30)
