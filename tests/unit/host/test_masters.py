"""How the masters of ssh connections end. The real ones are in ``hosts/test_connection``."""

from __future__ import annotations

import socket
import struct
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.host import masters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GREETING = struct.pack(">III", 8, 0x00000001, 4)
TERMINATE = struct.pack(">III", 8, 0x10000005, 0)


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="m-", dir="/tmp") as made:  # a socket's path must be short
        yield Path(made)


@contextmanager
def master(path: Path, on_words: Callable[[bytes], bool]) -> Iterator[None]:
    """A master as OpenSSH's: it greets, reads, and exits if ``on_words`` says so: its connections, then its socket."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(GREETING)
            words = b""
            while len(words) < len(GREETING + TERMINATE) and (more := connection.recv(100)):
                words += more
            has_exited = on_words(words)
            if words and not has_exited:
                connection.recv(1)
        if has_exited:
            time.sleep(0.05)
            path.unlink()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def test_every_master_is_told_before_any_is_waited_for(directory: Path) -> None:
    told: list[bytes] = []
    all_are_told = threading.Barrier(20)

    def when_all_are(words: bytes) -> bool:
        told.append(words)
        all_are_told.wait(30)
        return True

    with ExitStack() as running:
        for number in range(20):
            running.enter_context(master(directory / f"{number:040}", when_all_are))
        has_ended = masters.end_masters(directory, 30)

    assert has_ended
    assert told == [GREETING + TERMINATE] * 20


def test_more_masters_than_descriptors_end_too(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masters, "_AT_ONCE", 3)
    with ExitStack() as running:
        for number in range(8):
            running.enter_context(master(directory / f"{number:040}", lambda _: True))

        assert masters.end_masters(directory, 30)


def test_a_master_that_does_not_exit_is_not_waited_for_longer_than_said_and_is_told_of(directory: Path) -> None:
    with master(directory / "hangs", lambda _: False), master(directory / "exits", lambda _: True):
        assert not masters.end_masters(directory, 0.1)
        assert [each.name for each in directory.iterdir()] == ["hangs"]


def test_what_a_dead_master_left_is_no_reason_to_wait(directory: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "dead"))

    assert masters.end_masters(directory, 30)


def test_where_there_was_no_connection_nothing_is_done(directory: Path) -> None:
    assert masters.end_masters(directory, 30)
