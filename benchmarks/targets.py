"""What is to be reached, as ratios of medians of one run, and whether it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.start import CONTENT, PYTHON
from benchmarks.ways import FIRST, FLOOR, NOOP, OURS, PYINFRA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.results import Results

RTTS = (0, 80)
REACH = {
    ("W1", FIRST): {PYINFRA: (0.8, 0.4), FLOOR: (4.5, 1.7)},
    ("W1", NOOP): {PYINFRA: (0.33, 0.3), FLOOR: (1.6, 1.2)},
    ("W2", FIRST): {PYINFRA: (0.36, 0.13), FLOOR: (4.0, 1.9)},
    ("W2", NOOP): {PYINFRA: (0.11, 0.08), FLOOR: (1.5, 1.2)},
    ("W3", FIRST): {PYINFRA: (0.75, 0.65), FLOOR: (2.2, 1.45)},
    ("W3", NOOP): {PYINFRA: (0.5, 0.4), FLOOR: (1.4, 1.2)},
    ("W4", FIRST): {PYINFRA: (1.0, 0.55), FLOOR: (2.2, 1.3)},
    ("W4", NOOP): {PYINFRA: (0.6, 0.4), FLOOR: (1.3, 1.2)},
}
"""Ours as a multiple of another way, at most, for each of ``RTTS``."""
START = 4.0
"""``mngr-ansible content`` as a multiple of ``python -c pass``."""
CONTROLLER = {"W1": 150.0, "W2": 150.0, "W3": 150.0, "1G": 128.0}
"""MiB on the controller."""
HOST = {"1G": 128.0}
EACH_HOST = 1.0
"""MiB on the controller for each host more."""
MORE_HOSTS = 40
"""What one host more takes is judged from two runs of which one has so many hosts more."""


@dataclass(frozen=True)
class Verdict:
    """A target and what was measured: at most ``limit`` is good. ``rtt``: None where the target is for none."""

    subject: str
    rtt: int | None
    value: float
    limit: float

    @property
    def is_met(self) -> bool:
        return self.value <= self.limit


def judged(found: Results) -> Iterator[Verdict]:
    """Every target whose runs were measured."""
    yield from _start(found)
    for (workload, scenario), others in REACH.items():
        for other, limits in others.items():
            for rtt, limit in zip(RTTS, limits, strict=True):
                value = ratio(found, workload, scenario, rtt, other)
                if value is not None:
                    yield Verdict(f"{workload}, {scenario} / {other}", rtt, value, limit)
    yield from _memory(found)


def ratio(found: Results, workload: str, scenario: str, rtt: int, other: str, part: str = "reach") -> float | None:
    """Ours as a multiple of another way; None where one of them was not measured."""
    where = {"part": part, "workload": workload, "scenario": scenario, "rtt": rtt}
    medians = [next(found.find(**where, way=way), None) for way in (OURS, other)]
    ours, others = medians
    return ours.median / others.median if ours is not None and others is not None else None


def _start(found: Results) -> Iterator[Verdict]:
    medians = {each.way: each.median for each in found.find(part="start")}
    if CONTENT in medians and PYTHON in medians:
        yield Verdict(f"`{CONTENT}` / `{PYTHON}`", None, medians[CONTENT] / medians[PYTHON], START)


def _memory(found: Results) -> Iterator[Verdict]:
    ours = {each.workload: each for each in found.weights if each.way == OURS}
    for name, weight in ours.items():
        if name in CONTROLLER:
            yield Verdict(f"{name}, MiB on the controller", None, weight.controller, CONTROLLER[name])
        if name in HOST:
            yield Verdict(f"{name}, MiB on the host", None, weight.host, HOST[name])
    if (slope := each_host(found)) is not None:
        yield Verdict("MiB on the controller for each host more", None, slope, EACH_HOST)


def each_host(found: Results) -> float | None:
    """MiB that one host more takes on the controller, between the smallest and the largest number of hosts; None where
    these are too near to each other, or the difference is only noise."""
    weights = [each for each in found.weights if each.way == OURS and each.workload.startswith("hosts/")]
    weights.sort(key=lambda each: each.hosts)
    if not weights or weights[-1].hosts - weights[0].hosts < MORE_HOSTS:
        return None
    more = weights[-1].controller - weights[0].controller
    return more / (weights[-1].hosts - weights[0].hosts) if more > 0 else None
