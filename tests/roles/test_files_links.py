"""Which links root follows on the way to a destination, who owns what it writes, and with whose rights it acts."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.builders import let_everyone_enter
from tests.support.controller import ROLES

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it is about what root does for others")

DEV, OTHER = 61234, 61235
ENGINE = """
import io, json, os, sys
import ansible.module_utils
ansible.module_utils.__path__.append(sys.argv[1])
from ansible.module_utils import mngr_files_bundle as bundle
from ansible.module_utils.mngr_files_apply import Applier
from ansible.module_utils.mngr_files_steps import host_steps
step, uid = json.loads(sys.argv[2]), int(sys.argv[3])
if uid:
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
stream = io.BytesIO()
files = [entry for entry in step["entries"] if entry["kind"] == "file"]
bundle.pack(stream, files, dict(is_dry_run=False, shows_diff=False, steps=[step]))
stream.seek(0)
os.umask(0)
read = bundle.Bundle(stream)
print(json.dumps(Applier(read, False, 0o022, b"/nowhere").apply(host_steps(read.steps, b"/nowhere"))[0]))
"""


class Host:
    """A directory that stands for a host: root's ``system``, the homes of two users, and what everybody may write."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.source = top / "source"
        self.system = self._made("system", 0, 0o755)
        self.dev = self._made("dev", DEV, 0o755)
        self.other = self._made("other", OTHER, 0o755)
        self.public = self._made("public", 0, 0o1777)
        (self.system / "victim").write_text("v")

    def _made(self, name: str, uid: int, mode: int) -> Path:
        directory = self.top / name
        directory.mkdir()
        os.chown(directory, uid, uid)
        directory.chmod(mode)
        return directory

    def link(self, path: Path, target: Path | str, uid: int = DEV) -> Path:
        path.symlink_to(target)
        os.lchown(path, uid, uid)
        return path

    def file(self, path: Path, content: str, uid: int) -> Path:
        path.write_text(content)
        os.chown(path, uid, uid)
        return path

    def put(self, path: Path, content: str = "new", *, uid: int = 0, **entry: Any) -> dict[str, Any]:
        """Put one file there as the engine does, with these keys of its entry."""
        self.source.write_text(content)
        sha256 = hashlib.sha256(content.encode()).hexdigest()
        given = {"kind": "file", "mode": 0o644, "size": len(content), "sha256": sha256, "packed": "inline"}
        return self.apply([{**given, "path": str(path), "source": str(self.source), **entry}], uid=uid)

    def apply(self, entries: list[dict[str, Any]], mirror: Path | None = None, uid: int = 0) -> dict[str, Any]:
        """Apply entries with the engine, in a process of its own and as this user; the outcome."""
        step = {"id": "s", "mirror": str(mirror) if mirror else None, "if_exists": "replace", "entries": entries}
        argv = [sys.executable, "-c", ENGINE, str(ROLES / "mngr_files/module_utils"), json.dumps(step), str(uid)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        outcome: dict[str, Any] = json.loads(done.stdout)
        return outcome


@pytest.fixture
def host(tmp_path: Path) -> Host:
    let_everyone_enter(tmp_path)
    return Host(tmp_path)


def owner(path: Path) -> int:
    return path.lstat().st_uid


@pytest.mark.parametrize("given", [{}, {"owner": str(DEV)}, {"owner": str(OTHER)}])
def test_a_users_link_leads_root_into_nothing_that_is_not_that_users(host: Host, given: dict[str, str]) -> None:
    for number, target in enumerate([host.system, host.other, f"{host.dev}/../system", "../system"]):
        config = host.link(host.dev / f".config{number}", target)
        outcome = host.put(config / "x", **given)
        assert (outcome["status"], outcome["files_changed"]) == ("failed", 0)
        assert outcome["reason"].startswith(f"{config}: is a link of {DEV} to {host.top}/")
        assert "Give the real path as the destination" in outcome["reason"]
    assert [each.name for each in (*host.system.iterdir(), *host.other.iterdir())] == ["victim"]
    assert owner(host.system) == 0


def test_a_mirror_behind_a_users_link_deletes_nothing_that_is_not_that_users(host: Host) -> None:
    config = host.link(host.dev / ".config", host.top)
    entries = [{"path": str(config / "system"), "kind": "directory", "mode": 0o755, "owner": str(DEV)}]
    outcome = host.apply(entries, config / "system")
    assert outcome["status"] == "failed", outcome
    assert (host.system / "victim").read_text() == "v"


def test_a_link_of_a_user_to_what_is_that_users_is_followed(host: Host) -> None:
    host.apply([{"path": str(host.dev / "dotfiles"), "kind": "directory", "mode": 0o755, "owner": str(DEV)}])
    for number, target in enumerate(["dotfiles", str(host.dev / "dotfiles")]):
        config = host.link(host.dev / f".config{number}", target)
        assert host.put(config / f"own{number}", owner=str(DEV))["status"] == "changed"
        assert host.put(config / f"root{number}")["status"] == "changed"
        there = host.dev / "dotfiles"
        assert (owner(there / f"own{number}"), owner(there / f"root{number}")) == (DEV, 0)


def test_where_a_users_link_leads_elsewhere_that_users_files_are_written_with_that_users_rights(host: Host) -> None:
    cache = host.link(host.dev / "cache", host.public)
    assert "belongs to root; root does not follow it" in host.put(cache / "x")["reason"]
    assert host.put(cache / "x", owner=str(DEV))["status"] == "changed"
    assert owner(host.public / "x") == DEV
    host.file(host.public / "roots", "v", 0)
    assert host.put(cache / "roots", owner=str(DEV))["status"] == "failed"  # the directory is sticky
    assert (host.public / "roots").read_text() == "v"


def test_links_of_root_are_followed_wherever_they_lead(host: Host) -> None:
    home = host.link(host.top / "home", "dev", uid=0)
    assert host.put(home / "a/b", owner=str(DEV))["status"] == "changed"
    assert owner(host.dev / "a/b") == DEV
    run = host.link(host.top / "run", host.system, uid=0)
    assert host.put(run / "x")["status"] == "changed"


def test_a_link_of_a_user_through_the_link_of_another_is_refused(host: Host) -> None:
    (host.dev / "real").mkdir()
    os.chown(host.dev / "real", DEV, DEV)
    inner = host.link(host.other / "inner", host.dev / "real", uid=OTHER)
    outer = host.link(host.dev / "outer", inner)
    assert "root follows no link of two users" in host.put(outer / "x", owner=str(DEV))["reason"]
    assert not list((host.dev / "real").iterdir())


def test_a_link_of_root_in_a_users_directory_counts_as_that_users(host: Host) -> None:
    config = host.link(host.dev / ".config", host.system, uid=0)
    assert host.put(config / "x")["status"] == "failed"


def test_a_secret_never_belongs_to_who_made_the_file_first(host: Host) -> None:
    for directory in (host.public, host.dev, host.system):
        token = host.file(directory / "token", "mine", DEV)
        assert host.put(token, "s3cret", mode=0o600, is_secret=True)["status"] == "changed"
        assert (owner(token), token.stat().st_mode & 0o777) == (0, 0o600)


def test_an_owner_is_kept_where_nobody_else_can_have_put_the_file_there(host: Host) -> None:
    expected = {host.public: 0, host.other: 0, host.dev: DEV, host.system: DEV}
    for directory, uid in expected.items():
        file = host.file(directory / "file", "old", DEV)
        assert host.put(file)["status"] == "changed"
        assert owner(file) == uid, directory


def test_no_mode_or_owner_is_set_through_a_hard_link_that_a_user_may_have_made(host: Host) -> None:
    os.link(host.system / "victim", host.dev / "mine")
    outcome = host.put(host.dev / "mine", "v", mode=0o666, owner=str(DEV))
    assert "has another name (a hard link)" in outcome["reason"]
    assert (owner(host.system / "victim"), (host.system / "victim").stat().st_mode & 0o777) == (0, 0o644)


def test_directories_and_links_get_an_owner_in_a_directory_of_somebody_else(host: Host) -> None:
    entries = [
        {"path": str(host.dev / "made/below"), "kind": "directory", "mode": 0o750, "owner": str(OTHER)},
        {"path": str(host.dev / "link"), "kind": "link", "target": "made", "owner": str(OTHER)},
    ]
    assert host.apply(entries)["status"] == "changed"
    assert {owner(host.dev / name) for name in ("made", "made/below", "link")} == {OTHER}
    assert sorted(each.name for each in host.dev.iterdir()) == ["link", "made"]
    assert host.apply(entries)["status"] == "ok"


def test_names_like_our_temporaries_cost_no_time_and_stay_if_they_are_somebody_elses(host: Host) -> None:
    names = [host.link(host.public / f".mngr-ansible-{number:016x}", "x") for number in range(100)]
    assert host.put(host.public / "x")["status"] == "changed"
    assert all(name.is_symlink() for name in names)


def test_what_is_deleted_is_what_was_looked_at(host: Host) -> None:
    status = (host.system / "victim").stat()
    entry = {"path": str(host.system / "victim"), "kind": "absent", "mode": 0}
    other = host.apply([{**entry, "identity": f"{status.st_dev}:{status.st_ino + 1}"}])
    assert "was exchanged by another program since it was looked at; run again" in other["reason"]
    assert host.apply([{**entry, "identity": f"{status.st_dev}:{status.st_ino}"}])["status"] == "changed"
    assert not (host.system / "victim").exists()


def test_another_user_follows_no_link_of_a_third(host: Host) -> None:
    target = host.dev / "real"
    target.mkdir()
    os.chown(target, DEV, DEV)
    trap = host.link(host.public / "trap", target, uid=OTHER)
    outcome = host.put(trap / "x", uid=DEV)
    assert outcome["reason"].startswith(f"{trap}: is a link of {OTHER}, and we are not that user; it is not followed")
    assert not list(target.iterdir())
    own = host.link(host.public / "own", target)
    assert host.put(own / "x", uid=DEV)["status"] == "changed"
