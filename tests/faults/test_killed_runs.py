"""Runs that are ended in each phase, by a signal, by the time, by kill -9: nothing goes on, and the next ends well."""

from __future__ import annotations

import contextlib
import json
import signal
import statistics
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from tests.support.command_line import on
from tests.support.fault_matrix import (
    WAYS,
    Case,
    Seen,
    hold_up,
    ours_here,
    place_for_big,
    run_again,
    run_all,
    wait_on_host,
)
from tests.support.hosts import AptRepository, SshHost, User, offered_packages, running
from tests.support.latency_proxy import distant
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.latency_proxy import Delays

pytestmark = pytest.mark.timed
PHASES = ("probe", "offers", "python", "stream", "upload", "package", "package of a module")
"""A phase of a task is tried in both of its ways: as a program that gets its data as a stream, and as a module that is
uploaded, with its data before it."""
HELD_UP = {"offers": "apt-cache", "python": "apt-get"}
"""The program of the host that takes its time in this phase."""
ENDS = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129, "SIGKILL": -9, "timeout": 1}
TIMEOUT = {"upload": 12, "package of a module": 14}
"""Seconds that a run is given, where not 8: a task that is uploaded begins later."""
REACHED = {
    "python": {"bootstrap": "unknown", "file": "not-reached"},
    "stream": {"file": "unknown"},
    "upload": {"file": "unknown"},
    "package": {"file": "changed", "package": "unknown"},
    "package of a module": {"file": "changed", "package": "unknown"},
}
"""The status of the steps of each kind, in the phases in which something is changed."""
DOING = {
    "python": "python3",
    "stream": "/srv/x/big",
    "upload": "/srv/x/big",
    "package": "slow",
    "package of a module": "slow",
}
RTT = {"stream": 150, "upload": 60}
"""Milliseconds: ssh sends 2 MiB a round trip, so a transfer lasts for seconds."""
ENDLESS = 500
"""Milliseconds that make it outlast the time that a run is given."""
CASES = [(phase, end) for phase in PHASES for end in ENDS]


@dataclass
class Ended:
    """How long a run lived on after it was stopped, how long its other processes did, and which never ended."""

    begin: float = 0
    seconds: float = 0
    alone: float = 0
    left_here: list[str] = field(default_factory=list)


ended: dict[str, Ended] = {}
again: dict[str, subprocess.CompletedProcess[str]] = {}
tidied: dict[str, str] = {}


@pytest.fixture(scope="module")
def seen(_hosts_are_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Seen]]:
    """Every end in every phase, each on a host of its own; inspected again, and run again."""
    work = place_for_big(tmp_path_factory, 50)
    repository = AptRepository(work / "apt")
    repository.add("slow", "1", commands={"slow": "echo slow 1"}, postinst="touch /tmp/begun; sleep 15")
    repository.add("swift", "1", commands={"swift": "echo swift 1"})
    repository.adopt(offered_packages("bare"))
    with ExitStack() as hosts:
        cases = []
        for phase, end in CASES:
            layer, user = ("bare", "root") if phase == "python" else ("tools", "dev")
            users = (User("dev", "sudo"),) if layer == "tools" else ()
            name = f"{phase}-{end}".lower().replace(" ", "-")
            made = running(layer=layer, users=users, name=name, repository=repository)
            host = hosts.enter_context(made).as_user(user)
            host.run("apt-get update -qq; mkdir -m 1777 /srv/x")
            if phase in HELD_UP:
                hold_up(host, HELD_UP[phase])
            link = None
            if phase in RTT:
                host, link = hosts.enter_context(distant(host, RTT[phase]))
            cases.append(_case(phase, end, host, link, work))
        found = run_all(cases, work / "homes", later=60)
        finish(cases, work / "homes")
        yield found


def _case(phase: str, end: str, host: SshHost, link: Delays | None, work: Path) -> Case:
    name = f"{phase} {end}"
    ended[name] = Ended()
    words: list[object] = ["apply", "--json", "--timeout", time_given(phase) if end == "timeout" else 120, *on(host)]
    if phase == "probe":
        host.run("echo '[ -e /tmp/held ] || { touch /tmp/begun; sleep 15; }' >/home/dev/.bashrc")
    if phase in RTT:
        words += ["--file", f"{work}/big:/srv/x/big"]
    else:
        words += ["--file", f"{__file__}:/srv/x/small"]
    if "package" in phase or phase == "offers":
        words += ["--package", "swift" if phase == "offers" else "slow"]

    def meanwhile(process: subprocess.Popen[str]) -> None:
        wait_on_host(host, _phase_has_begun(phase), process)
        ended[name].begin = time.monotonic()
        if link and end == "timeout":
            link.rtt = ENDLESS
        if end != "timeout":
            process.send_signal(getattr(signal, end))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        ended[name].seconds = time.monotonic() - ended[name].begin
        begin = time.monotonic()
        with contextlib.suppress(AssertionError):  # a machine that stalls gets a little more than five seconds
            wait_until(lambda: not ours_here(work / "homes" / name), 10)
        ended[name].alone = time.monotonic() - begin
        ended[name].left_here = ours_here(work / "homes" / name)
        if link:
            link.rtt = 0

    way = "module" if phase in ("upload", "package of a module") else "program"
    return Case(name, words, host, "/srv/x", meanwhile, WAYS[way])


