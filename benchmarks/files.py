"""Copying files: this project against the other ways, measured side by side on a host of its own over real ssh."""

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
from typing import TYPE_CHECKING

from benchmarks import phases, report, workloads
from benchmarks.targets import CHANGED, FIRST, NOOP, Times
from benchmarks.watch import FailedError, Peak, timed, weighed
from benchmarks.ways import Way, all_ways, environment, ours_argv
from tests.support.hosts import running
from tests.support.hosts.machine import why_not
from tests.support.latency_proxy import distant

if TYPE_CHECKING:
    from benchmarks.targets import Key
    from benchmarks.workloads import Workload
    from tests.support.hosts import SshHost

_USUAL = ("1", "3", "220", "1000+50M", "10000")
_MOST = 60
"""Small files that a slow way copies whole; with more it is measured on two samples, and scaled."""
_SAMPLES = (2, 8)


class Bench:
    """The state of one benchmark: hosts by RTT, what was measured, and what is a guess."""

    def __init__(self, hosts: dict[int, SshHost], directory: Path) -> None:
        self.hosts = hosts
        self.directory = directory
        self.seconds: dict[Key, list[float]] = {}
        self.scaled: set[tuple[str, str]] = set()
        self.failed: dict[tuple[str, str], str] = {}
        self.profiles: dict[tuple[str, str, int], list[tuple[str, float]]] = {}
        self.peaks: dict[tuple[str, str], Peak] = {}

    def measure(self, workload: Workload, way: Way, rtt: int) -> None:
        """First run, no-op and one changed file, one after the other, of one way."""
        if (workload.name, way.name) in self.failed:
            return
        try:
            if way.is_slow and len(workload.sizes) > _MOST:
                found = self._guessed(workload, way, rtt)
                self.scaled.add((workload.name, way.name))
            else:
                found = self._three(workload, way, rtt)
        except FailedError as error:
            self.failed[workload.name, way.name] = str(error)
            _say(f"  {way.name} failed: {error}")
            return
        for scenario, seconds in found.items():
            self.seconds.setdefault((workload.name, scenario, rtt, way.name), []).append(seconds)
        told = ", ".join(f"{scenario} {seconds:.2f} s" for scenario, seconds in found.items())
        _say(f"  {workload.name}, {rtt} ms, {way.name}: {told}")

    def _three(self, workload: Workload, way: Way, rtt: int) -> dict[str, float]:
        self._clear(rtt)
        found = {}
        for scenario in (FIRST, NOOP, CHANGED):
            if scenario == CHANGED:
                workload.change()
            found[scenario] = timed(way.command(workload, self.hosts[rtt], self._room()))
        self._verify(workload, way, rtt)
        return found

    def _guessed(self, workload: Workload, way: Way, rtt: int) -> dict[str, float]:
        few, more = (self._three(workload.sample(count), way, rtt) for count in _SAMPLES)
        small = sum(1 for size in workload.sizes.values() if size < 1 << 20)
        each = {scenario: (more[scenario] - few[scenario]) / (_SAMPLES[1] - _SAMPLES[0]) for scenario in few}
        return {scenario: few[scenario] + (small - _SAMPLES[0]) * max(0.0, each[scenario]) for scenario in few}

    def profile(self, workload: Workload, rtt: int) -> None:
        """Where the time of ours goes, for each scenario."""
        self._clear(rtt)
        for scenario in (FIRST, NOOP, CHANGED):
            if scenario == CHANGED:
                workload.change()
            room, host = self._room(), self.hosts[rtt]
            found = phases.measured(ours_argv(workload, host), environment(room), room)
            if found:
                self.profiles[workload.name, scenario, rtt] = found

    def weigh(self, workload: Workload, way: Way) -> None:
        """Peak memory of a first run at the lowest RTT."""
        rtt = min(self.hosts)
        self._clear(rtt)
        try:
            peak = weighed(way.command(workload, self.hosts[rtt], self._room()), self.hosts[rtt])
        except FailedError as error:
            self.failed[workload.name, way.name] = str(error)
            return
        self.peaks[workload.name, way.name] = peak
        _say(f"  {workload.name}, {way.name}: {peak.controller:.0f} MiB here, {peak.host:.0f} MiB there")

    def _clear(self, rtt: int) -> None:
        self.hosts[rtt].run(f"rm -rf {workloads.OUT} /root/.mngr-ansible; sync")
        time.sleep(0.2)

    def _room(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.directory))

    def _verify(self, workload: Workload, way: Way, rtt: int) -> None:
        counted = self.hosts[rtt].run(f"find {workloads.OUT} -type f -printf '%s\\n'").stdout.split()
        if sorted(map(int, counted)) != sorted(workload.sizes.values()):
            raise FailedError(f"{way.name} copied {len(counted)} of {len(workload.sizes)} files, or others")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.files", description=__doc__)
    add = parser.add_argument
    add("--workload", action="append", choices=_USUAL, help="only these; default: all")
    add("--way", action="append", metavar="NAME", help="only these; default: all that this machine has")
    add("--rtt", action="append", type=int, metavar="MS", help="round-trip times; default: 0 and 80")
    add("--repeats", type=int, default=3, help="of everything but what is scaled; default: 3")
    add("--no-memory", action="store_true", help="leave out the runs whose memory is sampled, and 1 GiB")
    add("--no-profile", action="store_true", help="do not say where the time of ours goes")
    add("--cache", type=Path, metavar="DIR", help="where pyinfra is installed and kept; default: for this run")
    return parser.parse_args()


