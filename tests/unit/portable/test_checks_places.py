"""Where tools and packages are found: places that a login made for itself, and every package database."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from mngr_ansible.portable import check_script, checks

if TYPE_CHECKING:
    from pathlib import Path

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    argv: list[str] = SHELLS[request.param]
    if not shutil.which(argv[0]):
        pytest.skip(f"{argv[0]} is not installed here")
    return argv


def program(path: Path, says: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)


def ask(shell: list[str], *requirements: dict[str, Any], **environment: str) -> list[checks.Finding]:
    wanted = [checks.complete(each) for each in requirements]
    done = subprocess.run(
        shell, input=check_script.script(wanted), capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.stderr == ""
    return checks.read(done.stdout.split("\n"), wanted)


PLACES = [".local/bin", "bin", ".cargo/bin", "go/bin", ".bun/bin", ".deno/bin", ".npm-global/bin"]


@pytest.mark.parametrize("place", PLACES)
def test_a_tool_in_a_place_of_the_logins_own_is_found_and_told(shell: list[str], home: Path, place: str) -> None:
    program(home / place / "mytool", "echo mytool 1.5")
    (found,) = ask(shell, {"name": "mytool", "version": ">=1"}, SHELL="/bin/sh")
    assert (found.status, found.where) == ("ok", f"{home}/{place}/mytool")
    assert found.notice == (
        f"mytool is in {home}/{place}, which is not in the PATH of a login shell; "
        f'add to ~/.profile: export PATH="{home}/{place}:$PATH"'
    )


def test_a_tool_without_a_version_in_such_a_place_is_told_too(shell: list[str], home: Path) -> None:
    program(home / ".cargo/bin/mytool", "exit 0")
    (found,) = ask(shell, {"name": "mytool"}, SHELL="/bin/sh")
    assert (found.status, bool(found.notice)) == ("ok", True)


def test_what_a_shell_of_the_login_finds_is_not_worth_a_word(shell: list[str], home: Path) -> None:
    program(home / ".cargo/bin/mytool", "echo mytool 1.5")
    (home / ".profile").write_text('PATH="$HOME/.cargo/bin:$PATH"\n')
    (found,) = ask(shell, {"name": "mytool"}, SHELL="/bin/sh")
    assert (found.status, found.notice) == ("ok", "")


def test_what_is_on_the_path_is_taken_before_any_such_place(
    shell: list[str], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(home / ".local/bin/mytool", "echo mytool 1.0")
    program(tmp_path / "bin/mytool", "echo mytool 2.0")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=":")
    (found,) = ask(shell, {"name": "mytool"})
    assert (found.current, found.notice) == ("2.0", "")


def test_of_nvms_versions_the_newest_counts(shell: list[str], home: Path) -> None:
    for version in ("9.11.2", "20.2.0", "20.11.1", "18.20.4"):
        program(home / f".nvm/versions/node/v{version}/bin/nodish", f"echo v{version}")
    (found,) = ask(shell, {"name": "nodish", "version": ">=20"})
    assert (found.status, found.current) == ("ok", "20.11.1")


@pytest.mark.parametrize("prefix", ["~/npm here", "${HOME}/npm here", "{home}/npm here"])
def test_npms_own_prefix_is_a_place(shell: list[str], home: Path, prefix: str) -> None:
    program(home / "npm here/bin/mytool", "echo mytool 1.5")
    (home / ".npmrc").write_text(f"fund=false\nprefix = {prefix.replace('{home}', str(home))}\n")
    (found,) = ask(shell, {"name": "mytool"})
    assert found.current == "1.5"


def test_a_home_that_is_missing_harms_nothing(shell: list[str]) -> None:
    assert ask(shell, {"name": "no-such-tool"}, HOME="/nowhere")[0].status == "missing"
    assert ask(shell, {"name": "no-such-tool"}, HOME="")[0].status == "missing"


DBPATH = "case $1 in --eval) echo /; exit ;; esac;"
DATABASES = {
    "apt": ("dpkg-query", "printf 'mngr-check package dpkg ii |pkg|1:2.5-1\\n'"),
    "dnf": (
        "rpm",
        f"{DBPATH} echo 'package other is not installed'; printf 'mngr-check package rpm ii |pkg|1:2.5-1.fc40\\n'",
    ),
    "zypper": ("rpm", f"{DBPATH} printf 'mngr-check package rpm ii |pkg|0:2.5-150400.1\\n'"),
    "pacman": ("pacman", "echo 'pkg 1:2.5-2'; echo \"error: package 'other' was not found\" >&2; exit 1"),
}


@pytest.mark.parametrize("manager", DATABASES)
def test_a_package_is_found_in_its_managers_database_as_an_upstream_version(
    shell: list[str], manager: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, says = DATABASES[manager]
    program(tmp_path / "bin" / name, says)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=":")
    (found,) = ask(shell, {"name": "nosuch", "version": ">=2", "packages": {manager: ["pkg"]}})
    assert (found.status, found.current, found.where) == ("ok", "2.5", "pkg")


def test_a_package_of_one_manager_is_not_looked_for_in_anothers_database() -> None:
    wanted = [checks.complete({"name": "fd", "packages": {"apt": ["fd-find"], "dnf": ["fd"]}})]
    lines = ["mngr-check package dpkg ii |fd|3.0-1", "mngr-check end 1"]
    assert checks.read(lines, wanted)[0].status == "missing"


def test_a_package_of_no_manager_is_looked_for_in_all() -> None:
    wanted = [checks.complete({"name": "x", "checks": [{"kind": "package", "value": "fd"}]})]
    lines = ["mngr-check package pacman ii |fd|10.1.0-1", "mngr-check end 1"]
    assert checks.read(lines, wanted)[0].current == "10.1.0"


def test_a_tool_that_leaves_a_child_with_its_output_is_waited_for_no_longer_than_one_that_hangs(
    shell: list[str], home: Path
) -> None:
    program(home / "bin/mydaemon", "sleep 60 & echo mydaemon 1.5")
    began = time.monotonic()
    (found,) = ask(shell, {"name": "mydaemon"})
    assert found.status == "ok"
    assert time.monotonic() - began < 30
