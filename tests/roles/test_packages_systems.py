"""The role ``mngr_packages``, run by the real ansible-playbook on hosts with a real dnf, zypper or pacman."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.role_playbook import Play, play
from tests.support.system_managers import Manager, each_manager, offered_repository, start  # noqa: F401 - two fixtures

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHost
    from tests.support.hosts import PacmanRepository, RpmRepository, SshHost

    Repository = RpmRepository | PacmanRepository

BY_PACKAGE = {"kind": "package"}


def packages(tmp_path: Path, host: SshHost, *requirements: object, options: tuple[str, ...] = (), **more: Any) -> Play:
    return play(tmp_path, host, "mngr_packages", *options, mngr_packages_requirements=list(requirements), **more)


def database(host: SshHost, name: str) -> str:
    query = (
        f"if command -v rpm >/dev/null; then rpm -q --qf '%{{EPOCHNUM}}:%{{VERSION}}' {name}; else pacman -Q {name}; fi"
    )
    return host.run(query, check=False).stdout.strip()


def by_package(name: str) -> dict[str, object]:
    return {"name": name, "checks": [BY_PACKAGE | {"value": name}]}


def test_what_is_missing_is_installed_from_lists_that_were_never_fetched_and_a_second_run_changes_nothing(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path
) -> None:
    repository.add("libx", "2.5", files={"/usr/share/libx": "x"})
    repository.add("fd-find", "8.6.0-3", commands={"fdfind": "echo fdfind 8.6.0"}, depends="libx >= 2")
    host = start(ssh_host, manager, repository, lists="empty").as_user("dev")
    fd = {"name": "fd", "version": ">=8", "checks": ["fd", "fdfind"], "packages": {manager.layer: ["fd-find"]}}
    requirements = [{"name": "mtool", "version": ">=2.39,<3"}, fd, {"name": "python3"}]
    first = packages(tmp_path, host, *requirements)
    assert first.code == 0, first.text
    assert first.outcomes == {"package:mtool": "changed", "package:fd": "changed", "package:python3": "ok"}
    assert first.apt["installed"] == ["package:mtool", "package:fd"]
    second = packages(tmp_path, host, *requirements)
    assert (second.code, second.changed) == (0, 0), second.text
    assert set(second.outcomes.values()) == {"ok"}


def test_a_package_that_is_too_old_is_upgraded_and_its_epoch_does_not_count(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path
) -> None:
    repository.add("elder", "1.0")
    host = start(ssh_host, manager, repository)
    host.run(f"{manager.install} mtool elder")
    repository.add("mtool", "1:3.0-1", commands={"mtool": "echo mtool 3.0"})
    repository.add("elder", "2.0")
    if manager.layer == "pacman":
        host.run("pacman -Sy")
    ran = packages(tmp_path, host, {"name": "mtool", "version": ">=2.41"}, by_package("elder") | {"version": ">=2"})
    assert ran.code == 0, ran.text
    assert set(ran.outcomes.values()) == {"changed"}
    assert host.run("mtool").stdout == "mtool 3.0\n"
    assert "2.0" in database(host, "elder")


def test_a_requirement_that_no_source_offers_fails_before_any_change_and_names_the_versions(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path
) -> None:
    repository.add("other", commands={"other": "echo other 1.0"})
    host = start(ssh_host, manager, repository)
    host.run(f"{manager.install} mtool")
    requirements = [{"name": "other"}, {"name": "mtool", "version": ">=9"}, {"name": "nowhere"}]
    ran = packages(tmp_path, host, *requirements)
    assert ran.code == 2, ran.text
    assert f"mtool: found 2.40.1 (/usr/bin/mtool), needed >=9, {manager.layer} offers 2.40.1" in ran.apt["msg"]
    assert f"nowhere: not found, needed any version, {manager.layer} offers no package nowhere" in ran.apt["msg"]
    assert host.run("command -v other", check=False).stdout == ""


def test_a_virtual_package_is_not_installed_and_its_provider_does_not_count(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path
) -> None:
    repository.add("one", provides="editor = 1")
    repository.add("two", provides="editor = 2")
    host = start(ssh_host, manager, repository)
    ran = packages(tmp_path, host, by_package("editor"))
    assert ran.code == 2, ran.text
    assert f"{manager.layer} offers no package editor" in ran.apt["msg"]
    host.run(f"{manager.install} two")
    again = packages(tmp_path, host, by_package("editor"))
    assert again.code == 2, again.text


def test_a_package_that_conflicts_with_an_installed_one_removes_nothing(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path
) -> None:
    repository.add("other", commands={"other": "echo other"})
    repository.add("rival", conflicts="other", commands={"rival": "echo rival"})
    host = start(ssh_host, manager, repository)
    host.run(f"{manager.install} other")
    ran = packages(tmp_path, host, {"name": "rival"})
    assert ran.code == 2, ran.text
    assert "Other packages on the host conflict with it, and nothing is ever removed" in ran.apt["msg"]
    assert host.run("other; command -v rival", check=False).stdout == "other\n"


def test_a_held_package_is_never_released_and_the_hold_is_reported(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path
) -> None:
    host = start(ssh_host, manager, repository)
    host.run(f"{manager.install} mtool && {manager.hold.format('mtool')}")
    repository.add("mtool", "1:3.0-1", commands={"mtool": "echo mtool 3.0"})
    host.run(manager.refresh)
    ran = packages(tmp_path, host, {"name": "mtool", "version": ">=3"})
    assert ran.code == 2, ran.text
    assert "on hold" in ran.apt["msg"]
    host.run(f"{manager.refresh} && {manager.upgrade}", check=False)
    assert host.run("mtool").stdout == "mtool 2.40.1\n"


def test_a_package_with_a_missing_dependency_is_reported_and_an_optional_one_is_a_warning(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path
) -> None:
    repository.add("broken", depends="nothing-has-this >= 2", commands={"broken": "echo 1"})
    host = start(ssh_host, manager, repository)
    ran = packages(tmp_path, host, {"name": "broken", "is_required": False}, {"name": "mtool"})
    assert ran.code == 0, ran.text
    assert ran.outcomes == {"package:broken": "failed", "package:mtool": "changed"}
    required = packages(tmp_path, host, {"name": "broken"})
    assert required.code == 2
    assert f"{manager.layer} cannot satisfy what the packages depend on" in required.apt["msg"]
    assert "nothing-has-this" in required.apt["output"]


def test_a_package_whose_own_script_fails_is_reported(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path
) -> None:
    repository.add("hurt", postinst="echo no disk for it >&2; exit 3", commands={"hurt": "echo hurt 1.0"})
    host = start(ssh_host, manager, repository)
    ran = packages(tmp_path, host, {"name": "hurt"})
    assert "script failed" in ran.text
    assert "no disk for it" in ran.apt["output"]


def test_a_package_that_left_the_repository_since_the_last_refresh_is_found_again(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path
) -> None:
    old = repository.add("fleeting", "1.0", commands={"fleeting": "echo fleeting 1.0"})
    host = start(ssh_host, manager, repository, lists="stale")
    repository.remove(old)
    repository.add("fleeting", "1.1", commands={"fleeting": "echo fleeting 1.1"})
    ran = packages(tmp_path, host, {"name": "fleeting"})
    if manager.layer == "pacman":  # fetching its lists alone would be half an upgrade of the system
        assert ran.code == 2, ran.text
        assert "pacman could not fetch what it needs" in ran.apt["msg"]
    else:
        assert ran.code == 0, ran.text
        assert host.run("fleeting").stdout == "fleeting 1.1\n"


DEAD = {
    "dnf": "printf '[dead]\\nname=dead\\nbaseurl=file:///srv/nowhere\\ngpgcheck=0\\nskip_if_unavailable=0\\n'"
    " >/etc/yum.repos.d/dead.repo",
    "zypper": "printf '[dead]\\nname=dead\\nbaseurl=dir:///srv/nowhere\\nenabled=1\\nautorefresh=1\\ngpgcheck=0\\n'"
    " >/etc/zypp/repos.d/dead.repo",
    "pacman": "printf '[dead]\\nSigLevel = Never\\nServer = file:///srv/nowhere\\n' >/etc/pacman.d/dead.conf",
}


@pytest.mark.parametrize("lists", ["empty", "fresh"])
def test_one_dead_repository_stops_no_other_except_for_pacman(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path, lists: str
) -> None:
    host = start(ssh_host, manager, repository, lists=lists)
    host.run(DEAD[manager.layer])
    ran = packages(tmp_path, host, {"name": "mtool"})
    if manager.layer == "pacman":
        assert ran.code == 2, ran.text
        assert "pacman has not fetched the list of packages of dead yet" in ran.apt["msg"]
    else:
        assert ran.code == 0, ran.text
        assert ran.outcomes == {"package:mtool": "changed"}


def test_a_running_transaction_is_waited_for(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path
) -> None:
    repository.add("slow", postinst="touch /srv/begun; sleep 6")
    host = start(ssh_host, manager, repository)
    host.run(f"setsid {manager.install} slow </dev/null >/dev/null 2>&1 & until [ -e /srv/begun ]; do sleep 0.1; done")
    ran = packages(tmp_path, host, {"name": "mtool"})
    assert ran.code == 0, ran.text
    assert ran.outcomes == {"package:mtool": "changed"}


def test_the_holder_of_a_lock_is_named_with_its_pid(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path
) -> None:
    repository.add("slow", postinst="touch /srv/begun; sleep 1000")
    host = start(ssh_host, manager, repository)
    host.run(f"setsid {manager.install} slow </dev/null >/dev/null 2>&1 & until [ -e /srv/begun ]; do sleep 0.1; done")
    pid = host.run(f"pgrep -o {manager.layer}").stdout.strip()
    ran = packages(tmp_path, host, {"name": "mtool"}, mngr_packages_timeout=20)
    assert ran.code == 2, ran.text
    assert f"The package manager is locked by {manager.layer} (pid {pid})" in ran.apt["msg"]


def test_a_package_that_waits_for_an_answer_is_stopped_on_the_host(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path
) -> None:
    repository.add("waits", postinst="exec sleep 1000")
    host = start(ssh_host, manager, repository)
    ran = packages(tmp_path, host, {"name": "waits"}, mngr_packages_timeout=3)
    assert ran.code == 2, ran.text
    assert "was stopped" in ran.apt["msg"]
    assert host.run(f"pgrep -l '{manager.layer}|sleep'", check=False).stdout == ""


def test_two_at_once_on_one_host_both_succeed(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path
) -> None:
    repository.add("slow", postinst="sleep 1", commands={"slow": "echo slow 1.0"})
    host = start(ssh_host, manager, repository, lists="empty")
    directories = [tmp_path / "one", tmp_path / "two"]
    for directory in directories:
        directory.mkdir()
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda path: packages(path, host, {"name": "mtool"}, {"name": "slow"}), directories))
    assert [ran.code for ran in both] == [0, 0], both[0].text + both[1].text


def test_check_mode_says_what_would_change_and_installs_nothing(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path
) -> None:
    host = start(ssh_host, manager, repository)
    ran = packages(tmp_path, host, {"name": "mtool"}, {"name": "python3"}, options=("--check",))
    assert (ran.code, ran.changed) == (0, 1), ran.text
    assert ran.outcomes == {"package:mtool": "changed", "package:python3": "ok"}
    assert host.run("command -v mtool", check=False).returncode


def test_nothing_is_installed_over_a_newer_version(
    ssh_host: StartHost, manager: Manager, repository: Repository, tmp_path: Path
) -> None:
    host = start(ssh_host, manager, repository)
    host.run(f"{manager.install} mtool")
    ran = packages(tmp_path, host, {"name": "mtool", "version": "<2"})
    assert ran.code == 2
    assert "mtool: found 2.40.1 (/usr/bin/mtool), needed <2. It is never installed over" in ran.apt["msg"]
