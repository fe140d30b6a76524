"""Hosts with problems: no space, no privilege, no python or an old one, locks, programs that wait for input."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from email.utils import formatdate
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.support.builders import let_everyone_enter
from tests.support.command_line import on
from tests.support.fault_matrix import WAYS, Case, Seen, run_all
from tests.support.hosts import AptRepository, SshHost, User, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.timed

LOGINS = (User("dev", "sudo"), User("asked", "sudo with a password"), User("nobody2"), User("tty_", "sudo"))
POWERLESS = "is not root and has no sudo without a password"
LINE = "an administrator must run: sudo apt-get install -y mtool"
LOCK = """
import fcntl, os, time
file = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(file, fcntl.LOCK_EX)
open("/run/locked", "w")
while not os.path.exists("/run/free"):
    time.sleep(0.1)
"""
HELD = f"(python3 -c '{LOCK}' >/dev/null 2>&1 &); until test -e /run/locked; do sleep 0.1; done"
SCRIPT = "printf '#!/bin/sh\\n{0}\\n' >{1}; chmod 755 {1}"
SAYS: dict[str, tuple[str, ...]] = {
    "sudo asks": (f"asked {POWERLESS}; {LINE}",),
    "no sudo": (f"nobody2 {POWERLESS}; {LINE}",),
    "requiretty": (f"tty_ {POWERLESS} (its sudo needs a terminal: requiretty); {LINE}",),
    "sudo hangs": (f"nobody2 {POWERLESS} (its sudo does not answer within 60 s); {LINE}",),
    "no python, no right": ("Ansible needs python3; an administrator must run: sudo apt-get install -y python3",),
    "python 3.8": ("Ansible needs Python 3.9 or newer, the host has 3.8; install a newer python3 on the host",),
    "held for ever": (
        "The package manager is locked by python3 (pid ",
        "Run again when it is free. Finished steps are skipped",
    ),
    "reads the terminal": (
        "The package ttool could not be set up: its own script failed",
        "Finish it on the host, then run again: ",
        "dpkg --configure -a",
    ),
    "disk full": (
        "/full needs 2.0 MB more, and its file system has",
        "nothing was changed. Free some space and run again",
    ),
    "inodes gone": ("/few needs 3 more files, and its file system has room for", "Free some space and run again"),
    "home full": ("There is no space left in /home/dev/.mngr-ansible-", "Free some space and run again"),
    "cache full": ("The host's disk is full. Free some space and run again",),
    "clock behind": (
        "the host's clock is 1h ",
        " behind: its package sources are not valid yet. Set the clock and run again",
    ),
    "clock ahead": (
        "the host's package sources expired 1h ",
        " ago, or its clock is ahead. Fix them and run again",
    ),
    "no name": (
        "error: no-such-host.invalid: its name cannot be resolved",
        "Correct the name, or add it to ~/.ssh/config.",
    ),
    "closed port": (
        "no ssh server listens on this port",
        "Start its ssh server, or give the right port: --host ADDR:PORT.",
    ),
    "silent port": ("it does not answer", "Check that it is up and that this machine can reach it."),
    "no ssh": (
        "what answers on this port is no ssh server that we know (kex_exchange_identification: banner line contains",
        "Give the right port: --host ADDR:PORT, or Port in your ssh configuration.",
    ),
    "bad line": (
        "t: ssh cannot use its configuration: ",
        "/.ssh/config: line 2: Bad configuration option: nonsense",
    ),
    "missing key": (
        "and the key /no/such/key of your ssh configuration does not exist",
        "Correct IdentityFile in your",
    ),
    "locked key": (" has a passphrase", "Load it into your ssh agent (ssh-add "),
    "proxy says": ("t: its ProxyCommand failed: token expired, log in again", "Try it by hand: ssh -v -F "),
    "jump refuses": ("t: its jump host j does not let us in: stranger@127.0.0.1: Permission denied (publickey)",),
    "jump is dead": (
        "t: its jump host j cannot reach it: Connection refused",
        "Check that the host is up, and its name",
    ),
    "no jump": ("t: its jump host no-such-host.invalid failed: the name no-such-host.invalid cannot be resolved",),
    "another login": (
        "it does not accept this user and key (",
        "Give the right user and key: --host USER@ADDR --key FILE,",
    ),
    "passphrase": (" has a passphrase, and mngr-ansible does not ask for one", "Load it into your ssh agent (ssh-add "),
    "open key": ("other users can read the key ", "Make it readable for you only: chmod 600 "),
}
SECONDS = {"sudo hangs": 100, "held for ever": 150}
"""How long each may take at most, where more than 30: connecting 10 s, a lock 60 s, sudo 60 s."""


@pytest.fixture(scope="module")
def seen(_hosts_are_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Seen]]:
    """Every fault once; the hosts are inspected again later."""
    work = tmp_path_factory.mktemp("work")
    let_everyone_enter(work)
    (work / "home").mkdir()
    (work / "large").write_bytes(os.urandom(2_000_000))
    offered = AptRepository(work / "apt")
    offered.add("mtool", "2.0", commands={"mtool": "echo mtool 2.0"})
    offered.add("ttool", "1", commands={"ttool": "echo ttool 1"}, postinst="exec </dev/tty; read x")
    with ExitStack() as hosts, socket.socket() as closed, socket.socket() as silent, socket.socket() as web:
        for each in (closed, silent, web):
            each.bind(("127.0.0.1", 0))
        silent.listen(1)
        web.listen(5)
        Thread(target=_answer, args=(web,), daemon=True).start()

        def host(
            name: str,
            user: str = "root",
            layer: str = "tools",
            prepare: str = "true",
            repository: AptRepository = offered,
            lists: str = "fresh",
        ) -> SshHost:
            logins = LOGINS if layer == "tools" else (User("nobody2"),)
            made = hosts.enter_context(
                running(layer=layer, name=name, users=logins, repository=repository, lists=lists)
            )
            made.run(prepare)
            return made.as_user(user)

        package, file = ["--package", "mtool"], ["--file", f"{__file__}:/tmp/x/file"]
        small = "mount -t tmpfs -o size={} none {}"
        main = host("main", prepare="echo 'Defaults:tty_ requiretty' >>/etc/sudoers.d/tty_")
        hung = host("hung", "nobody2", prepare=SCRIPT.format("sleep 300", "/usr/local/bin/sudo"))
        late = 'sleep 12; exec /usr/bin/sudo "$@"'
        slow = host("slow", "dev", prepare=SCRIPT.format(late, "/usr/local/bin/sudo"))
        old_python = "echo mngr-python 3.8 /usr/bin/python3"
        old = host("old-python", "root", "bare", SCRIPT.format(old_python, "/usr/bin/python3"))
        full = host("full", prepare=f"mkdir /full /few; {small.format('1m', '/full')}; echo old >/full/large")
        full.run(f"mount -t tmpfs -o nr_inodes=3 few /few; {small.format('100k', '/home/dev')}; chown dev /home/dev")
        locked = host("locked", "dev", prepare=HELD)
        cache = host("cache", "dev", prepare=small.format("4k", "/var/cache/apt/archives"))
        few = [word for number in range(3) for word in ("--file", f"{__file__}:/few/{number}")]
        dev = on(full.as_user("dev"))
        cases = [
            Case("sudo asks", ["apply", *package, *file, *on(main.as_user("asked"))], main, "/tmp/x"),
            Case("no sudo", ["apply", *package, *file, *on(main.as_user("nobody2"))], main, "/tmp/x"),
            Case("requiretty", ["apply", *package, *file, *on(main.as_user("tty_"))], main, "/tmp/x"),
            Case("sudo hangs", ["apply", *package, *file, *on(hung)], hung, "/tmp/x"),
            _on(host("no-python", "nobody2", "bare"), "no python, no right", *file),
            _on(old, "python 3.8", *file),
            replace(_on(locked, "held 20 s", *package), meanwhile=lambda _: locked.run("sleep 20; touch /run/free")),
            _on(host("stuck", "dev", prepare=HELD), "held for ever", *package),
            _on(host("talk", "dev"), "reads the terminal", "--package", "ttool"),
            Case("disk full", ["apply", "--file", f"{work}/large:/full/large", *on(full)], full, "/full"),
            Case("inodes gone", ["apply", *few, *on(full)], full, "/few"),
            Case(
                *("home full", ["apply", "--file", f"{work}/large:/tmp/x/large", *dev], full, "/tmp/x"),
                env=WAYS["module"],  # a program needs no room there
            ),
            _on(cache, "cache full", *package),
            _on(_off(host, work, "behind", -2), "clock behind", *package),
            _on(_off(host, work, "ahead", 2), "clock ahead", *package),
            Case("no name", ["plan", *package, "--host", "no-such-host.invalid"]),
            Case("closed port", ["plan", *package, "--host", f"root@127.0.0.1:{closed.getsockname()[1]}"]),
            Case("silent port", ["plan", *package, "--host", f"root@127.0.0.1:{silent.getsockname()[1]}"]),
            Case("no ssh", ["plan", *package, "--host", f"root@127.0.0.1:{web.getsockname()[1]}"]),
            _on(slow, "slow sudo", *package, "--file", f"{__file__}:/tmp/x/file", "--become"),
            *_configured(main, work, closed.getsockname()[1]),
            Case("another login", ["plan", *package, *on(main.as_user("stranger"))]),
            *_keys(main, work),
        ]
        yield run_all(cases, work / "home")


def _off(host: Callable[..., SshHost], work: Path, name: str, hours: int) -> SshHost:
    """A host whose clock is, for its source of packages, so many hours off: that was made, and expires, then."""
    repository = AptRepository(work / name)
    repository.add("mtool", "2.0", commands={"mtool": "echo mtool 2.0"})
    index = (repository.path / "Packages").read_bytes()
    dates = {"Date": -3600 * hours, "Valid-Until": 600 - 3600 * hours}
    lines = [
        f"{key}: {formatdate(time.time() + seconds, usegmt=True).replace('GMT', 'UTC')}"
        for key, seconds in dates.items()
    ]
    lines += ["SHA256:", f" {hashlib.sha256(index).hexdigest()} {len(index)} Packages"]
    (repository.path / "Release").write_text("\n".join(lines) + "\n")
    return host(name, "dev", repository=repository, lists="empty")


def _on(host: SshHost, name: str, *words: object) -> Case:
    return Case(name, ["apply", *words, *on(host)], host, "/tmp/x")


def _answer(web: socket.socket) -> None:
    """Answer each connection as something else than ssh would, until the socket is closed."""
    with suppress(OSError):
        while True:
            connection, _ = web.accept()
            with connection:
                connection.sendall(b"\x4a\x00\x00\x00\x0a8.0.36\x00\n")
                connection.recv(1000)


def _configured(host: SshHost, work: Path, closed: int) -> list[Case]:
    """Failures of ssh that come from its configuration, or from what it leads through; each has a home of its own."""
    entry = host.ssh_config_entry().replace("Host main", "Host t").replace(f"IdentityFile {host.key}", "@KEY@")
    quiet = "    LogLevel QUIET\n"
    good, by_j = entry.replace("@KEY@", f"IdentityFile {host.key}"), "    ProxyJump j\n"
    jump = good.replace("Host t", "Host j")
    texts = {
        "bad line": f"Host *\n    Nonsense yes\n{good}",
        "missing key": entry.replace("@KEY@", "IdentityFile /no/such/key") + quiet,
        "locked key": entry.replace("@KEY@", f"IdentityFile {work / 'locked'}"),
        "proxy says": f"{good}    ProxyCommand sh -c 'echo token expired, log in again. >&2'\n{quiet}",
        "jump refuses": f"{good}{by_j}{jump.replace('User root', 'User stranger')}{quiet}",
        "jump is dead": f"{good.replace(f'Port {host.port}', f'Port {closed}')}{by_j}{jump}",
        "no jump": f"{good}    ProxyJump no-such-host.invalid\n",
    }
    for name, text in texts.items():
        directory = work / "home" / name / ".ssh"
        directory.mkdir(parents=True)
        (directory / "config").write_text(text)
    return [Case(name, ["plan", "--package", "mtool", "--host", "t"]) for name in texts]


def _keys(host: SshHost, work: Path) -> list[Case]:
    """A key with a passphrase, and one that others can read."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(work / "locked")], check=True)
    (work / "open").write_bytes(host.key.read_bytes())
    (work / "open").chmod(0o644)
    where = ["--host", host.address, "--known-hosts", str(host.known_hosts)]
    keys = {"passphrase": work / "locked", "open key": work / "open"}
    return [Case(name, ["plan", "--package", "mtool", *where, "--key", str(key)]) for name, key in keys.items()]


