"""Where the time of one ``mngr-ansible`` goes, by its own steps, as slices of the whole process' time.

The functions that bound the steps are watched from inside (``trace/sitecustomize.py``), the tasks are those that
``--verbose`` reports.
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.ways import environment, ours_arguments, program

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.sites import Site
    from benchmarks.workloads import Workload

EARLY = "mngr_ansible.run.ready:ReadyAnsible.__init__"
WATCHED = {
    EARLY: "start Ansible beside it",
    "mngr_ansible.cli.invocation:run": "other steps",
    "mngr_ansible.plan.plan:build": "plan",
    "mngr_ansible.host.ssh:OpenSsh.run": "connect and probe",
    "mngr_ansible.diff.due:compare": "compare",
    "mngr_ansible.run.directory:write_run_directory": "write the run directory",
    "mngr_ansible.run.runner:run": "Ansible until its first task",
    "mngr_ansible.run.process:RunProcess.end": "Ansible's end",
    "mngr_ansible.host.masters:end_masters": "end of the connections",
}
"""What is watched, and what its time is called."""
START, BETWEEN, END = "Python and imports", "other steps", "report, end of Python"
ANSIBLE, BETWEEN_TASKS = "mngr_ansible.run.runner:run", "Ansible after a task"
_TRACE = Path(__file__).with_name("trace")
_EVENT = re.compile(r"(?:^| )(task|step): (.+)$")


class Mark(NamedTuple):
    """A moment: a function began (``+``) or ended (``-``), a task began (``*``) or reported a step (``.``)."""

    moment: float
    sign: str
    name: str


def measured(workload: Workload, site: Site, directory: Path) -> list[tuple[str, float]]:
    """The phases of one run; empty if it failed."""
    notes = directory / "notes"
    notes.unlink(missing_ok=True)
    settings = environment(
        directory, PYTHONPATH=str(_TRACE), BENCHMARK_TRACE=str(notes), BENCHMARK_FUNCTIONS=",".join(WATCHED)
    )
    argv = [program("mngr-ansible"), *ours_arguments(workload, site), "--verbose"]
    marks: list[Mark] = []
    begun = time.time()
    process = subprocess.Popen(
        argv, env=settings, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )

    def read() -> None:
        for line in process.stderr or ():
            now = time.time()
            if event := _EVENT.search(line.decode(errors="replace").rstrip()):
                marks.append(Mark(now, "*" if event[1] == "task" else ".", event[2].partition(" - ")[0]))

    reader = threading.Thread(target=read)
    reader.start()
    code = process.wait()
    ended = time.time()
    reader.join()
    if code or not notes.exists():
        return []
    for line in notes.read_text().splitlines():
        moment, _, name = line.partition(" ")
        marks.append(Mark(float(moment), name[0], name[1:]))
    return slices(begun, sorted(marks), ended)


def slices(begun: float, marks: Iterable[Mark], ended: float) -> list[tuple[str, float]]:
    """Each moment belongs to one phase: to the function that was entered last and still runs, in it to a task."""
    spent: dict[str, float] = {}
    running: list[str] = []
    task = ""
    has_run = False
    last = begun

    def phase() -> str:
        if not running:
            return BETWEEN if has_run else START
        if running[-1] == ANSIBLE and task:
            return task
        return WATCHED.get(running[-1], BETWEEN)

    for mark in marks:
        if mark.name == "python":
            continue
        spent[phase()] = spent.get(phase(), 0.0) + mark.moment - last
        last = mark.moment
        if mark.sign == "*":
            task = f"task: {mark.name}"
        elif mark.sign == ".":
            task = BETWEEN_TASKS
        elif mark.sign == "+":
            has_run = has_run or mark.name != EARLY
            running.append(mark.name)
        elif mark.name in running:
            running.reverse()
            running.remove(mark.name)
            running.reverse()
    spent[END if has_run else START] = spent.get(END if has_run else START, 0.0) + ended - last
    return list(spent.items())


def titles(profiles: Sequence[Sequence[tuple[str, float]]]) -> list[str]:
    """Every phase of some profiles, in the order in which they come."""
    return list(dict.fromkeys(title for phases in profiles for title, _ in phases))
