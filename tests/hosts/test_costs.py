"""What a run costs does not depend on how much it copies: Ansible tasks, connections, sessions, bytes."""

import os
import re
from dataclasses import dataclass

import pytest

from tests.support.command_line import mngr_ansible, on
from tests.support.hosts import SshHost, running
from tests.support.latency_proxy import Delays, distant

TASKS = ["Copy files"]


@dataclass(frozen=True)
class Cost:
    """What one run took: the tasks that Ansible began, TCP connections, ssh sessions in them, bytes sent."""

    tasks: list[str]
    connections: int
    sessions: int
    sent: int


class Counted:
    """A host whose connections and sessions are counted."""

    def __init__(self, host: SshHost, proxy: Delays) -> None:
        self.host, self.proxy = host, proxy

    def apply(self, *words: object) -> Cost:
        self.proxy.clear()
        before = self._sessions()
        done = mngr_ansible("apply", *words, *on(self.host), "--verbose")
        assert done.returncode == 0, done.stderr
        tasks = re.findall(r"^(?:\S+ +)?task: (.*)", done.stderr, re.MULTILINE)
        return Cost(
            [task.partition(" - ")[0] for task in tasks],
            self.proxy.connections,
            self._sessions() - before,
            self.proxy.to_host,
        )

    def _sessions(self) -> int:
        return (self.host.directory / "log").read_text(errors="replace").count("Starting session: ")


def verbose(host: SshHost) -> None:
    """Have sshd log the sessions that it starts."""
    host.run("echo LogLevel VERBOSE >>/etc/ssh/sshd_config")
    host.reload()


@pytest.fixture(scope="module")
def counted(_hosts_are_possible):
    with running(name="counted") as host, distant(host) as (reached, proxy):
        verbose(host)
        yield Counted(reached, proxy)


@pytest.fixture
def sources(tmp_path):
    """Make sources of so many files of so many bytes, which nothing can compress."""

    def make(name: str, count: int, size: int) -> str:
        for number in range(count):
            path = tmp_path / name / f"{number % 10}" / str(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(size))
        return f"{tmp_path / name}:/srv/{name}"

    return make


def test_tasks_connections_and_sessions_are_as_many_for_one_file_as_for_three_hundred(counted, sources):
    one = counted.apply("--file", sources("one", 1, 100))
    many = counted.apply("--file", sources("many", 300, 1000))
    entries = counted.apply(*(word for n in range(20) for word in ("--file", sources(f"entry-{n}", 5, 100))))

    assert one.tasks == many.tasks == entries.tasks == TASKS
    assert one.connections == many.connections == entries.connections == 1
    assert one.sessions == many.sessions == entries.sessions
    assert one.sessions <= 2  # the probe, and one execution on the host


def test_a_large_payload_costs_a_constant_number_more_of_sessions_and_no_task(counted, sources):
    one = counted.apply("--file", sources("large", 1, 2_000_000))
    many = counted.apply("--file", sources("larger", 500, 20_000))

    assert one.tasks == many.tasks == TASKS
    assert one.connections == many.connections == 1
    assert one.sessions == many.sessions <= 9


def test_nothing_due_starts_no_task_and_costs_one_session(counted, sources):
    words = ("--file", sources("same", 50, 1000))
    counted.apply(*words)

    again = counted.apply(*words)

    assert (again.tasks, again.connections, again.sessions) == ([], 1, 1)


def test_what_a_probe_starts_on_the_host_does_not_depend_on_how_many_files_it_looks_at(counted, sources):
    few, many = sources("three", 3, 100), sources("hundreds", 1000, 4096)
    counted.apply("--file", few, "--file", many)

    def processes(*words: object) -> int:
        # A shell's own number is the next one in the host's PID namespace. Source: pid_namespaces(7).
        before = int(counted.host.run("echo $$").stdout)
        assert mngr_ansible("plan", *words, *on(counted.host)).returncode == 0
        return int(counted.host.run("echo $$").stdout) - before

    assert processes("--file", few) <= 75
    assert processes("--file", many) <= 85
    assert processes("--file", few, *(word for each in ("git", "curl", "tar") for word in ("--package", each))) <= 130


def test_one_changed_file_of_a_thousand_travels_alone(counted, sources, tmp_path):
    words = ("--file", sources("thousand", 1000, 4096))
    whole = counted.apply(*words)
    (tmp_path / "thousand" / "7" / "777").write_bytes(os.urandom(4096))

    changed = counted.apply(*words)

    assert whole.sent > 4_000_000
    assert changed.sent < 300_000
    assert changed.tasks == TASKS
