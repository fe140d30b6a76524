"""A command that is refused contacts no host: connections are counted."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from mngr_ansible import FileTransferSpec, MngrAnsibleError, PackageRequirement, PluginMngrError, hookimpl, provision
from tests.support.command_line import mngr_ansible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Counted:
    """An address at which connections are counted, and closed at once."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.connections = 0
        self._thread = threading.Thread(target=self._count)
        self._thread.start()

    def _count(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                if connection.recv(1, socket.MSG_PEEK) == b"\n":
                    return
                self.connections += 1

    def end(self) -> None:
        """Count what has connected until now, and no more."""
        with socket.create_connection(self._socket.getsockname()) as last:
            last.sendall(b"\n")
        self._thread.join()
        self._socket.close()


@pytest.fixture
def counted() -> Iterator[Counted]:
    found = Counted()
    yield found
    if found._thread.is_alive():
        found.end()


@pytest.mark.parametrize("verb", [("apply",), ("plan",), ("render", "out")])
def test_where_a_source_is_missing_nothing_connects(counted: Counted, tmp_path: Path, verb: tuple[str, ...]) -> None:
    words = [*verb, "--file", "gone:x", "--file", "lost:y", "--host", counted.address, "--host", "build-1.invalid"]

    done = mngr_ansible(*words, cwd=tmp_path)

    counted.end()
    assert counted.connections == 0
    assert done.returncode != 0
    assert "gone" in done.stderr
    assert "lost" in done.stderr


class Refusing:
    @hookimpl
    def on_before_agent_provisioning(self) -> None:
        raise PluginMngrError("not here")


class Naming:
    @hookimpl
    def provision_agent(self) -> list[PackageRequirement]:
        return [PackageRequirement("-git")]


class Sending:
    def __init__(self, source: str) -> None:
        self.source = source

    @hookimpl
    def get_provision_file_transfers(self) -> list[FileTransferSpec]:
        return [FileTransferSpec(self.source, "~/x")]


@pytest.mark.parametrize(
    ("plugin", "words"),
    [(Refusing(), "not here"), (Naming(), "-git"), (Sending("/nonexistent/gone"), "gone")],
    ids=["a plugin says no", "a name is an option", "a source is missing"],
)
def test_where_a_plugin_or_what_it_needs_is_refused_nothing_connects(
    counted: Counted, plugin: object, words: str
) -> None:
    with pytest.raises(MngrAnsibleError, match=words):
        provision([counted.address], plugins=[plugin])

    counted.end()
    assert counted.connections == 0


def test_what_is_right_connects(counted: Counted) -> None:
    report = provision([counted.address], files=[f"{__file__}:~/x"])

    counted.end()
    assert not report.ok
    assert counted.connections > 0