def main() -> int:
    """Measure and print; the exit code is 1 where a target is missed or something failed."""
    asked = _options()
    if reason := why_not():
        _say(reason)
        return 1
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mngr-ansible-bench-")))
        ways, lacking = all_ways(asked.cache or directory)
        ways = {name: way for name, way in ways.items() if not asked.way or name in asked.way}
        rtts = asked.rtt or [0, 80]
        host = stack.enter_context(running(layer="tools", name="bench", key_exchange=""))
        hosts = {rtt: stack.enter_context(distant(host, rtt))[0] for rtt in rtts}
        bench = Bench(hosts, directory)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            _run(bench, workloads.made(directory), ways, asked)
        except KeyboardInterrupt:
            lacking.append("what was not measured when this was stopped")
        return _print(bench, lacking)


def _run(bench: Bench, all_work: dict[str, Workload], ways: dict[str, Way], asked: argparse.Namespace) -> None:
    chosen = [all_work[name] for name in asked.workload or _USUAL]
    for workload in chosen:
        workload.write()
    subprocess.run(["sync"])
    for repeat in range(asked.repeats):
        _say(f"repeat {repeat + 1} of {asked.repeats}")
        for workload, rtt in itertools.product(chosen, bench.hosts):
            turn = repeat % len(ways)
            for way in [*ways.values()][turn:] + [*ways.values()][:turn]:
                is_only_ours = workload.name == "1" and way.name != "ours"
                if not is_only_ours and not (repeat and (workload.name, way.name) in bench.scaled):
                    bench.measure(workload, way, rtt)
    if "ours" in ways and not asked.no_profile:
        for workload, rtt in itertools.product(chosen, bench.hosts):
            bench.profile(workload, rtt)
    if not asked.no_memory:
        all_work["1G"].write()
        for workload in [*chosen, all_work["1G"]]:
            for name in ("ours", "rsync", "tar") if workload.name == "1G" else ("ours",):
                if name in ways:
                    bench.weigh(workload, ways[name])


def _print(bench: Bench, lacking: list[str]) -> int:
    times = Times(bench.seconds)
    print("Medians in seconds; in brackets, how many times ours.\n")
    for table in report.tables(times, bench.scaled):
        print(table)
    print(report.targets(times))
    if bench.peaks:
        print(report.memory(bench.peaks))
    for table in report.profiles(bench.profiles):
        print(table)
    for reason in lacking:
        print(f"left out: {reason}")
    for (workload, way), reason in bench.failed.items():
        print(f"FAILED: {workload}, {way}: {reason}")
    return int(bool(bench.failed) or not all(is_met for *_, is_met in report.judged(times)))


if __name__ == "__main__":
    sys.exit(main())
