"""However a run is cut off, every destination is wholly old or wholly new, and the next run finishes the job."""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command_line import argv, mngr_ansible, on
from tests.support.fault_matrix import WAYS, ours_here
from tests.support.interrupted_runs import copied, cut_off, leftovers, look, moments, versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.hosts import SshHost

MOMENTS = {"program": 7, "module": 3}
"""At how many random moments a run is cut off."""
AT_ONCE = 2
SETTLED = 12
"""Seconds after the exit by which nothing more happens on the host."""
LATER = 31
"""Seconds after the exit until the host is inspected once more."""


def wanted(source: Path, host: SshHost) -> list[str]:
    return ["apply", "--file", f"{source}:/srv/tree", *on(host)]


def has_new(host: SshHost, new: Path) -> bool:
    """Whether the first small file has taken its place."""
    return (host.root_path / "srv/tree/sub/f000").stat().st_mode & 0o777 == 0o755 and new.exists()


def is_being_written(host: SshHost) -> bool:
    """Whether a temporary stands beside the big file."""
    return any(name.startswith(".mngr-ansible-") for name in os.listdir(host.root_path / "srv/tree"))


def kill_controller(process: subprocess.Popen[str], host: SshHost) -> None:
    process.kill()


def kill_connections(process: subprocess.Popen[str], host: SshHost) -> None:
    host.signal_connections()


@pytest.fixture
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have tasks sent in the way that a test names."""
    for name, value in WAYS[request.param].items():
        monkeypatch.setenv(name, value)
    return str(request.param)


@pytest.mark.parametrize("way", WAYS, indirect=True)
@pytest.mark.parametrize("cut", [kill_controller, kill_connections])
def test_a_run_that_is_cut_off_leaves_old_or_new_and_the_next_one_finishes(
    ssh_host: Callable[..., SshHost],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cut: Callable[[subprocess.Popen[str], SshHost], None],
    way: str,
) -> None:
    old, new = versions(tmp_path, files=300, size=3000, big=30 << 20)
    before, after = look(old), look(new)
    hosts = [ssh_host(layer="python", name=f"host{number}") for number in range(MOMENTS[way] + 3)]
    for host in hosts:
        copied(old, host, "/srv/tree")
    home = tmp_path / "home"  # of the runs alone: the hosts are there already
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    measured = hosts.pop()
    since = time.monotonic()
    assert mngr_ansible(*wanted(new, measured)).returncode == 0
    duration = time.monotonic() - since
    first, second, *others = hosts
    plan: list[tuple[SshHost, object]] = [
        (first, lambda: is_being_written(first)),
        (second, lambda: has_new(second, new)),
        *zip(others, moments(MOMENTS[way], duration * 1.2), strict=True),
    ]

    def attempt(case: tuple[SshHost, object]) -> tuple[int, str, float, dict[str, tuple[str, int]]]:
        host, moment = case
        code, said, end = cut_off(
            argv(*wanted(new, host)),
            moment,  # type: ignore[arg-type]
            lambda process: cut(process, host),
        )
        time.sleep(max(0, end + SETTLED - time.monotonic()))
        return code, said, end, look(host.root_path / "srv/tree")

    with ThreadPoolExecutor(AT_ONCE * 2) as pool:
        ends = list(pool.map(attempt, plan))

    assert ours_here(home) == []
    mixed = 0
    for host, (code, said, end, seen) in zip(hosts, ends, strict=True):
        assert "Traceback" not in said
        assert seen.keys() == before.keys()
        assert [name for name in seen if seen[name] not in (before[name], after[name])] == [], said
        if code == 0:
            assert seen == after, said
        mixed += seen not in (before, after)
        time.sleep(max(0, end + LATER - time.monotonic()))
        assert look(host.root_path / "srv/tree") == seen, "something went on after the end of the run"

    for host in hosts:  # a module that was cut off before it was started goes after a day
        host.run("find /root/.mngr-ansible-* -exec touch -d '2 days ago' {} +", check=False)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        finished = list(pool.map(lambda host: mngr_ansible(*wanted(new, host)), hosts))
    for host, done, (*_, seen) in zip(hosts, finished, ends, strict=True):
        assert done.returncode == 0, done.stderr
        assert look(host.root_path / "srv/tree") == after
        if seen != after:  # where all was written already, the next run changes nothing, so it runs nothing there
            assert leftovers(host, "/srv") == []
    print(f"cut off within {duration:.1f} s: exit codes {[code for code, *_ in ends]}, {mixed} of them in part done")


def test_what_was_cut_off_before_its_first_byte_goes_with_the_next_run(
    ssh_host: Callable[..., SshHost], tmp_path: Path
) -> None:
    host = ssh_host(layer="python")
    (tmp_path / "file").write_text("x")
    host.run("cd /root; for n in 1 2; do mkdir -p .mngr-ansible-000000000000000$n/ansible-tmp-$n; done")
    host.run("touch -d '1 minute ago' /root/.mngr-ansible-0000000000000001/ansible-tmp-1")
    host.run("touch -d '1 minute ago' /root/.mngr-ansible-0000000000000001")
    host.run("cd /root/.mngr-ansible-0000000000000002; touch -d '5 minutes' ansible-tmp-2 .")

    done = mngr_ansible("apply", "--file", f"{tmp_path}/file:/srv/x", *on(host))

    assert done.returncode == 0, done.stderr
    assert leftovers(host, "/srv") == ["/root/.mngr-ansible-0000000000000002"]


class Place:
    """A small file system on a host, with an old version of a tree in it."""

    def __init__(self, host: SshHost, path: str, options: str, old: Path) -> None:
        self.host = host
        self.path = path
        host.run(f"mkdir -p {path} && mount -t tmpfs -o {options},mode=755 none {path}")
        host.run(f"mkdir {path}/tree")
        copied(old, host, f"{path}/tree")

    def look(self) -> dict[str, tuple[str, int]]:
        return look(Path(f"{self.host.root_path}{self.path}/tree"))

    def remount(self, options: str) -> None:
        self.host.run(f"mount -o remount,{options} {self.path}")


def refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    """The run failed with one message that has a cause and a remedy."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    for word in said:
        assert word in done.stdout + done.stderr, done.stdout + done.stderr


