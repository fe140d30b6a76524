"""Plots as SVG, for light and for dark pages: text stays text, and the same results give the same file."""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmarks import phases
from benchmarks.targets import REACH, RTTS
from benchmarks.ways import FIRST, FLOOR, NOOP, OURS, PLAIN, PYINFRA, PYINFRA_PUT, RSYNC, TUNED, WORKERS
from benchmarks.workloads import FILE_COUNTS, HOST_COUNTS, PACKAGE_COUNTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.results import Results

_INK = {"": ("#1f2328", "#d1d9e0"), "-dark": ("#f0f6fc", "#3d444d")}
"""Of text and of lines: the colours that GitHub's pages have."""
_COLOURS = {
    OURS: "#2f81f7", WORKERS: "#57a6a1", PYINFRA: "#e3853a", PYINFRA_PUT: "#c9a227", TUNED: "#a371f7",
    PLAIN: "#db61a2", RSYNC: "#3fa06b", FLOOR: "#8b949e",
}  # fmt: skip
_STEPS = (
    *("#8b949e", "#2f81f7", "#3fa06b", "#c9a227", "#a371f7", "#e3853a", "#db61a2", "#57a6a1"),
    *("#b62324", "#9a6700", "#6fdd8b", "#8250df", "#ffb3d8", "#0b6e75", "#b5bfc9", "#f0883e"),
)
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "benchmarks", "font.family": "sans-serif", "font.size": 9,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
}  # fmt: skip


def write(found: Results, directory: Path) -> None:
    """Write every plot that the results have enough for; without matplotlib a sentence says how to get it."""
    try:
        import matplotlib as mpl
    except ImportError:
        print("The plots were not drawn: install the extra 'bench', which has matplotlib.", file=sys.stderr)
        return
    mpl.use("svg")
    directory.mkdir(parents=True, exist_ok=True)
    for name, draw in PLOTS.items():
        for mode, (ink, line) in _INK.items():
            colours: dict[Any, Any] = dict.fromkeys(
                ("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), ink
            )
            lines: dict[Any, Any] = {"axes.edgecolor": line, "grid.color": line}
            with mpl.rc_context({**_STYLE, **colours, **lines}):
                figure = draw(found)
                if figure is None:
                    continue
                path = directory / f"{name}{mode}.svg"
                meta = {"Date": None, "Creator": None, "Description": f"results {digest(found)}"}
                figure.savefig(path, transparent=True, metadata=meta, bbox_inches="tight")
                # Trailing spaces would be changed by editors and by git's own checks.
                path.write_text("\n".join(each.rstrip() for each in path.read_text().splitlines()) + "\n")


def digest(found: Results) -> str:
    """Says of which results a plot is; a test compares it with those that stand beside it."""
    return hashlib.sha256(json.dumps(asdict(found), sort_keys=True).encode()).hexdigest()[:16]


def _figure(width: float, height: float, **layout: Any) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(**layout)


def reach(found: Results) -> Any:
    """Ours, pyinfra and the floor for W1 to W4, a panel for each round-trip time."""
    ways = [way for way in (OURS, PYINFRA, FLOOR) if any(found.find(part="reach", way=way))]
    if OURS not in ways:
        return None
    rtts = [rtt for rtt in RTTS if any(found.find(part="reach", rtt=rtt))]
    figure, panels = _figure(8.5, 4.6, ncols=len(rtts), sharey=True, squeeze=False)
    names = [f"{workload}, {scenario}" for workload, scenario in REACH]
    for panel, rtt in zip(panels[0], rtts, strict=True):
        for index, way in enumerate(ways):
            widths = []
            for workload, scenario in REACH:
                records = found.find(part="reach", workload=workload, scenario=scenario, rtt=rtt, way=way)
                widths.append(next((each.median for each in records), 0.0))
            places = [row + (index - 1) * 0.27 for row in range(len(names))]
            bars = panel.barh(places, widths, height=0.25, color=_COLOURS[way], label=way)
            panel.bar_label(bars, [f"{width:.2f}" if width else "" for width in widths], padding=2, fontsize=7)
        panel.set_yticks(range(len(names)), names)
        panel.set_title(f"round-trip time {rtt} ms")
        panel.set_xlabel("seconds")
        panel.margins(x=0.12)
    panels[0][0].invert_yaxis()
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=len(ways))
    return figure


