"""Python imports this at its start where ``PYTHONPATH`` names this directory: it notes when functions begin and end.

``BENCHMARK_TRACE`` names the file for the notes; ``BENCHMARK_FUNCTIONS`` the functions, as ``module:qualified.name``,
separated by commas. Only the first process with this environment takes notes. A line is a time (of ``time.time``) and a
function, with ``+`` before it where it began and ``-`` where it ended. Every other function is seen once and never
again (``sys.monitoring.DISABLE``), so that nothing becomes slower by it.
"""

import os
import sys
import time


def _watch(path: str, names: "frozenset[str]") -> None:
    try:
        notes = open(path, "x", buffering=1)  # noqa: SIM115, PTH123 - open until the process ends
    except FileExistsError:
        return
    monitoring = sys.monitoring
    events = monitoring.events
    tool = monitoring.PROFILER_ID
    known: dict[object, str] = {}

    def enter(code, _offset):  # type: ignore[no-untyped-def]
        if code in known:
            notes.write(f"{time.time()} +{known[code]}\n")
            return None
        words = code.co_filename.removesuffix(".py").split("/")
        if "mngr_ansible" in words:
            dotted = ".".join(words[len(words) - 1 - words[::-1].index("mngr_ansible") :])
            name = f"{dotted}:{code.co_qualname}"
            if name in names:
                known[code] = name
                monitoring.set_local_events(tool, code, events.PY_START | events.PY_RETURN)
                notes.write(f"{time.time()} +{name}\n")
                return None
        return monitoring.DISABLE

    def leave(code, _offset, _value):  # type: ignore[no-untyped-def]
        notes.write(f"{time.time()} -{known[code]}\n")

    notes.write(f"{time.time()} +python\n")
    monitoring.use_tool_id(tool, "benchmark")
    monitoring.register_callback(tool, events.PY_START, enter)
    monitoring.register_callback(tool, events.PY_RETURN, leave)
    monitoring.set_events(tool, events.PY_START)


if path := os.environ.pop("BENCHMARK_TRACE", ""):
    _watch(path, frozenset(os.environ.pop("BENCHMARK_FUNCTIONS", "").split(",")))
