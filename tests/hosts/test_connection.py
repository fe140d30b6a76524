"""The way to a host: what is left of it where we are killed, and what it writes here."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from mngr_ansible.provisioning.gathering import connect
from mngr_ansible.provisioning.request import Request
from mngr_ansible.provisioning.targets import open_targets
from tests.support.command_line import mngr_ansible, on
from tests.support.processes import processes_with, started
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHost
    from tests.support.hosts import SshHost

HELD = """
import sys
from mngr_ansible.provisioning.targets import open_targets
with open_targets([sys.argv[1]], key=sys.argv[2], known_hosts=sys.argv[3]) as (targets, path):
    targets[0].connection.run("true", 30)
    print(path.rpartition("/")[0], flush=True)
    targets[0].connection.run("sleep 60", 90)
"""


@pytest.mark.timed
def test_no_master_outlives_a_killed_caller_by_five_seconds_though_the_host_is_busy(shared_host: SshHost) -> None:
    command = [sys.executable, "-c", HELD, *on(shared_host)[1::2]]
    with started(command, stderr=None) as caller:
        assert caller.stdout is not None
        sockets = caller.stdout.readline().strip()
        wait_until(lambda: shared_host.run("pgrep -f '^sleep 60'", check=False).stdout)
        assert masters(sockets)
        caller.send_signal(signal.SIGKILL)
        wait_until(lambda: not masters(sockets), 5)
        wait_until(lambda: not processes_with(sockets), 20)


def masters(sockets: str) -> list[psutil.Process]:
    found = []
    for process in processes_with(sockets):
        with contextlib.suppress(psutil.Error):
            if "[mux]" in " ".join(process.cmdline()):
                found.append(process)
    return found


def test_a_host_that_shows_more_keys_gets_none_of_them_into_known_hosts(
    ssh_host: StartHost, home: Path, tmp_path: Path
) -> None:
    host = ssh_host(layer="python")
    host.run("ssh-keygen -q -t ecdsa -N '' -f /etc/ssh/second; echo HostKey /etc/ssh/second >>/etc/ssh/sshd_config")
    host.reload()
    (home / ".ssh").mkdir(mode=0o700)
    (home / ".ssh" / "config").write_text("Host *\n  UpdateHostKeys yes\n")
    (tmp_path / "x").write_text("x")
    before = host.known_hosts.read_bytes()

    done = mngr_ansible("apply", "--file", f"{tmp_path}/x:x", *on(host))

    assert done.returncode == 0, done.stderr
    assert host.known_hosts.read_bytes() == before


def test_a_key_and_known_hosts_are_found_by_any_name(ssh_host: StartHost, tmp_path: Path) -> None:
    host = ssh_host(layer="python")
    odd = tmp_path / 'a%h "b\\c'
    odd.mkdir()
    shutil.copy(host.key, odd / "key%u")
    shutil.copy(host.known_hosts, odd / "known%h")

    words = ["--host", host.address, "--key", odd / "key%u", "--known-hosts", odd / "known%h"]
    done = mngr_ansible("apply", "--file", f"{__file__}:/srv/x", *words)

    assert done.returncode == 0, done.stderr
    assert host.run("test -e /srv/x", check=False).returncode == 0


@pytest.fixture
def slow_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ssh that notes its words, and needs a minute to say what it would do."""
    program, log = tmp_path / "bin" / "ssh", tmp_path / "log"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >>{log}\nexec sleep 60.0417\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return log


def test_ssh_says_what_it_will_do_while_plugins_are_asked_and_is_not_waited_for_at_the_end(slow_ssh: Path) -> None:
    with open_targets(["build-1", "build-2"]) as (targets, _):
        wait_until(slow_ssh.exists)

    words = slow_ssh.read_text().splitlines()
    assert len(words) == 1 < len(targets)
    assert words[0].startswith("-G ")
    assert not processes_with("sleep 60.0417")


def test_ssh_connects_before_a_host_is_asked_and_the_shell_that_waits_there_runs_the_first_script(
    shared_host: SshHost,
) -> None:
    address, key, known_hosts = on(shared_host)[1::2]
    others = shells(shared_host)
    with open_targets([address], key=key, known_hosts=known_hosts) as (targets, _):
        connect(targets, Request(None))
        wait_until(lambda: shells(shared_host) - others)
        waiting = shells(shared_host) - others
        answers = [targets[0].connection.run("echo $$", 30).stdout for _ in range(2)]
        assert answers[0] in waiting
        assert answers[1] not in waiting

    wait_until(lambda: not shells(shared_host) & waiting)


def test_a_shell_that_waits_for_less_time_than_a_script_needs_is_ended_and_another_one_runs_it(
    shared_host: SshHost,
) -> None:
    address, key, known_hosts = on(shared_host)[1::2]
    others = shells(shared_host)
    with open_targets([address], key=key, known_hosts=known_hosts) as (targets, _):
        connect(targets, Request(None, timeout=1))
        wait_until(lambda: shells(shared_host) - others)
        waiting = shells(shared_host) - others
        assert targets[0].connection.run("echo $$", 30).stdout not in waiting
        wait_until(lambda: not shells(shared_host) & waiting)


def test_of_a_shell_that_nothing_was_asked_of_nothing_is_left(shared_host: SshHost) -> None:
    address, key, known_hosts = on(shared_host)[1::2]
    others, threads = shells(shared_host), threading.active_count()
    with open_targets([address], key=key, known_hosts=known_hosts) as (targets, _):
        connect(targets, Request(None))
        wait_until(lambda: shells(shared_host) - others)

    assert threading.active_count() == threads
    wait_until(lambda: not shells(shared_host) - others)


def shells(host: SshHost) -> set[str]:
    """The numbers of our shells on the host, each as ``echo $$`` prints it."""
    return set(host.run("pgrep -f '^/bin/sh -s mngr-ansible$'", check=False).stdout.splitlines(keepends=True))
