"""``apply`` that is ended while Ansible waits for its playbook, when it gets it, and when it ends: nothing is left."""

from __future__ import annotations

import os
import signal
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.support.command_line import argv, mngr_ansible
from tests.support.interrupted_runs import cut_off
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGKILL: -9}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state directory of the command, and a program whose version it asks in vain for a long time."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    slow = tmp_path / "bin" / "slowtool"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    (tmp_path / "x").write_text("x")
    return tmp_path / "state" / "mngr-ansible"


def playbooks(state: Path) -> list[Path]:
    return list(state.glob("runs/run-*/run/project/provision.yml"))


def ours(state: Path) -> list[psutil.Process]:
    """The processes of this state directory: the supervisor, Ansible and its workers work in it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd().startswith(str(state)) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def waits(state: Path) -> bool:
    """Whether Ansible has come to its playbook: the kernel says that it waits for somebody who writes into a fifo."""
    for process in ours(state):
        with suppress(OSError):
            if Path(f"/proc/{process.pid}/wchan").read_text() == "wait_for_partner":
                return True
    return False


def starts(state: Path) -> bool:
    return any("ansible_playbook.py" in word for each in ours(state) for word in words_of(each))


def words_of(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def has_playbook(state: Path) -> bool:
    return any(stat.S_ISREG(each.stat().st_mode) for each in playbooks(state))


@pytest.mark.timed
@pytest.mark.parametrize(
    ("moment", "end"),
    [
        (starts, signal.SIGINT),
        (starts, signal.SIGKILL),
        (waits, signal.SIGTERM),
        (waits, signal.SIGKILL),
        (has_playbook, signal.SIGHUP),
        (has_playbook, signal.SIGKILL),
    ],
)
def test_nothing_of_it_is_left_and_the_next_run_ends_well(
    tmp_path: Path, state: Path, moment: Callable[[Path], bool], end: signal.Signals
) -> None:
    words = ["apply", "--file", f"{tmp_path}/x:{tmp_path}/y"]
    slow = ["--package", "slowtool>=2"] if moment is not has_playbook else []

    code, said, _ = cut_off(argv(*words, *slow), lambda: moment(state), lambda process: process.send_signal(end))

    assert code == CODES[end], said
    assert "Traceback" not in said
    wait_until(lambda: not ours(state), 10)
    if end is not signal.SIGKILL:
        assert list((state / "runs").glob("run-*")) == []
    again = mngr_ansible(*words)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "y").read_text() == "x"
