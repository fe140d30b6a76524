"""What the role ``mngr_files`` does with owners, backups, mirrors, leftovers and full disks, on this machine."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders import let_everyone_enter
from tests.support.controller import ROLES, Controller, leftovers, mode, put

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="gives files away and mounts file systems: needs root")
UTILITIES = ROLES / "mngr_files" / "module_utils"
DEAD, LIVE = ".mngr-ansible-0123456789abcdef", ".mngr-ansible-fedcba9876543210"


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(tmp_path / "controller")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB with room for 20 files."""
    directory = tmp_path / "small"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=20", "tmpfs", directory], check=True)
    yield directory
    subprocess.run(["umount", "-l", directory], check=True)


def source(controller: Controller, **files: str) -> str:
    for name, text in files.items():
        put(controller.directory / "source" / name, text.encode())
    return "source"


def backups(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if ".mngr-backup-" in path.name)


def test_an_owner_is_that_of_files_directories_links_and_missing_parents(controller: Controller, out: Path) -> None:
    source(controller, a="a")
    (controller.directory / "source" / "l").symlink_to("a")
    transfer = {"local_path": "source", "remote_path": f"{out}/new/d", "owner": "1234", "group": "daemon"}

    run = controller.run([transfer])

    assert run.code == 0, run.output
    owners = {(path.lstat().st_uid, path.lstat().st_gid) for path in (out, *out.rglob("*"))}
    assert owners == {(1234, 1)}
    assert controller.run([transfer]).result["changed"] is False


def test_a_user_that_the_host_does_not_know_is_refused_before_anything_changes(
    controller: Controller, out: Path
) -> None:
    transfer = {"local_path": source(controller, a="a", b="b"), "remote_path": str(out), "owner": "nobody-knows"}

    run = controller.run([transfer])

    assert "none on this host" in run.reason(f"file:{out}")
    assert not out.exists()


def test_a_wrong_owner_is_corrected_and_the_file_is_never_more_readable(controller: Controller, out: Path) -> None:
    put(out / "a", b"a", 0o666)
    transfer = {
        "local_path": f"{source(controller, a='a')}/a",
        "remote_path": f"{out}/a",
        "owner": "1234",
        "mode": "0640",
    }
    inode = (out / "a").stat().st_ino

    assert controller.run([transfer]).statuses == {f"file:{out}/a": "changed"}
    assert (mode(out / "a"), (out / "a").stat().st_uid, (out / "a").stat().st_ino) == (0o640, 1234, inode)


def test_a_secret_that_is_there_already_in_a_file_of_another_user_is_written_anew(
    controller: Controller, out: Path
) -> None:
    put(out / "a", b"a", 0o600)
    put(out / "in-theirs" / "a", b"a", 0o600)
    for path in (out / "a", out / "in-theirs", out / "in-theirs" / "a"):
        os.chown(path, 1234, 1234)
    given = {"local_path": f"{source(controller, a='a')}/a", "is_secret": True}
    transfers = [{**given, "remote_path": f"{out}/{name}"} for name in ("a", "in-theirs/a")]

    assert controller.run(transfers).statuses == {f"file:{out}/a": "changed", f"file:{out}/in-theirs/a": "ok"}
    assert ((out / "a").stat().st_uid, mode(out / "a")) == (0, 0o600)
    assert controller.run(transfers).result["changed"] is False


def test_with_keep_existing_files_stay_and_missing_ones_are_written(controller: Controller, out: Path) -> None:
    put(out / "a", b"theirs", 0o604)
    (out / "b").symlink_to("nowhere")
    transfer = {"local_path": source(controller, a="1", b="2", c="3"), "remote_path": str(out), "if_exists": "keep"}

    assert controller.run([transfer]).code == 0
    assert ((out / "a").read_text(), mode(out / "a")) == ("theirs", 0o604)
    assert ((out / "b").is_symlink(), (out / "c").read_text()) == (True, "3")


def test_a_backup_is_a_second_name_of_what_was_replaced(controller: Controller, out: Path) -> None:
    long = "x" * 255
    put(out / "a", b"theirs", 0o604)
    put(out / long, b"long")
    (out / "l").symlink_to("nowhere")
    put(out / "same", b"same", 0o600)
    before = (out / "a").stat().st_ino
    files = {"a": "ours", long: "ours", "l": "ours", "same": "same"}
    transfer = {
        "local_path": source(controller, **files),
        "remote_path": str(out),
        "if_exists": "backup",
        "mode": "0644",
    }

    first, second = controller.run([transfer]), controller.run([transfer])

    assert (first.code, second.result["changed"]) == (0, False), first.output
    found = {path.name.partition(".mngr-backup-")[0]: path for path in backups(out)}
    assert found.keys() == {"a", "l", "x" * 226}
    assert (found["a"].stat().st_ino, mode(found["a"]), found["a"].read_text()) == (before, 0o604, "theirs")
    assert os.readlink(found["l"]) == "nowhere"
    assert (mode(out / "same"), (out / "a").read_text()) == (0o644, "ours")


