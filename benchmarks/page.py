"""The generated sections of ``docs/benchmarks.md``: tables in Markdown, each between two comments of the page."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from benchmarks import phases
from benchmarks.parts import CURVE25519
from benchmarks.targets import MORE_HOSTS, REACH, RTTS, each_host, judged, ratio
from benchmarks.ways import CHANGED, FIRST, FLOOR, NOOP, OURS, PLAIN, PYINFRA, RSYNC, TUNED, WAYS
from benchmarks.workloads import FILE_COUNTS, HOST_COUNTS, PACKAGE_COUNTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.results import Record, Results

_SECTION = re.compile(r"(<!-- measured: ([a-z]+) -->\n).*?(<!-- end -->\n)", re.DOTALL)
_SCALES = {"files": FILE_COUNTS, "packages": PACKAGE_COUNTS, "hosts": HOST_COUNTS}
NOT_MEASURED = "Not measured.\n"
SMALL_FILES = {"W1": 3, "W2": 220, "W3": 1000, "W4": 3}


def write(found: Results, directory: Path, template: Path) -> None:
    """Fill the sections of ``benchmarks.md`` in a directory; where it has none, the template is filled there.

    Where the template itself is filled, the README beside its directory is too.
    """
    target = directory / "benchmarks.md"
    source = target if target.exists() else template
    target.write_text(filled(source.read_text(), found))
    readme = directory.parent / "README.md"
    if target == template:
        readme.write_text(filled(readme.read_text(), found))


def filled(text: str, found: Results) -> str:
    """A page with its sections as the results say."""
    made = sections(found)
    return _SECTION.sub(lambda match: f"{match[1]}{made[match[2]]}{match[3]}", text)


def sections(found: Results) -> dict[str, str]:
    """The text of every section by its name."""
    return {
        "summary": _summary(found),
        "about": _about(found),
        "reach": _reach(found),
        "others": _others(found),
        "start": _start(found),
        "peers": _peers(found),
        "counts": _counts(found),
        "files": _growth(found, "files"),
        "packages": _growth(found, "packages"),
        "hosts": _growth(found, "hosts") + _processor(found),
        "rtt": _distance(found),
        "kex": _exchanges(found),
        "memory": _memory(found),
        "where": _where(found),
    }


def _summary(found: Results) -> str:
    """The README's words: figures only if W1 was measured, and on a machine that had nothing else to do."""
    no_figures = "[docs/benchmarks.md](docs/benchmarks.md) shows what a run costs beside other tools.\n"
    if "reach" in busy(found):
        return no_figures
    said = []
    for rtt in RTTS:
        where = {"part": "reach", "workload": "W1", "rtt": rtt}
        times = [_cell(found.find(**where, scenario=s, way=way)) for way in (OURS, PYINFRA) for s in (FIRST, NOOP)]
        if "-" in times:
            return no_figures
        said.append(f"{times[0]} s and {times[1]} s (pyinfra: {times[2]} s and {times[3]} s)")
    text = (
        f"Measured on {found.about['cores']} cores: a first run of 3 small files and 3 packages that are there "
        f"already, and the same again when nothing has to change, take {said[0]}; "
        f"at a round-trip time of 80 ms {said[1]}. "
        "[docs/benchmarks.md](docs/benchmarks.md) has more, and what is missed."
    )
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


def _about(found: Results) -> str:
    about = found.about
    runs = {len(each.seconds) for each in found.find(part="reach")}
    repeats = " to ".join(map(str, sorted({min(runs), max(runs)}))) if runs else ""
    versions = ", ".join(f"{name} {about[name]}" for name in ("python", "ansible-core", "pyinfra", "openssh"))
    lines = [f"{about['date']}, commit {about['commit']}, {about['cores']} cores; {versions}."]
    if repeats:
        lines.append(f"Medians of {repeats} in the first table.")
    lines += found.notes
    if parts := busy(found):
        lines.append(f"The machine had other work to do, and the figures are worth little, in: {', '.join(parts)}.")
    failed = [each for each in found.records if each.failed]
    lines += [f"FAILED: {each.part}, {_place(each)}, {each.way}: {each.failed}." for each in failed]
    return "\n".join(lines) + "\n"


