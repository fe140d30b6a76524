"""Progress in a terminal: what a person sees while a command works on real hosts, and what stays on the screen."""

from __future__ import annotations

import re
import threading

import pytest

from mngr_ansible.host.beside import Beside
from mngr_ansible.host.masters import control_sockets, end_masters
from mngr_ansible.host.ssh import Address, OpenSsh
from tests.support.command_line import argv, on
from tests.support.hosts.apt_repository import AptRepository
from tests.support.hosts.seed import User
from tests.support.terminals import in_terminal

UNTIL_GO = (
    "echo https://me:hunter2@vendor.example/slow; echo Building the tool; until test -e /srv/go; do sleep 0.1; done"
)
"""The script of a package whose installation goes on until the test says so."""

ESCAPES = re.compile(r"\x1b\[(?:[0-9;]*m|A|2K)")
"""The only escape sequences that may come: colours, the cursor up, and what is below it erased."""


@pytest.fixture
def slow_host(ssh_host, tmp_path):
    repository = AptRepository(tmp_path / "apt")
    repository.add("slow", "1", commands={"slow": "echo slow 1"}, postinst=UNTIL_GO)
    return ssh_host(layer="tools", users=(User("dev", "sudo"),), repository=repository, lists="fresh")


def test_the_last_line_of_a_package_manager_is_shown_while_it_runs_long_and_nothing_of_it_stays(slow_host):
    words = ("apply", "--package", "slow", "--file", f"{__file__}:/srv/x", *on(slow_host))
    with in_terminal(argv(*words), columns=60) as terminal:
        seen = terminal.wait_for("installing with apt: slow", "Building the tool")
        slow_host.run("touch /srv/go")
        code = terminal.end()
    assert code == 0, terminal.text
    assert all(len(line) < 60 for line in seen.split("\n"))
    assert not re.search("Building|installing with|hunter2", terminal.text)
    assert re.match(r"✓ \S+  done in [0-9.]+ s: 2 changed\n", terminal.text)
    assert "\x1b" not in ESCAPES.sub("", terminal.written)
    assert "hunter2" not in terminal.written


def test_the_output_is_shown_too_where_sudo_makes_the_login_root(slow_host):
    words = argv("apply", "--package", "slow", *on(slow_host.as_user("dev")))
    with in_terminal(words) as terminal:
        terminal.wait_for("installing with apt: slow", "Building the tool")
        slow_host.run("touch /srv/go")
        assert terminal.end() == 0, terminal.text


def test_ctrl_c_leaves_a_clean_screen_and_the_report(slow_host):
    with in_terminal(argv("apply", "--package", "slow", *on(slow_host))) as terminal:
        terminal.wait_for("installing with apt: slow")
        terminal.type("\x03")
        code = terminal.end()
    assert code == 130
    assert "installing with apt" not in terminal.text
    assert "unknown" in terminal.text
    assert "stopped" in terminal.text
    assert "\x1b[?25l" not in terminal.written  # the cursor was never hidden, so it need not be shown again


def test_a_question_has_the_screen_for_itself(ssh_host, tmp_path):
    host = ssh_host(layer="python")
    host.run("mkdir -p /srv/m && touch /srv/m/a /srv/m/b")
    (tmp_path / "empty").mkdir()
    manifest = tmp_path / "m.yml"
    manifest.write_text("files:\n  - {local_path: empty, remote_path: /srv/m, mirror: true}\n")
    with in_terminal(argv("apply", "--manifest", manifest, *on(host)), columns=60) as terminal:
        asked = terminal.wait_for("[y/N]").split("\n")
        assert [len(line) < 60 for line in asked] == [True, True]
        assert asked[-1].endswith(" it? [y/N]")
        terminal.type("y\n")
        assert terminal.end() == 0, terminal.text
    assert host.run("ls /srv/m").stdout == ""
    assert re.search(r"\[y/N\] y\n +\S+  deleting in /srv/m: 2 \(a, b\)\n✓ ", terminal.text)


def test_a_look_beside_a_run_uses_the_connection_that_is_open_and_never_connects_anew(ssh_host):
    host, stop = ssh_host(layer="python"), threading.Event()
    with control_sockets() as sockets:
        connection = OpenSsh(Address.parse(host.address), sockets, str(host.key), str(host.known_hosts))
        connection.run("true", 30)
        look, log = Beside(connection), host.directory / "log"
        opened = log.read_text().count("Accepted publickey")
        assert opened == 1
        before = look.sent_bytes(stop)
        assert look.answer("echo yes", stop) == "yes\n"
        assert before is not None
        assert (look.sent_bytes(stop) or 0) > before > 0
        assert end_masters(sockets)
        assert [look.answer("echo yes", stop) for _ in range(2)] == ["", ""]
        assert Beside(connection).answer("echo yes", stop) == ""
        assert log.read_text().count("Accepted publickey") == opened


def test_a_terminal_that_is_dumb_gets_plain_lines(ssh_host):
    host = ssh_host(layer="python")
    words = argv("apply", "--file", f"{__file__}:/srv/x", *on(host))
    with in_terminal(words, environment={"TERM": "dumb"}) as terminal:
        assert terminal.end() == 0, terminal.text
    assert "\x1b" not in terminal.written
    assert "copying 1 file" in terminal.text
