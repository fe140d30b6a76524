"""Private directories of one run, and those that killed runs left behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mngr_ansible.system.tempdirs import private_directory, socket_directory

LONGEST_ON_MACOS = 103
KILLED = """
import os, signal, sys
from pathlib import Path
from mngr_ansible.system.tempdirs import private_directory
with private_directory(Path(sys.argv[1]), "mngr-ansible-") as directory:
    (directory / "socket").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_socket_s_path_fits_on_macos_and_its_directory_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with socket_directory() as directory:
        assert len(os.fsencode(f"{directory}/{'c' * 40}.{'s' * 16}")) <= LONGEST_ON_MACOS
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert not directory.exists()


@pytest.mark.parametrize("name", ["a b", 'q"q', "p%d", "${X}", "back\\slash", "ü", "new\nline"])
def test_sockets_are_in_tmp_where_ssh_would_read_the_path_as_something_else(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as short:
        odd = Path(short, name)
        odd.mkdir(mode=0o700)
        for parent, expected in ((odd, Path("/tmp")), (Path(short), Path(short))):
            monkeypatch.setattr(tempfile, "tempdir", str(parent))
            with socket_directory() as directory:
                assert directory.parent == expected


def test_what_a_killed_run_left_is_removed_after_a_minute_and_nothing_else_is(tmp_path: Path) -> None:
    def killed() -> Path:
        before = set(tmp_path.iterdir())
        done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
        (left,) = set(tmp_path.iterdir()) - before
        return left

    dead, young, foreign = killed(), killed(), tmp_path / "mngr-ansible-notes"
    link = tmp_path / "mngr-ansible-deadlink"
    foreign.mkdir()
    link.symlink_to(foreign)
    with private_directory(tmp_path, "mngr-ansible-") as living:
        for path in (dead, foreign, living):
            os.utime(path, (1, 1))
        os.utime(link, (1, 1), follow_symlinks=False)
        with private_directory(tmp_path, "mngr-ansible-") as another:
            assert set(tmp_path.iterdir()) == {young, foreign, link, living, another}
