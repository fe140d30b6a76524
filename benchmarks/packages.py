"""Packages: this project against the other ways, measured side by side on a host of its own over real ssh.

The time inside the package manager is not counted: on the host apt-get is a script that notes how long each real
apt-get took, and the sum is taken off the seconds of every way alike. What a way asks of apt beside that
(``apt-cache``, dpkg, python3-apt) is its own.
"""

from __future__ import annotations

import argparse
import itertools
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import phases, report, workloads
from benchmarks.package_ways import APT_SECONDS, VERSION, WATCHED, Needs, all_ways, ours_argv
from benchmarks.targets import FIRST, Target, Times, ratio
from benchmarks.watch import FailedError, timed
from benchmarks.ways import environment
from tests.support.hosts import AptRepository, running
from tests.support.hosts.machine import why_not
from tests.support.latency_proxy import distant

if TYPE_CHECKING:
    from benchmarks.targets import Key
    from benchmarks.ways import Way
    from tests.support.hosts import SshHost

PRESENT, MISSING = "all present", "2 missing"
_COUNTS = (3, 10, 30)
_TITLES = {**{str(count): f"{count} packages" for count in _COUNTS}, "W2": "220 files in 21 entries, 5 packages"}
_W2_WAYS = ("ours", "pyinfra")


def _over(workload: str, scenario: str, way: str) -> object:
    ours = ratio(workload, scenario, way)
    return lambda times, rtt: 1 / ours(times, rtt)


_TARGETS = (
    *(
        Target(f"{count}, {PRESENT} / shell script", ratio(str(count), PRESENT, "script"), {0: 1.5, 80: 1.5},
               str(count), PRESENT)
        for count in _COUNTS
    ),
    Target("2 missing of 30 / pyinfra", ratio("30", MISSING, "pyinfra"), {0: 1.3, 80: 0.6}, "30", MISSING),
    Target("2 missing of 30, a task a package / ours", _over("30", MISSING, "tasks"), {0: 4.0, 80: 4.0}, "30", MISSING,
           is_floor=True),
    Target("W2, first run / pyinfra", ratio("W2", FIRST, "pyinfra"), {0: 0.6, 80: 0.2}, "W2", FIRST),
)  # fmt: skip


class Bench:
    """The state of one benchmark: hosts by RTT, what was measured, what was inside apt-get."""

    def __init__(self, hosts: dict[int, SshHost], directory: Path) -> None:
        self.hosts = hosts
        self.directory = directory
        self.seconds: dict[Key, list[float]] = {}
        self.inside: dict[Key, list[float]] = {}
        self.failed: dict[tuple[str, str], str] = {}
        self.profiles: dict[tuple[str, str, int], list[tuple[str, float]]] = {}

    def measure(self, needs: Needs, scenario: str, rtt: int, way: Way) -> None:
        """One run of one way."""
        if (needs.name, way.name) in self.failed:
            return
        host = self.hosts[rtt]
        self._prepare(needs, scenario, host)
        try:
            seconds = timed(way.command(needs, host, self._room()))
            self._verify(needs, way, host)
        except FailedError as error:
            self.failed[needs.name, way.name] = str(error)
            _say(f"  {way.name} failed: {error}")
            return
        inside = sum(map(int, host.run(f"cat {APT_SECONDS}").stdout.split())) / 1e9
        key = (needs.name, scenario, rtt, way.name)
        self.seconds.setdefault(key, []).append(seconds - inside)
        self.inside.setdefault(key, []).append(inside)
        _say(
            f"  {needs.name}, {scenario}, {rtt} ms, {way.name}: {seconds - inside:.2f} s, and {inside:.2f} s in apt-get"
        )

    def profile(self, needs: Needs, scenario: str, rtt: int) -> None:
        """Where the time of ours goes, the package manager's included."""
        host, room = self.hosts[rtt], self._room()
        self._prepare(needs, scenario, host)
        if found := phases.measured(ours_argv(needs, host), environment(room), room):
            self.profiles[needs.name, scenario, rtt] = found

    def _prepare(self, needs: Needs, scenario: str, host: SshHost) -> None:
        everything = {f"bench-{number:02}" for number in range(max(_COUNTS))}
        absent = set() if scenario == PRESENT else set(needs.missing)
        there = set(host.run("ls /var/lib/dpkg/info | sed -n 's/^\\(bench-..\\)[.]list$/\\1/p'").stdout.split())
        if more := sorted((everything - absent) - there):
            host.run("dpkg -i " + " ".join(f"/srv/apt/{name}_{VERSION}-1_all.deb" for name in more))
        if fewer := sorted(there & absent):
            host.run(f"dpkg --purge {' '.join(fewer)}")
        host.run(f"rm -rf {workloads.OUT} /root/.mngr-ansible; : >{APT_SECONDS}; sync")
        time.sleep(0.2)

    def _room(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.directory))

    def _verify(self, needs: Needs, way: Way, host: SshHost) -> None:
        for name in needs.packages:
            if not (host.root_path / "usr/bin" / name).exists():
                raise FailedError(f"{way.name} did not install {name}")
        if needs.files:
            counted = host.run(f"find {workloads.OUT} -type f -printf '%s\\n'").stdout.split()
            if sorted(map(int, counted)) != sorted(needs.files.sizes.values()):
                raise FailedError(f"{way.name} copied {len(counted)} of {len(needs.files.sizes)} files, or others")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.packages", description=__doc__)
    add = parser.add_argument
    add("--workload", action="append", choices=_TITLES, help="only these; default: all")
    add("--way", action="append", metavar="NAME", help="only these: ours facts tasks script pyinfra; default: all")
    add("--rtt", action="append", type=int, metavar="MS", help="round-trip times; default: 0 and 80")
    add("--repeats", type=int, default=5, help="of everything but a task a package, which is run once; default: 5")
    add("--quick", action="store_true", help="10 packages and W2, one repeat, without a task a package")
    add("--no-profile", action="store_true", help="do not say where the time of ours goes")
    add("--cache", type=Path, metavar="DIR", help="where pyinfra is installed and kept; default: for this run")
    asked = parser.parse_args()
    if asked.quick:
        asked.workload, asked.repeats = asked.workload or ["10", "W2"], 1
        asked.way = asked.way or ["ours", "facts", "script", "pyinfra"]
    return asked


