"""Where run directories are, and what is kept of a failed run."""

import json
import os
import stat
import time
from pathlib import Path

import pytest

from mngr_ansible.portable import marked_text
from mngr_ansible.run.archive import keep_failed_run
from mngr_ansible.run.places import temporary_run_directory
from mngr_ansible.run.runner import Event

SECRET = "s3cr3t-canary"


@pytest.fixture
def runs(home):
    return home / ".local/state/mngr-ansible/runs"


def made(runs: Path, content: str = "{}", **bounds: int) -> Path | None:
    with temporary_run_directory() as directory:
        (directory / "run/inventory").mkdir(parents=True)
        (directory / "run/inventory/host-1.json").write_text(content)
        (directory / "run/project/roles").mkdir(parents=True)
        (directory / "run/project/roles/main.yml").write_text("ours")
        return keep_failed_run(directory, [Event("failed", text=f"https://u:{SECRET}@host/x")], {"ok": False}, **bounds)


def test_only_its_owner_can_read_a_run_directory_and_it_is_removed_afterwards(runs):
    with temporary_run_directory() as directory:
        assert directory.parent == runs
        assert [stat.S_IMODE(each.stat().st_mode) for each in (runs, directory)] == [0o700, 0o700]
    assert list(runs.iterdir()) == []


def test_a_kept_run_is_private_and_has_no_role_no_password_and_no_hash_of_a_secret(runs):
    entry = {"path": "/x", "is_secret": True, "sha256": SECRET, "size": 7}
    given = {"files": [entry], "url": f"https://get.example/?token={SECRET}", "ansible_become_password": SECRET}
    kept = made(runs, json.dumps(given))
    assert kept is not None
    assert sorted(path.name for path in kept.rglob("*") if path.is_file()) == [
        "events.jsonl",
        "host-1.json",
        "report.json",
    ]
    assert SECRET not in "".join(path.read_text() for path in kept.rglob("*") if path.is_file())
    assert json.loads((kept / "inventory/host-1.json").read_text())["files"][0]["path"] == "/x"
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in [kept, *kept.rglob("*")]} == {0}


def test_nothing_of_a_secret_is_in_a_list_that_a_kept_run_has_as_one_text(runs):
    entry = {"path": "/x", "is_secret": True, "sha256": SECRET, "size": 7}
    download = {"name": "tool", "url": f"https://u:{SECRET}@host/x?token={SECRET}"}
    text = marked_text.dump([entry, download])

    kept = made(runs, json.dumps({"files": {"__ansible_unsafe": text}}))

    assert kept is not None
    assert SECRET not in "".join(path.read_text() for path in kept.rglob("*") if path.is_file())
    file, tool = marked_text.load(json.loads((kept / "inventory/host-1.json").read_text())["files"]["__ansible_unsafe"])
    assert (file["path"], file["size"], tool["name"]) == ("/x", "(hidden)", "tool")


def test_only_the_newest_failed_runs_are_kept(runs):
    kept = []
    for number in range(4):
        time.sleep(1.1 if number else 0)
        kept.append(made(runs, json.dumps(number), most=2))
        os.utime(runs)
    assert sorted(runs.iterdir()) == kept[-2:]


def test_of_two_runs_in_one_second_the_newer_one_stays(runs):
    for number in range(8):
        assert made(runs, json.dumps(number), most=1) in [*runs.iterdir()]


def test_a_large_kept_run_is_removed_for_a_newer_one(runs):
    made(runs, json.dumps("x" * 8_000), largest=10_000)
    time.sleep(1.1)
    newest = made(runs, json.dumps("y" * 8_000), largest=10_000)
    assert list(runs.iterdir()) == [newest]


def test_the_directory_of_a_killed_run_is_removed_by_the_next_run_and_that_of_a_live_run_is_not(runs):
    dead, young = runs / "run-deadbeef", runs / "run-young_1x"
    for directory in (dead, young):
        directory.mkdir(parents=True)
    os.utime(dead, (1, 1))
    with temporary_run_directory() as living:
        os.utime(living, (1, 1))
        with temporary_run_directory():
            assert not dead.exists()
            assert young.exists()
            assert living.exists()


def test_without_a_state_directory_runs_are_made_elsewhere_and_none_is_kept(home):
    (home / ".local").write_text("in the way")
    assert made(home) is None
