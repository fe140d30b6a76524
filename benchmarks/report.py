"""The measured times as text: a table for each workload, the targets, the memory, and where the time goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.targets import MEMORY, TARGETS, Times
from benchmarks.workloads import TITLES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from benchmarks.targets import Target
    from benchmarks.watch import Peak


def tables(times: Times, scaled: Collection[tuple[str, str]], titles: Mapping[str, str] = TITLES) -> Iterator[str]:
    """Medians in seconds, and in brackets how many times ours; ``scaled``: workload and way of which it is a guess."""
    keys = list(times.seconds)
    for workload in dict.fromkeys(key[0] for key in keys):
        columns = list(dict.fromkeys((key[1], key[2]) for key in keys if key[0] == workload))
        ways = list(dict.fromkeys(key[3] for key in keys if key[0] == workload))
        rows = [[titles[workload], *(f"{scenario}, {rtt} ms" for scenario, rtt in columns)]]
        for way in ways:
            mark = " ~" if (workload, way) in scaled else ""
            rows.append([way + mark, *(_cell(times, workload, *column, way) for column in columns)])
        yield aligned(rows)
    if scaled:
        yield "~ measured on two samples of the files, and scaled by what one more file took\n"


def _cell(times: Times, workload: str, scenario: str, rtt: int, way: str) -> str:
    try:
        seconds = times.one(workload, scenario, rtt, way)
    except KeyError:
        return "-"
    try:
        ratio = seconds / times.one(workload, scenario, rtt, "ours")
    except KeyError:
        return f"{seconds:.2f}"
    return f"{seconds:.2f} ({ratio:.2f})"


def judged(times: Times, promised: Sequence[Target] = TARGETS) -> Iterator[tuple[Target, int, float, bool]]:
    """Each target that was measured: it, the RTT, the value, whether it is met."""
    for target in promised:
        for rtt in target.limits:
            try:
                value = target.value(times, rtt)
            except KeyError:
                continue
            yield target, rtt, value, target.is_met(value, rtt)


def targets(times: Times, promised: Sequence[Target] = TARGETS) -> str:
    """A line for each target."""
    rows = [["target", "RTT", "limit", "ratio", ""]]
    for target, rtt, value, is_met in judged(times, promised):
        limit = f"{'>=' if target.is_floor else '<='} {target.limits[rtt]:g}"
        rows.append([target.text, f"{rtt} ms", limit, f"{value:.2f}", "met" if is_met else "MISSED"])
    return aligned(rows)


def memory(peaks: Mapping[tuple[str, str], Peak]) -> str:
    """A line for each weighed run; the target is for ours with 1 GiB."""
    rows = [["peak memory, MiB", "way", "controller", "host", ""]]
    for (workload, way), peak in peaks.items():
        verdict = ""
        if workload == "1G" and way == "ours":
            verdict = f"<= {MEMORY:g}: {'met' if max(peak.controller, peak.host) <= MEMORY else 'MISSED'}"
        rows.append([TITLES[workload], way, f"{peak.controller:.0f}", f"{peak.host:.0f}", verdict])
    return aligned(rows)


def profiles(
    found: Mapping[tuple[str, str, int], Sequence[tuple[str, float]]], titles: Mapping[str, str] = TITLES
) -> Iterator[str]:
    """Where the time of ours goes, one table for each workload and scenario."""
    for (workload, scenario, rtt), phases in found.items():
        total = sum(seconds for _, seconds in phases)
        rows = [[f"where the time goes: {titles[workload]}, {scenario}, {rtt} ms", "s", "%"]]
        rows += [[name, f"{seconds:.2f}", f"{100 * seconds / total:.0f}"] for name, seconds in phases]
        yield aligned([*rows, ["total", f"{total:.2f}", "100"]])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if not index else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"
