"""Bare hosts: from sshd and a shell to what mngr needs, stand-alone and by the role."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from imbue.mngr.providers.ssh_host_setup import REQUIRED_HOST_PACKAGES

from mngr_ansible.catalog.lookup import find_tool
from mngr_ansible.plan.requirements import PackageRequest, merge
from mngr_ansible.portable.checks import complete
from mngr_ansible.provisioning import bootstrap
from mngr_ansible.spec.packages import PackageRequirement
from tests.support.command_line import document, mngr_ansible, on, statuses
from tests.support.hosts import AptRepository, PacmanRepository, RpmRepository, SshHost, User, offered_packages
from tests.support.latency_proxy import distant
from tests.support.role_playbook import ROLES, play
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHost

IN_TESTS = {
    "ca-certificates": {"files": {"/etc/ssl/certs/ca-certificates.crt": "none"}},
    **{name: {"commands": {name: f"echo {name} 1.2"}} for name in ("curl", "rsync", "git", "jq", "tmux")},
    "xxd": {"commands": {"xxd": "echo xxd 2022-01-14"}},
}
"""What the tests' own repository offers of what mngr needs and a bare host lacks."""
LACKING = ["bootstrap:python3", *(f"package:{name}" for name in bootstrap.TOOLS if name in IN_TESTS)]


@pytest.fixture
def repository(tmp_path: Path) -> AptRepository:
    tmp_path.chmod(0o755)
    made = AptRepository(tmp_path / "apt")
    made.adopt(offered_packages("bare"))
    for name, parts in IN_TESTS.items():
        made.add(name, "1.2", **parts)  # type: ignore[arg-type]
    return made


def test_the_list_is_mngrs_own_and_the_catalog_knows_all_of_it() -> None:
    assert tuple(each.package for each in REQUIRED_HOST_PACKAGES) == bootstrap.TOOLS
    assert all(find_tool(name) for name in bootstrap.TOOLS)
    assert set(bootstrap.TOOLS) > bootstrap.ESSENTIAL


def test_the_role_asks_for_what_the_catalog_says() -> None:
    given = yaml.safe_load((ROLES / "mngr_bootstrap/defaults/main.yml").read_text())["mngr_bootstrap_packages"]
    assert [each["name"] for each in given] == list(bootstrap.TOOLS)
    for each in given:
        (known,) = merge([PackageRequest("mngr", PackageRequirement(each["name"]), None)])
        ours, theirs = known.resolved(), complete(each)
        assert ours["checks"] == [check for check in theirs["checks"] if check["kind"] != "package"]
        packages = {
            **{manager: [each["name"]] for manager in ("apt", "dnf", "zypper", "pacman", "apk")},
            **each.get("packages", {}),
        }
        assert {name: names for name, names in ours["packages"].items() if name != "brew"} == packages


def test_a_bare_host_gets_everything_in_one_run_and_a_ready_one_costs_one_round_trip(
    ssh_host: StartHost, repository: AptRepository
) -> None:
    host = ssh_host(layer="bare", repository=repository)
    planned = mngr_ansible("bootstrap", "--dry-run", "--json", *on(host))
    assert (planned.returncode, document(planned)["ok"]) == (0, True)
    assert [step for step, status in statuses(planned).items() if status == "missing"] == LACKING
    assert host.run("command -v python3 git", check=False).stdout == ""

    made = mngr_ansible("bootstrap", host.address, "--json", "--verbose", *on(host)[2:])

    assert (made.returncode, document(made)["command"]) == (0, "bootstrap"), made.stderr
    assert {step for step, status in statuses(made).items() if status == "changed"} == set(LACKING)
    assert "git is missing (needed by mngr); installing it from apt" in made.stderr
    assert "warning: " not in made.stderr
    assert host.run("git && tmux && python3 -c 'print(3)'").stdout == "git 1.2\ntmux 1.2\n3\n"
    with distant(host) as (far, proxy):
        again = mngr_ansible("bootstrap", "--json", "--verbose", *on(far))
        assert set(statuses(again).values()) == {"ok"}
        assert (again.returncode, proxy.connections) == (0, 1)
        assert "task: " in made.stderr
        assert "task: " not in again.stderr


