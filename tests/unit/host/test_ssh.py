"""ssh: its options, which our probe and Ansible share, and its failures in plain words."""

import shlex
from pathlib import Path

import pytest

from mngr_ansible.errors import UsageError
from mngr_ansible.host.ssh import OPTIONS, PERSIST_SECONDS, Address, OpenSsh, as_arguments
from mngr_ansible.host.ssh_errors import FailedConnection, connection_error
from mngr_ansible.host.ssh_settings import SshSettings
from mngr_ansible.run.environment import ssh_arguments

CHANGED = "@@@@@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@@@@@@\n"
OPEN_KEY = "@@@@@@@@@@@@\n@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\n@@@@@@@@@@@@\n"
DENIED = "dev@build-1: Permission denied (publickey)."


def settings(**values):
    """What ``ssh -G`` says of the host build-1."""
    said = {
        "hostname": "build-1",
        "port": 22,
        "userknownhostsfile": "/h/.ssh/known_hosts /h/.ssh/known_hosts2",
        **values,
    }
    return SshSettings.parse("".join(f"{name} {value}\n" for name, value in said.items()))


@pytest.mark.parametrize(
    ("output", "problem", "remedy"),
    [
        (
            CHANGED + "Host key verification failed.",
            "its host key is not the one in",
            "ssh-keygen -R '[build-1]:2222'.",
        ),
        ("Host key verification failed.", "its host key is not known", "known_hosts: ssh-keyscan -p 2222 build-1"),
        ("No ED25519 host key is known for build-1", "its host key is not known", "ssh-keyscan -p 2222 build-1"),
        (OPEN_KEY + DENIED, "other users can read the key /k y, so ssh does not use it", "chmod 600 '/k y'"),
        (DENIED, f"it does not accept this user and key ({DENIED[:-1]})", "--host USER@ADDR --key FILE"),
        ("ssh: Could not resolve hostname build-1: Name or service not known", "its name cannot be", "~/.ssh/config"),
        (
            "ssh: connect to host build-1 port 2222: Connection refused",
            "no ssh server listens on this port",
            "ADDR:PORT",
        ),
        ("client_loop: send disconnect: Broken pipe", "the connection was lost during the check", "Run again."),
        ("@@@@@@@@@@\n", "the connection was lost during the check", "Run again."),
        ("", "the connection was lost during the check", "Nothing was changed."),
        ("ssh: connect to host build-1 port 2222: Connection timed out", "it does not answer", "Check that it is up"),
        (
            "something new\nkex: {last_line}",
            "ssh cannot connect: kex: {last_line}",
            "by hand: ssh -i '/k y' -p 2222 dev",
        ),
    ],
)
def test_a_failure_of_ssh_has_a_problem_and_a_remedy(output, problem, remedy):
    error = connection_error(
        FailedConnection(output, "dev@build-1:2222", "-p 2222 dev@build-1", settings(port=2222), "/k y")
    )

    assert error.problem.startswith(problem)
    assert remedy in error.remedy
    assert error.host == "dev@build-1:2222"


def test_without_an_option_key_no_key_is_named():
    error = connection_error(FailedConnection(OPEN_KEY + DENIED, "build-1", "build-1", settings()))

    assert error.problem == "other users can read the key, so ssh does not use it"
    assert error.remedy == "Make it readable for you only: chmod 600 FILE"


def test_the_default_port_is_not_written():
    error = connection_error(FailedConnection("Host key verification failed.", "build-1", "build-1", settings()))

    assert error.remedy.endswith("known_hosts: ssh-keyscan build-1")


@pytest.mark.parametrize(
    "output", ["", "Connection to build-1 closed by remote host.", "Permission denied (publickey)"]
)
def test_after_the_script_has_begun_a_failure_is_a_lost_connection(output):
    error = connection_error(FailedConnection(output, "build-1", "build-1", settings(), has_begun=True))

    assert error.problem == "the connection was lost during the check"


