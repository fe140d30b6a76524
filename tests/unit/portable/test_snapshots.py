"""A file that another program writes to is read as it was at one moment. Every change here is made while it is read."""

import hashlib
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mngr_ansible.portable import snapshots

TEXT = b"first\n" * 1000


class Meddling(io.BytesIO):
    """A sink that changes the file each time that a part of it arrives."""

    def __init__(self, change: Callable[[], object], times: int = 1) -> None:
        super().__init__()
        self._change = change
        self._left = times

    def write(self, data: object) -> int:
        if self._left:
            self._left -= 1
            self._change()
        return super().write(data)  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(TEXT)
    return tmp_path / "file"


def append(file: Path) -> None:
    with file.open("ab") as opened:
        opened.write(b"more\n")


def rewrite(file: Path, number: list[int]) -> None:
    number[0] += 1
    file.write_bytes(b"%d" % number[0] * len(TEXT))


def test_a_file_that_nobody_writes_to_is_read_once(file: Path) -> None:
    sink = io.BytesIO()
    found = snapshots.read(str(file), sink)
    assert (found.sha256, found.is_changing) == (hashlib.sha256(TEXT).hexdigest(), False)
    assert (found.status.st_size, sink.getvalue()) == (len(TEXT), TEXT)


def test_a_file_that_grows_is_read_up_to_the_size_that_it_had(file: Path) -> None:
    sink = Meddling(lambda: append(file), times=100)
    found = snapshots.read(str(file), sink)
    assert (found.sha256, found.is_changing) == (hashlib.sha256(TEXT).hexdigest(), True)
    assert sink.getvalue() == TEXT


def test_a_file_that_is_written_anew_is_read_again(file: Path) -> None:
    count = [0]
    sink = Meddling(lambda: rewrite(file, count), times=2)
    found = snapshots.read(str(file), sink)
    assert found.sha256 == hashlib.sha256(b"2" * len(TEXT)).hexdigest()
    assert sink.getvalue() == b"2" * len(TEXT)


def test_a_log_that_is_cut_off_while_it_is_read_is_read_again(file: Path) -> None:
    found = snapshots.read(str(file), Meddling(lambda: os.truncate(file, 6)))
    assert (found.status.st_size, found.sha256) == (6, hashlib.sha256(b"first\n").hexdigest())


def test_a_file_that_is_replaced_under_its_name_is_read_whole(file: Path) -> None:
    (file.parent / "new").write_bytes(b"new")
    found = snapshots.read(str(file), Meddling(lambda: (file.parent / "new").replace(file)))
    assert found.sha256 == hashlib.sha256(TEXT).hexdigest()


def test_a_file_that_changes_each_time_is_given_up(file: Path) -> None:
    count = [0]
    with pytest.raises(snapshots.ChangingError):
        snapshots.read(str(file), Meddling(lambda: rewrite(file, count), times=100))
    assert count[0] <= 2 * snapshots.TRIES


def test_a_kernel_file_without_a_size_is_not_taken_for_an_empty_one() -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc")
    with pytest.raises(snapshots.ChangingError):
        snapshots.read("/proc/self/status")


def test_many_files_are_read_in_their_order_large_ones_at_the_same_time(tmp_path: Path) -> None:
    contents = [bytes([number]) * (1 << 20 if number % 3 else 10) for number in range(12)]
    paths = [tmp_path / str(number) for number in range(12)]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    paths[4].unlink()
    threads = threading.active_count()

    found = snapshots.read_all([str(each) for each in paths], [len(each) for each in contents])

    assert isinstance(found[4], FileNotFoundError)
    read = [each.sha256 for each in found if isinstance(each, snapshots.Snapshot)]
    assert read == [hashlib.sha256(each).hexdigest() for number, each in enumerate(contents) if number != 4]
    assert threading.active_count() == threads


def test_the_beginning_of_a_file_is_copied_whatever_was_added(file: Path) -> None:
    sink = io.BytesIO()
    append(file)
    assert snapshots.copy_beginning(str(file), len(TEXT), sink) == hashlib.sha256(TEXT).hexdigest()
    assert (sink.getvalue(), snapshots.copy_beginning(str(file), 10**6, sink)) == (TEXT, None)
