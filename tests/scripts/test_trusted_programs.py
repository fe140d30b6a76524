"""What root may run: the rule in sh and the rule in Python say the same of every place."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.portable import trusted_programs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="it is about what root runs")
SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}
OTHER = 12345


def give(*paths: Path) -> None:
    for path in paths:
        os.lchown(path, OTHER, OTHER)


def _program_of_another(top: Path) -> None:
    give(top / "bin/tool")


def _directory_of_another(top: Path) -> None:
    give(top / "bin")


def _directory_above_of_another(top: Path) -> None:
    give(top)


def _writable_program(top: Path) -> None:
    (top / "bin/tool").chmod(0o757)


def _writable_directory(top: Path) -> None:
    (top / "bin").chmod(0o777)


def _group_with_a_member(top: Path) -> None:
    os.chown(top / "bin", 0, 1)  # daemon is the primary group of the user daemon
    (top / "bin").chmod(0o775)


def _link_of_another(top: Path) -> None:
    (top / "bin/tool").rename(top / "tool")
    (top / "bin/tool").symlink_to("../tool")
    give(top / "bin/tool")


def _link_through_a_directory_of_another(top: Path) -> None:
    (top / "bin/tool").rename(top / "tool")
    (top / "theirs").mkdir()
    (top / "theirs/link").symlink_to("../tool")
    (top / "bin/tool").symlink_to("../theirs/link")
    give(top / "theirs")


def _link_through_a_parent_that_is_a_link_of_another(top: Path) -> None:
    (top / "real").mkdir()
    (top / "bin/tool").rename(top / "real/tool")
    (top / "theirs").symlink_to("real")
    (top / "bin/tool").symlink_to("../theirs/tool")
    give(top / "theirs")


def _circle(top: Path) -> None:
    (top / "bin/tool").unlink()
    (top / "bin/tool").symlink_to("tool")


def _nothing(top: Path) -> None:
    (top / "bin/tool").unlink()


DISTRUSTED = [
    _program_of_another,
    _directory_of_another,
    _directory_above_of_another,
    _writable_program,
    _writable_directory,
    _group_with_a_member,
    _link_of_another,
    _link_through_a_directory_of_another,
    _link_through_a_parent_that_is_a_link_of_another,
    _circle,
    _nothing,
]


def _plain(top: Path) -> None:
    assert (top / "bin/tool").exists()


def _empty_group(top: Path) -> None:
    os.chown(top / "bin", 0, 54321)
    (top / "bin").chmod(0o2775)


def _sticky_above(top: Path) -> None:
    top.chmod(0o1777)


def _links_of_root(top: Path) -> None:
    (top / "bin/tool").rename(top / "tool")
    (top / "links").symlink_to("bin/../.")
    (top / "bin/tool").symlink_to(f"{top}/links/./tool")


TRUSTED = [_plain, _empty_group, _sticky_above, _links_of_root]


def judged(shell: list[str], path: Path) -> bool:
    script = f"{trusted_programs.SCRIPT}\nmngr_protect\nmngr_trusts_program '{path}'"
    done = subprocess.run(shell, input=script, text=True, capture_output=True)
    assert done.stderr == ""
    return done.returncode == 0


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    argv = SHELLS[request.param]
    if not shutil.which(argv[0]):
        pytest.skip(f"{argv[0]} is not installed here")
    return argv


@pytest.mark.parametrize("arrange", [*DISTRUSTED, *TRUSTED])
def test_root_runs_only_what_nobody_else_can_change(
    shell: list[str], tmp_path: Path, arrange: Callable[[Path], None]
) -> None:
    tool = tmp_path / "top/bin/tool"
    tool.parent.mkdir(parents=True)
    tool.write_text("\x7fELF")
    tool.chmod(0o755)
    arrange(tmp_path / "top")

    expected = arrange in TRUSTED
    assert (judged(shell, tool), trusted_programs.is_trusted(str(tool))) == (expected, expected)


def test_a_path_of_root_keeps_only_directories_that_nobody_else_can_change(tmp_path: Path) -> None:
    for name in ("mine", "theirs"):
        (tmp_path / name).mkdir()
    give(tmp_path / "theirs")
    path = f"{tmp_path}/theirs:relative::{tmp_path}/mine:/usr/bin"
    assert trusted_programs.trusted_path(path) == f"{tmp_path}/mine:/usr/bin"
    assert trusted_programs.trusted_path(f"{tmp_path}/theirs") == trusted_programs.SYSTEM_PATH
