"""The role ``mngr_packages``, run by the real ansible-playbook on real hosts with a real apt."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.hosts import AptRepository, SshHost, User
from tests.support.role_playbook import ROLES, Play, play, run_playbook

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHost


@pytest.fixture
def repository(tmp_path: Path) -> AptRepository:
    tmp_path.chmod(0o755)
    made = AptRepository(tmp_path / "apt")
    made.add("mtool", "1:2.40.1-1+deb12u1", commands={"mtool": "echo mtool version 2.40.1"})
    return made


def packages(tmp_path: Path, host: SshHost, *requirements: object, options: tuple[str, ...] = (), **more: Any) -> Play:
    return play(tmp_path, host, "mngr_packages", *options, mngr_packages_requirements=list(requirements), **more)


def statuses(result: dict[str, Any]) -> dict[str, str]:
    """The status of each step in the result of one task."""
    return {step["id"]: step["status"] for step in result["mngr_steps"]}


def test_what_is_missing_is_installed_and_a_second_run_changes_nothing(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("fd-find", "8.6.0-3", commands={"fdfind": "echo fdfind 8.6.0"})
    host = ssh_host(repository=repository, lists="empty")
    requirements = [
        {"name": "mtool", "version": ">=2.39,<3"},
        {"name": "fd", "version": ">=8", "checks": ["fd", "fdfind"], "packages": {"apt": ["fd-find"], "dnf": ["fd"]}},
        {"name": "python3"},
    ]
    first = packages(tmp_path, host, *requirements)
    assert first.code == 0, first.text
    assert first.outcomes == {"package:mtool": "changed", "package:fd": "changed", "package:python3": "ok"}
    assert first.apt["installed"] == ["package:mtool", "package:fd"]
    assert statuses(first.apt) == {"package:mtool": "changed", "package:fd": "changed", "package:python3": "ok"}
    assert first.results[-1]["mngr_steps"][0]["current"] == "2.40.1"
    second = packages(tmp_path, host, *requirements)
    assert (second.code, second.changed) == (0, 0), second.text
    assert set(second.outcomes.values()) == {"ok"}


def test_a_package_that_is_too_old_is_upgraded_and_its_epoch_does_not_count(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(repository=repository, lists="fresh")
    host.run("apt-get install -y mtool")
    repository.add("mtool", "1:3.0-1", commands={"mtool": "echo mtool version 3.0"})
    ran = packages(tmp_path, host, {"name": "mtool", "version": ">=2.41"})
    assert ran.code == 0, ran.text
    assert ran.outcomes == {"package:mtool": "changed"}
    assert host.run("mtool").stdout == "mtool version 3.0\n"


def test_a_requirement_that_no_source_offers_fails_before_any_change_and_names_the_versions(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("other", "1.0")
    host = ssh_host(repository=repository, lists="fresh")
    host.run("apt-get install -y mtool")
    before = host.run("dpkg-query -W").stdout
    requirements = [{"name": "other"}, {"name": "mtool", "version": ">=9"}, {"name": "nowhere"}]
    ran = packages(tmp_path, host, *requirements)
    assert ran.code == 2, ran.text
    assert "mtool: found 2.40.1 (/usr/bin/mtool), needed >=9, apt offers 2.40.1" in ran.apt["msg"]
    assert "nowhere: not found, needed any version, apt offers no package nowhere" in ran.apt["msg"]
    assert ran.outcomes == {"package:mtool": "failed", "package:nowhere": "failed"}
    assert host.run("dpkg-query -W").stdout == before


def test_a_stale_list_is_refreshed_once_although_another_source_is_dead(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(repository=repository, lists="stale")
    host.run("echo 'deb [trusted=yes] copy:/srv/nowhere ./' >/etc/apt/sources.list.d/dead.list")
    repository.add("new", "1.0")
    repository.remove(next(repository.path.glob("mtool_*.deb")))
    repository.add("mtool", "1:2.41-1", commands={"mtool": "echo mtool version 2.41"})
    ran = packages(tmp_path, host, {"name": "new"}, {"name": "mtool", "version": ">=2.41"})
    assert ran.code == 0, ran.text
    assert set(ran.outcomes.values()) == {"changed"}
    assert "could not be refreshed entirely" in ran.text


def test_a_package_that_left_the_mirror_since_the_last_refresh_is_found_again(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(repository=repository, lists="fresh")
    repository.remove(next(repository.path.glob("mtool_*.deb")))
    repository.add("mtool", "1:2.41-1", commands={"mtool": "echo mtool version 2.41"})
    ran = packages(tmp_path, host, {"name": "mtool"})
    assert ran.code == 0, ran.text
    assert ran.outcomes == {"package:mtool": "changed"}


def test_an_optional_package_that_fails_is_only_a_warning(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("broken", "1.0", postinst="exit 3")
    host = ssh_host(repository=repository)
    optional = [{"name": name, "is_required": False} for name in ("broken", "nowhere")]
    ran = packages(tmp_path, host, *optional, {"name": "mtool"})
    assert ran.code == 0, ran.text
    expected = {"package:broken": "failed", "package:nowhere": "failed", "package:mtool": "changed"}
    assert ran.outcomes == expected
    assert statuses(ran.apt) == expected, "the installing task names every requirement that it looked at"
    assert "The package broken could not be set up" in ran.text
    repository.add("later", "1.0")
    again = packages(tmp_path, host, optional[0], {"name": "later"})
    assert again.code == 0, again.text
    assert again.outcomes == {"package:broken": "failed", "package:later": "changed"}
    assert "nowhere: not found, needed any version, apt offers no package nowhere" in ran.text


def test_a_required_package_that_fails_is_reported_with_apts_output_and_counts_as_missing(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("broken", "1.0", postinst="echo it hurts; exit 3")
    host = ssh_host(repository=repository)
    ran = packages(tmp_path, host, {"name": "broken"}, {"name": "mtool"})
    assert ran.code == 2
    assert ran.apt["msg"] == (
        "The package broken could not be set up: its own script failed, and said: it hurts. "
        "Finish it on the host, then run again: dpkg --configure -a."
    )
    assert "it hurts" in ran.apt["output"]
    assert ran.outcomes == {"package:broken": "failed", "package:mtool": "changed"}
    asserted = packages(tmp_path, host, {"name": "broken"}, tasks_from="assert")
    assert "only half installed (iF)" in asserted.results[-1]["msg"]


def test_nothing_is_installed_over_a_newer_or_unknown_version(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("mute", "1.0")
    host = ssh_host(repository=repository, lists="fresh")
    host.run("apt-get install -y mtool; echo 'echo hello' >/usr/local/bin/mute; chmod +x /usr/local/bin/mute")
    requirements = [{"name": "mtool", "version": "<2"}, {"name": "mute", "version": ">=1"}, {"name": "python3"}]
    ran = packages(tmp_path, host, *requirements)
    assert ran.code == 2
    assert "mtool: found 2.40.1 (/usr/bin/mtool), needed <2" in ran.apt["msg"]
    assert "mute: /usr/local/bin/mute prints no readable version, needed >=1" in ran.apt["msg"]
    assert "never installed over" in ran.apt["msg"]


@pytest.mark.parametrize("root_by", ["sudo", "doas"])
def test_a_user_with_sudo_or_doas_installs(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path, root_by: str
) -> None:
    login = User("dev", root_by=root_by)  # type: ignore[arg-type]
    host = ssh_host(layer="tools", users=(login,), repository=repository).as_user("dev")
    if root_by == "doas":
        host.run("rm /usr/bin/sudo")
    ran = packages(tmp_path, host, {"name": "mtool"})
    assert ran.code == 0, ran.text
    assert ran.outcomes == {"package:mtool": "changed"}


@pytest.mark.parametrize("root_by", ["nothing", "sudo with a password"])
def test_a_user_who_cannot_become_root_gets_the_command_for_an_administrator(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path, root_by: str
) -> None:
    login = User("dev", root_by=root_by)  # type: ignore[arg-type]
    host = ssh_host(layer="tools", users=(login,), repository=repository, lists="fresh").as_user("dev")
    ran = packages(tmp_path, host, {"name": "mtool"}, {"name": "git"})
    assert ran.code == 2
    assert "an administrator must run: sudo apt-get install -y mtool. No package was changed." in ran.apt["msg"]
    short = packages(tmp_path, host, "mtool", {"name": "nowhere", "is_required": False}, "absent")
    assert "absent: not found, needed any version, apt offers no package absent" in short.apt["msg"]
    assert "an administrator must run: sudo apt-get install -y mtool. No package was changed." in short.apt["msg"]
    assert packages(tmp_path, host, {"name": "git", "version": ">=2"}).code == 0


def test_print_changes_nothing_and_fails_with_the_command(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("other", "1.0")
    host = ssh_host(repository=repository, lists="fresh")
    optional = {"name": "nowhere", "is_required": False}
    ran = packages(tmp_path, host, {"name": "mtool"}, optional, mngr_packages_install="print")
    assert ran.code == 2
    assert "To install it, run: apt-get install -y mtool. No package was changed." in ran.apt["msg"]
    assert host.run("command -v mtool", check=False).returncode
    host.run("rm -rf /var/lib/apt/lists/*")
    short = packages(tmp_path, host, "mtool", "other>=9", "nowhere", mngr_packages_install="print")
    assert "other: not found, needed >=9, apt offers 1.0; nowhere: not found, needed any version, " in short.apt["msg"]
    assert "run: apt-get update && apt-get install -y mtool. No package was changed." in short.apt["msg"], short.text
    assert not host.run("ls /var/lib/apt/lists").stdout, "the lists are looked up in a directory that is removed"


def test_check_mode_says_what_would_change_and_installs_nothing(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(repository=repository)
    ran = packages(tmp_path, host, {"name": "mtool"}, {"name": "python3"}, options=("--check",))
    assert (ran.code, ran.changed) == (0, 1), ran.text
    assert ran.outcomes == {"package:mtool": "changed", "package:python3": "ok"}
    assert statuses(ran.apt) == ran.outcomes
    assert host.run("command -v mtool", check=False).returncode


def test_the_playbook_check_ends_well_if_only_optional_packages_cannot_be_had(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(repository=repository, lists="fresh")
    packages(tmp_path, host, options=("--list-tasks",))  # the files of a run
    results = []
    for needed in ([{"name": "nowhere", "is_required": False}], ["mtool"], ["mtool>=9"]):
        (tmp_path / "run/vars.yml").write_text(yaml.safe_dump({"mngr_packages_requirements": ["python3", *needed]}))
        results.append(run_playbook(tmp_path / "run", ROLES.parent / "playbooks/check.yml", "-e", "@vars.yml"))
    well, missing, impossible = results
    assert (well.code, well.changed) == (0, 0), well.text
    assert "nowhere: not found, needed any version, apt offers no package nowhere" in well.text
    assert missing.code == 2
    assert "Run provision.yml to change: package:mtool" in missing.text
    assert impossible.code == 2
    assert "mtool: not found, needed >=9, apt offers 2.40.1" in impossible.text
    assert host.run("command -v mtool", check=False).returncode


def test_what_apt_would_have_to_remove_or_unhold_stays(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("rival", "1.0", conflicts="mtool")
    host = ssh_host(repository=repository, lists="fresh")
    host.run("apt-get install -y mtool")
    ran = packages(tmp_path, host, {"name": "rival"})
    assert ran.code == 2
    assert "would have to remove other packages, which is never done" in ran.apt["msg"]
    host.run("apt-mark hold mtool")
    repository.add("mtool", "1:3.0-1", commands={"mtool": "echo mtool version 3.0"})
    repository.add("loose", "1.0")
    tool = {"name": "my tool", "version": ">=3", "checks": ["mtool"], "packages": {"apt": ["mtool"]}}
    held = packages(tmp_path, host, tool, "loose")
    assert held.code == 2
    assert held.apt["msg"].startswith("my tool: A package is on hold"), held.text
    reasons = {each["id"]: each["reason"] for each in held.apt["mngr_steps"]}
    assert reasons["package:loose"].startswith("it was not installed, because my tool in the same transaction failed: ")
    optional = packages(tmp_path, host, tool | {"is_required": False})
    assert re.search(r"my tool: A package is on hold, [^[]*\. It is optional\.", " ".join(optional.text.split()))
    assert host.run("apt-mark showhold; mtool").stdout == "mtool\nmtool version 2.40.1\n"


def test_a_package_that_waits_for_an_answer_is_stopped_on_the_host(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("waits", "1.0", postinst="exec sleep 1000")
    host = ssh_host(layer="tools", repository=repository, lists="fresh")
    ran = packages(tmp_path, host, {"name": "waits"}, mngr_packages_timeout=1)
    assert ran.code == 2
    assert "was stopped" in ran.apt["msg"]
    assert host.run("pgrep -l 'apt|dpkg|sleep'", check=False).stdout == ""


def test_a_wrong_name_is_refused_before_anything_is_asked(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    ran = packages(tmp_path, ssh_host(repository=repository), {"name": "m", "packages": {"apt": ["mto*"]}})
    assert ran.code == 2
    assert "m: 'mto*' is no name of a package: a pattern could install anything" in ran.apt["msg"]


def test_another_program_of_that_name_is_reported_after_the_installation(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(repository=repository)
    host.run("echo 'echo mtool 1.0' >/usr/local/bin/mtool; chmod +x /usr/local/bin/mtool")
    ran = packages(tmp_path, host, {"name": "mtool", "version": ">=2"})
    assert ran.code == 2
    assert "mtool: found 1.0 (/usr/local/bin/mtool), needed >=2, apt offers 2.40.1" in ran.results[-1]["msg"]
    assert "the check finds something else" in ran.results[-1]["msg"]

    ghost = {"name": "ghost", "checks": ["ghost"], "packages": {"apt": ["mtool"]}}
    ran = packages(tmp_path, host, ghost)
    assert "ghost: not found, needed any version" in ran.results[-1]["msg"]
    assert "it was installed, but is still not found" in ran.results[-1]["msg"]


def test_the_examples_of_the_readme_run(ssh_host: StartHost, repository: AptRepository, tmp_path: Path) -> None:
    repository.add("git", "1:2.40-1", commands={"git": "echo git version 2.40"})
    repository.add("fd-find", "8.6.0-3", commands={"fdfind": "echo fdfind 8.6.0"})
    host = ssh_host(repository=repository)
    play(tmp_path, host, "mngr_packages", mngr_packages_requirements=[])
    page = (ROLES / "mngr_packages/README.md").read_text()
    example, with_handler = (text for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "hosts:" in text)
    (tmp_path / "run/play.yml").write_text(example)
    (tmp_path / "run/results").write_text("")
    ran = run_playbook(tmp_path / "run", tmp_path / "run/play.yml")
    assert ran.code == 0, ran.text
    optional = {"package:ripgrep": "failed", "package:prettier": "failed"}
    assert ran.outcomes == {"package:git": "changed", "package:fd": "changed"} | optional
    (tmp_path / "run/play.yml").write_text(with_handler)
    ran = run_playbook(tmp_path / "run", tmp_path / "run/play.yml")
    assert (ran.code, ran.changed) == (0, 0), ran.text
    assert "It is restarted here" not in ran.text
    host.run("apt-get remove -qq git")
    ran = run_playbook(tmp_path / "run", tmp_path / "run/play.yml")
    assert ran.text.count("It is restarted here") == 1, ran.text


HOLD = (
    "import fcntl, sys, time; file = open(sys.argv[1], 'w'); fcntl.lockf(file, 2); print(flush=True); time.sleep(1000)"
)


def test_the_holder_of_the_package_managers_lock_is_named(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(repository=repository, lists="fresh")
    host.run(f'mkfifo /f; setsid python3 -c "{HOLD}" /var/lib/dpkg/lock-frontend >/f 2>&1 & read _ </f')
    ran = packages(tmp_path, host, {"name": "mtool"}, mngr_packages_timeout=10)
    assert ran.code == 2
    assert "The package manager is locked by python3 (pid " in ran.apt["msg"]
    assert "Run again when it is free" in ran.apt["msg"]


ONCE_LOCKED = """#!/bin/sh
[ ! -e /tmp/second ] || exec sleep 1000
touch /tmp/second
echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (init)' >&2
exit 100
"""


ONCE_WAITED = """#!/bin/sh
[ ! -e /tmp/second ] || exec /usr/bin/apt-get.real "$@"
touch /tmp/second
echo 'Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1 (cloud-init)'
echo 'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1 (cloud-init)' >&2
exit 100
"""


@pytest.mark.parametrize(("lock_timeout", "code"), [(60, 2), (600, 0)])
def test_a_lock_that_outlasts_the_managers_own_waiting_is_waited_for_where_more_time_is_given(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path, lock_timeout: int, code: int
) -> None:
    host = ssh_host(repository=repository, lists="fresh")
    host.run(
        "mv /usr/bin/apt-get /usr/bin/apt-get.real; cat >/usr/bin/apt-get; chmod 755 /usr/bin/apt-get",
        stdin=ONCE_WAITED,
    )
    ran = packages(tmp_path, host, {"name": "mtool"}, mngr_packages_lock_timeout=lock_timeout)
    assert ran.code == code
    assert ran.outcomes == {"package:mtool": "failed" if code else "changed"}


def test_the_holder_of_a_lock_is_named_even_if_the_last_try_had_no_time(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(repository=repository, lists="fresh")
    host.run("cat >/usr/bin/apt-get", stdin=ONCE_LOCKED)
    ran = packages(tmp_path, host, {"name": "mtool"}, mngr_packages_timeout=6)
    assert ran.code == 2
    assert "The package manager is locked by " in ran.apt["msg"]
    assert host.run("pgrep -f '^sleep 1000'", check=False).stdout == ""


def test_two_at_once_on_one_host_both_succeed(ssh_host: StartHost, repository: AptRepository, tmp_path: Path) -> None:
    repository.add("slow", "1.0", postinst="sleep 1")
    host = ssh_host(repository=repository, lists="empty")
    directories = [tmp_path / "one", tmp_path / "two"]
    for directory in directories:
        directory.mkdir()
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda path: packages(path, host, {"name": "mtool"}, {"name": "slow"}), directories))
    assert [ran.code for ran in both] == [0, 0], both[0].text + both[1].text