def test_two_backups_of_one_second_have_two_names(controller: Controller, out: Path) -> None:
    put(out / "a", b"theirs")
    stamps = [time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + after)) for after in range(30)]
    for stamp in stamps:
        put(out / f"a.mngr-backup-{stamp}", b"older")
    transfer = {"local_path": f"{source(controller, a='ours')}/a", "remote_path": f"{out}/a", "if_exists": "backup"}

    assert controller.run([transfer]).code == 0
    (newest,) = [path for path in backups(out) if path.read_text() == "theirs"]
    assert newest.name.endswith("-1")


def test_a_mirror_deletes_what_no_transfer_sends_and_nothing_else(controller: Controller, out: Path) -> None:
    for name in ("a", "stale", "dir/sub/stale", "theirs/b", "x.mngr-backup-20260101T000000Z", "theirs/stale"):
        put(out / name)
    transfer = {"local_path": source(controller, a="a"), "remote_path": str(out), "mirror": True}
    other = {"local_path": "source/a", "remote_path": f"{out}/theirs/b"}

    check = controller.run([transfer, other], "--check", "--diff")
    assert (out / "stale").exists()
    assert {each["before_header"] for each in check.result["diff"] if each.get("after") == "nothing\n"} >= {
        f"{out}/stale"
    }
    assert controller.run([transfer, other]).code == 0
    left = sorted(str(path.relative_to(out)) for path in out.rglob("*"))
    assert left == ["a", "theirs", "theirs/b", "x.mngr-backup-20260101T000000Z"]
    assert controller.run([transfer, other]).result["changed"] is False


def test_a_mirror_with_backups_renames_instead_of_deleting(controller: Controller, out: Path) -> None:
    put(out / "dir" / "stale", b"theirs")
    transfer = {"local_path": source(controller, a="a"), "remote_path": str(out), "mirror": True, "if_exists": "backup"}

    assert controller.run([transfer]).code == 0
    (backup,) = backups(out)
    assert (backup.parent.name, backup.read_text()) == ("dir", "theirs")


def test_a_mirror_of_an_empty_source_deletes_nothing_unless_it_is_said_that_it_may_be_empty(
    controller: Controller, out: Path
) -> None:
    put(out / "a")
    put(out / "sub" / "b")
    (controller.directory / "source" / "directory").mkdir(parents=True)
    transfer = {"local_path": "source", "remote_path": str(out), "mirror": True}

    refused = controller.run([transfer])
    assert "the source of its mirror is empty, and 3 paths in it would be deleted" in refused.reason(f"file:{out}")
    assert sorted(each.name for each in out.rglob("*")) == ["a", "b", "sub"]
    assert controller.run([{**transfer, "may_be_empty": True}]).code == 0
    assert [each.name for each in out.rglob("*")] == ["directory"]
    assert controller.run([transfer]).result["changed"] is False


def test_a_mirror_of_the_home_or_of_a_file_is_refused(controller: Controller) -> None:
    source(controller, a="a")
    home = {"local_path": "source", "remote_path": "~/", "mirror": True}
    assert "a mirror would empty it" in controller.run([home]).output
    assert controller.home.joinpath(".keep").exists()
    file = {"local_path": "source/a", "remote_path": "~/a", "mirror": True}
    assert "mirror needs a directory" in controller.run([file]).output
    both = {"local_path": "source", "remote_path": "~/d", "mirror": True, "if_exists": "keep"}
    assert "contradicts" in controller.run([both]).output


def test_leftovers_of_dead_runs_are_removed_and_files_of_running_ones_stay(controller: Controller, out: Path) -> None:
    put(out / DEAD)
    put(out / LIVE)
    (out / ".mngr-ansible-00000000deadbeef").symlink_to("nowhere")
    put(out / ".mngr-ansible-notes")
    uploads = controller.home / ".ansible" / "tmp"
    old = put(uploads / "ansible-tmp-1-dead" / "mngr-ansible-bundle")
    new = put(uploads / "ansible-tmp-2-live" / "mngr-ansible-bundle")
    other = put(uploads / "ansible-tmp-3-other" / "AnsiballZ_x.py")
    unsent, unsent_yet = uploads / "ansible-tmp-4-dead", uploads / "ansible-tmp-5-live"
    unsent.mkdir()
    unsent_yet.mkdir()
    for path in (old, other, other.parent, unsent):
        os.utime(path, (0, 0))
    with (out / LIVE).open("rb") as live:
        fcntl.flock(live, fcntl.LOCK_EX)
        run = controller.run([{"local_path": source(controller, a="a"), "remote_path": str(out)}])

    assert run.code == 0, run.output
    assert {path.name for path in out.iterdir()} == {"a", LIVE, ".mngr-ansible-notes"}
    assert (old.parent.exists(), new.exists(), other.exists()) == (False, True, True)
    assert (unsent.exists(), unsent_yet.exists()) == (False, True)


