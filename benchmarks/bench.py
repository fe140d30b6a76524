"""Measure the cases of a part, keep each result at once, and go on where an earlier run was stopped."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import phases, results, start
from benchmarks.results import Profile, Record, Weight
from benchmarks.watch import FailedError, timed, weighed
from benchmarks.ways import CHANGED, FIRST, FLOOR, NOOP, OURS, RSYNC, tasks_of
from tests.support.hosts import HostStartError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.parts import Case
    from benchmarks.results import Results
    from benchmarks.sites import Site, Sites
    from benchmarks.watch import Command, Spent
    from benchmarks.ways import Way
    from benchmarks.workloads import Workload

_WEIGHED = {
    "W1": (OURS,), "W2": (OURS,), "W3": (OURS, RSYNC, FLOOR), "1G": (OURS, RSYNC, FLOOR),
    "hosts/1": (OURS,), "hosts/10": (OURS,), "hosts/50": (OURS,),
}  # fmt: skip
_TROUBLE = (FailedError, HostStartError, OSError, subprocess.SubprocessError)
"""What a way, or the host that it is measured on, may fail with: the others go on."""
_PROFILED = ("W1", "W2", "W3", "W4")
_PROFILES = 3
"""Of so many runs the one in the middle is kept."""


class Bench:
    """The ways, workloads and hosts of one run of the benchmark, and where its results are kept."""

    def __init__(
        self, ways: Mapping[str, Way], workloads: Mapping[str, Workload], sites: Sites, found: Results, path: Path
    ) -> None:
        self._ways = ways
        self._workloads = workloads
        self._sites = sites
        self._results = found
        self._path = path
        self._directory = Path(tempfile.mkdtemp(dir=next(iter(workloads.values())).top.parent))
        self._warm: set[str] = set()
        self._written: set[str] = set()
        self._changes = 0

    def measure(self, part: str, cases: Sequence[Case], repeats: int) -> None:
        """Every case, with its ways one after the other, in another order in each repeat."""
        for repeat in range(repeats):
            for case in cases:
                if repeat >= min(repeats, case.repeats or repeats):
                    continue
                ways = [self._ways[name] for name in case.ways if name in self._ways]
                turn = repeat % max(1, len(ways))
                for way in [*ways[turn:], *ways[:turn]]:
                    self._series(part, case, way, repeat)

    def start(self, cache: Path, repeats: int) -> None:
        """W0: commands that need no host."""
        commands = start.commands(cache, self._room())
        for repeat in range(2 * repeats):
            for name, command in commands.items():
                record = self._record(Record("start", "W0", "start", name, 0, None))
                if len(record.seconds) <= repeat and not record.failed:
                    self._keep(record, partial(timed, command))

    def weigh(self, names: Sequence[str] | None = None) -> None:
        """Peak memory of first runs, without a proxy; ``names``: only of these workloads."""
        for name in names or _WEIGHED:
            ways = _WEIGHED.get(name, ())
            workload = self._sample(name)
            done = {(each.workload, each.way) for each in self._results.weights}
            for way in ways:
                if (name, way) in done or way not in self._ways:
                    continue
                try:
                    site = self._sites.site(workload.hosts, None)
                    site.clear(workload)
                    command = self._ways[way].command(workload, site, FIRST, self._room())
                    peak = weighed(command, site.first_process)
                except _TROUBLE as error:
                    _say(f"  FAILED: memory of {name}, {way}: {_said(error)}")
                    continue
                self._results.weights.append(Weight(name, way, workload.hosts, peak.controller, peak.host))
                _say(f"  {name}, {way}: {peak.controller:.0f} MiB here, {peak.host:.0f} MiB there")
                results.save(self._results, self._path)

    def profile(self, rtts: Sequence[int], names: Sequence[str] | None = None) -> None:
        """Where the time of ours goes; ``names``: only with these workloads."""
        for name in names or _PROFILED:
            for rtt in rtts:
                if any(each.workload == name and each.rtt == rtt for each in self._results.profiles):
                    continue
                workload = self._sample(name)
                site = self._sites.site(workload.hosts, rtt)
                found: dict[str, list[list[tuple[str, float]]]] = {FIRST: [], NOOP: []}
                for _ in range(_PROFILES):
                    site.clear(workload)
                    room = self._room()
                    for kept in found.values():
                        if measured := phases.measured(workload, site, room):
                            kept.append(measured)
                for scenario, kept in found.items():
                    kept.sort(key=lambda each: sum(seconds for _, seconds in each))
                    if kept:
                        self._results.profiles.append(Profile(name, scenario, rtt, kept[len(kept) // 2]))
                        _say(f"  {name}, {scenario}, {rtt} ms: {self._results.profiles[-1].phases}")
                results.save(self._results, self._path)

    def _series(self, part: str, case: Case, way: Way, repeat: int) -> None:
        """A first run, a no-op, and perhaps one changed file, of one way, with one home directory."""
        workload = self._sample(case.workload)
        if not way.has_packages and not workload.entries:
            return
        records = [
            self._record(Record(part, case.workload, each, way.name, workload.count, case.rtt, case.kex))
            for each in case.scenarios
        ]
        if any(each.failed for each in records) or all(len(each.seconds) > repeat for each in records):
            return
        room = self._room()
        try:
            site = self._sites.site(workload.hosts, case.rtt, case.kex)
            if way.name not in self._warm:
                self._warm.add(way.name)
                self._warm_up(way)
            site.clear(workload)
            for record in records:
                del record.seconds[repeat:], record.cpu[repeat:]
                if record.scenario == CHANGED:
                    self._changes += 1
                    workload.change(self._changes)
                command = way.command(workload, site, record.scenario, room)
                if not self._keep(record, partial(self._checked, command, record, workload, site, way)):
                    return
        except _TROUBLE as error:
            self._failed(records[0], error)
        finally:
            shutil.rmtree(room, ignore_errors=True)

    def _checked(self, command: Command, record: Record, workload: Workload, site: Site, way: Way) -> Spent:
        """Run it, count what it did, and check that everything is on the hosts."""
        time.sleep(0.1)
        site.forget()
        spent = timed(command)
        for name, value in asdict(site.counts()).items():
            setattr(record, name, value)
        record.tasks = tasks_of(way.name, command.output)
        site.verify(workload, has_packages=way.has_packages)
        return spent

    def _warm_up(self, way: Way) -> None:
        """A run that is not counted: Python's compiled files, and the page cache."""
        workload = self._sample("W1")
        site = self._sites.site(1, None)
        site.clear(workload)
        try:
            timed(way.command(workload, site, FIRST, self._room()))
        except FailedError as error:
            _say(f"  {way.name} fails with W1: {_said(error)}")

    def _keep(self, record: Record, run: Callable[[], Spent]) -> bool:
        name = f"{record.workload}, {record.scenario}, {record.rtt} ms, {record.way}"
        try:
            spent = run()
        except _TROUBLE as error:
            self._failed(record, error)
            return False
        else:
            record.seconds.append(spent.seconds)
            record.cpu.append(spent.cpu)
            _say(f"  {name}: {spent.seconds:.2f} s, {spent.cpu:.2f} s of processor")
        results.save(self._results, self._path)
        return True

    def _failed(self, record: Record, error: Exception) -> None:
        """Keep that a way failed; only people who see this machine's screen see paths of it."""
        record.failed = str(error) if isinstance(error, FailedError) else type(error).__name__
        _say(f"  FAILED: {record.workload}, {record.scenario}, {record.rtt} ms, {record.way}: {_said(error)}")
        results.save(self._results, self._path)

    def _record(self, wanted: Record) -> Record:
        for each in self._results.records:
            if each.key == wanted.key:
                return each
        self._results.records.append(wanted)
        return wanted

    def _sample(self, name: str) -> Workload:
        """A workload by its name, with its files written."""
        if name in self._workloads:
            workload = self._workloads[name]
        else:
            family, _, count = name.partition("/")
            workload = self._workloads[family].sample(int(count))
        if name not in self._written:
            self._written.add(name)
            workload.write()
            subprocess.run(["sync"])
        return workload

    def _room(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="r", dir=self._directory))


def _said(error: Exception) -> str:
    more = [error.output] if isinstance(error, FailedError) else getattr(error, "__notes__", [])
    return "\n".join([str(error), *more])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
