"""How a host is reached from elsewhere: what the user's ssh configuration says is written out, and nothing else of it.

Source: ssh_config(5); docs/ops.md "A run directory".
"""

import pytest

from mngr_ansible.host.inventory_variables import portable_variables
from mngr_ansible.host.ssh_settings import SshSettings

PLAIN = SshSettings.parse("hostname r1\nuser me\nport 22\nidentityfile ~/.ssh/id_rsa\nuserknownhostsfile ~/.ssh/known")


@pytest.fixture(autouse=True)
def home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")


def variables(configured: SshSettings = PLAIN, **options):
    given = {"user": None, "port": None, "key": None, "known_hosts": None, "login_home": "/home/me", **options}
    user, port = given.pop("user"), given.pop("port")
    return portable_variables("r1", user, port, configured, PLAIN, **given)


def test_without_a_configuration_name_login_and_the_check_of_host_keys_are_all():
    assert variables() == {
        "ansible_connection": "ssh",
        "ansible_host": "r1",
        "ansible_user": "me",
        "ansible_host_key_checking": True,
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=yes",
    }


def test_what_the_configuration_says_about_the_host_is_written_out():
    text = "hostname 192.0.2.7\nuser dev\nport 2222\nidentityfile /home/me/.ssh/work\nproxyjump bastion\n"
    found = variables(
        SshSettings.parse(text + "hostkeyalias build\nuserknownhostsfile /home/me/a /srv/b\nsendenv LANG\n")
    )

    assert (found["ansible_host"], found["ansible_port"], found["ansible_user"]) == ("192.0.2.7", 2222, "dev")
    assert found["ansible_ssh_private_key_file"] == "~/.ssh/work"
    assert found["ansible_ssh_common_args"] == (
        "-o StrictHostKeyChecking=yes -o ProxyJump=bastion -o HostKeyAlias=build -o 'UserKnownHostsFile=~/a /srv/b'"
    )
    assert found["ansible_ssh_timeout"] == 60


def test_what_was_typed_counts_before_the_configuration():
    configured = SshSettings.parse("hostname r1\nuser dev\nport 2222\nidentityfile /k\nidentitiesonly yes")

    found = variables(configured, user="root", port=22, key="/srv/key%", known_hosts="/srv/known hosts")

    assert (found["ansible_user"], found["ansible_port"]) == ("root", 22)
    assert found["ansible_ssh_private_key_file"] == "/srv/key%%"
    assert found["ansible_ssh_common_args"] == (
        "-o StrictHostKeyChecking=yes -o 'UserKnownHostsFile=\"/srv/known hosts\"'"
    )


def test_a_home_that_is_not_the_logins_own_is_named_as_ssh_reads_it():
    found = variables(key="/home/me/key", known_hosts="/home/me/known", login_home="/root")

    assert found["ansible_ssh_private_key_file"] == "~/key"
    assert "-o 'UserKnownHostsFile=${HOME}/known'" in found["ansible_ssh_common_args"]
