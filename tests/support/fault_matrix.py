"""A matrix of faults: many runs side by side; what each left is inspected at its end and once more later."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import psutil

from tests.support.builders import let_everyone_enter
from tests.support.command_line import argv
from tests.support.hosts import cache_directory
from tests.support.processes import started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pytest

    from tests.support.hosts import SshHost

LATER = 30
"""Seconds after the last exit until everything is inspected again: what still runs by itself shows only then."""

WAYS = {"program": {}, "module": {"MNGR_ANSIBLE_PIPELINING": "off"}}
"""The environment of a run whose tasks are programs, and of one whose tasks are modules that are uploaded first."""

_OURS = r"""
ps -eo args 2>/dev/null | grep -E 'AnsiballZ|ansible-tmp|mngr_files|mngr_packages|[.]mngr-ansible|zlib[.]decompress' |
  grep -v grep
find /root /home /tmp /var/tmp /srv -name '.mngr-ansible*' -o -name 'ansible-tmp-*' 2>/dev/null
true
"""


@dataclass(frozen=True)
class Case:
    """One run: the words after the program's name, and what happens meanwhile."""

    name: str
    words: Sequence[object]
    host: SshHost | None = None
    watched: str = ""
    """A directory of the host: what it holds must not change after the exit."""
    meanwhile: Callable[[subprocess.Popen[str]], object] | None = None
    env: dict[str, str] = field(default_factory=dict)
    prefix: Sequence[str] = ()
    """What the command is run by, such as ``ip netns exec NAME``."""


@dataclass(frozen=True)
class Seen:
    """The result of one run: at its end and, in ``later`` and ``left_later``, some time after it."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    state: str = ""
    left: str = ""
    later: str = ""
    left_later: str = ""

    @property
    def said(self) -> str:
        return self.stdout + self.stderr

    @property
    def running_later(self) -> list[str]:
        """The processes of ours that the host had then."""
        return [line for line in self.left_later.splitlines() if not re.match("/(root|home|tmp|var|srv)/", line)]


def place_for_big(factory: pytest.TempPathFactory, mebibytes: int) -> Path:
    """A directory that a host's users may enter, with a file ``big`` in it that takes a while to send."""
    work = factory.mktemp("work")
    let_everyone_enter(work)
    with (work / "big").open("wb") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(1 << 20))
    return work


def hold_up(host: SshHost, program: str) -> None:
    """Make a program of the host wait 15 s, with the file ``/tmp/begun``, as long as there is no ``/tmp/held``."""
    slow = f'[ -e /tmp/held ] || {{ touch /tmp/begun; sleep 15; }}; exec /usr/bin/{program} "$@"'
    host.run(f"cat >/usr/local/bin/{program}; chmod 755 /usr/local/bin/{program}", stdin=f"#!/bin/sh\n{slow}\n")


def run_all(cases: Sequence[Case], home: Path, *, at_once: int = 3, later: float = LATER) -> dict[str, Seen]:
    """Run every case, each with a home of its own below this one; wait ``later`` seconds, and inspect the hosts again.

    One matrix runs at a time, also beside other workers: its cases must end within times that are promised.

    Raises:
        AssertionError: a process with one of these homes still runs then.
    """
    cases = [replace(case, env={**environment(home / case.name), **case.env}) for case in cases]
    with _turn(), ThreadPoolExecutor(at_once) as pool:
        first = dict(zip([case.name for case in cases], pool.map(_run, cases), strict=True))
    time.sleep(later)
    for case in cases:
        if case.host is not None and case.host.is_running:
            state, left = _look(case.host, case.watched)
            first[case.name] = replace(first[case.name], later=state, left_later=left)
    assert [line for case in cases for line in ours_here(home / case.name)] == []
    return first


@contextmanager
def _turn() -> Iterator[None]:
    """Wait until no other worker runs a matrix; the kernel gives the turn back when a worker dies."""
    with (cache_directory() / "fault-matrix.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wait_on_host(host: SshHost, condition: str, process: subprocess.Popen[str]) -> None:
    """Return when a shell condition holds on the host, when the process has ended, or after 100 s."""
    limit = time.monotonic() + 100
    while host.run(condition, check=False).returncode and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.05)


def run_again(
    cases: Sequence[Case], home: Path, *, prepare: str = "true"
) -> dict[str, subprocess.CompletedProcess[str]]:
    """Run every case once more to its end, without a fault; ``prepare`` is sh code that each host runs before."""

    def run(case: Case) -> subprocess.CompletedProcess[str]:
        assert case.host is not None
        case.host.run(f"touch /tmp/held; {prepare}", check=False)
        env = {**environment(home / case.name), **case.env}
        command = [*case.prefix, "env", *(f"{name}={value}" for name, value in env.items()), *argv(*case.words)]
        return subprocess.run(
            command, capture_output=True, text=True, errors="backslashreplace", stdin=subprocess.DEVNULL, timeout=120
        )

    with ThreadPoolExecutor(3) as pool:
        return dict(zip([case.name for case in cases], pool.map(run, cases), strict=True))


def environment(home: Path) -> dict[str, str]:
    """What gives a run a home of its own."""
    home.mkdir(parents=True, exist_ok=True)
    places = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "CACHE", "DATA", "STATE")}
    return {"HOME": str(home), **places}


def _run(case: Case) -> Seen:
    begin = time.monotonic()
    command = [*case.prefix, *argv(*case.words)]
    with started(command, env={**os.environ, **case.env}) as process:
        if case.meanwhile is not None:
            case.meanwhile(process)
        stdout, stderr = process.communicate(timeout=180)
    seen = Seen(process.returncode, stdout, stderr, time.monotonic() - begin)
    if case.host is None or not case.host.is_running:
        return seen
    state, left = _look(case.host, case.watched)
    return replace(seen, state=state, left=left)


def _look(host: SshHost, watched: str) -> tuple[str, str]:
    listing = f"find {watched} -xdev -printf '%p %T@ %s %m\\n' 2>/dev/null | sort; " if watched else ""
    return host.run(f"{listing}true", check=False).stdout, host.run(_OURS, check=False).stdout


def ours_here(home: Path) -> list[str]:
    """The processes on this machine that have this home: the command, Ansible, its supervisor, ssh and its masters."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get("HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
    return found
