"""What killed commands left on this machine is removed by a later one, after a minute."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from mngr_ansible.run.places import remove_what_killed_runs_left, temporary_run_directory
from mngr_ansible.system.state_directory import state_directory, write_state_file


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / "state" / "mngr-ansible"


def test_what_killed_commands_left_is_removed_after_a_minute_and_nothing_else_is(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "replace", lambda *_: os._exit(0))
    for name in ("settled", "hashes"):
        directory = state_directory(name)
        for number in range(2):
            if (child := os.fork()) == 0:
                write_state_file(directory / f"file{number}", b"data")
            os.waitpid(child, 0)
        assert len(list(directory.iterdir())) == 2
        os.utime(next(directory.glob(".file0.*")), (1, 1))
        (directory / "kept").write_text("old")
        os.utime(directory / "kept", (1, 1))
    dead = state_directory("runs") / "run-abcdefgh"
    dead.mkdir()
    os.mkfifo(dead / "provision.yml")
    with temporary_run_directory() as living:
        for each in (dead, living):
            os.utime(each, (1, 1))

        remove_what_killed_runs_left()

        assert [each.name for each in (state / "runs").iterdir()] == [living.name]
    for name in ("settled", "hashes"):
        assert sorted(each.name[:6] for each in (state / name).iterdir()) == [".file1", "kept"]


def test_where_nothing_was_kept_no_directory_is_made(state: Path) -> None:
    remove_what_killed_runs_left()
    assert not state.exists()


def test_where_the_disk_of_the_state_directory_is_full_a_run_is_in_the_temporary_directory(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=0 if state in Path(path).parents else 9))
    with temporary_run_directory() as directory:
        assert directory.parent == state.parent.parent
