"""Connections that are lost in each phase, links that go down, hosts that restart: what was under way is unknown."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.command_line import on
from tests.support.fault_matrix import WAYS, Case, Seen, hold_up, place_for_big, run_again, run_all, wait_on_host
from tests.support.hosts import AptRepository, SshHost, offered_packages, running
from tests.support.latency_proxy import distant

if TYPE_CHECKING:
    from collections.abc import Iterator

LOST = (
    *("probe lost", "offers lost", "python lost", "stream lost", "package lost", "package of a module lost"),
    *("package restart", "link down"),
)
NOTHING_DONE = ("probe lost", "offers lost")
ENDS_WELL = ("transfer lost", "link blip")
NEAR, BLIP = f"mnear{os.getpid()}", f"mblip{os.getpid()}"
noticed: dict[str, float] = {}
again: dict[str, subprocess.CompletedProcess[str]] = {}


@pytest.fixture(scope="module")
def seen(_hosts_are_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Seen]]:
    """Every loss once, each on hosts of its own; inspected again, and run again."""
    work = place_for_big(tmp_path_factory, 50)
    repository = AptRepository(work / "apt")
    repository.add("slow", "1", commands={"slow": "echo slow 1"}, postinst="touch /tmp/begun; sleep 6; touch /done")
    repository.add("swift", "1", commands={"swift": "echo swift 1"})
    repository.adopt(offered_packages("bare"))
    with ExitStack() as stack:

        def host(name: str, layer: str = "tools", slow: str = "") -> SshHost:
            made = stack.enter_context(running(layer=layer, name=name, repository=repository))
            made.run("apt-get update -qq; mkdir -p /srv/x")
            if slow:
                hold_up(made, slow)
            return made

        big = ["--file", f"{work}/big:/srv/x/big"]
        slow = ["--package", "slow", "--file", f"{__file__}:/srv/x/small"]
        asked, bare = host("asked", slow="apt-cache"), host("bare", "bare", slow="apt-get")
        probed = host("probed")
        probed.run("echo '[ -e /tmp/held ] || { touch /tmp/begun; sleep 15; }' >/root/.bashrc")
        ended = host("ended")
        streamed, _ = stack.enter_context(distant(host("streamed"), 150))
        of_module = host("module")
        installed, restarted, dying = host("installed"), host("restarted"), host("dying")
        sent, _ = stack.enter_context(distant(host("sent"), 100))
        one, two = host("one"), host("two")
        near, prefix = _linked(host("near"), NEAR, 0, stack)
        blip, blip_prefix = _linked(host("blip"), BLIP, 1, stack)
        cases = [
            Case("probe lost", _words(probed, *big), probed, "/srv/x", _cut(probed, BEGUN)),
            Case("offers lost", _words(asked, "--package", "swift"), asked, "/srv/x", _cut(asked, BEGUN)),
            Case("python lost", _words(bare, *slow[2:]), bare, "/srv/x", _cut(bare, BEGUN)),
            Case("stream lost", _words(streamed, *big), streamed, "/srv/x", _cut(streamed, STREAMING)),
            Case("transfer lost", _words(sent, *big), sent, "/srv/x", _cut(sent, UPLOADING), WAYS["module"]),
            Case("package lost", _words(installed, *slow), installed, "/srv/x", _cut(installed, BEGUN)),
            Case(
                *("package of a module lost", _words(of_module, *slow), of_module, "/srv/x", _cut(of_module, BEGUN)),
                env=WAYS["module"],
            ),
            Case("package restart", _words(restarted, *slow), restarted, "/srv/x", _restart(restarted)),
            Case("link down", _words(near, *slow), near, "/srv/x", _down(near, NEAR, 60), prefix=prefix),
            Case("link blip", _words(blip, *slow), blip, "/srv/x", _down(blip, BLIP, 5), prefix=blip_prefix),
            Case("killed there", _words(ended, *slow), ended, "/srv/x", _ended_there(ended)),
            Case(
                "fleet",
                [*_words(dying, *slow), *_also(dying, one, two)],
                dying,
                "/srv/x",
                _cut(dying, BEGUN),
            ),
        ]
        found = run_all(cases, work / "homes")
        again.update(run_again(cases, work / "homes", prepare="dpkg --configure -a"))
        yield found


BEGUN = "test -e /tmp/begun"
STREAMING = "find /srv/x -name '.mngr-ansible-*' -size +1M | grep ."
UPLOADING = "find /root -name mngr-ansible-bundle -size +1M | grep ."


def _words(host: SshHost, *words: object) -> list[object]:
    return ["apply", "--json", "--timeout", 120, *words, *on(host)]


def _also(known: SshHost, *hosts: SshHost) -> list[object]:
    """More hosts for a command: they take the first one's key, and it knows theirs."""
    with known.known_hosts.open("a") as file:
        for host in hosts:
            file.write(host.known_hosts.read_text())
            host.run("cat >>/etc/ssh/authorized_keys", stdin=known.key.with_suffix(".pub").read_text())
    return [word for host in hosts for word in ("--host", host.address)]


def _cut(host: SshHost, looked: str):  # type: ignore[no-untyped-def]
    """Kill the host's sshd sessions in that moment."""

    def cut(process: subprocess.Popen[str]) -> None:
        wait_on_host(host, looked, process)
        host.signal_connections()

    return cut


