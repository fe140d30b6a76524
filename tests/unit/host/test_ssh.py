"""ssh: its options, which our probe and Ansible share, and its failures in plain words."""

import shlex
from pathlib import Path

import pytest

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
        (DENIED, f"it does not accept this user and key ({DENIED})", "--host USER@ADDR --key FILE"),
        ("ssh: Could not resolve hostname build-1: Name or service not known", "its name cannot be", "~/.ssh/config"),
        (
            "ssh: connect to host build-1 port 2222: Connection refused",
            "no ssh server listens on this port",
            "ADDR:PORT",
        ),
        ("client_loop: send disconnect: Broken pipe", "the connection was lost during the check", "Run again."),
        ("@@@@@@@@@@\n", "the connection was lost during the check, and ssh gives no reason", "Run again."),
        ("", "the connection was lost during the check, and ssh gives no reason", "Nothing was changed."),
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
