"""The connections of an inventory's hosts: as Ansible's connection plugin ssh would reach them."""

import shlex
import shutil
from pathlib import Path

import pytest

from mngr_ansible.errors import ErrorGroup, InputError
from mngr_ansible.host.connection import LocalShell
from mngr_ansible.host.ssh import Address, OpenSsh
from mngr_ansible.host.ssh_settings import SshSettings
from mngr_ansible.inventory.answer import InventoryHost
from mngr_ansible.inventory.connecting import connected
from mngr_ansible.run.worker import Worker
from mngr_ansible.run.worker_connection import Desk, WorkerConnection
from mngr_ansible.values import replace

SOCKETS = Path("/s")


def ssh(host: InventoryHost, **options: str) -> OpenSsh:
    """The connection, of which ssh has said nothing in particular."""
    (connection,) = connected([host], SOCKETS, **options).connections
    assert isinstance(connection, OpenSsh)
    return replace(connection, _asked=[SshSettings()])


def option(words: list[str], name: str) -> str:
    """The value of an option that counts: ssh takes the first one."""
    values = [each.partition("=")[2] for each in words if each.lower().startswith(f"{name.lower()}=")]
    return values[0] if values else ""


def test_what_the_inventory_says_leads_there_and_its_name_is_what_is_reported():
    host = InventoryHost("web-1", address="fe80::1%eth0", port=2222, user="dev", python="/opt/python3")
    connection = ssh(host)
    assert connection.address == Address("web-1", "fe80::1%eth0", "dev", 2222)
    variables = connection.variables
    assert (variables["ansible_host"], variables["ansible_port"]) == ("fe80::1%eth0", 2222)
    assert (variables["ansible_user"], variables["ansible_python_interpreter"]) == ("dev", "/opt/python3")


@pytest.mark.parametrize("python", ["auto", "auto_silent", "auto_legacy_silent"])
def test_an_interpreter_that_is_to_be_found_is_ours(python):
    assert "ansible_python_interpreter" not in ssh(InventoryHost("a", address="a", python=python)).variables


def test_a_key_of_the_inventory_is_tried_with_the_agent_s_and_comes_before_the_option_key(monkeypatch):
    monkeypatch.setenv("HOME", "/h")
    words = ssh(InventoryHost("a", address="a", key="~/.ssh/fleet"), key="/k").arguments()
    assert option(words, "IdentityFile") == '"/h/.ssh/fleet"'
    assert option(words, "IdentitiesOnly") == ""
    words = ssh(InventoryHost("a", address="a"), key="/k").arguments()
    assert (option(words, "IdentityFile"), option(words, "IdentitiesOnly")) == ('"/k"', "yes")


def test_arguments_for_all_of_ssh_s_programs_come_before_ours_and_count():
    host = InventoryHost(
        "a",
        address="a",
        ssh_args="-C -o ControlMaster=auto -oControlPersist=5m -o ForwardAgent=yes -o StrictHostKeyChecking=no "
        "-o UserKnownHostsFile=/dev/null",
        common_args="-o ProxyJump=bastion -o 'ProxyCommand=ssh -W %h:%p b' -F ./config",
        extra_args="-o ControlPath=none -R 1:2",
    )
    connection = ssh(host)
    words = connection.arguments()
    assert (option(words, "ForwardAgent"), option(words, "ProxyJump")) == ("yes", "bastion")
    assert option(words, "ProxyCommand") == "ssh -W %h:%p b"
    assert (option(words, "StrictHostKeyChecking"), "/dev/null" in " ".join(words)) == ("yes", False)
    assert not any("Control" in each for each in words)
    assert words[words.index("-F") + 1] == str(Path.cwd() / "config")
    assert connection.variables["ansible_ssh_extra_args"] == "-R 1:2"
    assert "-R" not in words
    assert words.index("BatchMode=yes") < words.index("ProxyJump=bastion")


@pytest.mark.parametrize(
    ("common", "is_told"),
    [
        ("-o StrictHostKeyChecking=no", True),
        ("-oStrictHostKeyChecking=accept-new", True),
        ("-o 'stricthostkeychecking off'", True),
        ("-o StrictHostKeyChecking=yes", False),
        ("-o UserKnownHostsFile=/k", False),
    ],
)
def test_host_keys_are_checked_unless_the_hosts_arguments_say_otherwise_which_is_told(common, is_told):
    hosts = [InventoryHost(name, address=name, common_args=common) for name in ("a", "b")]
    notices = connected(hosts, SOCKETS).notices
    text = "the host keys of a, b are not checked, because ansible_ssh_common_args says so"
    assert notices == ((text,) if is_told else ())


def test_one_address_that_other_words_lead_to_has_a_shared_connection_of_its_own():
    hosts = [
        InventoryHost(name, address="10.0.0.5", common_args=f"-o ProxyJump={jump}")
        for name, jump in (("a", "east"), ("b", "west"), ("again", "east"))
    ]
    a, b, again = (replace(each, _asked=[SshSettings()]) for each in connected(hosts, SOCKETS).connections)
    assert a.control_path == again.control_path != b.control_path
    for each in (a, b):
        assert f'ControlPath="{each.control_path}"' in each.variables["ansible_ssh_args"]
    plain = ssh(InventoryHost("c", address="10.0.0.5"))
    assert plain.control_path == "/s/%C"
    assert "ansible_ssh_args" not in plain.variables


