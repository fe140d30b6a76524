"""What a file holds is shown if every user of the host may read it, as decided on the descriptor that is read."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.host import contents
from mngr_ansible.host.connection import ShellResult
from tests.support.builders import write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}


class Shell:
    """This machine through one shell."""

    is_local, variables = True, {}

    def __init__(self, argv: Sequence[str]) -> None:
        self.argv = list(argv)

    def holds(self, script: str) -> bool:
        return bool(script)

    def run(self, script: str, timeout: float) -> ShellResult:
        done = subprocess.run(self.argv, input=os.fsencode(script), capture_output=True, timeout=timeout)
        return ShellResult(done.stdout.decode(), done.stderr.decode(), done.returncode)

    def stop(self) -> None:
        """Nothing runs."""


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> Shell:
    argv = SHELLS[request.param]
    if not shutil.which(argv[0]):
        pytest.skip(f"{argv[0]} is not installed here")
    return Shell(argv)


def shown(shell: Shell, *paths: Path) -> list[bytes | None]:
    found = contents.fetch_contents(shell, [str(path) for path in paths], as_root=os.geteuid() == 0)
    return [found.get(str(path)) for path in paths]


def test_files_and_the_targets_of_links_are_shown(shell: Shell, tmp_path: Path) -> None:
    data = bytes(range(256)) * 3
    names = ["plain", "it's odd\n$HOME", "-dash", "empty"]
    for name in names:
        (tmp_path / name).write_bytes(data if name != "empty" else b"")
    (tmp_path / "link").symlink_to("a b")

    found = shown(shell, *(tmp_path / name for name in names), tmp_path / "link", tmp_path / "none", tmp_path)

    assert found == [data, data, data, b"", b"-> a b", None, None]


def test_what_is_too_large_is_not_shown(shell: Shell, tmp_path: Path) -> None:
    most = write(tmp_path / "most", "a" * contents.LARGEST)
    more = write(tmp_path / "more", "a" * (contents.LARGEST + 1))
    assert shown(shell, most, more) == [b"a" * contents.LARGEST, None]


def _link_the_parent(top: Path) -> None:
    (top / "there").rename(top / "away")
    (top / "there").symlink_to("private")


def _link_above(top: Path) -> None:
    (top / "private/there").mkdir()
    write(top / "private/there/file", "secret")
    top.rename(top.with_name("away"))
    top.symlink_to("away/private")


def _link_the_file(top: Path) -> None:
    (top / "there/file").unlink()
    (top / "there/file").symlink_to("../private/file")


def _close_the_file(top: Path) -> None:
    (top / "there/file").write_text("secret")
    (top / "there/file").chmod(0o640)


def _device(top: Path) -> None:
    (top / "there/file").unlink()
    (top / "there/file").symlink_to("/dev/zero")


def _fifo(top: Path) -> None:
    (top / "there/file").unlink()
    os.mkfifo(top / "there/file")


CHANGES = [_link_the_parent, _link_above, _link_the_file, _close_the_file, _device, _fifo]


@pytest.mark.parametrize("change", CHANGES)
def test_what_somebody_puts_there_before_it_is_read_is_not_shown(
    shell: Shell, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    top = tmp_path / "top"
    write(top / "there/file", "public")
    write(top / "private/file", "secret")
    (top / "private").chmod(0o700)
    assert shown(shell, top / "there/file") == [b"public"]

    change(top)

    assert b"secret" not in (shown(shell, top / "there/file")[0] or b"")


def test_a_file_that_is_exchanged_all_the_time_is_never_shown_with_what_is_private(
    shell: Shell, tmp_path: Path
) -> None:
    write(tmp_path / "there/file", "public")
    write(tmp_path / "private/file", "secret")
    (tmp_path / "private").chmod(0o700)
    storm = """
while :; do
  ln -s private n; mv -fT n there 2>/dev/null || { mv there away; mv -T n there; }
  ln -s ../private/file away/m; mv -f away/m away/file
  rm there; mv away there
  mkfifo there/m; mv -f there/m there/file; echo public >there/m; mv -f there/m there/file
done"""
    attacker = subprocess.Popen(["/bin/sh", "-c", storm], cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        began = time.monotonic()
        found = set()
        while time.monotonic() - began < 6:
            found.update(shown(shell, *[tmp_path / "there/file"] * 10))
    finally:
        attacker.kill()
        attacker.wait()
    assert found <= {b"public", b"public\n", b"", None, b"-> ../private/file"}
