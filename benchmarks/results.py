"""What was measured, as it is kept in ``docs/benchmarks.json``: nothing in it names this machine or a path of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = 1


@dataclass
class Record:
    """Every run of one way in one place.

    Attributes:
        part: of the benchmark; what is compared was measured in one part, one way after the other.
        workload: its name, such as ``W2``, or ``W2/4`` for a sample of it.
        count: of the workload's small files, packages or hosts; see ``Workload.count``.
        rtt: milliseconds; None: no proxy.
        kex: the key exchange; "": OpenSSH's own choice.
        seconds: of each run, in the order of the repeats: the n-th runs of two ways stood side by side.
        cpu: seconds of processor on the controller, of each run.
        connections, executions, sent, received: see ``Counts``; of the last run.
        tasks: that the tool began, where it says so.
        failed: why there are no more runs; "" where it did not fail.
    """

    part: str
    workload: str
    scenario: str
    way: str
    count: int
    rtt: int | None
    kex: str = ""
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    connections: int = 0
    executions: int = 0
    sent: int = 0
    received: int = 0
    tasks: int | None = None
    failed: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        return (self.part, self.workload, self.scenario, self.way, self.rtt, self.kex)

    @property
    def median(self) -> float:
        return median(self.seconds)


@dataclass
class Weight:
    """The peak memory of a first run in MiB; see ``Peak``."""

    workload: str
    way: str
    hosts: int
    controller: float
    host: float


@dataclass
class Profile:
    """Where the time of one run of ours goes: phases in their order, each with its seconds."""

    workload: str
    scenario: str
    rtt: int
    phases: list[tuple[str, float]]

    @property
    def seconds(self) -> float:
        return sum(seconds for _, seconds in self.phases)


_GROWN = 1.5
"""A time that is so many times another one has grown; less may be the noise of two runs."""


@dataclass(frozen=True)
class Estimate:
    """A time in seconds; ``is_guess``: scaled from runs with fewer files."""

    seconds: float
    is_guess: bool = False


@dataclass
class Results:
    """All that was measured so far, on what (``about``), and the machine's load when each part began (``loads``)."""

    about: dict[str, str | int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    loads: dict[str, int] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    weights: list[Weight] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)

    def find(self, **wanted: object) -> Iterator[Record]:
        """Every record with these values that has at least one run."""
        for each in self.records:
            if each.seconds and all(getattr(each, name) == value for name, value in wanted.items()):
                yield each

    def estimate(self, count: int, *, family: str, **wanted: object) -> Estimate | None:
        """The median of a way for so many files, packages or hosts of a family; None where nothing was measured.

        What was not measured with this count grows with each as it grew between the smallest and the largest measured
        count. A single count says nothing of others; nor do two of which the larger took hardly longer, because single
        runs differ by as much.
        """
        found = [each for each in self.find(**wanted) if each.workload.partition("/")[0] == family]
        for each in found:
            if each.count == count:
                return Estimate(each.median)
        found.sort(key=lambda each: each.count)
        if len(found) < 2 or count < found[-1].count:
            return None
        few, many = found[0], found[-1]
        if many.median < _GROWN * few.median:
            return None
        slope = (many.median - few.median) / (many.count - few.count)
        return Estimate(many.median + (count - many.count) * slope, is_guess=True)

    def forget_failures(self, part: str) -> None:
        """Let what failed in a part be tried again."""
        for each in self.records:
            if each.part == part:
                each.failed = ""

    def drop(self, part: str) -> None:
        """Forget what a part measured."""
        self.records = [each for each in self.records if each.part != part]
        if part == "memory":
            self.weights = []
        if part == "where":
            self.profiles = []


def load(path: Path) -> Results:
    """Read a file of results.

    Raises:
        ValueError: it was written by another version of this program.
    """
    read: dict[str, Any] = json.loads(path.read_text())
    if read.get("schema") != SCHEMA:
        raise ValueError(f"{path} has schema {read.get('schema')}, not {SCHEMA}. Remove it, or choose another --out.")
    return Results(
        read["about"],
        read["notes"],
        read["loads"],
        [Record(**each) for each in read["records"]],
        [Weight(**each) for each in read["weights"]],
        [Profile(**each | {"phases": [tuple(one) for one in each["phases"]]}) for each in read["profiles"]],
    )


def save(results: Results, path: Path) -> None:
    """Write them, in one step; a line for each record, so that two versions can be compared."""
    parts = {name: [json.dumps(_rounded(asdict(each))) for each in getattr(results, name)] for name in _LISTS}
    lines = [f'"{name}": [{",".join(f"\n  {each}" for each in rows)}\n ]' for name, rows in parts.items()]
    head = [f'"schema": {SCHEMA}', f'"about": {json.dumps(results.about)}', f'"notes": {json.dumps(results.notes)}']
    head.append(f'"loads": {json.dumps(results.loads)}')
    new = path.with_suffix(".new")
    new.write_text("{\n " + ",\n ".join([*head, *lines]) + "\n}\n")
    new.replace(path)


_LISTS = ("records", "weights", "profiles")


def _rounded(value: Any) -> Any:
    """Milliseconds are enough: more only makes the file larger."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value