def busy(found: Results) -> list[str]:
    """The parts during which other work took a share of the machine, by its load when they began."""
    return [part for part, load in found.loads.items() if load > int(found.about.get("cores", 1))]


def _place(record: Record) -> str:
    rtt = "" if record.rtt is None else f", {record.rtt} ms"
    return f"{record.workload}, {record.scenario}{rtt}"


def _reach(found: Results) -> str:
    if not any(found.find(part="reach")):
        return NOT_MEASURED
    rows = []
    for (workload, scenario), limits in REACH.items():
        for index, rtt in enumerate(RTTS):
            where = {"part": "reach", "workload": workload, "scenario": scenario, "rtt": rtt}
            cells = [_cell(found.find(**where, way=way)) for way in (OURS, PYINFRA, FLOOR)]
            for other in (PYINFRA, FLOOR):
                value, limit = ratio(found, workload, scenario, rtt, other), limits[other][index]
                cells.append("-" if value is None else f"{value:.{3 if value < 0.2 else 2}f}")
                cells.append(f"≤ {limit:g}" + ("" if value is None else _verdict(value <= limit)))
            rows.append([workload, scenario, f"{rtt} ms", *cells])
    head = ["", "", "RTT", OURS, PYINFRA, FLOOR, f"/ {PYINFRA}", "reach", f"/ {FLOOR}", "reach"]
    return table(head, rows)


def _verdict(is_met: bool) -> str:
    return " met" if is_met else " **MISSED**"


def _others(found: Results) -> str:
    verdicts = list(judged(found))
    if not verdicts:
        return NOT_MEASURED
    others = [each for each in verdicts if each.rtt is None]
    rows = [[each.subject, f"{each.value:.2f}", f"≤ {each.limit:g}{_verdict(each.is_met)}"] for each in others]
    count = sum(1 for each in verdicts if each.is_met)
    return table(["", "", "reach"], rows) + f"\nTogether {count} of {len(verdicts)} targets are met.\n"


def _start(found: Results) -> str:
    records = list(found.find(part="start"))
    if not records:
        return NOT_MEASURED
    least = min(each.median for each in records)
    rows = [[f"`{each.way}`", f"{each.median:.3f}", f"{each.median / least:.1f}"] for each in records]
    return table(["", "seconds", f"/ `{records[0].way}`"], rows)


def _peers(found: Results) -> str:
    rows = []
    for workload, scenario in REACH:
        for rtt in RTTS:
            where = {"part": "peers", "scenario": scenario, "rtt": rtt}
            cells = []
            for way in (OURS, TUNED, PLAIN, RSYNC):
                guess = found.estimate(SMALL_FILES[workload], family=workload, **where, way=way)
                cells.append("-" if guess is None else f"{'~' if guess.is_guess else ''}{guess.seconds:.2f}")
            if set(cells) - {"-"}:
                rows.append([workload, scenario, f"{rtt} ms", *cells])
    return table(["", "", "RTT", OURS, TUNED, PLAIN, f"{RSYNC} (no packages)"], rows)


