"""Where ssh's sockets are."""

from __future__ import annotations

import os
import stat
import tempfile
from typing import TYPE_CHECKING

from mngr_ansible.sockets import socket_directory

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LONGEST_ON_MACOS = 103


def test_a_socket_fits_on_macos_and_its_directory_is_its_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with socket_directory() as directory:
        assert len(os.fsencode(f"{directory}/{'c' * 40}.{'s' * 16}")) <= LONGEST_ON_MACOS
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert not directory.exists()


def test_what_killed_runs_left_goes_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="s-", dir="/tmp") as parent:
        monkeypatch.setattr(tempfile, "tempdir", parent)
        names = ("mngr-ansible-deadbeef", "mngr-ansible-young_1x", "mngr-ansible-in_use_x", "mngr-ansible-notes")
        dead, young, used, foreign = (os.path.join(parent, name) for name in names)
        for path in (dead, young, f"{used}/socket", foreign):
            os.makedirs(path)
        for path in (dead, used, foreign):
            os.utime(path, (1, 1))
        with socket_directory() as directory:
            assert str(directory.parent) == parent
        assert sorted(os.listdir(parent)) == sorted(map(os.path.basename, (young, used, foreign)))