def test_a_user_with_sudo_bootstraps_too(ssh_host: StartHost, repository: AptRepository) -> None:
    host = ssh_host(layer="bare", users=(User("dev"),), repository=repository, has_mirror=True).as_user("dev")
    retried = "apt-get -qq -o Acquire::Retries=5"
    host.run(f"{retried} update && {retried} install -y --no-install-recommends sudo", timeout=300)
    host.run("rm /etc/apt/sources.list; echo 'dev ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/dev")
    made = mngr_ansible("bootstrap", "--json", *on(host))
    changed = {step for step, status in statuses(made).items() if status == "changed"}
    assert (made.returncode, changed) == (0, set(LACKING)), made.stderr


def test_without_root_the_exact_command_for_an_administrator_is_shown(
    ssh_host: StartHost, repository: AptRepository
) -> None:
    host = ssh_host(layer="bare", users=(User("dev"),), repository=repository, lists="fresh").as_user("dev")
    before = host.run("find / -xdev -newer /etc/hostname -type f | sort").stdout
    done = mngr_ansible("bootstrap", "--json", *on(host))
    (command,) = document(done)["hosts"][0]["commands"]
    assert (done.returncode, statuses(done)["bootstrap:python3"]) == (1, "blocked")
    assert command == "sudo apt-get install -y python3 ca-certificates tmux curl rsync git jq xxd"
    reasons = {step["id"]: step["reason"] for step in document(done)["hosts"][0]["steps"]}
    assert reasons["bootstrap:python3"].endswith("an administrator must run: sudo apt-get install -y python3")
    assert reasons["package:git"].endswith(f"an administrator must run: {command.replace('python3 ', '')}")
    assert host.run("find / -xdev -newer /etc/hostname -type f | sort").stdout == before
    host.run(command.removeprefix("sudo "))
    assert mngr_ansible("bootstrap", *on(host)).returncode == 0


def test_print_only_shows_the_command_and_fails(ssh_host: StartHost, repository: AptRepository) -> None:
    host = ssh_host(layer="bare", repository=repository, lists="fresh")
    done = mngr_ansible("bootstrap", "--install", "print", *on(host))
    assert done.returncode == 1
    assert "  apt-get install -y python3 ca-certificates tmux curl rsync git jq xxd" in done.stdout.splitlines()
    assert host.run("command -v git python3", check=False).stdout == ""


def test_a_bootstrap_without_a_host_is_refused_and_does_not_take_this_machine(tmp_path: Path) -> None:
    done = mngr_ansible("bootstrap", "--json", env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert done.returncode == 64
    assert document(done)["hosts"] == []


def test_two_bootstraps_at_once_both_end_well(ssh_host: StartHost, repository: AptRepository) -> None:
    from concurrent.futures import ThreadPoolExecutor

    host = ssh_host(layer="bare", repository=repository)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: mngr_ansible("bootstrap", "--json", *on(host)), range(2)))
    assert [each.returncode for each in both] == [0, 0], [each.stderr for each in both]
    assert host.run("git && dpkg --audit").stdout == "git 1.2\n"


def test_a_python_without_its_library_counts_as_missing(ssh_host: StartHost, repository: AptRepository) -> None:
    host = ssh_host(layer="bare", repository=repository, lists="fresh")
    host.run("apt-get install -y -qq --no-install-recommends python3-minimal")
    assert host.run("python3 -c 'import json'", check=False).returncode == 1
    made = mngr_ansible("apply", "--file", f"{__file__}:/srv/x", "--json", *on(host))
    assert statuses(made) == {"bootstrap:python3": "changed", "file:/srv/x": "changed"}, made.stderr
    assert host.run("python3 -c 'import json'", check=False).returncode == 0


def test_python_waits_for_a_lock(ssh_host: StartHost, repository: AptRepository, tmp_path: Path) -> None:
    host = ssh_host(layer="bare", repository=repository, lists="fresh")
    since = time.monotonic()
    hold_apts_lock(host, 12)
    ran = play(tmp_path, host, "mngr_bootstrap", tasks_from="python", mngr_bootstrap_timeout=120)
    assert (ran.code, ran.changed) == (0, 1), ran.text
    assert time.monotonic() - since >= 12