FULL = ("size=5m", "size=64m", ("free", "run again"))


@pytest.mark.parametrize(
    ("way", "options", "room", "said"),
    [
        ("program", *FULL),
        ("module", *FULL),
        ("program", "size=64m,nr_inodes=30", "nr_inodes=1000", ("files", "run again")),
        ("program", "size=64m", "rw", ("read-only", "run again")),
    ],
    ids=["full", "full-module", "no-inodes", "read-only"],
    indirect=["way"],
)
@pytest.mark.usefixtures("way")
def test_a_place_that_takes_nothing_keeps_the_old_and_takes_it_later(
    ssh_host: Callable[..., SshHost], tmp_path: Path, options: str, room: str, said: tuple[str, ...]
) -> None:
    old, new = versions(tmp_path, files=20, size=2000, big=3 << 20)
    host = ssh_host(layer="python")
    place = Place(host, "/srv/place", options, old)
    if room == "rw":
        place.remount("ro")
    words = ["apply", "--file", f"{new}:/srv/place/tree", *on(host)]

    done = mngr_ansible(*words)

    print(done.stdout, done.stderr)
    refused(done, *said)
    assert place.look() == look(old)
    assert leftovers(host, "/srv") == []
    place.remount(room)
    again = mngr_ansible(*words)
    assert again.returncode == 0, again.stderr
    assert place.look() == look(new)
    assert leftovers(host, "/srv") == []


FILLER = """
import os, time
while not any(name.startswith(".mngr-ansible-") for name in os.listdir("/srv/place/tree")):
    time.sleep(0.0005)
end = 0
with open("/srv/place/filler", "wb") as file:
    for part in (1 << 24, 1 << 20, 1 << 16, 1 << 12):
        try:
            while True:
                os.posix_fallocate(file.fileno(), end, part)
                end += part
        except OSError:
            pass
"""


