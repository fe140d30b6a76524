"""The test hosts themselves hold what they promise."""

from __future__ import annotations

import fcntl
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.hosts import AptRepository, SshHost, User, cache_directory, offered_packages, running
from tests.support.hosts.ssh_host import sweep

if TYPE_CHECKING:
    from tests.conftest import StartHost

ROOT = Path(__file__).parents[2]


def mounts_of_hosts() -> list[str]:
    """The lines of this machine's mount table that name a test host's directory or a layer; there must be none."""
    table = Path("/proc/self/mounts").read_text().splitlines()
    return [line for line in table if "mngr-ansible-hosts" in line or str(cache_directory()) in line]


def test_a_host_answers_over_ssh_by_its_address_with_its_own_key(shared_host: SshHost) -> None:
    assert shared_host.address == f"root@127.0.0.1:{shared_host.port}"
    assert shared_host.ssh("hostname").stdout == "shared\n"


def test_an_ssh_configuration_entry_reaches_the_host_by_its_name(shared_host: SshHost, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(shared_host.ssh_config_entry())

    said = subprocess.run(["ssh", "-F", config, "shared", "id -un"], text=True, capture_output=True, check=True)

    assert said.stdout == "root\n"


def test_the_bare_layer_has_no_python_and_no_sudo(ssh_host: StartHost) -> None:
    found = ssh_host(layer="bare").ssh("command -v python3 python sudo git tmux", check=False)

    assert found.stdout == ""


def test_the_python_layer_has_no_sudo(shared_host: SshHost) -> None:
    assert shared_host.ssh("command -v python3; command -v sudo || echo none").stdout == "/usr/bin/python3\nnone\n"


def test_the_tools_layer_has_what_mngr_needs(ssh_host: StartHost) -> None:
    ssh_host(layer="tools").ssh("set -e; for c in python3 git tmux rsync jq sudo doas ps; do command -v $c; done")


@pytest.mark.parametrize(
    ("root_by", "command", "said"),
    [
        ("nothing", "sudo -n id -un", ""),
        ("sudo", "sudo -n id -un", "root"),
        ("sudo with a password", "sudo -n id -un", ""),
        ("sudo with a password", "echo 'let me in' | sudo -S id -un", "root"),
        ("doas", "doas -n id -un", "root"),
    ],
)
def test_a_user_becomes_root_only_in_the_way_that_was_given(
    ssh_host: StartHost, root_by: str, command: str, said: str
) -> None:
    host = ssh_host(layer="tools", users=(User("dev", root_by),))  # type: ignore[arg-type]

    assert host.as_user("dev").ssh(command, check=False).stdout.strip() == said


def test_a_package_is_installed_from_the_repository_without_a_mirror(ssh_host: StartHost, tmp_path: Path) -> None:
    repository = AptRepository(tmp_path / "apt")
    repository.add("libmtool", "3", files={"/usr/share/libmtool": "x"})
    repository.add("mtool", "1:2.1-1", commands={"mtool": "echo mtool 2.1"}, depends="libmtool (>= 2)")
    host = ssh_host(repository=repository, lists="fresh")

    host.ssh("apt-get install -y -qq mtool")

    assert host.ssh("mtool; cat /usr/share/libmtool").stdout == "mtool 2.1\nx"
    assert host.ssh("dpkg-query -W mtool").stdout == "mtool\t1:2.1-1\n"


def test_a_failing_maintainer_script_fails_the_installation(ssh_host: StartHost, tmp_path: Path) -> None:
    repository = AptRepository(tmp_path / "apt")
    repository.add("mtool", postinst="echo no disk for mtool >&2; exit 3")
    host = ssh_host(repository=repository, lists="fresh")

    failed = host.ssh("apt-get install -y -qq mtool", check=False)

    assert failed.returncode == 100
    assert "no disk for mtool" in failed.stdout


def test_without_lists_apt_knows_no_package_until_it_is_updated(ssh_host: StartHost, tmp_path: Path) -> None:
    repository = AptRepository(tmp_path / "apt")
    repository.add("mtool")
    host = ssh_host(repository=repository)

    assert "Unable to locate" in host.ssh("apt-get install -y mtool", check=False).stderr
    host.ssh("apt-get update && apt-get install -y mtool")


def test_stale_lists_still_name_what_the_repository_has_replaced(ssh_host: StartHost, tmp_path: Path) -> None:
    repository = AptRepository(tmp_path / "apt")
    old = repository.add("mtool", "1.0")
    host = ssh_host(repository=repository, lists="stale")
    repository.remove(old)
    repository.add("mtool", "1.1")

    assert "Candidate: 1.0" in host.ssh("apt-cache policy mtool").stdout
    assert host.ssh("apt-get install -y mtool", check=False).returncode == 100
    assert host.ssh("find /var/lib/apt/lists -mtime +30 -name '*Packages'").stdout
    host.ssh("apt-get update")
    assert "Candidate: 1.1" in host.ssh("apt-cache policy mtool").stdout


def test_python_is_installed_on_a_bare_host_without_a_mirror(ssh_host: StartHost, tmp_path: Path) -> None:
    repository = AptRepository(tmp_path / "apt")
    repository.adopt(offered_packages("bare"))
    host = ssh_host(layer="bare", repository=repository, lists="fresh")

    host.ssh("apt-get install -y -qq --no-install-recommends python3")

    assert host.ssh("python3 -c 'import json; print(json.dumps(1))'").stdout == "1\n"


def test_hosts_share_nothing_and_their_layer_stays_as_it_was(ssh_host: StartHost) -> None:
    first, second = ssh_host(name="first"), ssh_host(name="second")

    first.ssh("rm -rf /usr/share/doc; echo here >/srv/mark")

    assert second.ssh("test -d /usr/share/doc; test ! -e /srv/mark; hostname").stdout == "second\n"
    assert (first.root_path / "srv/mark").read_text() == "here\n"
    assert first.key.read_bytes() != second.key.read_bytes()


def test_a_host_sees_neither_the_machines_processes_nor_its_files(shared_host: SshHost) -> None:
    assert shared_host.ssh(f"test ! -e {ROOT}; cat /proc/1/comm").stdout == "sh\n"
    mounts = shared_host.ssh("cat /proc/self/mountinfo").stdout
    assert not re.search(rf"{re.escape(str(ROOT))}(?![\w.-])", mounts)


def test_a_killed_connection_ends_the_client_and_a_stopped_one_does_not(ssh_host: StartHost) -> None:
    host = ssh_host()
    client = subprocess.Popen([*host.ssh_argv(), "echo on; cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert client.stdin
    assert client.stdout
    with client:
        assert client.stdout.readline() == b"on\n"

        assert host.signal_connections(signal.SIGSTOP) > 0
        assert client.poll() is None
        assert host.signal_connections() > 0

        assert client.wait(30) == 255
    assert host.ssh("echo on").stdout == "on\n"


def test_a_stopped_host_leaves_no_process_no_mount_and_no_file(ssh_host: StartHost) -> None:
    with running() as host:
        host.ssh("setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo $!")
        assert mounts_of_hosts() == []
        pid = host.pid
        assert host.is_running
    assert mounts_of_hosts() == []
    assert not host.is_running
    assert not host.directory.exists()
    assert not Path(f"/proc/{pid}").exists()


def test_a_host_ends_with_a_killed_starter_and_the_next_start_sweeps_up(ssh_host: StartHost) -> None:
    code = (
        "from tests.support.hosts import running\n"
        "with running(name='orphan') as host:\n"
        "    print(host.pid, host.directory, flush=True)\n"
        "    input()\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with starter:
        assert starter.stdout
        pid, directory = starter.stdout.readline().split()
        assert Path(directory).is_dir()

        starter.kill()

    with (Path(directory) / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # free when the last process of the host has ended
    assert not Path(f"/proc/{pid}").exists()
    assert mounts_of_hosts() == []
    sweep(Path(directory).parent)
    assert not Path(directory).exists()


@pytest.mark.usefixtures("_hosts_are_possible")
def test_a_kept_host_lives_until_it_is_destroyed(tmp_path: Path) -> None:
    def hosts(*arguments: str) -> str:
        command = [sys.executable, "-m", "tests.support.hosts", *arguments, "--state", str(tmp_path)]
        return subprocess.run(command, cwd=ROOT, check=True, text=True, capture_output=True).stdout

    created = json.loads(hosts("create", "one", "--layer", "bare"))
    try:
        assert created["all"]["hosts"]["one"]["ansible_host"] == "127.0.0.1"
        host = SshHost("one", created["all"]["hosts"]["one"]["ansible_port"], tmp_path / "one")
        assert host.ssh("hostname").stdout == "one\n"
        assert json.loads(hosts("list")) == created
    finally:
        hosts("destroy")
    assert not host.is_running
    assert json.loads(hosts("list"))["all"]["hosts"] == {}