def test_a_login_shell_that_ends_twice_without_a_word_is_no_lost_connection():
    error = connection_error(FailedConnection("", "build-1", "build-1", settings(), is_ended_by_shell=True))

    assert error.problem == "its login shell ends with the exit status 255 before it runs a command"


KEX = "kex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535\n"
DEBUG = "OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\ndebug1: Executing proxy command: exec x\n"


@pytest.mark.parametrize(
    ("output", "problem", "remedy"),
    [
        # Recorded: OpenSSH_9.2p1, each provoked by hand.
        (
            (
                "kex_exchange_identification: banner line contains invalid characters\n"
                "banner exchange: Connection to 127.0.0.1 port 80: invalid format\n"
            ),
            "what answers on this port is no ssh server that we know (kex_exchange_identification: banner line",
            "Give the right port",
        ),
        (
            "kex_exchange_identification: read: Connection reset by peer\nConnection reset by 127.0.0.1 port 80\n",
            "it closed the connection before the login (kex_exchange_identification: read: Connection reset by peer)",
            "Check that the port",
        ),
        (
            (
                '"System is booting up. Unprivileged users are not permitted to log in yet."\n'
                "Connection closed by 127.0.0.1 port 22\n"
            ),
            'it closed the connection before the login ("System is booting up. Unprivileged users are not',
            "a system that still boots",
        ),
        (
            "Connection timed out during banner exchange\nConnection to 127.0.0.1 port 1 timed out\n",
            "it does not ans",
            "up",
        ),
        (
            "no such identity: /h/.ssh/missing: No such file or directory\n" + DENIED,
            "it does not accept this user and key, and the key /h/.ssh/missing of your ssh configuration does not",
            "--key FILE",
        ),
        (
            'Load key "/h/k": Permission denied\n' + DENIED,
            'this user of this machine cannot read the key "/h/k": Permission denied',
            "Correct the owner",
        ),
        (
            'Load key "/h/k": error in libcrypto\n' + DENIED,
            'the key "/h/k" cannot be read: error in libcrypto',
            "format",
        ),
        (
            'sign_and_send_pubkey: signing failed for ED25519 "me@here" from agent: agent refused operation\n' + DENIED,
            'your ssh agent does not sign with its key "me@here": agent refused operation',
            "Unlock the agent",
        ),
        (
            "Received disconnect from 127.0.0.1 port 22:2: Too many authentication failures\n",
            "it does not let us try more keys",
            "IdentitiesOnly yes",
        ),
        (
            "dev@build-1: Permission denied (password,keyboard-interactive).",
            "it accepts no key for this user, only p",
            "(",
        ),
        (
            "Unable to negotiate with 127.0.0.1 port 22: no matching host key type found. Their offer: ssh-rsa\n",
            "this machine's ssh and the host's have no host key type in common; the host offers ssh-rsa",
            "(HostKeyAlgorithms)",
        ),
        (
            "ssh: Could not resolve hostname build-1: Temporary failure in name resolution\n",
            "its name cannot be resolved now: the name servers of this machine do not answer",
            "/etc/resolv.conf",
        ),
        (
            CHANGED + "Offending ED25519 key in /etc/ssh/ssh known_hosts:12\n"
            "Host key for [build-1]:22 has changed and you have requested strict checking.\n"
            "Host key verification failed.\n",
            "its host key is not the one in known_hosts",
            "ssh-keygen -R '[build-1]:22' -f '/etc/ssh/ssh known_hosts'. Nothing was sent.",
        ),
    ],
)
def test_ssh_s_own_words_are_reported(output, problem, remedy):
    error = connection_error(FailedConnection(output, "build-1", "build-1", settings()))

    assert error.problem.startswith(problem)
    assert remedy in error.remedy
    assert not error.problem.endswith(".")