@pytest.mark.parametrize("way", WAYS, indirect=True)
@pytest.mark.usefixtures("way")
def test_a_file_system_that_fills_up_meanwhile_keeps_the_old(ssh_host: Callable[..., SshHost], tmp_path: Path) -> None:
    old, new = versions(tmp_path, files=5, size=2000, big=30 << 20)
    host = ssh_host(layer="python")
    place = Place(host, "/srv/place", "size=64m", old)
    words = ["apply", "--file", f"{new}:/srv/place/tree", *on(host)]

    with ThreadPoolExecutor(1) as pool:
        filler = pool.submit(host.run, f"python3 -c '{FILLER}'", timeout=300)
        done = mngr_ansible(*words)
        filler.result()

    print(done.stdout, done.stderr)
    refused(done, "full", "run again")
    before, after, seen = look(old), look(new), place.look()
    assert [name for name in seen if seen[name] not in (before[name], after[name])] == []
    assert seen["big"] == before["big"]
    assert leftovers(host, "/srv") == []
    host.run("rm /srv/place/filler")
    assert mngr_ansible(*words).returncode == 0
    assert place.look() == after


def with_little_room(tmp_path: Path, size: str, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command whose temporary files, here, have this much room."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    mount = f'mount -t tmpfs -o size={size} none {temporary} && exec "$@"'
    own = ["unshare", "--mount", "sh", "-c", mount, "sh", *argv(*words)]
    places = {"TMPDIR": str(temporary), "XDG_STATE_HOME": str(temporary)}
    return subprocess.run(own, capture_output=True, text=True, env={**os.environ, **places}, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(("way", "size"), [("program", "12k"), ("module", "1m"), ("module", "2m")], indirect=["way"])
@pytest.mark.usefixtures("way")
def test_a_full_temporary_directory_here_stops_the_run_before_anything_is_replaced(
    ssh_host: Callable[..., SshHost], tmp_path: Path, size: str
) -> None:
    old, new = versions(tmp_path, files=20, size=2000, big=3 << 20)
    host = ssh_host(layer="python")
    copied(old, host, "/srv/tree")

    done = with_little_room(tmp_path, size, wanted(new, host))

    print(done.stdout, done.stderr)
    refused(done, "space", "un again")
    assert look(host.root_path / "srv/tree") == look(old)
    assert leftovers(host, "/srv") == []
    assert mngr_ansible(*wanted(new, host)).returncode == 0
    assert look(host.root_path / "srv/tree") == look(new)


def test_what_comes_as_a_program_needs_little_room_here_and_none_in_the_hosts_temporary_directory(
    ssh_host: Callable[..., SshHost], tmp_path: Path
) -> None:
    _, new = versions(tmp_path, files=20, size=2000, big=6 << 20)
    host = ssh_host(layer="python")
    host.run("mount -t tmpfs -o size=4k,mode=700 none /root; rm -rf /tmp; touch /tmp")

    done = with_little_room(tmp_path, "4m", wanted(new, host))

    assert done.returncode == 0, done.stderr
    assert look(host.root_path / "srv/tree") == look(new)


@pytest.mark.parametrize("way", ["module"], indirect=True)
@pytest.mark.parametrize("size", ["4k", "512k"])
@pytest.mark.usefixtures("way")
def test_a_full_temporary_directory_on_the_host_stops_the_run_before_anything_is_replaced(
    ssh_host: Callable[..., SshHost], tmp_path: Path, size: str
) -> None:
    old, new = versions(tmp_path, files=20, size=2000, big=3 << 20)
    host = ssh_host(layer="python")
    copied(old, host, "/srv/tree")
    host.run(f"mount -t tmpfs -o size={size},mode=700 none /root")

    done = mngr_ansible(*wanted(new, host))

    print(done.stdout, done.stderr)
    refused(done, "space", "un again")
    assert look(host.root_path / "srv/tree") == look(old)
    assert leftovers(host, "/srv") == []
    host.run("mount -o remount,size=64m /root")
    again = mngr_ansible(*wanted(new, host))
    assert again.returncode == 0, again.stderr
    assert look(host.root_path / "srv/tree") == look(new)
    assert leftovers(host, "/srv") == []
