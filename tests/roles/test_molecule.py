"""The scenarios of molecule outside of this repository's own run of them, which ``.ci/run`` makes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.hosts import User
from tools import first_release

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import StartHost
    from tests.support.hosts import SshHost

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/molecule.md").read_text()


def section(heading: str) -> str:
    """The text below a heading of the page, up to the next of its level."""
    return PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def molecule(directory: Path, *words: str, more: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run molecule of this environment in a directory, with nothing of a virtual environment in its own."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", **more}
    environment.pop("VIRTUAL_ENV", None)
    return subprocess.run(
        [sys.executable, "-m", "molecule", *words], cwd=directory, env=environment, text=True, capture_output=True
    )


@pytest.mark.usefixtures("_hosts_are_possible")
def test_the_page_tests_a_role_of_somebody_else(tmp_path: Path, home: Path) -> None:
    text = section("Test your own role on these hosts")
    role = tmp_path / "greeting"
    for name, content in re.findall(
        r"`([\w./]+\.yml)`[^`]*?(?:`[^`\n]*`[^`]*?)*:\n\n```yaml\n(.*?)```", text, re.DOTALL
    ):
        (role / name).parent.mkdir(parents=True, exist_ok=True)
        (role / name).write_text(content)
    assert len(list(role.rglob("*.yml"))) == 5
    (command,) = re.findall(r"```sh\nexport MNGR_ANSIBLE=/path/to/mngr-ansible\n(.*?)\n```", text)

    done = molecule(role, *shlex.split(command)[1:], more={"MNGR_ANSIBLE": str(ROOT)})

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    for step in ("create", "converge", "idempotence", "verify", "destroy"):
        assert re.search(rf"default > {step}\]? ?:? .*Successful", done.stdout + done.stderr), step
    running = subprocess.run(["pgrep", "--full", f"hosts/boot {home}/"], text=True, capture_output=True)
    assert running.stdout == "", "hosts are left"


def inventory_of(host: SshHost, path: Path) -> Path:
    path.write_text(json.dumps({"all": {"hosts": {"theirs": host.ansible_variables()}}}))
    return path


def test_the_scenarios_run_on_a_teams_own_host_and_leave_it_there(ssh_host: StartHost, tmp_path: Path) -> None:
    host = ssh_host(users=(User("dev"),)).as_user("dev")
    inventory = inventory_of(host, tmp_path / "inventory.json")

    done = molecule(ROOT, "test", "-s", "mngr_files", more={"MOLECULE_INVENTORY": str(inventory)})

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    assert "theirs" in done.stdout
    left = set(host.ssh("ls -A").stdout.split()) - {".ansible"}  # Ansible's own
    assert left == set(host.run("ls -A /etc/skel").stdout.split())


def test_an_inventory_that_is_not_found_stops_molecule_before_any_host(tmp_path: Path) -> None:
    done = molecule(ROOT, "create", more={"MOLECULE_INVENTORY": "inventory.ini"})

    assert done.returncode != 0
    assert "write the absolute path of a file or directory that exists" in re.sub(r"\s+(?:│\s+)?", " ", done.stdout)


def test_the_first_release_is_what_was_released(tmp_path: Path) -> None:
    first_release.unpack(tmp_path)

    assert sorted(path.name for path in (tmp_path / "roles").iterdir()) == [
        "mngr_bootstrap",
        "mngr_files",
        "mngr_packages",
    ]
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))
    has_history = subprocess.run(
        ["git", "cat-file", "-e", f"{first_release.COMMIT}^{{commit}}"], cwd=ROOT, capture_output=True
    )
    if has_history.returncode == 0:
        assert hashlib.sha256(first_release.from_history()).hexdigest() == first_release.SHA256
