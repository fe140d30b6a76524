"""Where the time of one ``mngr-ansible`` goes, by its own steps.

``python -m benchmarks.phases RESULT ARGUMENT…`` runs the command line in this process and writes to RESULT a JSON list
of pairs, a phase and its seconds. Only the few functions that bound the phases are watched (``sys.monitoring``).
"""

from __future__ import annotations

import inspect
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_STARTED = "BENCHMARK_STARTED"
_TOOL = sys.monitoring.PROFILER_ID


def measured(arguments: list[str], environment: Mapping[str, str], directory: Path) -> list[tuple[str, float]]:
    """The phases of one run, as a process of its own; empty if it failed."""
    result = directory / "phases.json"
    result.unlink(missing_ok=True)
    root = str(Path(__file__).parents[1])
    more = {"PYTHONPATH": root, _STARTED: repr(time.time())}
    argv = [sys.executable, "-m", "benchmarks.phases", str(result), *arguments]
    subprocess.run(argv, env={**environment, **more}, cwd=directory, capture_output=True)
    return [(name, seconds) for name, seconds in json.loads(result.read_text())] if result.exists() else []


class _Watch:
    """The moments at which watched functions were entered and left."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.events: list[tuple[float, str]] = []
        self._names: dict[Any, str] = {}
        self._entered: dict[str, float] = {}
        self._event: Any = None

    def begin(self) -> None:
        from mngr_ansible.diff.due import compare
        from mngr_ansible.host.probe import probe
        from mngr_ansible.plan.plan import build, resolve_destinations
        from mngr_ansible.provisioning.reporting import plan_report
        from mngr_ansible.run import runner
        from mngr_ansible.run.directory import write_run_directory

        watched = {
            "read the sources, plan": build,
            "probe": probe,
            "settle": resolve_destinations,
            "compare": compare,
            "report": plan_report,
            "write the run directory": write_run_directory,
            "Ansible": runner.run,
        }
        self._names = {function.__code__: name for name, function in watched.items()}
        self._event = runner.Event.__init__.__code__
        monitoring = sys.monitoring
        monitoring.use_tool_id(_TOOL, "phases")
        for code in self._names:
            monitoring.set_local_events(_TOOL, code, monitoring.events.PY_START | monitoring.events.PY_RETURN)
        monitoring.set_local_events(_TOOL, self._event, monitoring.events.PY_START)
        monitoring.register_callback(_TOOL, monitoring.events.PY_START, self._enter)
        monitoring.register_callback(_TOOL, monitoring.events.PY_RETURN, self._leave)

    def _enter(self, code: Any, _offset: int) -> None:
        if code is self._event:
            frame = inspect.currentframe()
            words = frame.f_back.f_locals if frame is not None and frame.f_back is not None else {}
            if words.get("kind") == "task":
                self.events.append((time.time(), words.get("task", "")))
        else:
            self._entered[self._names[code]] = time.time()

    def _leave(self, code: Any, _offset: int, _value: object) -> None:
        name = self._names[code]
        self.spent[name] = self.spent.get(name, 0.0) + time.time() - self._entered[name]
        if name == "Ansible":
            moments = [(self._entered[name], "start"), *self.events, (time.time(), "")]
            del self.spent[name]
            for (begun, title), (ended, _) in itertools.pairwise(moments):
                key = f"Ansible: {title}"
                self.spent[key] = self.spent.get(key, 0.0) + ended - begun


def main() -> int:
    """Run the command line of this process; see the module."""
    from mngr_ansible.cli.main import main as command

    watch = _Watch()
    watch.begin()
    begun = time.time()
    code = command(sys.argv[2:])
    started = float(os.environ[_STARTED])
    rest = time.time() - begun - sum(watch.spent.values())
    phases = [("start Python, import", begun - started), *watch.spent.items(), ("all the rest", rest)]
    if code == 0:
        Path(sys.argv[1]).write_text(json.dumps(phases))
    return code


if __name__ == "__main__":
    sys.exit(main())
