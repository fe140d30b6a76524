"""Hosts with a real dnf, zypper or pacman hold what they promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.system_managers import Manager, each_manager, offered_repository, start  # noqa: F401 - two fixtures

if TYPE_CHECKING:
    import subprocess

    from tests.conftest import StartHost
    from tests.support.hosts import PacmanRepository, RpmRepository


def said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def test_a_host_looks_like_the_system_of_its_manager(
    ssh_host: StartHost, manager: Manager, repository: RpmRepository | PacmanRepository
) -> None:
    host = start(ssh_host, manager, repository)

    assert host.ssh('. /etc/os-release; echo "$ID/${ID_LIKE-}/${VERSION_ID-}"').stdout == f"{manager.looks_like}\n"
    assert host.as_user("dev").ssh("sudo -n id -un; python3 -c 'print(1)'").stdout == "root\n1\n"


def test_a_package_is_installed_with_what_it_needs_and_its_script_runs(
    ssh_host: StartHost, manager: Manager, repository: RpmRepository | PacmanRepository
) -> None:
    repository.add("libmtool", "2.5", files={"/usr/share/libmtool": "x"})
    repository.add("needy", "3:1.0-2", depends="mtool, libmtool >= 2", postinst="echo ready >/srv/ready")
    host = start(ssh_host, manager, repository)

    host.ssh(f"{manager.install} needy")

    assert host.ssh("mtool; cat /usr/share/libmtool /srv/ready").stdout == "mtool 2.40.1\nxready\n"
    query = "pacman -Q" if manager.layer == "pacman" else r"rpm -q --qf '%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\n'"
    assert host.ssh(f"{query} needy mtool").stdout == "needy 3:1.0-2\nmtool 1:2.40.1-1\n"


def test_a_package_is_upgraded_after_a_refresh_and_not_before(
    ssh_host: StartHost, manager: Manager, repository: RpmRepository | PacmanRepository
) -> None:
    host = start(ssh_host, manager, repository)
    host.ssh(f"{manager.install} mtool")
    repository.add("mtool", "1:3.0-1", commands={"mtool": "echo mtool 3.0"})
    without = {"zypper": "zypper -n --no-refresh update"}.get(manager.layer, manager.upgrade)

    host.ssh(f"{without} {'' if manager.layer == 'pacman' else 'mtool'}")
    before = host.ssh("mtool").stdout
    host.ssh(f"{manager.refresh} && {manager.upgrade} {'' if manager.layer == 'pacman' else 'mtool'}")

    assert (before, host.ssh("mtool").stdout) == ("mtool 2.40.1\n", "mtool 3.0\n")


def test_a_conflict_is_refused_and_nothing_is_removed(
    ssh_host: StartHost, manager: Manager, repository: RpmRepository | PacmanRepository
) -> None:
    repository.add("other", "1.0-3", commands={"other": "echo other"})
    repository.add("rival", conflicts="other", commands={"rival": "echo rival"})
    host = start(ssh_host, manager, repository)
    host.ssh(f"{manager.install} other")

    refused = host.ssh(f"{manager.install} rival", check=False)

    assert refused.returncode
    assert manager.refusal in said(refused)
    assert host.ssh("other; command -v rival", check=False).stdout == "other\n"


def test_a_held_package_stays_when_all_are_upgraded(
    ssh_host: StartHost, manager: Manager, repository: RpmRepository | PacmanRepository
) -> None:
    repository.add("free", "1.0", commands={"free-one": "echo free 1"})
    host = start(ssh_host, manager, repository)
    host.ssh(f"{manager.install} mtool free && {manager.hold.format('mtool')}")
    repository.add("mtool", "1:3.0-1", commands={"mtool": "echo mtool 3.0"})
    repository.add("free", "2.0", commands={"free-one": "echo free 2"})

    host.ssh(f"{manager.refresh} && {manager.upgrade}")

    assert host.ssh("mtool; free-one").stdout == "mtool 2.40.1\nfree 2\n"


def test_a_failing_script_is_reported_and_leaves_the_package_in_the_database(
    ssh_host: StartHost, manager: Manager, repository: RpmRepository | PacmanRepository
) -> None:
    repository.add("broken", postinst="echo no disk for it >&2; exit 3")
    host = start(ssh_host, manager, repository)

    failed = host.ssh(f"{manager.install} broken", check=False)

    assert failed.returncode == (107 if manager.layer == "zypper" else 0)
    assert "no disk for it" in said(failed)
    assert host.ssh("pacman -Q broken" if manager.layer == "pacman" else "rpm -q broken").stdout.startswith("broken")


def test_without_lists_nothing_is_known_until_they_are_fetched(
    ssh_host: StartHost, manager: Manager, repository: RpmRepository | PacmanRepository
) -> None:
    host = start(ssh_host, manager, repository, lists="empty")
    query = {
        "dnf": "dnf -q -C repoquery mtool",
        "zypper": "zypper --no-refresh search --match-exact mtool | grep -w mtool",
        "pacman": "pacman -Ssq '^mtool$'",
    }[manager.layer]
    login = "sudo -n " if manager.layer == "dnf" else ""

    before = host.as_user("dev").ssh(f"{login}{query}", check=False).stdout
    host.ssh(manager.refresh)

    assert before == ""
    assert "mtool" in host.as_user("dev").ssh(f"{login}{query}").stdout


def test_stale_lists_are_old_and_a_refresh_brings_what_the_repository_has_now(
    ssh_host: StartHost, manager: Manager, repository: RpmRepository | PacmanRepository
) -> None:
    old = repository.add("fleeting", "1.0", commands={"fleeting": "echo 1"})
    host = start(ssh_host, manager, repository, lists="stale")
    lists = " ".join(repository.lists)
    assert host.ssh(f"find {lists} -type f -mtime -30", check=False).stdout == ""
    repository.remove(old)
    repository.add("fleeting", "1.1", commands={"fleeting": "echo 1.1"})

    host.ssh(f"{manager.refresh} && {manager.install} fleeting")

    assert host.ssh("fleeting").stdout == "1.1\n"
