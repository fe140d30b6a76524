"""Destinations that need care: mounted files, read-only file systems, homes that are links, mirrors, living sources."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.builders import let_everyone_enter, tree, write
from tests.support.command_line import document, mngr_ansible, on, statuses
from tests.support.hosts import SshHost, User, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREPARE = """
mkdir -p /mounted "/mount ed" /ro /mirror/kept /srv/real /srv/home
for file in /mounted/f "/mount ed/a b"; do echo theirs >"$file"; mount --bind /etc/hostname "$file"; done
ln -s /mounted /way
mount -t tmpfs -o ro tmpfs /ro
mount -t tmpfs tmpfs /mirror/kept
echo 1 >/mirror/kept/inner; touch /mirror/a /mirror/b; mkdir /mirror/sub; touch /mirror/sub/c
ln -s /srv/real /srv/link
echo theirs >/srv/immutable; chattr +i /srv/immutable; echo theirs >"/srv/a log"; chattr +a "/srv/a log"
useradd -M -d /srv/linked -s /bin/sh linked; chown linked /srv/home; ln -s /srv/home /srv/linked
"""
MOUNTED = "is a file that is mounted there, which cannot be replaced"
BLOCKED = {
    "/mounted/f": f"/mounted/f {MOUNTED}",
    "/mount ed/a b": f"/mount ed/a b {MOUNTED}",
    "/way/f": f"/way/f {MOUNTED}",
    "/ro/new/x": "/ro/new is on a file system that is read-only; use another destination",
    "/srv/immutable": "/srv/immutable is immutable: somebody protected it with chattr +i",
    "/srv/a log": "/srv/a log is append-only: somebody protected it with chattr +a",
    "/bin": "/bin is a link to a directory; give the full file name, such as /bin/file",
    "/srv/real": "/srv/real is a directory; give the full file name, such as /srv/real/file",
    "/root": "/root is the home directory; give the full file name, such as /root/file",
    "/etc/passwd/x": "/etc/passwd is not a directory, so nothing can be put below it; use another destination",
}


@pytest.fixture(scope="module")
def host(_hosts_are_possible: None) -> Iterator[SshHost]:
    with running(layer="python", users=(User("dev"),), name="places") as made:
        made.run(PREPARE)
        yield made


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("sources")
    let_everyone_enter(top)
    write(top / "file")
    tree(top / "tree", "one", "sub/two")
    (top / "empty" / "directory").mkdir(parents=True)
    return top


def manifest(directory: Path, *files: dict[str, Any]) -> list[str]:
    return ["--manifest", str(write(directory / "manifest.json", json.dumps({"files": files})))]


@pytest.fixture(scope="module")
def blocked(host: SshHost, sources: Path) -> dict[str, dict[str, Any]]:
    """The steps of one plan, by destination."""
    files = [{"local_path": str(sources / "file"), "remote_path": each} for each in BLOCKED if each != "/way/f"]
    files.append({"local_path": str(sources / "file"), "remote_path": "/mount ed/new"})
    done = mngr_ansible("plan", "--json", *manifest(sources, *files), *on(host))
    return {step["id"].partition(":")[2]: step for step in document(done)["hosts"][0]["steps"]}


@pytest.mark.parametrize("destination", [each for each in BLOCKED if each != "/way/f"])
def test_what_cannot_be_written_is_blocked_in_the_plan_with_a_remedy_that_does_no_harm(
    blocked: dict[str, dict[str, Any]], destination: str
) -> None:
    step = blocked[destination]
    assert step["status"] == "blocked"
    assert step["reason"].startswith(BLOCKED[destination])
    assert "move" not in step["reason"]


def test_beside_a_mounted_file_everything_works(blocked: dict[str, dict[str, Any]]) -> None:
    assert blocked["/mount ed/new"]["status"] == "missing"


def test_a_mounted_file_behind_a_link_is_known(host: SshHost, sources: Path) -> None:
    done = mngr_ansible("plan", "--json", "--file", f"{sources}/file:/way/f", *on(host))
    (step,) = document(done)["hosts"][0]["steps"]
    assert (step["status"], step["reason"].startswith(BLOCKED["/way/f"])) == ("blocked", True)


def test_the_same_content_in_a_mounted_file_is_fine(host: SshHost, tmp_path: Path) -> None:
    write(tmp_path / "f", host.run("cat /mounted/f").stdout)
    done = mngr_ansible("plan", "--json", "--file", f"{tmp_path}/f:/mounted/f", *on(host))
    assert statuses(done) == {"file:/mounted/f": "ok"}


def test_a_home_that_is_a_link_is_followed_and_stays_a_link(host: SshHost, sources: Path) -> None:
    login = host.as_user("linked")
    one = mngr_ansible("apply", "--json", "--file", f"{sources}/tree:~", *on(login))
    other = mngr_ansible("plan", "--json", "--file", f"{sources}/tree:.", *on(login))
    assert (statuses(one), statuses(other)) == ({"file:/srv/linked": "changed"}, {"file:/srv/linked": "ok"}), one.stderr
    assert host.run("readlink /srv/linked; cat /srv/home/sub/two").stdout == "/srv/home\ncontent"


def test_a_work_dir_that_is_a_link_is_followed(host: SshHost, sources: Path) -> None:
    words = ("--file", f"{sources}/tree:.", "--work-dir", "/srv/link", *on(host))
    assert statuses(mngr_ansible("apply", "--json", *words)) == {"file:/srv/link": "changed"}
    assert host.run("readlink /srv/link; cat /srv/real/one").stdout == "/srv/real\ncontent"


def test_a_mirror_of_an_empty_source_needs_an_answer_and_says_before_what_it_deletes(
    host: SshHost, sources: Path
) -> None:
    words = [
        *manifest(sources, {"local_path": str(sources / "empty"), "remote_path": "/mirror", "mirror": True}),
        *on(host),
    ]

    planned = mngr_ansible("plan", *words)
    refused = mngr_ansible("apply", *words)
    assert "4 to delete" in planned.stdout.splitlines()[1]
    assert "its source is empty, and a mirror of it would delete 4 paths" in planned.stdout
    assert (refused.returncode, host.run("ls /mirror").stdout) == (1, "a\nb\nkept\nsub\n")

    done = mngr_ansible("apply", *words, "--yes")
    assert done.returncode == 0, done.stdout
    assert "deleting in /mirror: 4 (sub/c, a, b, …)" in done.stderr
    assert "4 deleted" in done.stdout
    assert host.run("cd /mirror; find . | sort").stdout.split() == [".", "./directory", "./kept", "./kept/inner"]
    again = mngr_ansible("plan", "--json", *words)
    assert statuses(again) == {"file:/mirror": "ok"}


def test_a_file_that_a_program_appends_to_all_the_time_arrives_with_its_directory(
    host: SshHost, tmp_path: Path
) -> None:
    let_everyone_enter(tmp_path)
    history = write(tree(tmp_path / "agent", "settings") / "history.jsonl", "line\n" * 100_000)
    (tmp_path / "agent" / "cache").mkdir()
    is_over = threading.Event()

    def live() -> None:
        count = 0
        with history.open("ab", buffering=0) as file:
            while not is_over.wait(0.001):
                count += 1
                file.write(b"line\n" * 100)
                write(tmp_path / "agent" / "cache" / str(count))
                os.unlink(tmp_path / "agent" / "cache" / str(count))

    program = threading.Thread(target=live)
    program.start()
    try:
        done = mngr_ansible("apply", "--json", "--file", f"{tmp_path}/agent:/srv/agent", *on(host))
    finally:
        is_over.set()
        program.join()

    assert (done.returncode, statuses(done)) == (0, {"file:/srv/agent": "changed"}), done.stdout
    assert host.run("cat /srv/agent/settings").stdout == "content"
    sent = host.run("cat /srv/agent/history.jsonl").stdout
    assert (sent[:500_000], set(sent.split("\n"))) == ("line\n" * 100_000, {"line", ""})
