"""The parts of the benchmark: which workloads, at which round-trip times, by which ways, how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.ways import CHANGED, FIRST, FLOOR, NOOP, OURS, PLAIN, PYINFRA, PYINFRA_PUT, RSYNC, TUNED, WORKERS
from benchmarks.workloads import FILE_COUNTS, HOST_COUNTS, PACKAGE_COUNTS, SLOW_FILE_COUNTS, SLOW_HOST_COUNTS

if TYPE_CHECKING:
    from collections.abc import Sequence

CURVE25519 = "curve25519-sha256,curve25519-sha256@libssh.org"
"""Both names of one algorithm: pyinfra's ssh knows only the older."""
SAMPLES = (1, 8)
"""How many small files of W2 and W3 a way gets that takes a task for each."""


@dataclass(frozen=True)
class Case:
    """A workload in one place, and the ways that it is measured with, one after the other in each repeat.

    Attributes:
        repeats: at most so many; 0: as many as asked for.
    """

    workload: str
    rtt: int | None
    ways: Sequence[str]
    kex: str = ""
    scenarios: Sequence[str] = (FIRST, NOOP)
    repeats: int = 0


PARTS = {
    "start": "W0: what a command costs that does nothing",
    "reach": "W1 to W4 against pyinfra and the floor, judged",
    "peers": "W1 to W4 with ansible-playbook and rsync",
    "files": "growth with the number of files",
    "packages": "growth with the number of packages",
    "hosts": "growth with the number of hosts, with and without workers",
    "rtt": "growth with the round-trip time",
    "kex": "OpenSSH's default key exchange and curve25519",
    "memory": "peak memory",
    "where": "where the time of mngr-ansible goes",
}
CURVES = ("files", "packages", "hosts", "rtt", "kex")
_FOUR = ("W1", "W2", "W3", "W4")
_JUDGED = (OURS, PYINFRA, FLOOR)


def cases(part: str, rtts: Sequence[int]) -> list[Case]:
    """The cases of a part that times runs; the others have none."""
    ways = (OURS, PYINFRA, TUNED, FLOOR)
    if part == "reach":
        return [Case(name, rtt, _JUDGED) for name in _FOUR for rtt in rtts]
    if part == "peers":
        return [case for name in _FOUR for rtt in rtts for case in _peers(name, rtt)]
    if part == "files":
        found = [Case(f"files/{count}", 0, (PYINFRA_PUT, PLAIN), repeats=1) for count in SLOW_FILE_COUNTS]
        for count in FILE_COUNTS:
            scenarios = (FIRST, NOOP, CHANGED) if count >= 1000 else (FIRST, NOOP)
            found.append(Case(f"files/{count}", 0, (OURS, PYINFRA, TUNED, RSYNC, FLOOR), "", scenarios, repeats=2))
        return found
    if part == "packages":
        return [Case(f"packages/{count}", 0, ways, repeats=2) for count in PACKAGE_COUNTS]
    if part == "hosts":
        found = [Case(f"hosts/{count}", None, (PLAIN,), repeats=1) for count in SLOW_HOST_COUNTS]
        for count in HOST_COUNTS:
            chosen = (OURS, WORKERS, PYINFRA, TUNED, FLOOR)
            found.append(Case(f"hosts/{count}", None, chosen, repeats=2 if count <= 10 else 1))
        return found
    if part == "rtt":
        return [Case("W1", rtt, ways, repeats=1) for rtt in sorted({0, 20, 80, 200, *rtts})]
    if part == "kex":
        return [Case(name, 0, _JUDGED, kex, repeats=2) for kex in ("", CURVE25519) for name in ("W1", "W4")]
    return []


def _peers(name: str, rtt: int) -> list[Case]:
    found = [Case(name, rtt, (OURS, TUNED, RSYNC), repeats=2)]
    if name in ("W2", "W3"):
        return [*found, *(Case(f"{name}/{count}", rtt, (PLAIN,), repeats=1) for count in SAMPLES)]
    return [*found, Case(name, rtt, (PLAIN,), repeats=1)]
