"""``doctor`` on real hosts: each state that stops or delays a run is found and has its remedy; nothing is changed."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.doctor.host import examine_host
from mngr_ansible.doctor.programs import Programs
from mngr_ansible.provisioning.targets import open_targets
from mngr_ansible.spec.packages import PackageRequirement
from tests.support.command_line import document, mngr_ansible, on
from tests.support.hosts import AptRepository, SshHost, User, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mngr_ansible.report.findings import Finding

LOCK = """
import fcntl, time
file = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(file, fcntl.LOCK_EX)
open("/run/locked", "w")
time.sleep(600)
"""
LATE = """#!/bin/sh
case $* in +%s) echo $(($(/bin/date +%s) - 7200)) ;; *) exec /bin/date "$@" ;; esac
"""
SICK = """
printf %s "$LATE" >/usr/local/bin/date && chmod 755 /usr/local/bin/date
mount -t tmpfs -o size=500k none /var/cache
mount -t tmpfs -o nr_inodes=30 none /home/dev && chown dev /home/dev
printf 'echo welcome to this host\\nexport http_proxy=http://me:s3cret@127.0.0.1:9/?token=t0ken\\n' >/home/dev/.bashrc
mkdir -p /home/dev/.config/pip /home/dev/bin
printf '[global]\\nrequire-virtualenv = true\\n' >/home/dev/.config/pip/pip.conf
printf 'min-release-age=7\\n//registry.example/:_authToken=s3cret\\n' >/home/dev/.npmrc
touch /var/lib/dpkg/updates/0001
printf '\\nPackage: stuck\\nStatus: install ok half-configured\\nVersion: 1\\n' >>/var/lib/dpkg/status
(python3 -c "$LOCK" >/dev/null 2>&1 &)
until test -e /run/locked; do sleep 0.05; done
"""
SAYS = {
    "host key": ("ok", "ssh-ed25519 in ", ""),
    "ssh": ("ok", "it answers, and lets dev in", ""),
    "shell": ("warning", "/bin/bash; start-up files print 21 characters before each command", "interactive shells"),
    "python": ("ok", "/usr/bin/python3", ""),
    "privilege": ("warning", "dev is not root and has no sudo without a password", "Use --ask-become-pass"),
    "locks": ("warning", "python3 (pid ", "Run again when it is free"),
    "packages": ("problem", "an earlier installation was cut off: stuck", "dpkg --configure -a"),
    "language tools": (
        "warning",
        "pip installs only into virtual environments (/home/dev/.config/pip/pip.conf); npm ",
        "",
    ),
    "disk": ("problem", "the package manager's cache has ", "Free some space"),
    "inodes": ("warning", "the home has room for ", "Remove files"),
    "clock": ("problem", " behind this machine's", "Set the clock on the host"),
    "proxy": ("warning", "http_proxy=http://127.0.0.1:9/; sudo does not pass it on to root", "Acquire::http::Proxy"),
    "sources": ("ok", "apt has 3 sources", ""),
    "source /srv/apt": ("ok", "it is there (apt)", ""),
    "source 127.0.0.1:DEAD": ("warning", "(the login has a proxy, http_proxy, and sudo does", "Name the proxy"),
    "source 127.0.0.1:LIVE": ("ok", "it answers (apt)", ""),
}


def examined(host: SshHost, requirements: Sequence[str] = ()) -> dict[str, Finding]:
    """The findings about a host, by check."""
    wanted = [PackageRequirement.from_value(each) for each in requirements]
    with open_targets([host.address], key=host.key, known_hosts=host.known_hosts) as (targets, _):
        found = examine_host(Programs(), targets[0], wanted, None, 60).findings
    assert all(each.name.startswith(f"{host.address}: ") for each in found)
    return {each.name.removeprefix(f"{host.address}: "): each for each in found}


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """A port where a server of HTTP answers, and one where nothing listens."""
    with socket.socket() as live, socket.socket() as dead:
        for each in (live, dead):
            each.bind(("127.0.0.1", 0))
        live.listen(50)
        Thread(target=_answer, args=(live,), daemon=True).start()
        yield {"LIVE": live.getsockname()[1], "DEAD": dead.getsockname()[1]}


def _answer(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@pytest.fixture(scope="module")
def sick(
    _hosts_are_possible: None, ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SshHost]:
    """A host with everything that may be wrong at once, whose user may not become root."""
    repository = AptRepository(tmp_path_factory.mktemp("apt"))
    repository.add("mtool", "2.0", commands={"mtool": "echo mtool 2.0"})
    with ExitStack() as hosts:
        made = hosts.enter_context(
            running(layer="tools", users=(User("dev"),), repository=repository, lists="fresh", name="sick")
        )
        lines = "".join(
            f"deb [trusted=yes] http://me:s3cret@127.0.0.1:{each}/debian x main\n" for each in ports.values()
        )
        made.run("cat >/etc/apt/sources.list.d/more.list", stdin=lines)
        quoted = "".join(f"{name}={_quoted(text)}\n" for name, text in (("LOCK", LOCK), ("LATE", LATE)))
        made.run(quoted + SICK)
        yield made.as_user("dev")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


_STATE = (
    "find / -xdev -newer /run/before -type f ! -path '/proc/*' ! -path '/run/*' ! -path '/var/log/*' 2>/dev/null; true"
)


def _logins(host: SshHost) -> int:
    """How often somebody has logged in."""
    return (host.directory / "log").read_text(errors="replace").count("Accepted publickey")


@pytest.fixture(scope="module")
def found(sick: SshHost) -> dict[str, Finding]:
    """What is found on it, by one login that changed nothing."""
    sick.run("touch /run/before")
    before = _logins(sick)
    findings = examined(sick)
    assert _logins(sick) == before + 1
    assert sick.run(_STATE).stdout == ""
    return findings


@pytest.mark.parametrize("check", SAYS)
def test_each_state_of_a_host_is_found_with_its_remedy(
    found: dict[str, Finding], ports: dict[str, int], check: str
) -> None:
    name = check
    for word, port in ports.items():
        name = name.replace(word, str(port))
    status, text, remedy = SAYS[check]
    assert name in found, sorted(found)
    assert (found[name].status, text in found[name].text, remedy in found[name].remedy) == (status, True, True), found[
        name
    ]


def test_no_secret_of_a_host_is_told(found: dict[str, Finding]) -> None:
    told = " ".join(f"{each.name} {each.text} {each.remedy}" for each in found.values())
    assert "s3cret" not in told
    assert "t0ken" not in told


def test_a_wrong_line_of_the_package_sources_is_named(sick: SshHost) -> None:
    sick.run("echo 'nonsense here' >/etc/apt/sources.list.d/wrong.list")
    finding = examined(sick)["sources"]
    sick.run("rm /etc/apt/sources.list.d/wrong.list")
    assert finding.status == "problem"
    assert "line 1 of /etc/apt/sources.list.d/wrong.list" in finding.text


def test_without_python_curl_and_wget_servers_are_asked_all_the_same(ssh_host: object, ports: dict[str, int]) -> None:
    host = ssh_host(layer="bare", users=(User("nobody2"),)).as_user("nobody2")  # type: ignore[operator]
    lines = "".join(f"deb [trusted=yes] http://127.0.0.1:{each}/debian x main\n" for each in ports.values())
    host.run("cat >/etc/apt/sources.list.d/more.list", stdin=lines)
    found = examined(host)
    assert found["python"].status == "problem"
    assert "this login cannot install it" in found["python"].text
    assert found[f"source 127.0.0.1:{ports['LIVE']}"].status == "ok"
    assert found[f"source 127.0.0.1:{ports['DEAD']}"].status == "warning"


def test_the_servers_of_what_is_asked_for_are_tried_too(sick: SshHost) -> None:
    found = examined(sick, ["node"])
    assert found["source deb.nodesource.com"].status in ("ok", "warning")
    assert "what was asked for" in found["source deb.nodesource.com"].text


def test_the_command_examines_this_machine_and_several_hosts_and_its_document_has_all(
    sick: SshHost, shared_host: SshHost, home: object
) -> None:
    done = mngr_ansible("doctor", "--json", *on(shared_host), "--host", "root@no-such-host.invalid")
    checks = document(done)["checks"]
    names = [each["name"] for each in checks]
    assert (done.returncode, document(done)["ok"], len(names)) == (1, False, len(set(names)))
    problems = {each["name"]: each for each in checks if each["status"] == "problem"}
    assert problems["root@no-such-host.invalid: ssh"]["text"].startswith("its name cannot be resolved")
    assert {"controller: python", "controller: ansible-core", f"{shared_host.address}: clock"} <= set(names)
    assert all(each["remedy"] for each in checks if each["status"] != "ok"), checks
