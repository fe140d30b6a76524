"""Runs that fail or are ended: no secret is anywhere, and no process is left, here or on the host."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.hosts.test_files_leaks import ALL, CONTENT, SECRETS, files_on, files_with_hits, hits
from tests.support.builders import write
from tests.support.command_line import argv, mngr_ansible, on
from tests.support.fault_matrix import WAYS
from tests.support.hosts import AptRepository, SshHost, User
from tests.support.latency_proxy import distant
from tests.support.processes import started, witnessed
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHost

ENDS = ("ok", "failed", "timeout", "SIGINT", "SIGTERM", "SIGKILL", "lost")


def processes_of(host: SshHost) -> set[str]:
    """The command lines of the host's processes."""
    found = set()
    for process in psutil.Process(host.pid).children(recursive=True):
        try:
            found.add(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


@pytest.fixture
def host(ssh_host: StartHost, tmp_path: Path) -> SshHost:
    repository = AptRepository(tmp_path / "apt")
    for name, seconds in {"slow": 3, "slower": 15, "slowest": 40}.items():
        repository.add(name, "1", commands={name: f"echo {name} 1"}, postinst=f"touch /begun; sleep {seconds}")
    repository.add("broken", "1", commands={"broken": "echo broken 1"}, postinst="exit 1")
    made = ssh_host(layer="tools", users=(User("agent", "sudo"),), repository=repository, lists="fresh")
    made.run("chmod 777 /srv; touch /mark; sleep 0.1")
    return made.as_user("agent")


@pytest.mark.parametrize(
    ("way", "end"), [*(("program", end) for end in ENDS), *(("module", end) for end in ("failed", "SIGKILL", "lost"))]
)
def test_a_secret_is_found_nowhere_however_a_run_ends(host: SshHost, tmp_path: Path, way: str, end: str) -> None:
    sources, home, temporary = tmp_path / "sources", tmp_path / "home", tmp_path / "tmp"
    secret = write(sources / "secret", f"{CONTENT}\n" * 30, 0o600)
    for directory in (home, temporary):
        directory.mkdir()
    package = {"ok": "slow", "failed": "broken", "timeout": "slowest"}.get(end, "slower")
    words = ["apply", "-v", "--file", f"{secret}:/srv/there", "--package", package, *on(host)]
    words += ["--timeout", "25"] if end == "timeout" else []
    env = {
        **os.environ,
        **SECRETS,
        **WAYS[way],
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "XDG_STATE_HOME": str(home / "state"),
    }
    before_here, before_there = {process.pid for process in psutil.process_iter()}, processes_of(host)

    with witnessed(*ALL) as seen, started(argv(*words), stderr=subprocess.STDOUT, env=env) as process:
        if end.startswith("SIG") or end == "lost":
            wait_until(
                lambda: host.run("test -e /begun", check=False).returncode == 0 or process.poll() is not None, 60
            )
            if end == "lost":
                host.signal_connections()
            else:
                process.send_signal(getattr(signal, end))
        said, _ = process.communicate(timeout=60)

    assert (process.returncode == 0) is (end == "ok"), said
    assert seen() == []
    assert hits(said) == []
    wait_until(lambda: not new_here(before_here, home), 30)
    wait_until(lambda: processes_of(host) <= before_there, 90)
    assert files_with_hits(tmp_path, but=sources) == []
    assert end == "SIGKILL" or list(temporary.iterdir()) == []
    assert files_on(host) == ["/srv/there"]


@pytest.mark.parametrize(
    ("way", "end"),
    [
        *(("program", end) for end in ("timeout", "SIGTERM", "SIGKILL", "lost")),
        ("module", "SIGTERM"),
        ("module", "lost"),
    ],
)
def test_a_large_secret_that_is_cut_off_on_its_way_is_found_nowhere_when_the_next_run_is_done(
    host: SshHost, tmp_path: Path, way: str, end: str
) -> None:
    sources, home, temporary = tmp_path / "sources", tmp_path / "home", tmp_path / "tmp"
    secret = sources / "secret"
    sources.mkdir()
    secret.write_bytes(b"".join(os.urandom(1 << 16) + CONTENT.encode() for _ in range(640)))
    secret.chmod(0o600)
    for directory in (home, temporary):
        directory.mkdir()
    env = {
        **os.environ,
        **SECRETS,
        **WAYS[way],
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "XDG_STATE_HOME": str(home / "state"),
    }
    before_here, before_there = {process.pid for process in psutil.process_iter()}, processes_of(host)

    with distant(host, 600 if end == "timeout" else 100) as (far, _):
        words = ["apply", "-v", "--file", f"{secret}:/srv/there", *on(far)]
        words += ["--timeout", "9" if end == "timeout" else "90"]
        with witnessed(*ALL) as seen, started(argv(*words), stderr=subprocess.STDOUT, env=env) as process:
            wait_until(lambda: host.run(SENDING[way]).stdout or process.poll() is not None, 60)
            if end == "lost":
                host.signal_connections()
            elif end != "timeout":
                process.send_signal(getattr(signal, end))
            said, _ = process.communicate(timeout=90)

    assert end == "lost" or process.returncode != 0, said
    assert (seen(), hits(said)) == ([], [])
    wait_until(lambda: not new_here(before_here, home), 30)
    wait_until(lambda: processes_of(host) <= before_there, 90)
    assert files_with_hits(tmp_path, but=sources) == []
    assert end == "SIGKILL" or [name for name in files_on(host) if name != "/srv/there"] == []
    host.run("find /home/agent -path '*/.mngr-ansible*' -exec touch -d '1 minute ago' {} +")
    again = mngr_ansible("apply", "--file", f"{secret}:/srv/there", "--file", f"{__file__}:/srv/more", *on(host))
    assert again.returncode == 0, again.stderr
    assert files_on(host) == ["/srv/there"]


SENDING = {
    "program": "find /srv -name '.mngr-ansible-*' -size +1M",
    "module": "find /home/agent -name mngr-ansible-bundle -size +1M",
}
"""What the host has while the secret is on its way to it."""


def new_here(before: set[int], home: Path) -> list[str]:
    """The processes of this machine that have this home and did not run before."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            is_new = process.pid not in before and process.status() != psutil.STATUS_ZOMBIE
            if is_new and process.environ().get("HOME") == str(home):
                found.append(" ".join(process.cmdline()))
    return found


def test_a_library_call_leaves_no_process_thread_or_descriptor_behind(host: SshHost, tmp_path: Path) -> None:
    code = f"""
import os, threading, psutil, time
from mngr_ansible import provision
def state():
    return (len(os.listdir("/proc/self/fd")), sorted(t.name for t in threading.enumerate()),
        [c.pid for c in psutil.Process().children(recursive=True)])
words = dict(hosts={[host.address]!r}, key={str(host.key)!r}, known_hosts={str(host.known_hosts)!r})
provision(packages=["git"], **words)
before = state()
assert provision(files=["/etc/hostname:/srv/h"], packages=["slow"], **words).ok
assert not provision(packages=["broken"], **words).ok
assert not provision(["nobody@127.0.0.1:1"], packages=["git"]).ok
time.sleep(0.5)
after = state()
assert before == after, (before, after)
"""
    there = processes_of(host)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: processes_of(host) <= there, 30)