def where(found: Results) -> Any:
    """Where the time of ours goes: a stacked bar for each run."""
    runs = sorted(found.profiles, key=lambda each: (each.rtt, each.workload, each.scenario != FIRST))
    if not runs:
        return None
    steps = phases.titles([each.phases for each in runs])
    figure, panel = _figure(8.5, 0.8 + 0.3 * len(runs) + 0.12 * len(steps))
    starts = [0.0] * len(runs)
    for index, title in enumerate(steps):
        widths = [sum(seconds for name, seconds in each.phases if name == title) for each in runs]
        panel.barh(range(len(runs)), widths, left=starts, color=_STEPS[index % len(_STEPS)], label=title, height=0.7)
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    panel.set_yticks(range(len(runs)), [f"{each.workload}, {each.scenario}, {each.rtt} ms" for each in runs])
    panel.invert_yaxis()
    panel.set_xlabel("seconds")
    figure.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def growth(found: Results) -> Any:
    """How first runs and no-ops grow with files, packages, hosts and distance."""
    if not any(found.find(part="files")):
        return None
    figure, panels = _figure(8.5, 9.5, nrows=4, ncols=2)
    for row, (part, counts) in enumerate(_SCALES.items()):
        for panel, scenario in zip(panels[row], (FIRST, NOOP), strict=True):
            for way, colour in _COLOURS.items():
                points = [(count, _seconds(found, part, scenario, way, count)) for count in counts]
                _line(panel, [(count, each) for count, each in points if each is not None], way, colour)
            panel.set_xscale("log" if part != "rtt" else "linear")
            panel.set_yscale("log")
            panel.set_xticks(counts, [f"{count:,}" for count in counts])
            panel.minorticks_off()
            panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            panel.grid(visible=True, linewidth=0.5)
            panel.set_title(f"{scenario}: seconds for {'W1 by RTT in ms' if part == 'rtt' else part}")
    handles: dict[str, Any] = {}
    for panel in panels.flat:
        handles |= dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4)
    return figure


_SCALES: dict[str, Sequence[int]] = {
    "files": FILE_COUNTS, "packages": PACKAGE_COUNTS, "hosts": HOST_COUNTS, "rtt": (0, 20, 80, 200),
}  # fmt: skip


def _seconds(found: Results, part: str, scenario: str, way: str, count: int) -> tuple[float, bool] | None:
    """A time, and whether it is a guess."""
    if part == "rtt":
        for each in found.find(part=part, scenario=scenario, way=way, rtt=count):
            return each.median, False
        return None
    guess = found.estimate(count, family=part, part=part, scenario=scenario, way=way)
    return None if guess is None else (guess.seconds, guess.is_guess)


def _line(panel: Any, points: Sequence[tuple[int, tuple[float, bool]]], way: str, colour: str) -> None:
    """A line with marks where it was measured, dotted where it is a guess."""
    measured = [(count, seconds) for count, (seconds, is_guess) in points if not is_guess]
    if not measured:
        return
    panel.plot(*zip(*measured, strict=True), color=colour, marker="o", markersize=3, linewidth=1.4, label=way)
    rest = [measured[-1], *((count, seconds) for count, (seconds, is_guess) in points if is_guess)]
    with suppress(IndexError):
        panel.plot(*zip(*rest, strict=True), color=colour, linestyle=":", linewidth=1.4)


PLOTS: dict[str, Callable[[Results], Any]] = {"reach": reach, "where": where, "growth": growth}
"""Every plot by its name: ``NAME.svg`` and ``NAME-dark.svg``."""
