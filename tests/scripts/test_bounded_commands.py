"""A host's command with a bound of time, as the package managers are run, with real shells and programs."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from mngr_ansible.portable import managers
from tests.support.waiting import wait_until


def test_a_command_that_is_out_of_time_is_stopped_with_its_children(tmp_path: Path) -> None:
    began = time.monotonic()
    script = f"sleep 1000 & echo $! >{tmp_path}/child; wait"
    done = subprocess.run(managers.bounded(["sh", "-c", script], 3), check=False)
    assert done.returncode == 124
    assert time.monotonic() - began < 60
    child = Path("/proc", (tmp_path / "child").read_text().strip(), "stat")

    def is_over() -> bool:
        try:
            return child.read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    wait_until(is_over)


@pytest.mark.skipif(not shutil.which("busybox"), reason="busybox is not here")
@pytest.mark.parametrize("leader", [[], ["setsid"]], ids=["a child", "the first of its group, as below sudo"])
def test_with_busyboxs_setsid_and_timeout_a_command_is_waited_for_and_stopped_in_time(
    tmp_path: Path, leader: list[str]
) -> None:
    for applet in ("setsid", "timeout", "true", "sleep"):
        (tmp_path / applet).symlink_to(shutil.which("busybox") or "")
    env = {"PATH": str(tmp_path)}
    first = [*leader, *managers.bounded(["/bin/sh", "-c", "read -r line; sleep 0.3; echo $line; exit 7"], 60)]
    ended = subprocess.run(first, env=env, input="given", capture_output=True, text=True, check=False)
    begin = time.monotonic()
    stopped = subprocess.run(managers.bounded(["/bin/sh", "-c", "sleep 1000 & wait"], 1), env=env, check=False)

    assert (ended.returncode, ended.stdout) == (7, "given\n")
    assert stopped.returncode == 124
    assert time.monotonic() - begin < 60


def test_where_a_host_has_neither_setsid_nor_timeout_a_command_runs_without_a_bound(tmp_path: Path) -> None:
    command = managers.bounded(["/bin/sh", "-c", "echo done; exit 3"], 60)
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "done\n")