def time_given(phase: str) -> int:
    return TIMEOUT.get(phase, 8)


def _phase_has_begun(phase: str) -> str:
    """A shell condition that holds on the host when a run is in this phase."""
    if phase == "stream":
        return "find /srv/x -name '.mngr-ansible*' -size +1M | grep ."
    if phase == "upload":
        return "find /home/dev -name mngr-ansible-bundle -size +1M | grep ."
    return "test -e /tmp/begun"


A_DAY_LATER = """
for each in /home/dev/.mngr-ansible*; do
    if find "$each" -name 'AnsiballZ*' 2>/dev/null | grep -q .; then find "$each" -exec touch -d '2 days ago' {} +; fi
done
"""
"""An uploaded module of a killed run, which nobody can tell from that of a run that goes on, is removed after a day."""


def finish(cases: list[Case], home: Path) -> None:
    """Run every case once more, to its end."""
    patient = []
    for case in cases:
        words: list[object] = ["apply", "--json", "--timeout", 120, *case.words[4:]]
        if "module" in case.name:
            words += ["--file", f"{__file__}:/srv/x/more"]  # what is older than a day goes where files are copied
        patient.append(replace(case, words=words))
    again.update(run_again(patient, home, prepare=A_DAY_LATER))
    for case in cases:
        assert case.host is not None
        tidied[case.name] = case.host.run("find /home /root /srv -name '.mngr-ansible*'; dpkg --audit").stdout


NAMES = [f"{phase} {end}" for phase, end in CASES]


@pytest.mark.parametrize(("phase", "end"), CASES)
def test_it_ends_in_time_and_reports_what_is_known(seen: dict[str, Seen], phase: str, end: str) -> None:
    found, name = seen[f"{phase} {end}"], f"{phase} {end}"
    assert found.code == ENDS[end], found.said
    assert "Traceback" not in found.said
    assert ended[name].seconds < (20 if end != "timeout" else time_given(phase) + 20), found.said
    if end == "SIGKILL":
        return
    document = json.loads(found.stdout)
    statuses = {step["id"].split(":")[0]: step["status"] for host in document["hosts"] for step in host["steps"]}
    (error,) = document["errors"]
    if phase not in REACHED:
        assert set(statuses.values()) <= {"not-reached"}
        assert end == "timeout" or error["problem"] == "stopped; nothing was changed"
        assert end != "timeout" or error["problem"].startswith("no answer within ")
        return
    assert ("unknown" if end == "timeout" else "may or may not have finished") in found.stderr
    assert statuses == REACHED[phase]
    assert error["remedy"].endswith("Run the same command again. Finished steps are skipped.")
    if end == "timeout":
        assert error["problem"] == f"the time was up; the outcome of {DOING[phase]} is unknown"


@pytest.mark.parametrize("name", NAMES)
def test_five_seconds_later_nothing_of_ours_runs_here(seen: dict[str, Seen], name: str) -> None:
    assert ended[name].left_here == []


@pytest.mark.parametrize("end", ENDS)
def test_the_times_that_are_promised_are_kept_where_the_machine_does_not_stall(seen: dict[str, Seen], end: str) -> None:
    those = [ended[f"{phase} {end}"] for phase in PHASES]
    own = {phase: ended[f"{phase} {end}"].seconds - time_given(phase) * (end == "timeout") for phase in PHASES}
    assert min(own.values()) < 3
    assert statistics.median(own.values()) < 8
    assert min(own[phase] for phase in REACHED) < 8
    assert min(found.alone for found in those) < 5


@pytest.mark.parametrize("name", NAMES)
def test_a_minute_later_no_file_has_changed_there(seen: dict[str, Seen], name: str) -> None:
    found = seen[name]
    assert found.later == found.state
    assert "/srv/x/big " not in found.later
    assert found.running_later == []


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith("SIGKILL")])
def test_what_could_be_reached_is_cleaned_up_at_once(seen: dict[str, Seen], name: str) -> None:
    assert [line for line in seen[name].left_later.splitlines() if "/.mngr-ansible" in line] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_next_run_ends_well_and_leaves_nothing(seen: dict[str, Seen], name: str) -> None:
    assert again[name].returncode == 0, again[name].stderr
    assert tidied[name] == ""