def _counts(found: Results) -> str:
    rows = []
    for workload, scenario in REACH:
        for way in (OURS, PYINFRA, TUNED, RSYNC, FLOOR):
            part = "peers" if way in (TUNED, RSYNC) else "reach"
            for each in found.find(part=part, workload=workload, scenario=scenario, rtt=0, way=way):
                tasks = _tasks(found, each)
                counted = [str(each.connections), str(each.executions), "-" if tasks is None else str(tasks)]
                bytes_ = [_bytes(each.sent), _bytes(each.received)]
                cpu = sorted(each.cpu)[len(each.cpu) // 2]
                rows.append([f"{workload}, {scenario}", way, *counted, *bytes_, f"{cpu:.2f}"])
    return table(["", "", "connections", "executions", "tasks", "sent", "received", "processor"], rows)


def _tasks(found: Results, record: Record) -> int | None:
    """The tasks of a run; of ours, those of the run whose phases are known."""
    if record.way != OURS:
        return record.tasks
    for each in found.profiles:
        if (each.workload, each.scenario, each.rtt) == (record.workload, record.scenario, record.rtt):
            return sum(1 for title, _ in each.phases if title.startswith("task: "))
    return None


def _bytes(count: int) -> str:
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def _growth(found: Results, part: str) -> str:
    """A column for each count; a way that was measured with fewer is estimated."""
    rows = []
    for scenario in (FIRST, NOOP, CHANGED):
        for way in WAYS:
            guesses = [found.estimate(n, family=part, part=part, scenario=scenario, way=way) for n in _SCALES[part]]
            if any(guesses):
                cells = [
                    "-" if each is None else f"{'~' if each.is_guess else ''}{each.seconds:.2f}" for each in guesses
                ]
                rows.append([scenario, way, *cells])
    return table(["", "", *(f"{count:,} {part if count > 1 else part[:-1]}" for count in _SCALES[part])], rows)


def _processor(found: Results) -> str:
    """What one host more takes of the controller's processor."""
    said = []
    for scenario in (FIRST, NOOP):
        ours = sorted(found.find(part="hosts", scenario=scenario, way=OURS), key=lambda each: each.count)
        if ours and ours[-1].count - ours[0].count >= MORE_HOSTS:
            few, many = (sorted(each.cpu)[len(each.cpu) // 2] for each in (ours[0], ours[-1]))
            said.append(f"{(many - few) / (ours[-1].count - ours[0].count):.3f} s in a {scenario}")
    shown = " and ".join(said) or "not measured"
    return f"\nWhat one host more takes of the controller's processor: {shown}.\n"


def _distance(found: Results) -> str:
    rtts = sorted({each.rtt for each in found.find(part="rtt") if each.rtt is not None})
    rows = []
    for scenario in (FIRST, NOOP):
        for way in WAYS:
            cells = [_cell(found.find(part="rtt", scenario=scenario, way=way, rtt=rtt)) for rtt in rtts]
            if set(cells) - {"-"}:
                rows.append([scenario, way, *cells])
    return table(["W1", "", *(f"{rtt} ms" for rtt in rtts)], rows)


def _exchanges(found: Results) -> str:
    rows = []
    for workload in ("W1", "W4"):
        for scenario in (FIRST, NOOP):
            for way in (OURS, PYINFRA, FLOOR):
                where = {"part": "kex", "workload": workload, "scenario": scenario, "way": way}
                cells = [_cell(found.find(**where, kex=kex)) for kex in ("", CURVE25519)]
                if set(cells) - {"-"}:
                    cells = ["not measured" if each == "-" else each for each in cells]
                    rows.append([f"{workload}, {scenario}", way, *cells])
    return table(["", "", "OpenSSH's default", "curve25519"], rows)


def _memory(found: Results) -> str:
    rows = [
        [each.workload, each.way, f"{each.controller:.0f}", "-" if each.hosts > 1 else f"{each.host:.0f}"]
        for each in found.weights
    ]
    text = table(["", "", "controller, MiB", "host, MiB"], rows)
    slope = each_host(found)
    said = "not measured" if slope is None else f"{slope:.2f} MiB"
    return f"{text}\nWhat one host more takes on the controller: {said}.\n"


def _where(found: Results) -> str:
    """A column for each run at the lowest RTT that was measured."""
    if not found.profiles:
        return NOT_MEASURED
    rtt = min(each.rtt for each in found.profiles)
    runs = [each for each in found.profiles if each.rtt == rtt]
    rows = []
    for title in phases.titles([each.phases for each in runs]):
        spent = [sum(seconds for name, seconds in each.phases if name == title) for each in runs]
        rows.append([title, *(f"{seconds:.2f}" if seconds else "" for seconds in spent)])
    rows.append(["**together**", *(f"**{each.seconds:.2f}**" for each in runs)])
    return table([f"seconds, {rtt} ms", *(f"{each.workload}, {each.scenario}" for each in runs)], rows)


def _cell(records: Iterator[Record]) -> str:
    found = next(records, None)
    return "-" if found is None else f"{found.median:.2f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; without rows, that there is none."""
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    if not lines:
        return NOT_MEASURED
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *lines]) + "\n"
