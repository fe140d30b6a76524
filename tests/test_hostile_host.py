"""A host that lies: about its system, its tools, its package manager, its file names. Nothing of it runs here."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.command import mngr_ansible, on
from tests.hosts import AptRepository, Login, SshHost

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHost

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
NAME = "{{ lookup('pipe', 'id') }}$(id)`id`;id"
ESCAPES = "\\033]0;owned\\007\\033[2J\\033[1;31m"


def bait(place: Path) -> str:
    """Text that makes a file here if anybody takes it for a template or a command."""
    command = f"touch {place}/owned"
    return f"{{{{ lookup('pipe', '{command}') }}}}$({command})`{command}`; {command} #"


@pytest.fixture
def host(ssh_host: StartHost, tmp_path: Path) -> SshHost:
    (tmp_path / "traps").mkdir()
    repository = AptRepository(tmp_path / "apt")
    words = shlex.quote(bait(tmp_path / "traps"))
    script = f"printf '{ESCAPES}'; printf '%s\\n' {words}; printf '%s\\n' {words} >&2; exit 1"
    repository.add("trap", "1", commands={"trap": f"printf '{ESCAPES}'; echo {words} 1.0"}, postinst=script)
    repository.add("liar", "1", commands={"liar": f"printf '{ESCAPES}'; echo {words}"})
    made = ssh_host(layer="tools", users=(Login("dev", "sudo"),), apt_repository=repository, apt_lists="fresh")
    lie = f"{ESCAPES}{bait(tmp_path / 'traps')}"
    made.run(f"printf '%b' {shlex.quote(f'ID=debian\nNAME="{lie}"\nPRETTY_NAME="{lie}"\n')} >/etc/os-release")
    made.run(f"mkdir -p /srv/mirror; cd /srv/mirror; touch -- \"$(printf '{ESCAPES}x')\" {shlex.quote(NAME)}")
    return made.as_user("dev")


@pytest.mark.parametrize("is_json", [False, True])
def test_whatever_a_host_says_runs_nothing_here_and_reaches_no_terminal(
    host: SshHost, tmp_path: Path, is_json: bool
) -> None:
    (tmp_path / "manifest.yml").write_text(
        json.dumps({"files": [{"local_path": str(tmp_path / "traps"), "remote_path": "/srv/mirror", "mirror": True}]})
    )
    (tmp_path / "traps" / "ours").write_text("x")
    more = ["--json"] if is_json else ["-v"]
    words = ["--package", "trap", "--package", "liar>=1", "--manifest", tmp_path / "manifest.yml", *on(host), *more]
    host.run("chmod -R 777 /srv/mirror")

    runs = [mngr_ansible(verb, *words) for verb in ("plan", "apply")]

    assert [each.returncode for each in runs] == [0, 1]
    for each in runs:
        assert "Traceback" not in each.stderr
        assert CONTROL.findall(each.stderr) == []
        assert CONTROL.findall(each.stdout) == []
        if is_json:
            json.loads(each.stdout)
    assert sorted(path.name for path in (tmp_path / "traps").iterdir()) == ["ours"]


def test_what_is_kept_of_such_a_run_is_only_text(host: SshHost, tmp_path: Path, home: Path) -> None:
    mngr_ansible("apply", "--package", "trap", *on(host))
    (kept,) = (home / ".local/state/mngr-ansible/runs").iterdir()
    assert not [path for path in kept.rglob("*") if path.is_symlink()]
    assert CONTROL.findall((kept / "report.json").read_text().replace("\n", "")) == []
    assert list((tmp_path / "traps").iterdir()) == []
