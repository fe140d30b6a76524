"""Which temporary directories of other runs are removed, and which are not."""

import contextlib
import os
import time
from pathlib import Path

import pytest

from mngr_ansible.portable import dead_runs

OWN, OTHER = ".mngr-ansible-0123456789abcdef", ".mngr-ansible-fedcba9876543210"
DAY = 24 * 3600


def make(parent: Path, name: str, *, seconds: float, files: tuple[str, ...] = ()) -> Path:
    """A directory, with all that is in it, that was last changed so many seconds ago."""
    directory = parent / name
    directory.mkdir()
    for file in files:
        (directory / file).touch()
    then = time.time() - seconds
    for path in (*directory.iterdir(), directory):
        os.utime(path, (then, then))
    return directory


@pytest.mark.parametrize(
    ("seconds", "files", "is_removed"),
    [(60, (), True), (5, (), False), (60, ("a",), False), (DAY - 60, ("a",), False), (DAY + 60, ("a", "b"), True)],
)
def test_another_runs_directory_is_removed_when_it_is_empty_or_unchanged_for_a_day(
    tmp_path: Path, seconds: float, files: tuple[str, ...], is_removed: bool
) -> None:
    own = make(tmp_path, OWN, seconds=2 * DAY)
    other = make(tmp_path, OTHER, seconds=seconds, files=files)

    dead_runs.sweep(str(own))

    assert (own.exists(), other.exists()) == (True, not is_removed)


def test_a_directory_in_which_one_file_is_new_stays(tmp_path: Path) -> None:
    own = make(tmp_path, OWN, seconds=0)
    other = make(tmp_path, OTHER, seconds=2 * DAY, files=("old",))
    (other / "old").touch()

    dead_runs.sweep(str(own))

    assert other.exists()


def test_other_names_and_links_stay_and_a_directory_that_is_no_runs_own_removes_nothing(tmp_path: Path) -> None:
    own = make(tmp_path, OWN, seconds=0)
    stranger = make(tmp_path, ".mngr-ansible-notes", seconds=2 * DAY)
    (tmp_path / OTHER).symlink_to(stranger)

    dead_runs.sweep(str(own))
    dead_runs.sweep(str(stranger))

    assert stranger.exists()
    assert (tmp_path / OTHER).is_symlink()


def test_each_directory_is_cleaned_before_it_is_removed(tmp_path: Path) -> None:
    own = make(tmp_path, OWN, seconds=0)
    other = make(tmp_path, OTHER, seconds=60, files=("upload",))
    cleaned: list[int] = []

    def clean(directory: int) -> None:
        cleaned.append(os.fstat(directory).st_ino)
        with contextlib.suppress(FileNotFoundError):
            os.unlink("upload", dir_fd=directory)

    own_and_other = [own.stat().st_ino, other.stat().st_ino]
    dead_runs.sweep(str(own), clean)

    assert cleaned == own_and_other
    assert not other.exists()


def test_a_tree_is_removed_with_its_links_and_not_what_they_lead_to(tmp_path: Path) -> None:
    own = make(tmp_path, OWN, seconds=0)
    victim = make(tmp_path, "victim", seconds=0, files=("kept",))
    other = make(tmp_path, OTHER, seconds=0)
    (other / "link").symlink_to(victim)
    (other / "deep" / "deeper").mkdir(parents=True)
    (other / "deep" / "file").touch()
    for path in (other, other / "deep"):
        os.utime(path, (1, 1))
    os.utime(other / "link", (1, 1), follow_symlinks=False)

    dead_runs.sweep(str(own))

    assert not other.exists()
    assert (victim / "kept").exists()


def test_beside_a_link_to_a_home_the_directories_of_dead_runs_are_removed_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    make(home, OWN, seconds=0)
    other = make(home, OTHER, seconds=60)
    (tmp_path / "link").symlink_to(home)
    dead_runs.sweep(str(tmp_path / "link" / OWN))
    assert not other.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="acts as root beside another user")
@pytest.mark.parametrize(
    ("owner", "mode", "is_removed"), [(0, 0o755, True), (0, 0o1777, True), (0, 0o777, False), (1000, 0o755, False)]
)
def test_root_removes_nothing_where_another_user_can_give_its_directories_such_names(
    tmp_path: Path, owner: int, mode: int, is_removed: bool
) -> None:
    own = make(tmp_path, OWN, seconds=0)
    other = make(tmp_path, OTHER, seconds=2 * DAY, files=("roots",))
    tmp_path.chmod(mode)
    os.chown(tmp_path, owner, owner)
    dead_runs.sweep(str(own))
    assert other.exists() is not is_removed


@pytest.mark.skipif(os.geteuid() != 0, reason="makes files of another user")
def test_a_directory_of_another_user_is_neither_cleaned_nor_removed(tmp_path: Path) -> None:
    own = make(tmp_path, OWN, seconds=0)
    other = make(tmp_path, OTHER, seconds=2 * DAY)
    os.chown(other, 1000, 1000)
    cleaned: list[int] = []
    dead_runs.sweep(str(own), cleaned.append)
    assert len(cleaned) == 1
    assert other.exists()