@pytest.mark.parametrize(
    ("proxy", "output", "problem"),
    [
        (
            "proxyjump j",
            "ssh: Could not resolve hostname j: Name or service not known\n" + KEX,
            "the name j cannot be re",
        ),
        ("proxyjump j", "root@j: Permission denied (publickey).\n" + KEX, "does not let us in: root@j: Permission den"),
        (
            "proxyjump j",
            DEBUG + "Host key verification failed.\n" + KEX,
            "the host key of its jump host j is not the one",
        ),
        (
            "proxyjump j",
            "channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed\n" + KEX,
            "its jump host j cannot reach it: Connection refused",
        ),
        (
            "proxyjump j",
            "channel 0: open failed: administratively prohibited: open failed\n" + KEX,
            "does not let us go on",
        ),
        (
            "proxyjump a,b",
            "ssh: connect to host b port 22: Connection refused\n" + KEX,
            "jump host a,b failed: ssh: connect",
        ),
        (
            "proxycommand /no/such",
            "/bin/sh: 1: exec: /no/such: not found\n" + KEX,
            "its ProxyCommand could not be started",
        ),
        (
            "proxycommand x",
            "error: token expired, log in again\n" + KEX,
            "ProxyCommand failed: error: token expired, log in",
        ),
        (
            "proxycommand x",
            DEBUG + "debug1: kex_exchange_identification: banner line 0: HTTP/1.1 403 Forbidden\n"
            "debug1: kex_exchange_identification: banner line 1: Server: x\n" + KEX,
            "its ProxyCommand failed: HTTP/1.1 403 Forbidden",
        ),
        ("proxycommand x", DEBUG + KEX, "its ProxyCommand ended without a connection, and without a word"),
        (
            "proxycommand x",
            "debug1: load_hostkeys: fopen /etc/ssh/ssh_known_hosts: No such file or directory\n" + KEX,
            "its ProxyCommand ended without a connection, and without a word",
        ),
        (
            "proxycommand x",
            "Connection timed out during banner exchange\nConnection to UNKNOWN port 65535 timed out\n",
            "it does not answer within 60 s through its ProxyCommand",
        ),
    ],
)
def test_what_leads_to_a_host_is_told_from_the_host(proxy, output, problem):
    name, _, value = proxy.partition(" ")
    error = connection_error(FailedConnection(output, "build-1", "build-1", settings(**{name: value})))

    assert problem in error.problem
    assert "lost" not in error.problem


@pytest.mark.parametrize(
    ("values", "remedy"),
    [
        (
            {"userknownhostsfile": "/dev/null"},
            "--known-hosts ~/.ssh/known_hosts: ssh -o UserKnownHostsFile=~/.ssh/known_",
        ),
        ({"hostkeyalias": "ws"}, "Log in once by hand and compare the key: ssh -o StrictHostKeyChecking=ask build"),
        ({"proxyjump": "j"}, "Log in once by hand and compare the key: ssh -o StrictHostKeyChecking=ask build"),
        ({"hostname": "10.0.0.7", "port": "2201"}, "ssh-keyscan -p 2201 10.0.0.7"),
        ({"userknownhostsfile": "/k/h"}, "to /k/h: ssh-keyscan build-1"),
    ],
)
def test_the_remedy_for_an_unknown_key_is_one_that_works_for_the_alias(values, remedy):
    output = (
        "No ED25519 host key is known for x and you have requested strict checking.\nHost key verification failed.\n"
    )
    error = connection_error(FailedConnection(output, "build", "build", settings(**values)))

    assert error.problem.startswith("its host key is not known")
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ({}, 10),
        ({"connecttimeout": "none"}, 10),
        ({"connecttimeout": "5"}, 10),
        ({"connecttimeout": "90"}, 90),
        ({"connecttimeout": "0"}, 3600),
        ({"proxycommand": "x"}, 60),
        ({"proxyjump": "j", "connecttimeout": "20"}, 60),
        ({"proxyjump": "j", "connecttimeout": "300"}, 300),
        ({"proxyjump": "none", "proxycommand": "none"}, 10),
    ],
)
def test_connecting_may_take_as_long_as_ssh_s_configuration_says_where_that_is_longer(values, seconds):
    assert settings(**values).connect_seconds == seconds


