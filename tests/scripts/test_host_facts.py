"""The script that ``doctor`` sends to hosts: clean shell, and the same answer in each shell."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mngr_ansible.doctor import host_facts
from mngr_ansible.host.connection import ShellResult
from tests.support.shellcheck import shellcheck
from tests.support.shells import SHELLS

SCRIPT = Path(host_facts.__file__).with_name("host_facts.sh")
REPOSITORIES = """[one]
baseurl=https://me:s3cret@one.example:8443/$releasever/x?token=t
[off]
metalink=https://off.example/m
enabled=0
[two]
enabled = 1
mirrorlist = http://two.example/m
[four]
baseurl=dir:///srv/four
[three]
baseurl=file:///srv/three https://three.example
"""


def test_the_script_is_clean_shell() -> None:
    assert shellcheck(SCRIPT.read_text()) == []


@pytest.mark.parametrize("name", SHELLS)
def test_each_shell_gives_an_answer_that_is_whole(name: str, home: Path, tmp_path: Path) -> None:
    (home / ".npmrc").write_text("before=2020-01-01\n//registry.example/:_authToken=s3cret\n")
    script = host_facts.facts_script([("root", f"file://{tmp_path}"), ("root", "http://127.0.0.1:1")])
    done = subprocess.run(SHELLS[name], input=script, capture_output=True, text=True, cwd="/", timeout=100)
    found = host_facts.parse_facts(ShellResult(done.stdout, "", 0), [("root", f"file://{tmp_path}")])
    assert found.is_whole, done.stdout
    assert found.places["home"].free
    assert found.places["home"].state == "writable"
    assert found.settings["npm-age"] == f"{home}/.npmrc"
    assert found.reached[f"file://{tmp_path}"].code == 0
    assert "s3cret" not in done.stdout
    assert list(home.glob("*")) == [each for each in home.glob("*") if each.name.startswith((".npmrc", "xdg", "tmux"))]


@pytest.mark.parametrize("name", SHELLS)
def test_the_servers_of_repositories_that_are_enabled_are_found_without_their_secrets(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "x.repo").write_text(REPOSITORIES)
    script = f"{functions()}\nrepositories {tmp_path}/x.repo | sites dnf"
    done = subprocess.run(SHELLS[name], input=script, capture_output=True, text=True, timeout=60)
    assert sorted(done.stdout.splitlines()) == [
        "site dnf dir:///srv/four",
        "site dnf file:///srv/three",
        "site dnf http://two.example",
        "site dnf https://one.example:8443",
    ], done.stderr


def functions() -> str:
    """The script's functions, without what it does."""
    return "\n".join(re.findall(r"^\w+\(\) \{(?:[^\n]*\}|.*?^\})$", SCRIPT.read_text(), re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("name", SHELLS)
def test_a_login_stays_on_the_host_whatever_is_in_its_password(name: str, tmp_path: Path) -> None:
    logins = ("u:S3C@RET", "u:S3C/RET", "u:S3C'RET", "u:S3C,RET", "u:S3C RET", "u:S3C?RET", "u:S3C#RET", "u:/S3C@RET")
    listed = [f"https://{login}@host:80/x" for login in logins]
    listed += ["https://host/@scope/x", "https://S3C/RET@host/x", "https://u:1/S3CRET@host"]
    (tmp_path / "addresses").write_text("\n".join(listed))
    (tmp_path / "x.repo").write_text("\n".join(f"[a]\nbaseurl={each}" for each in listed))
    script = f"cd {tmp_path}; sites npm <addresses; repositories x.repo | sites dnf; without_login <addresses"
    done = subprocess.run(SHELLS[name], input=f"{functions()}\n{script}", capture_output=True, text=True, timeout=60)
    assert not re.search("S3C|RET", done.stdout), done.stdout
    assert {"site npm https://host:80", "site npm https://host", "https://host:80/x"} <= set(done.stdout.splitlines())


@pytest.mark.parametrize("name", SHELLS)
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_words_of_a_program_that_asks_have_no_login(name: str) -> None:
    script = (
        "bound=5 patience=5; http_proxy='http://u:S3CRET@127.0.0.1:99999'; export http_proxy; try http://127.0.0.2:1"
    )
    done = subprocess.run(SHELLS[name], input=f"{functions()}\n{script}", capture_output=True, text=True, timeout=60)
    assert "127.0.0.1:99999" in done.stdout
    assert "S3CRET" not in done.stdout


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="needs the kernel's list of locks")
def test_a_lock_is_found_by_the_kernels_list(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    script = SCRIPT.read_text().replace("/var/lib/dpkg/lock-frontend", str(path)).replace("@ASKED@", "''")
    with path.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        done = subprocess.run(["sh"], input=script, capture_output=True, text=True, timeout=100)
    found = [each.split()[1:3] for each in done.stdout.splitlines() if each.startswith("lock ")]
    assert [str(os.getpid()), str(path)] in found
