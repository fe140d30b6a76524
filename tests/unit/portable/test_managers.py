"""The table of package managers: what a plain name is, and the commands."""

from __future__ import annotations

import shlex
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr_ansible.portable import managers


@pytest.mark.parametrize(
    "name", ["git", "g++", "c++", "fd-find", "libstdc++6", "python3.11", "0ad", "dvd+rw-tools", "r-base"]
)
def test_a_plain_name_is_accepted(name: str) -> None:
    assert managers.name_problem("apt", name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "one name"),
        ("a", "too short"),
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