@pytest.mark.parametrize("kind", ["local", "ansible.builtin.local"])
def test_a_local_host_is_this_machine(kind):
    (connection,) = connected([InventoryHost("here", connection=kind, python="/p")], SOCKETS).connections
    assert connection == LocalShell(python="/p")
    assert connection.variables["ansible_python_interpreter"] == "/p"


@pytest.mark.parametrize("kind", ["smart", "ssh", "ansible.builtin.ssh"])
def test_smart_is_ssh(kind):
    assert isinstance(ssh(InventoryHost("a", address="a", connection=kind)), OpenSsh)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"connection": "community.docker.docker"}, "ansible_connection of a, b is community.docker.docker"),
        ({"connection": "winrm"}, "ansible_connection of a, b is winrm"),
        ({"has_password": True}, "a, b would need a password for ssh"),
        ({"address": "-oProxyCommand=x"}, "a, b cannot be reached over ssh"),
        ({"user": 'x" -o y'}, "a, b cannot be reached over ssh"),
        ({"common_args": "-o 'x"}, "ssh's arguments of a, b do not parse"),
        ({"become": True, "become_method": "su"}, "ansible_become_method of a, b is su"),
        ({"become": True, "become_user": "app"}, "ansible_become_user of a, b is app"),
        ({"become": True, "become_exe": "/opt/sudo"}, "ansible_become_exe of a, b is /opt/sudo"),
        ({"become": True, "become_flags": "-H -u nobody"}, "ansible_become_flags of a, b is -H -u nobody"),
        ({"ssh_executable": "/opt/ssh"}, "ansible_ssh_executable of a, b is /opt/ssh"),
        ({"has_private_key": True}, "a, b would need the private key"),
        ({"shell": "powershell"}, "ansible_shell_type of a, b is one of Windows"),
    ],
)
def test_what_cannot_be_done_is_one_error_that_names_the_hosts(changes, problem):
    hosts = [replace(InventoryHost(name, address=name), **changes) for name in ("a", "b")]
    with pytest.raises(InputError) as raised:
        connected([*hosts, InventoryHost("c", address="c")], SOCKETS)
    assert raised.value.problem.startswith(problem)
    assert raised.value.exit_code == 1


def test_connections_of_two_kinds_are_two_errors():
    hosts = [InventoryHost(kind, connection=kind) for kind in ("docker", "winrm")]
    with pytest.raises(ErrorGroup) as raised:
        connected(hosts, SOCKETS)
    assert len(raised.value.errors) == 2


def test_whom_a_host_that_becomes_nobody_would_become_does_not_matter():
    assert connected([InventoryHost("a", address="a", become_user="app", become_method="su")], SOCKETS).notices == ()


@pytest.mark.parametrize("flags", ["-H -S -n", "-HSn", "-n", "", "--set-home -S"])
@pytest.mark.parametrize("program", ["sudo", "/usr/bin/sudo", "/bin/sudo"])
def test_sudo_as_a_run_uses_it_may_be_written_in_other_words(program, flags):
    connected([InventoryHost("a", address="a", become=True, become_exe=program, become_flags=flags)], SOCKETS)


def test_how_a_host_becomes_root_counts_where_the_option_become_asks_for_it():
    hosts = [InventoryHost("a", address="a", become_exe="doas"), InventoryHost("b", become=False, become_exe="su")]
    with pytest.raises(InputError, match="ansible_become_exe of a is doas"):
        connected(hosts, SOCKETS, becomes=True)


def test_the_ssh_of_path_may_be_named_by_its_path():
    program = shutil.which("ssh")
    assert program is not None
    connected([InventoryHost("a", address="a", ssh_executable=program)], SOCKETS)


def test_variables_that_are_not_used_are_one_sentence_for_all_hosts_that_have_them():
    unused = ("ansible_remote_tmp", "ansible_shell_executable")
    hosts = [InventoryHost(each, address=each, unused=unused) for each in ("a", "b")]
    hosts.append(InventoryHost("c", address="c", unused=unused[:1]))
    assert connected(hosts, SOCKETS).notices == (
        "ansible_remote_tmp, ansible_shell_executable of a, b are not used here",
        "ansible_remote_tmp of c is not used here",
    )


def test_behind_a_worker_the_same_words_lead_there_and_a_key_of_this_machine_goes_with_them(tmp_path):
    key = tmp_path / "key"
    key.touch()
    common = "-o ProxyJump=inner -o ForwardAgent=yes"
    host = InventoryHost("a", address="10.0.0.5", common_args=common, extra_args="-4", key=str(key), python="/p")
    over_ssh = ssh(host)
    desk = Desk(Worker.parse("ansible-runner worker"))
    connection = WorkerConnection(over_ssh.address, desk, over_ssh.key, over_ssh.known_hosts, over_ssh.own)
    ((place, path),) = connection.files.items()
    assert path == str(key)
    words = shlex.split(connection.variables["ansible_ssh_common_args"])
    assert (option(words, "ProxyJump"), option(words, "ForwardAgent")) == ("inner", "yes")
    assert (option(words, "IdentityFile"), option(words, "IdentitiesOnly")) == (f'"../{place}"', "")
    assert connection.variables["ansible_ssh_extra_args"] == "-4"
    assert connection.variables["ansible_python_interpreter"] == "/p"
