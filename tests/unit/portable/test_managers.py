"""The table of package managers: what a plain name is, and the commands."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr_ansible.portable import managers
from tests.support.waiting import wait_until


@pytest.mark.parametrize(
    "name", ["git", "g++", "c++", "fd-find", "libstdc++6", "python3.11", "0ad", "dvd+rw-tools", "r-base"]
)
def test_a_plain_name_is_accepted(name: str) -> None:
    assert managers.name_problem("apt", name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "one name"),
        ("a", "does not allow"),
        ("Git", "lower case, such as git"),
        ("gít", "does not allow"),
        ("git\n", "without blanks"),
        (" git", "without blanks"),
        ("git tmux", "without blanks"),
        ("git,tmux", "without blanks or commas"),
        ("git*", "pattern"),
        ("g?t", "pattern"),
        ("^git$", "pattern"),
        ("./git.deb", "path"),
        ("git/testing", "path"),
        ("https://example.org/x.deb", "path"),
        ("-y", "instruction"),
        ("--reinstall", "instruction"),
        ("git-", "instruction"),
        ("git+", "instruction"),
        ("git=2.39", "version"),
        ("git>=2", "version"),
        ("libc6:i386", "architecture"),
    ],
)
def test_anything_but_a_plain_name_is_refused(name: str, why: str) -> None:
    assert why in (managers.name_problem("apt", name) or "")


@given(st.text(max_size=12))
def test_an_accepted_name_has_no_meaning_to_a_shell_or_to_apt(name: str) -> None:
    if managers.name_problem("apt", name) is None:
        assert shlex.quote(name) == name
        assert name[0].isalnum()
        assert not name.endswith("-")


@pytest.mark.parametrize(
    ("privilege", "line"),
    [
        ("root", "apt-get install -y git tmux"),
        ("sudo", "sudo apt-get install -y git tmux"),
        ("doas", "doas apt-get install -y git tmux"),
        ("none", "apt-get install -y git tmux"),
    ],
)
def test_a_printed_command_has_sudo_only_if_it_is_needed(privilege: str, line: str) -> None:
    assert managers.command_line("apt", ["git", "tmux"], privilege) == line


def test_every_command_runs_without_questions_and_never_removes() -> None:
    row = managers.TABLE["apt"]
    assert "--no-remove" in row.install
    assert row.install[-1] == "--"
    assert not {"--allow-downgrades", "--force-yes", "--allow-change-held-packages"} & set(row.install)
    argv = managers.with_environment("apt", managers.waiting("apt", row.refresh, 7))
    assert argv[0] == "env"
    assert "DEBIAN_FRONTEND=noninteractive" in argv
    assert argv[argv.index("apt-get") + 1] == "--option=DPkg::Lock::Timeout=7"


@pytest.mark.skipif(not shutil.which("setsid"), reason="setsid is not here")
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


def test_no_hook_of_apt_asks_and_none_is_run_for_people() -> None:
    words = managers.with_environment("apt", ["apt-get"])
    assert {"APT_LISTBUGS_FRONTEND=none", "APT_LISTCHANGES_FRONTEND=none", "NEEDRESTART_MODE=l"} <= set(words)


def test_newer_lists_of_pacman_are_printed_only_with_an_upgrade_of_the_whole_system() -> None:
    assert managers.refresh_line("pacman", "sudo") == ""
    line = managers.command_line("pacman", ["git"], "sudo", is_refreshing=True)
    assert line == "sudo pacman -Syu --needed --noconfirm git"
    assert managers.command_line("pacman", ["git"], "sudo") == "sudo pacman -S --needed --noconfirm git"


def test_becoming_root_asks_no_question() -> None:
    assert managers.privileged(["id"], "sudo") == ["sudo", "-n", "id"]
    assert managers.privileged(["id"], "doas") == ["doas", "-n", "id"]
    assert managers.privileged(["id"], "root") == ["id"]