def _restart(host: SshHost):  # type: ignore[no-untyped-def]
    def restart(process: subprocess.Popen[str]) -> None:
        wait_on_host(host, BEGUN, process)
        host.restart()

    return restart


def _ended_there(host: SshHost):  # type: ignore[no-untyped-def]
    """Kill python on the host, as it does when its memory is full, while apt keeps running."""

    def end(process: subprocess.Popen[str]) -> None:
        wait_on_host(host, BEGUN, process)
        host.run("pkill -9 -x python3")

    return end


def _linked(host: SshHost, name: str, number: int, stack: ExitStack) -> tuple[SshHost, list[str]]:
    """The host behind a link of its own, and what runs a command at the other end: a network namespace."""
    block = (os.getpid() * 2 + number) % 0x4000 * 4
    here, there = (f"10.231.{(block + end) >> 8}.{(block + end) & 255}" for end in (1, 2))
    commands = [
        f"netns add {name}", f"link add {name} type veth peer name eth0 netns {name}",
        f"addr add {here}/30 dev {name}", f"link set {name} up",
        f"-n {name} addr add {there}/30 dev eth0", f"-n {name} link set eth0 up", f"-n {name} link set lo up",
    ]  # fmt: skip
    for end in (f"link del {name}", f"netns del {name}"):
        stack.callback(subprocess.run, ["ip", *end.split()], capture_output=True)
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True, capture_output=True)
    host.run("sed -i 's/^ListenAddress.*/ListenAddress 0.0.0.0/' /etc/ssh/sshd_config")
    host.reload()
    key = host.known_hosts.read_text().split(" ", 1)[1]
    host.known_hosts.write_text(f"[{here}]:{host.port} {key}")
    return replace(host, hostname=here), ["ip", "netns", "exec", name]


def _down(host: SshHost, link: str, seconds: float):  # type: ignore[no-untyped-def]
    """Take the link down for some seconds while a package is installed."""

    def down(process: subprocess.Popen[str]) -> None:
        wait_on_host(host, BEGUN, process)
        subprocess.run(["ip", "link", "set", link, "down"], check=True)
        begin = time.monotonic()
        while time.monotonic() < begin + seconds and process.poll() is None:
            time.sleep(0.1)
        noticed[link] = time.monotonic() - begin
        subprocess.run(["ip", "link", "set", link, "up"], check=True)

    return down


@pytest.mark.parametrize("name", LOST)
def test_what_was_under_way_is_unknown_and_running_again_is_said_to_be_safe(seen: dict[str, Seen], name: str) -> None:
    found = seen[name]
    assert found.code == 1, found.said
    assert "Traceback" not in found.said
    document = json.loads(found.stdout)
    (error,) = document["errors"]
    (host,) = document["hosts"]
    statuses = {step["id"].split(":")[0]: step["status"] for step in host["steps"]}
    if name in NOTHING_DONE:
        assert error["problem"] == "the connection was lost during the check"
        assert error["remedy"] == "Nothing was changed. Run again."
        assert set(statuses.values()) == {"not-reached"}
        return
    doing, reached = ("slow", {"file": "changed", "package": "unknown"})
    if name == "stream lost":
        doing, reached = ("/srv/x/big", {"file": "unknown"})
    if name == "python lost":
        doing, reached = ("python3", {"bootstrap": "unknown", "file": "not-reached"})
    assert error["problem"] == f"the connection was lost; the outcome of {doing} is unknown"
    assert error["remedy"] == "Run the same command again. Finished steps are skipped."
    assert statuses == reached


def test_what_a_host_killed_is_unknown_although_it_goes_on(seen: dict[str, Seen]) -> None:
    (error,) = json.loads(seen["killed there"].stdout)["errors"]
    (host,) = json.loads(seen["killed there"].stdout)["hosts"]
    assert error["problem"] == "a module ended on the host without an answer; the outcome of slow is unknown"
    assert {step["status"] for step in host["steps"]} == {"changed", "unknown"}
    assert "start of json" not in seen["killed there"].said


def test_a_link_that_is_down_is_noticed_in_time(seen: dict[str, Seen]) -> None:
    assert seen["link down"].code == 1
    assert noticed[NEAR] < 40


@pytest.mark.parametrize("name", ENDS_WELL)
def test_a_link_that_comes_back_soon_and_an_upload_that_is_sent_again_end_well(
    seen: dict[str, Seen], name: str
) -> None:
    assert seen[name].code == 0, seen[name].said
    assert "unknown" not in seen[name].stdout


def test_a_host_that_dies_does_not_stop_the_others(seen: dict[str, Seen]) -> None:
    document = json.loads(seen["fleet"].stdout)
    assert seen["fleet"].code == 1
    assert [host["steps"][-1]["status"] for host in document["hosts"]] == ["unknown", "changed", "changed"]


@pytest.mark.parametrize("name", [*LOST, *ENDS_WELL, "killed there", "fleet"])
def test_half_a_minute_later_no_file_has_changed_there(seen: dict[str, Seen], name: str) -> None:
    assert seen[name].later == seen[name].state


@pytest.mark.parametrize("name", [*LOST, *ENDS_WELL, "killed there", "fleet"])
def test_the_next_run_ends_well(seen: dict[str, Seen], name: str) -> None:
    assert again[name].returncode == 0, again[name].stdout + again[name].stderr
