"""Where tools and packages are found: the directories of the user, and every package database."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from mngr_ansible.portable import check_script, checks


def program(path: Path, code: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(0o755)


def ask(shell: list[str], *requirements: dict[str, Any], **environment: str) -> list[checks.Finding]:
    complete = [checks.complete(each) for each in requirements]
    done = subprocess.run(
        shell, input=check_script.script(complete), capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.stderr == ""
    return checks.read(done.stdout.split("\n"), complete)


PLACES = [".local/bin", "bin", ".cargo/bin", "go/bin", ".bun/bin", ".deno/bin", ".npm-global/bin"]


@pytest.mark.parametrize("place", PLACES)
def test_a_tool_in_a_directory_of_the_user_is_found_with_a_notice(shell: list[str], home: Path, place: str) -> None:
    program(home / place / "mytool", "echo mytool 1.5")
    (found,) = ask(shell, {"name": "mytool", "version": ">=1"}, SHELL="/bin/sh")
    assert (found.status, found.where) == ("ok", f"{home}/{place}/mytool")
    assert found.notice == (
        f"mytool is in {home}/{place}, which is not in the PATH of a login shell; "
        f'add to ~/.profile: export PATH="{home}/{place}:$PATH"'
    )


def test_a_tool_without_a_version_in_such_a_directory_has_a_notice_too(shell: list[str], home: Path) -> None:
    program(home / ".cargo/bin/mytool", "exit 0")
    (found,) = ask(shell, {"name": "mytool"}, SHELL="/bin/sh")
    assert (found.status, bool(found.notice)) == ("ok", True)


def test_a_tool_that_the_users_own_shell_finds_has_no_notice(shell: list[str], home: Path) -> None:
    program(home / ".cargo/bin/mytool", "echo mytool 1.5")
    (home / ".profile").write_text('PATH="$HOME/.cargo/bin:$PATH"\n')
    (found,) = ask(shell, {"name": "mytool"}, SHELL="/bin/sh")
    assert (found.status, found.notice) == ("ok", "")


def test_the_path_comes_before_the_directories_of_the_user(
    shell: list[str], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(home / ".local/bin/mytool", "echo mytool 1.0")
    program(tmp_path / "bin/mytool", "echo mytool 2.0")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=":")
    (found,) = ask(shell, {"name": "mytool"})
    assert (found.current, found.notice) == ("2.0", "")


def test_the_newest_version_of_nvm_is_used(shell: list[str], home: Path) -> None:
    for version in ("9.11.2", "20.2.0", "20.11.1", "18.20.4"):
        program(home / f".nvm/versions/node/v{version}/bin/nodish", f"echo v{version}")
    (found,) = ask(shell, {"name": "nodish", "version": ">=20"})
    assert (found.status, found.current) == ("ok", "20.11.1")


@pytest.mark.parametrize(
    ("aliases", "version"),
    [
        ({"default": "18"}, "18.20.4"),
        ({"default": "v20.2.0"}, "20.2.0"),
        ({"default": "20.2"}, "20.2.0"),
        ({"default": "node"}, "23.1.0"),
        ({"default": "lts/*", "lts/*": "lts/iron", "lts/iron": "v20.11.1"}, "20.11.1"),
        ({"default": "lts/hydrogen", "lts/hydrogen": "v18.20.4"}, "18.20.4"),
        ({"default": "work", "work": "9"}, "9.11.2"),
        ({"default": "system"}, None),
        ({"default": "../../../tmp"}, None),
        ({"default": "a", "a": "default"}, None),
        ({}, "23.1.0"),
    ],
)
def test_of_nvms_versions_that_of_the_default_alias_counts(
    shell: list[str], home: Path, aliases: dict[str, str], version: str | None
) -> None:
    for each in ("9.11.2", "20.2.0", "20.11.1", "18.20.4", "23.1.0"):
        program(home / f".nvm/versions/node/v{each}/bin/nodish", f"echo v{each}")
    for name, meaning in aliases.items():
        path = home / ".nvm/alias" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{meaning}\n")
    (found,) = ask(shell, {"name": "nodish"})
    assert (found.status, found.current) == ("ok" if version else "missing", version)


MANAGERS = {
    "nvm": ('export NVM_DIR="$HOME/.nvm"', ".nvm/versions/node/v20.1.0/bin"),
    "pyenv": ('eval "$(pyenv init -)"', ".pyenv/shims"),
    "rbenv": ('eval "$(~/.rbenv/bin/rbenv init - bash)"', ".rbenv/shims"),
    "asdf": (". ~/.asdf/asdf.sh", ".asdf/shims"),
    "mise": ('eval "$(~/.local/bin/mise activate bash)"', ".local/share/mise/shims"),
    "volta": ('export VOLTA_HOME="$HOME/.volta"', ".volta/bin"),
    "sdkman": ('source "$HOME/.sdkman/bin/sdkman-init.sh"', ".sdkman/candidates/java/current/bin"),
}


@pytest.mark.parametrize("manager", MANAGERS)
def test_a_version_manager_comes_first_where_the_logins_shell_starts_it(
    shell: list[str], home: Path, manager: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, place = MANAGERS[manager]
    program(home / place / "mytool", "echo mytool 1.0")
    program(tmp_path / "bin/mytool", "echo mytool 2.0")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=":")

    def current(path: str, text: str, login: str) -> str | None:
        (home / path).write_text(f"{text}\n")
        (found,) = ask(shell, {"name": "mytool"}, SHELL=login)
        (home / path).unlink()
        return found.current

    assert current(".bashrc", f"alias x=y\n{line}", "/bin/bash") == "1.0"
    if manager != "nvm":
        return
    assert current(".zshrc", line, "/usr/bin/zsh") == "1.0"
    assert current(".bashrc", f"# {line}", "/bin/bash") == "2.0"
    assert current(".bashrc", line, "/usr/bin/zsh") == "2.0"
    assert current(".bashrc", "alias nvmx=true", "/bin/bash") == "2.0"


@pytest.mark.parametrize("prefix", ["~/npm here", "${HOME}/npm here", "{home}/npm here"])
def test_tools_in_npms_prefix_are_found(shell: list[str], home: Path, prefix: str) -> None:
    program(home / "npm here/bin/mytool", "echo mytool 1.5")
    (home / ".npmrc").write_text(f"fund=false\nprefix = {prefix.replace('{home}', str(home))}\n")
    (found,) = ask(shell, {"name": "mytool"})
    assert found.current == "1.5"


def test_a_missing_home_directory_is_no_problem(shell: list[str]) -> None:
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
    name, code = DATABASES[manager]
    program(tmp_path / "bin" / name, code)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=":")
    (found,) = ask(shell, {"name": "nosuch", "version": ">=2", "packages": {manager: ["pkg"]}})
    assert (found.status, found.current, found.where) == ("ok", "2.5", "pkg")


def test_a_package_of_one_manager_is_not_looked_up_in_the_database_of_another() -> None:
    requirements = [checks.complete({"name": "fd", "packages": {"apt": ["fd-find"], "dnf": ["fd"]}})]
    lines = ["mngr-check package dpkg ii |fd|3.0-1", "mngr-check end 1"]
    assert checks.read(lines, requirements)[0].status == "missing"


def test_a_package_without_a_manager_is_looked_up_in_all_databases() -> None:
    requirements = [checks.complete({"name": "x", "checks": [{"kind": "package", "value": "fd"}]})]
    lines = ["mngr-check package pacman ii |fd|10.1.0-1", "mngr-check end 1"]
    assert checks.read(lines, requirements)[0].current == "10.1.0"


def test_a_child_that_keeps_a_tools_output_open_is_not_waited_for(shell: list[str], home: Path) -> None:
    program(home / "bin/mydaemon", "sleep 60 & echo mydaemon 1.5")
    began = time.monotonic()
    (found,) = ask(shell, {"name": "mydaemon"})
    assert found.status == "ok"
    assert time.monotonic() - began < 30


@pytest.mark.skipif(os.geteuid() != 0, reason="it is about what root runs")
def test_root_starts_nothing_with_the_home_of_another_user(shell: list[str], home: Path) -> None:
    python = subprocess.run(
        ["python3", "-m", "site", "--user-site"], env={**os.environ}, capture_output=True, text=True
    )
    packages = Path(python.stdout.strip())
    packages.mkdir(parents=True)
    (packages / "evil.pth").write_text(f"import os; open({str(home / 'ran')!r}, 'w')\n")
    (home / ".profile").write_text(f"touch '{home}/ran'\n")
    program(home / ".local/bin/mytool", f"touch '{home}/ran'; echo 1.5")
    (home / ".npmrc").unlink(missing_ok=True)
    os.mkfifo(home / ".npmrc")
    subprocess.run(["chown", "-R", "12345:12345", str(home)], check=True)
    requirements = [
        {"name": "json", "checks": [{"kind": "python_module", "value": "json"}]},
        {"name": "mytool"},
        {"name": "sh"},
    ]

    found = ask(shell, *requirements, SHELL="/bin/sh", PATH=f"{home}/.local/bin:{os.environ['PATH']}")

    assert [each.status for each in found] == ["ok", "missing", "ok"]
    assert not (home / "ran").exists()
    assert "can change" in found[1].refused


def test_a_directory_in_a_notice_does_nothing_when_it_is_pasted(shell: list[str], home: Path) -> None:
    program(home / "$(touch pwned)`touch pwned`\"'/bin/mytool", "echo mytool 1.5")
    (home / ".npmrc").write_text(f"prefix={home}/$(touch pwned)`touch pwned`\"'\n")
    (found,) = ask(shell, {"name": "mytool"}, SHELL="/bin/sh")
    line = found.notice.partition("add to ~/.profile: ")[2]

    done = subprocess.run([*shell, "-c", f"{line}; mytool"], cwd=home, capture_output=True, text=True)

    assert done.stdout == "mytool 1.5\n"
    assert not (home / "pwned").exists()
