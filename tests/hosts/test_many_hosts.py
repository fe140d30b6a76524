"""Many hosts at once: what they cost here, and that nothing of them is left.

They are users of one test host, each with its own home, connection and master. ``MNGR_ANSIBLE_MANY_HOSTS=200`` tries
more of them than a plain run does.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.hosts.test_costs import verbose
from tests.support.command_line import argv
from tests.support.hosts import SshHost, running
from tests.support.interrupted_runs import leftovers
from tests.support.processes import processes_with, started
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNT = int(os.environ.get("MNGR_ANSIBLE_MANY_HOSTS", "24"))
FEW = 64
"""Open files that a run is allowed: fewer than three a host."""

USERS = """
for n in $(seq {count}); do
  echo "u$n:x:$((20000+n)):100::/home/u$n:/bin/sh" >>/etc/passwd; echo "u$n:*:19000:0:99999:7:::" >>/etc/shadow
  mkdir /home/u$n; chown u$n:100 /home/u$n
done
"""


@dataclass(frozen=True)
class Done:
    """A finished run: its exit code and output, and the most memory of its main process, in KiB."""

    code: int
    output: str
    memory: int


class Fleet:
    """The users of a host as hosts."""

    def __init__(self, host: SshHost, directory: Path) -> None:
        self.host, self.directory = host, directory

    def words(self, *words: object, count: int = COUNT) -> list[str]:
        hosts = [word for n in range(1, count + 1) for word in ("--host", self.host.as_user(f"u{n}").address)]
        identity = ["--key", str(self.host.key), "--known-hosts", str(self.host.known_hosts)]
        return argv(*words, *hosts, *identity)

    def run(self, *words: object, count: int = COUNT) -> Done:
        output = self.directory / "output"
        with output.open("w") as file:
            process = subprocess.Popen(
                self.words(*words, count=count),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, FEW)),  # noqa: PLW1509
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        return Done(process.returncode, output.read_text(), used.ru_maxrss)

    @property
    def connections(self) -> int:
        return self._count("Accepted publickey")

    @property
    def sessions(self) -> int:
        return self._count("Starting session: ")

    def _count(self, words: str) -> int:
        return (self.host.directory / "log").read_text(errors="replace").count(words)


@pytest.fixture(scope="module")
def fleet(_hosts_are_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running(name="fleet") as host:
        verbose(host)
        host.run(USERS.format(count=COUNT))
        yield Fleet(host, tmp_path_factory.mktemp("fleet"))


def test_each_host_costs_one_connection_and_two_sessions_then_one_and_little_memory_with_few_open_files(
    fleet: Fleet,
) -> None:
    (fleet.directory / "file").write_text("content")
    words = ("apply", "--file", f"{fleet.directory}/file:file", "--verbose")
    two = fleet.run(*words, count=2)
    before = fleet.connections, fleet.sessions
    rest = fleet.run(*words)
    between = fleet.connections, fleet.sessions
    again = fleet.run(*words)

    assert two.code == rest.code == again.code == 0, rest.output
    assert fleet.host.run("cat /home/*/file").stdout == "content" * COUNT
    assert rest.output.count("task: Copy files") == 1
    assert between[0] - before[0] == COUNT
    assert between[1] - before[1] == COUNT + (COUNT - 2)  # the first two have the file already
    assert rest.memory - two.memory < (COUNT - 2) * 1024

    assert again.output.count("nothing to change") == COUNT
    assert (fleet.connections - between[0], fleet.sessions - between[1]) == (COUNT, COUNT)
    assert not processes_with(str(fleet.host.key))


@pytest.mark.parametrize("moment", ["while hosts are asked", "while Ansible runs"])
def test_one_ctrl_c_ends_all_and_leaves_nothing_here_or_there(fleet: Fleet, moment: str) -> None:
    source = fleet.directory / f"for {moment}"
    source.write_bytes(os.urandom(3_000_000))
    connections = fleet.connections
    with started(fleet.words("apply", "--file", f"{source}:large", "--verbose")) as process:
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