@pytest.mark.parametrize("is_many", [False, True])
def test_without_free_space_nothing_is_changed_and_the_next_run_finishes(
    controller: Controller, small: Path, is_many: bool
) -> None:
    put(small / "old", b"old")
    files = {f"f{number}": "x" for number in range(30)} if is_many else {"big": "x" * (2 << 20)}
    transfer = {"local_path": source(controller, old="new", **files), "remote_path": str(small)}

    run = controller.run([transfer])

    assert run.code != 0
    words = "room for" if is_many else "free"
    assert words in run.reason(f"file:{small}"), run.reason(f"file:{small}")
    assert (os.listdir(small), (small / "old").read_text()) == (["old"], "old")
    subprocess.run(["mount", "-o", "remount,size=8m,nr_inodes=100", small], check=True)
    assert controller.run([transfer]).code == 0
    assert ((small / "old").read_text(), leftovers(small)) == ("new", [])


def test_a_read_only_file_system_is_reported_in_plain_words(controller: Controller, small: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)

    run = controller.run([{"local_path": f"{source(controller, a='a')}/a", "remote_path": f"{small}/a"}])

    assert "the file system is read-only" in run.reason(f"file:{small}/a")


def test_a_parent_of_one_transfer_that_another_one_sends_gets_the_mode_that_is_sent(
    controller: Controller, out: Path
) -> None:
    source(controller, a="a")
    (controller.directory / "source").chmod(0o711)
    transfers = [
        {"local_path": "source/a", "remote_path": f"{out}/d/sub/file"},
        {"local_path": "source", "remote_path": f"{out}/d", "owner": "1234"},
    ]

    assert controller.run(transfers).code == 0
    assert (mode(out / "d"), (out / "d").stat().st_uid) == (0o711, 1234)


def test_a_diff_shows_text_and_never_a_secret_or_a_private_file_of_the_host(controller: Controller, out: Path) -> None:
    files = {
        "text": "new\x1b[31m\n",
        "secret": "CANARY-1",
        "private": "after",
        "binary": "\0",
        "long": "x" * (300 << 10),
    }
    source(controller, **files)
    (controller.directory / "source" / "secret").chmod(0o600)
    put(out / "text", b"old\n")
    put(out / "secret", b"CANARY-2")
    put(out / "private", b"CANARY-3", 0o640)
    transfer = {"local_path": "source", "remote_path": str(out)}

    run = controller.run([transfer], "--check", "--diff")

    assert "CANARY" not in run.output + str(run.result)
    shown = "\n".join(str(each) for each in run.result["diff"])
    assert ("old" in run.output, "new\\x1b[31m" in run.output) == (True, True)
    assert [shown.count(words) for words in ("secret, not shown", "is private", "not text, or more")] == [1, 1, 2]
    assert "diff" not in controller.run([transfer], "--check").result


def test_a_mirror_follows_links_to_find_homes_and_what_other_transfers_send(controller: Controller, out: Path) -> None:
    real = put(out / "real" / "stale").parent
    (out / "link").symlink_to("real")
    transfer = {"local_path": source(controller, a="a"), "remote_path": str(real), "mirror": True}
    other = {"local_path": "source/a", "remote_path": f"{out}/link/b"}
    assert controller.run([transfer, other]).code == 0
    assert controller.run([transfer, other]).result["changed"] is False
    assert sorted(os.listdir(real)) == ["a", "b"]

    (out / "way-home").symlink_to(controller.home.parent)
    around = {"local_path": "source", "remote_path": f"{out}/way-home/home", "mirror": True}
    assert "a mirror would empty it" in controller.run([around]).output
    assert controller.home.joinpath(".keep").exists()


def test_a_temporary_file_of_a_dead_run_is_removed_even_if_its_owner_may_only_read_it(tmp_path: Path) -> None:
    directory = put(tmp_path / DEAD, mode=0o444).parent
    os.chown(directory, 1234, 1234)
    os.chown(directory / DEAD, 1234, 1234)
    let_everyone_enter(tmp_path)
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from utilities import mngr_files_directories as directories, mngr_files_temporaries as temporaries\n"
        "temporaries.Sweeper(()).sweep(directories.Directories().open(os.fsencode(sys.argv[2])))"
    )
    shutil.copytree(UTILITIES, tmp_path / "utilities")
    python = [shutil.which("python3", path="/usr/bin:/bin") or sys.executable, "-c", script, tmp_path, directory]
    subprocess.run(python, check=True, user=1234, group=1234, extra_groups=[])

    assert not (directory / DEAD).exists()


def test_a_sparse_file_arrives_whole(controller: Controller, out: Path) -> None:
    sparse = put(controller.directory / "sparse")
    with sparse.open("r+b") as file:
        file.seek(64 << 20)
        file.write(b"end")

    run = controller.run([{"local_path": "sparse", "remote_path": f"{out}/sparse"}])

    assert (run.code, (out / "sparse").stat().st_size) == (0, (64 << 20) + 3)
    assert subprocess.run(["cmp", sparse, out / "sparse"]).returncode == 0