def test_what_people_set_for_their_own_sessions_is_switched_off_and_nothing_else():
    said = {"requesttty": "force", "remotecommand": "tmux", "loglevel": "SILENT", "tunnel": "point-to-point"}
    usual = {"requesttty": "auto", "sessiontype": "default", "stdinnull": "no", "loglevel": "INFO", "tunnel": "false"}

    assert settings(**said).differences() == {
        "RequestTTY": "no",
        "RemoteCommand": "none",
        "LogLevel": "INFO",
        "Tunnel": "no",
    }
    assert settings(**usual).differences() == {}
    assert SshSettings().differences() == {}


def test_our_connection_and_ansible_s_have_the_same_options():
    ansible = shlex.split(ssh_arguments("/tmp/x/%C"))

    assert set(as_arguments(OPTIONS)) <= set(ansible)
    assert set(as_arguments(OPTIONS)) <= set(OpenSsh(Address.parse("build-1"), Path("/tmp/x")).arguments())
    assert f"ControlPersist={PERSIST_SECONDS}" in ansible
    assert 'ControlPath="/tmp/x/%C"' in ansible


def test_the_page_of_decisions_has_the_seconds_of_an_idle_master():
    page = Path(__file__).resolve().parents[3].joinpath("docs", "decisions.md").read_text()

    assert f"open for {PERSIST_SECONDS} idle seconds" in " ".join(page.split())


@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        ("build-1", None, "build-1", None),
        ("dev@build-1:2222", "dev", "build-1", 2222),
        ("user@example.com@build-1", "user@example.com", "build-1", None),
        ("a@b@c@[fe80::1%eth0]:22", "a@b@c", "fe80::1%eth0", 22),
    ],
)
def test_the_last_at_sign_of_an_address_ends_the_user_as_for_ssh(text, user, host, port):
    address = Address.parse(text)
    assert (address.user, address.name, address.port) == (user, host, port)


def test_two_hosts_in_one_option_are_refused_with_how_to_give_them():
    with pytest.raises(UsageError, match="'web,db' is not an address") as caught:
        Address.parse("web,db")
    assert caught.value.remedy is not None
    assert caught.value.remedy.startswith("Give each host an option of its own: --host web --host db. ")


def test_an_address_is_no_url():
    with pytest.raises(UsageError, match="is not an address") as caught:
        Address.parse("ssh://root@build-1:22")
    assert caught.value.remedy == "Leave the scheme out: [USER@]ADDR[:PORT]."


NO_NAME = "ssh: Could not resolve hostname nores-0.invalid: Name or service not known\n"


@pytest.mark.parametrize(
    ("typed", "name", "hostname", "said"),
    [
        ("nores-0", "nores-0.invalid", "nores-0.invalid", "which the inventory says is nores-0.invalid|ansible_host"),
        ("nores-0", "Nores-0.invalid", "nores-0.invalid", "which the inventory says is Nores-0.invalid|ansible_host"),
        ("nores-0", "alias", "nores-0.invalid", "which your ssh configuration says is nores-0.invalid|HostName"),
        ("dev@nores-0:22", "nores-0", "nores-0.invalid", "your ssh configuration says is nores-0.invalid|HostName"),
        ("dev@nores-0:22", "nores-0", "nores-0", "its name cannot be resolved|the name"),
    ],
)
def test_a_name_that_cannot_be_resolved_is_corrected_where_it_is_written(typed, name, hostname, said):
    error = connection_error(FailedConnection(NO_NAME, typed, name, settings(hostname=hostname), name=name))
    problem, _, remedy = said.partition("|")

    assert error.problem.endswith(problem)
    assert error.remedy.startswith(f"Correct {remedy}")


def test_the_same_failure_of_several_users_and_addresses_is_alike():
    errors = [
        connection_error(
            FailedConnection(
                f"u{index}@10.0.0.{index}: Permission denied (publickey).\n",
                f"web-{index}",
                "",
                settings(user=f"u{index}", hostname=f"10.0.0.{index}"),
            )
        )
        for index in range(2)
    ]

    assert errors[0].problem != errors[1].problem
    assert (
        errors[0].alike
        == errors[1].alike
        == "it does not accept this user and key (…@…: Permission denied (publickey))"
    )
