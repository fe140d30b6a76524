"""Which temporary directories of other runs are removed, and which are not."""

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
    cleaned: list[str] = []

    def clean(directory: str) -> None:
        cleaned.append(directory)
        (Path(directory) / "upload").unlink(missing_ok=True)

    dead_runs.sweep(str(own), clean)

    assert cleaned == [str(own), str(other)]
    assert not other.exists()
