"""A transactional host: its system (``/usr``) is read-only and belongs to an image. Packages come to the user alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.command_line import document, mngr_ansible, on, statuses
from tests.support.hosts import AptRepository, User
from tests.support.registries import served
from tests.support.system_managers import MANAGERS, Manager, each_manager, offered_repository, start  # noqa: F401 - two fixtures

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHost
    from tests.support.hosts import PacmanRepository, RpmRepository

READ_ONLY = "mount --bind /usr /usr && mount -o remount,bind,ro /usr"
WORDS = "cannot install here: the host's system (/usr) is read-only"


def test_the_systems_manager_is_passed_over_in_the_plan_and_what_the_user_can_have_alone_is_installed(
    ssh_host: StartHost, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    repository = AptRepository(tmp_path / "apt")
    repository.add("mtool", "2.0", commands={"mtool": "echo mtool 2.0"})
    host = ssh_host(layer="languages", users=(User("dev", "sudo"),), repository=repository, lists="fresh")
    dev = host.as_user("dev")
    manifest = tmp_path / "m.yml"
    source = "{manager: npm, scope: user}"
    manifest.write_text(f"packages: [{{name: mtool, sources: [{{manager: apt}}, {source}]}}]\n")
    with served() as registries:
        registries.add_npm("mtool", "3.0.0", "mtool")
        registries.tell(host)
        host.run(READ_ONLY)
        blocked = mngr_ansible("plan", "--package", "mtool", "--json", *on(dev))
        done = mngr_ansible("apply", "--manifest", manifest, "--json", *on(dev))
    host.run("echo 'DPkg::Pre-Invoke { \"mount -o remount,bind,rw /usr\"; };' >/etc/apt/apt.conf.d/50rw")
    with_hook = mngr_ansible("apply", "--package", "mtool>=1,<3", "--json", *on(host))

    assert statuses(blocked) == {"package:mtool": "blocked"}
    assert f"apt {WORDS}" in document(blocked)["hosts"][0]["steps"][0]["reason"]
    assert (done.returncode, statuses(done)) == (0, {"package:mtool": "changed"}), done.stdout
    assert document(done)["hosts"][0]["steps"][0]["source"] == "npm"
    assert (with_hook.returncode, statuses(with_hook)) == (0, {"package:mtool": "changed"}), with_hook.stdout


@pytest.mark.parametrize("manager", MANAGERS, indirect=True, ids=lambda each: each.layer)
def test_nobody_is_told_to_remove_a_lock_that_could_not_be_made(
    ssh_host: StartHost, manager: Manager, repository: RpmRepository | PacmanRepository
) -> None:
    host = start(ssh_host, manager, repository)
    host.run(READ_ONLY)
    done = mngr_ansible("plan", "--package", "mtool", "--commands", *on(host.as_user("dev")))

    assert f"{manager.layer} {WORDS}" in done.stderr
    assert "lock" not in done.stderr
    assert done.stdout == ""
