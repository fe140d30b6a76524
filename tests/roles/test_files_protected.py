"""What even root cannot replace, and what a replaced file keeps: mounted, protected and labelled files."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.controller import ROLES, Controller, Run, put, role_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts and protects files: needs root")
LABEL = b"system_u:object_r:net_conf_t:s0\0"
SMACK = b"Web"


class Protected:
    """A directory with files that resist, and a foretold and a real run that want to replace all of them."""

    def __init__(self, directory: Path) -> None:
        self.out = out = directory / "out"
        names = ("mounted", "same mount", "immutable", "append", "in immutable/f", "in append/f", "read-only/f")
        for name in (*names, "labelled", "in append/keep"):
            put(out / name, b"theirs")
        self.controller = Controller(directory / "controller")
        put(directory / "below", b"below")
        put(self.controller.directory / "new", b"ours")
        put(self.controller.directory / "below", b"below", 0o600)
        for name in ("mounted", "same mount"):
            subprocess.run(["mount", "--bind", directory / "below", out / name], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", out / "read-only"], check=True)
        os.setxattr(out / "labelled", "security.selinux", LABEL)
        os.setxattr(out / "labelled", "security.SMACK64", SMACK)
        self.protected = {"immutable": "i", "append": "a", "in immutable": "i", "in append": "a"}
        for name, letter in self.protected.items():
            subprocess.run(["chattr", f"+{letter}", out / name], check=True)
        transfers = [{"id": name, "local_path": "new", "remote_path": f"{out}/{name}"} for name in (*names, "labelled")]
        transfers[1]["local_path"] = "below"  # its content is there already: only its mode differs
        transfers.append({"id": "new in append", "local_path": "tree", "remote_path": f"{out}/in append/tree"})
        (self.controller.directory / "tree").mkdir()
        self.foretold = self.controller.run(transfers, "--check")
        self.run = self.controller.run(transfers)

    def close(self) -> None:
        for name, letter in self.protected.items():
            subprocess.run(["chattr", f"-{letter}", self.out / name], check=True)
        for name in ("mounted", "same mount", "read-only"):
            subprocess.run(["umount", "-l", self.out / name], check=True)


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    made = Protected(tmp_path_factory.mktemp("protected"))
    yield made
    made.close()


def reasons(run: Run) -> dict[str, str]:
    return {step["id"]: step.get("reason", "") for step in run.result["mngr_steps"]}


def test_a_file_that_is_mounted_over_another_one_is_refused_before_anything_changes(protected: Protected) -> None:
    assert "is a file that is mounted there, which cannot be replaced" in reasons(protected.run)["mounted"]
    assert (protected.out / "mounted").read_bytes() == b"below"


def test_only_the_mode_of_a_mounted_file_can_be_changed(protected: Protected) -> None:
    assert protected.run.statuses["same mount"] == "changed"
    assert (protected.out / "same mount").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("step", "path", "letter"),
    [
        ("immutable", "immutable", "i"),
        ("append", "append", "a"),
        ("in immutable/f", "in immutable", "i"),
        ("in append/f", "in append", "a"),
    ],
)
def test_what_chattr_protects_is_named_with_the_command_that_ends_it(
    protected: Protected, step: str, path: str, letter: str
) -> None:
    reason = reasons(protected.run)[step]
    assert reason.startswith(f"{protected.out}/{path}: is ")
    assert reason.endswith(f"If it may be changed, run chattr -{letter} on it, then run again")


def test_a_directory_can_be_made_in_one_that_is_append_only(protected: Protected) -> None:
    assert protected.run.statuses["new in append"] == "changed"


def test_a_read_only_file_system_is_named_before_anything_changes(protected: Protected) -> None:
    assert reasons(protected.run)["read-only/f"].endswith(
        "/read-only: the file system is read-only; make it writable and run again"
    )


def test_check_mode_foretells_all_of_this(protected: Protected) -> None:
    assert (protected.foretold.statuses, reasons(protected.foretold)) == (
        protected.run.statuses,
        reasons(protected.run),
    )


def test_a_replaced_file_keeps_its_security_labels(protected: Protected) -> None:
    file = protected.out / "labelled"
    assert (protected.run.statuses["labelled"], file.read_bytes()) == ("changed", b"ours")
    assert os.getxattr(file, "security.selinux") == LABEL
    assert os.getxattr(file, "security.SMACK64") == SMACK


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EDQUOT, "the disk quota of this user is used up; free some space and run again"),
        (errno.EBUSY, "the system uses it (a mount point, or a swap file); free it, or use another destination"),
        (errno.EIO, "the disk, or the connection to it, has a fault (an I/O error); see dmesg on the host"),
        (
            errno.EPERM,
            "not even root may do this: an attribute (see lsattr), or a security module (see dmesg), forbids it",
        ),
    ],
)
def test_what_the_system_refuses_is_said_in_words_that_help(number: int, words: str) -> None:
    """Recorded errors: a quota, a fault of a disk and a security module cannot be had here."""
    paths = role_module("mngr_files", "mngr_files_paths")
    assert paths.failure_reason(OSError(number, os.strerror(number)), b"/srv/x") == f"/srv/x: {words}"


def test_a_repositorys_file_and_a_downloaded_program_keep_their_labels_too(tmp_path: Path) -> None:
    """The program with which the role mngr_packages writes them, run as the role runs it."""
    program = ROLES / "mngr_packages" / "module_utils" / "mngr_packages_writing.py"
    put(tmp_path / "staged" / "0", b"new")
    put(tmp_path / "tool", b"old")
    os.setxattr(tmp_path / "tool", "security.selinux", LABEL)
    subprocess.run(
        [sys.executable, "-I", "-", "0755", "root", tmp_path / "staged", tmp_path / "tool"],
        input=program.read_bytes(),
        check=True,
    )
    assert ((tmp_path / "tool").read_bytes(), os.getxattr(tmp_path / "tool", "security.selinux")) == (b"new", LABEL)