@pytest.mark.parametrize("name", SAYS)
def test_it_is_reported_with_a_remedy_in_time_and_nothing_else_is_changed(seen: dict[str, Seen], name: str) -> None:
    found = seen[name]
    assert found.code == 1, found.said
    for words in SAYS[name]:
        assert words in found.said, found.said
    assert "Traceback" not in found.said
    assert found.seconds < SECONDS.get(name, 30), found.said
    assert "/tmp/x/file" not in found.state


def test_a_lock_that_is_held_for_twenty_seconds_is_waited_for(seen: dict[str, Seen]) -> None:
    assert seen["held 20 s"].code == 0, seen["held 20 s"].said
    assert seen["held 20 s"].seconds > 15


def test_a_sudo_that_takes_long_is_waited_for_and_noticed(seen: dict[str, Seen]) -> None:
    assert seen["slow sudo"].code == 0, seen["slow sudo"].said
    assert "note: sudo takes 1" in seen["slow sudo"].stderr
    assert "/tmp/x/file" in seen["slow sudo"].state


@pytest.mark.parametrize("name", [*SAYS, "held 20 s", "slow sudo"])
def test_half_a_minute_later_nothing_has_changed_and_nothing_of_ours_is_there(seen: dict[str, Seen], name: str) -> None:
    assert seen[name].later == seen[name].state
    assert seen[name].left_later == ""
