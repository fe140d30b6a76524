"""What other users of this machine can do to the files that a run makes here."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.errors import InputError
from mngr_ansible.run.directory import write_run_directory
from mngr_ansible.run.places import temporary_run_directory
from mngr_ansible.system.owners import why_unsafe
from mngr_ansible.system.tempdirs import private_directory, socket_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")


@pytest.fixture
def top() -> Iterator[Path]:
    """A directory of root's in /tmp that everybody may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def directory(path: Path, mode: int, owner: int = 0) -> Path:
    path.mkdir(parents=True)
    path.chmod(mode)
    os.chown(path, owner, owner)
    return path


def as_nobody(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    """Start a program of another user."""
    words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "/usr/bin/python3", "-c", code]
    return subprocess.Popen([*words, *map(str, arguments)])


@pytest.mark.parametrize(
    ("mode", "owner", "said"),
    [
        (0o755, 0, ""),
        (0o1777, 0, ""),
        (0o777, 0, "other users can write in"),
        (0o700, NOBODY, "belongs to another user"),
        (0o1777, NOBODY, "belongs to another user"),
    ],
)
def test_a_directory_is_safe_if_nobody_else_can_exchange_what_we_make_in_it(
    top: Path, mode: int, owner: int, said: str
) -> None:
    outer = directory(top / "outer", mode, owner)
    inner = directory(outer / "inner", 0o700)
    assert said in why_unsafe(outer)
    assert said in why_unsafe(inner)
    (top / "link").symlink_to(inner)
    assert said in why_unsafe(top / "link")
    assert bool(why_unsafe(outer)) == bool(said)


def test_a_group_of_ones_own_may_write(top: Path) -> None:
    assert why_unsafe(directory(top / "own", 0o775)) == ""


def test_where_others_could_exchange_it_the_state_directory_is_not_used(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = directory(top / "state", 0o777)
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    with temporary_run_directory() as made:
        assert made.parent == Path(os.path.realpath(tempfile.gettempdir()))
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_link_of_another_users_in_the_state_directory_is_neither_followed_nor_changed(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, victim = directory(top / "state", 0o1777), directory(top / "victim", 0o755)
    old = directory(victim / "run-abcdefgh", 0o755)
    os.utime(old, (1, 1))
    link = directory(state / "mngr-ansible", 0o755, NOBODY) / "runs"
    link.symlink_to(victim)
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    with temporary_run_directory() as made:
        assert not made.is_relative_to(victim)
    assert old.exists()
    assert stat.S_IMODE(victim.stat().st_mode) == 0o755


def test_what_is_missing_of_the_state_directory_is_made_for_its_user_alone(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(top / "a" / "b"))
    before = os.umask(0)
    try:
        with temporary_run_directory() as made:
            found = {stat.S_IMODE(each.stat().st_mode) for each in made.parents if each != top and top in each.parents}
    finally:
        os.umask(before)
    assert found == {0o700}


def test_a_temporary_directory_that_is_not_safe_is_not_used(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unsafe = directory(top / "t", 0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(unsafe))
    with socket_directory() as made:
        assert made.parent == Path("/tmp")
    with (
        pytest.raises(PermissionError, match="would not be safe, because other users can write in"),
        private_directory(unsafe, "x-"),
    ):
        pass


def test_a_run_is_not_rendered_into_a_directory_of_another_user(top: Path) -> None:
    theirs = directory(top / "theirs", 0o777, NOBODY)
    with pytest.raises(InputError, match="belongs to another user"):
        write_run_directory(theirs, [], {}, timeout=1)
    assert list(theirs.iterdir()) == []


SWAP = """
import os, sys, time
place, victim = sys.argv[1:]
names = [f"mngr-ansible-{number:08}" for number in range(40)]
end = time.monotonic() + 2
while time.monotonic() < end:
    for name in names:
        path = os.path.join(place, name)
        try:
            os.mkdir(path)
            os.utime(path, (1, 1))
            os.rmdir(path)
            os.symlink(victim, path)
            os.unlink(path)
            os.mkfifo(path)
            os.unlink(path)
        except OSError:
            pass
"""


def test_whoever_races_in_tmp_leads_the_removal_of_abandoned_directories_nowhere(top: Path) -> None:
    place, victim = directory(top / "tmp", 0o1777), directory(top / "victim", 0o755)
    (victim / "kept").touch()
    for each in (victim / "kept", victim):
        os.utime(each, (1, 1))
    attacker, longest = as_nobody(SWAP, place, victim), 0.0
    try:
        while attacker.poll() is None:
            started = time.monotonic()
            with private_directory(place, "mngr-ansible-") as made:
                status = made.stat()
                assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0o700)
            longest = max(longest, time.monotonic() - started)
    finally:
        attacker.kill()
        attacker.wait()
    assert (victim / "kept").exists()
    assert longest < 60, "nothing of theirs is waited for"
