"""What was promised, as ratios of times measured in one run; and whether it was met."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FIRST, NOOP, CHANGED = "first run", "no-op", "one changed"

Key = tuple[str, str, int, str]
"""Workload, scenario, RTT in ms, way."""


@dataclass(frozen=True)
class Times:
    """Seconds of every combination; the n-th values of two ways were measured next to each other."""

    seconds: Mapping[Key, Sequence[float]]

    def one(self, *key: str | int) -> float:
        """The median. Raises KeyError where it was not measured."""
        values = self.seconds[key]  # type: ignore[index]
        if not values:
            raise KeyError(key)
        return median(values)


@dataclass(frozen=True)
class Target:
    """A promise: what ``value`` makes of the times is at most ``limit`` (at least, where ``is_floor``)."""

    text: str
    value: Callable[[Times, int], float]
    limits: Mapping[int, float]
    workload: str
    scenario: str
    is_floor: bool = False

    def is_met(self, value: float, rtt: int) -> bool:
        return value >= self.limits[rtt] if self.is_floor else value <= self.limits[rtt]


def ratio(workload: str, scenario: str, way: str) -> Callable[[Times, int], float]:
    """Ours as a multiple of another way."""
    return lambda times, rtt: times.one(workload, scenario, rtt, "ours") / times.one(workload, scenario, rtt, way)


def _change(times: Times, rtt: int) -> float:
    allowed = times.one("10000", NOOP, rtt, "ours") + times.one("1", FIRST, rtt, "ours")
    return times.one("10000", CHANGED, rtt, "ours") / allowed


TARGETS = (
    Target("3 files, first run / pyinfra files.put", ratio("3", FIRST, "pyinfra"), {0: 1.3, 80: 0.5}, "3", FIRST),
    Target(
        "220 files, first run / pyinfra files.sync",
        ratio("220", FIRST, "pyinfra"),
        {0: 0.4, 80: 0.15},
        "220",
        FIRST,
    ),
    Target(
        "220 files, first run / pyinfra files.rsync",
        ratio("220", FIRST, "pyinfra-rsync"),
        {0: 0.4, 80: 0.15},
        "220",
        FIRST,
    ),
    Target(
        "1,000 + 50 MiB, first run / tar",
        ratio("1000+50M", FIRST, "tar"),
        {0: 3.0, 80: 1.5},
        "1000+50M",
        FIRST,
    ),
    Target(
        "1,000 + 50 MiB, recursive copy / ours",
        lambda times, rtt: 1 / ratio("1000+50M", FIRST, "copy")(times, rtt),
        {0: 20.0, 80: 20.0},
        "1000+50M",
        FIRST,
        is_floor=True,
    ),
    Target("10,000, no-op / rsync --checksum", ratio("10000", NOOP, "rsync"), {0: 3.0, 80: 3.0}, "10000", NOOP),
    Target("10,000, one changed / (no-op + 1 file)", _change, {0: 1.3, 80: 1.3}, "10000", CHANGED),
)

MEMORY = 200.0
"""MiB, on either side, for a file of 1 GiB."""