def main() -> int:
    """Measure and print; the exit code is 1 where a target is missed or something failed."""
    asked = _options()
    if reason := why_not():
        _say(reason)
        return 1
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mngr-ansible-bench-")))
        directory.chmod(0o755)
        ways, lacking = all_ways(asked.cache or directory)
        ways = {name: way for name, way in ways.items() if not asked.way or name in asked.way}
        repository = AptRepository(directory / "apt")
        for number in range(max(_COUNTS)):
            name = f"bench-{number:02}"
            repository.add(name, f"{VERSION}-1", commands={name: f"echo {name} {VERSION}"})
        host = stack.enter_context(
            running(layer="tools", name="bench", key_exchange="", repository=repository, lists="fresh", has_mirror=True)
        )
        if not _has_python_apt(host):
            for name in {"facts", "tasks"} & set(ways):
                del ways[name]
                lacking.append(f"{name}: python3-apt could not be installed on the host")
        host.run("rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/debian*; apt-get update -qq")
        host.run(
            "mv /usr/bin/apt-get /usr/bin/apt-get.real; cat >/usr/bin/apt-get; chmod 755 /usr/bin/apt-get",
            stdin=WATCHED,
        )
        hosts = {rtt: stack.enter_context(distant(host, rtt))[0] for rtt in asked.rtt or [0, 80]}
        bench = Bench(hosts, directory)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            _run(bench, ways, asked)
        except KeyboardInterrupt:
            lacking.append("what was not measured when this was stopped")
        return _print(bench, lacking)


def _has_python_apt(host: SshHost) -> bool:
    """Whether the host has what Ansible's ``apt`` and ``package_facts`` need, now that it was installed."""
    install = "apt-get update -qq; apt-get install -y -qq --no-install-recommends python3-apt"
    return not host.run(install, check=False, timeout=300).returncode


def _run(bench: Bench, ways: dict[str, Way], asked: argparse.Namespace) -> None:
    files = workloads.made(bench.directory)["220"]
    all_needs = {str(count): Needs(str(count), count) for count in _COUNTS} | {"W2": Needs("W2", 5, files)}
    chosen = [all_needs[name] for name in asked.workload or all_needs]
    files.write()
    subprocess.run(["sync"])
    cases = [(needs, scenario) for needs in chosen for scenario in ((FIRST,) if needs.files else (PRESENT, MISSING))]
    for repeat in range(asked.repeats):
        _say(f"repeat {repeat + 1} of {asked.repeats}")
        for (needs, scenario), rtt in itertools.product(cases, bench.hosts):
            turn = repeat % len(ways)
            for way in [*ways.values()][turn:] + [*ways.values()][:turn]:
                if not (repeat and way.is_slow) and (not needs.files or way.name in _W2_WAYS):
                    bench.measure(needs, scenario, rtt, way)
    if "ours" in ways and not asked.no_profile:
        for (needs, scenario), rtt in itertools.product(cases, bench.hosts):
            bench.profile(needs, scenario, rtt)


def _print(bench: Bench, lacking: list[str]) -> int:
    times = Times(bench.seconds)
    print("Medians in seconds without the time inside apt-get; in brackets, how many times ours.\n")
    for table in report.tables(times, (), _TITLES):
        print(table)
    print(report.targets(times, _TARGETS))
    rows = [["seconds inside apt-get, not counted above", "way", "median"]]
    for (workload, scenario, rtt, way), seconds in bench.inside.items():
        if scenario != PRESENT:
            rows.append([f"{_TITLES[workload]}, {scenario}, {rtt} ms", way, f"{median(seconds):.2f}"])
    print(report.aligned(rows))
    for table in report.profiles(bench.profiles, _TITLES):
        print(table)
    for reason in lacking:
        print(f"left out: {reason}")
    for (workload, way), reason in bench.failed.items():
        print(f"FAILED: {workload}, {way}: {reason}")
    return int(bool(bench.failed) or not all(is_met for *_, is_met in report.judged(times, _TARGETS)))


if __name__ == "__main__":
    sys.exit(main())