def test_who_holds_a_lock_for_too_long_is_named_when_python_is_installed(
    ssh_host: StartHost, repository: AptRepository
) -> None:
    host = ssh_host(layer="bare", repository=repository, lists="fresh")
    holder = hold_apts_lock(host, 60)
    script = (ROLES / "mngr_bootstrap/files/python.sh").read_text()
    counting = '#!/bin/sh\necho "$*" >>/tmp/calls\nexec /usr/bin/apt-get "$@"\n'
    host.run("cat >/usr/local/bin/apt-get; chmod 755 /usr/local/bin/apt-get", stdin=counting)
    done = host.run(f"seconds=120 lock_seconds=5\n{script}", check=False)
    (step,) = json.loads(done.stdout.splitlines()[-1])["mngr_steps"]
    assert (done.returncode, step["status"]) == (1, "failed"), done.stdout
    assert host.run("cat /tmp/calls").stdout.count(" install ") == 1, "it waited twice"
    assert step["reason"] == f"the package manager is locked by process {holder}. Run again when it is free"


def hold_apts_lock(host: SshHost, seconds: float) -> int:
    """Have a process of the host hold apt's lock for so long, from now on; returns its pid there."""
    hold = 'use Fcntl; $| = 1; open(F, ">>", "/var/lib/dpkg/lock-frontend"); '
    hold += '$lock = pack("s s l! l! i", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $lock) or die; '
    host.run(f"(perl -e '{hold} print \"$$\\n\"; sleep {seconds}' >/tmp/held 2>&1 &)")
    wait_until(lambda: host.run("cat /tmp/held").stdout)
    return int(host.run("cat /tmp/held").stdout)


@pytest.mark.parametrize("layer", ["zypper", "pacman", "dnf"])
def test_python_comes_from_the_systems_own_manager(ssh_host: StartHost, tmp_path: Path, layer: str) -> None:
    tmp_path.chmod(0o755)
    pacman = layer == "pacman"
    repository: Any = (PacmanRepository if pacman else RpmRepository)(tmp_path / "repository")
    repository.add("python" if pacman else "python3", "3.11", commands={"python3": 'exec /opt/python "$@"'})
    host: SshHost = ssh_host(layer=layer, users=(User("dev", "sudo"), User("pete")), repository=repository)
    host.run("mv $(readlink -f /usr/bin/python3) /opt/python && rm /usr/bin/python3*")
    host.run("sed -i '1s,#!.*,#!/opt/python,' /usr/bin/dnf /usr/bin/dnf-3 2>/dev/null; true")

    done = mngr_ansible("plan", "--file", f"{__file__}:x", "--json", *on(host.as_user("pete")))
    name = "python" if pacman else "python3"
    reason = document(done)["hosts"][0]["steps"][0]["reason"]
    words = {"dnf": "dnf install -y --best", "zypper": "zypper --non-interactive install"}
    line = words.get(layer, "pacman -S --needed --noconfirm")
    assert reason == f"Ansible needs python3; an administrator must run: sudo {line} {name}"
    refused = play(tmp_path, host.as_user("pete"), "mngr_bootstrap", tasks_from="python")
    step = json.loads(refused.result("Install python3")["stdout_lines"][-1])["mngr_steps"][0]
    assert (refused.code, step["status"]) == (2, "failed")
    refusal = "the remote user is not root, and has no sudo without a password; an administrator must"
    assert step["reason"].startswith(refusal)
    script = (ROLES / "mngr_bootstrap/files/python.sh").read_text()
    foretold = host.as_user("dev").run(f"seconds=120 check=yes\n{script}")
    said = json.loads(foretold.stdout.splitlines()[-1])
    assert (said["mngr_steps"][0]["status"], said["foretold"]) == ("changed", layer), foretold.stdout
    assert host.run("command -v python3; ls -d /tmp/tmp.*", check=False).stdout == ""

    done = mngr_ansible("apply", "--file", f"{__file__}:x", "--json", *on(host.as_user("dev")))
    assert (done.returncode, statuses(done)["bootstrap:python3"]) == (0, "changed"), done.stdout
    assert host.run("python3 -c 'print(3)'").stdout == "3\n"


def test_the_role_alone_makes_a_bare_host_ready_and_changes_nothing_the_second_time(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(layer="bare", repository=repository)
    first = play(tmp_path, host, "mngr_bootstrap")
    assert (first.code, host.run("git && jq").stdout) == (0, "git 1.2\njq 1.2\n"), first.text
    second = play(tmp_path, host, "mngr_bootstrap")
    assert (second.code, second.changed) == (0, 0), second.text
