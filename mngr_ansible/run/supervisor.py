"""The child process of a run: the only file that imports ansible-runner, and the owner of all that Ansible starts.

:mod:`mngr_ansible.run.runner` starts it with ``-P -E -m mngr_ansible.run.supervisor``, in a session of its own.

* stdin: one line of JSON (:class:`Order`), then nothing. It stays open for as long as the run is wanted: its end means
  stop, whether the parent asks for it or is dead.
* stdout: one line of JSON for everything that happens. The first is ``ready``, the last ``end``; without ``end`` the
  run was cut off. What is not JSON (a traceback: stderr goes there too) is for an error message.

Ansible's workers have sessions of their own and outlive ansible-runner's ``killpg``
(docs/decisions.md "Ansible and ansible-runner"). On Linux we
are a sub-reaper: what loses its parent becomes our child, so that descendants are always found.
"""

import importlib.util
import json
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

GRACE = 0.5
"""Seconds between TERM and KILL."""
GIVE_UP = 2.5
"""Seconds after which we go although something cannot be killed (it hangs in the kernel)."""
MOST_MEMORY = 4 << 30
"""Bytes for any process of the run: Ansible reads what a host's module answers without a bound of its own."""
LONGEST_TEXT = 4000
"""Characters of one message; what is longer loses its middle."""
STEP_KEYS = ("status", "current", "reason")
NO_WARNINGS = ("did not exist and was created with a mode of 0700", "transfer mechanism failed on")
"""Of warnings that say nothing: the run's own remote_tmp; that sftp is off, and the next way of uploading is taken."""
ENDS_OF_A_PLAYBOOK = (0, 2, 4, 6)
"""Exit codes of ansible-playbook: all is well, tasks failed (2), hosts were unreachable (4), both."""

_PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
_ending = threading.Lock()


class Order(TypedDict):
    """What to run. Paths are absolute.

    Attributes:
        directory: the run directory; only read.
        private: where ansible-runner may write; removed at the end.
        sockets: where ssh puts the sockets of the masters that it opens for this run; removed at the end.
        password: the answer to Ansible's question for sudo's password; None: it is not to ask.
    """

    directory: str
    private: str
    sockets: str
    password: str | None


class Reducer:
    """Turns ansible-runner's events into the few, small lines that the parent needs.

    File contents, diffs, task arguments and the screen output stay behind: of a result only ``mngr_steps``, ``msg`` and
    ``warnings`` are taken.

    Attributes:
        output: the last lines on Ansible's screen outside of tasks; for the error message of a run that broke.
        error: our own first exception, which must not reach ansible-runner: it swallows some and breaks at others.
    """

    def __init__(self) -> None:
        self.output: deque[str] = deque(maxlen=40)
        self.error: str | None = None
        self._has_begun = False
        self._items: dict[tuple[str, str], dict[str, None]] = {}  # by host and task: what its failed items said, once

    def handle(self, raw: Mapping[str, Any]) -> bool:
        """ansible-runner's ``event_handler``: False, so that no event is written to disk."""
        try:
            for line in self.lines(raw):
                write(**line)
        except Exception as error:  # noqa: BLE001 - see `error`
            self.error = self.error or f"{type(error).__name__}: {error}"
        return False

    def lines(self, raw: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The lines for one event: none, one, or one for each step."""
        event, data = raw.get("event", ""), raw.get("event_data") or {}
        place = {"host": data.get("host", ""), "task": data.get("task", "")}
        match event:
            case "playbook_on_task_start":
                self._has_begun = True
                yield {"kind": "task", "task": place["task"]}
            case "playbook_on_stats":
                yield {"kind": "stats", "hosts": sorted(data.get("processed", {}))}
            case "playbook_on_no_hosts_matched":
                yield {"kind": "warning", "text": "The playbook's hosts are not in the inventory."}
            case "runner_on_unreachable":
                yield {"kind": "unreachable", **place, "text": message(data["res"])}
            case "runner_on_ok" | "runner_on_failed" | "runner_item_on_ok" | "runner_item_on_failed":
                yield from self._results(place, event, data)
            case "verbose" | "warning" | "error" | "system_warning":
                text = str(raw.get("stdout", "")).strip()
                if text:
                    self.output.append(short(text, 500))
                if not self._has_begun and text.startswith("[WARNING]: "):
                    yield {"kind": "warning", "text": short(text.removeprefix("[WARNING]: "))}

    def _results(self, place: Mapping[str, str], event: str, data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        result = data.get("res") or {}
        for step in result.get("mngr_steps") or _told_by_raw(result):
            settled = {key: None if step.get(key) is None else short(str(step[key])) for key in STEP_KEYS}
            yield {"kind": "step", **place, "step": {"id": str(step.get("id")), **settled}}
        for warning in result.get("warnings") or ():
            if any(words in str(warning) for words in NO_WARNINGS):
                continue
            yield {"kind": "warning", **place, "text": short(str(warning))}
        of_items = self._items.setdefault((place["host"], data.get("task_uuid", "")), {})
        if event == "runner_item_on_failed":
            of_items[message(result)] = None
        elif event == "runner_on_failed":
            kind = "warning" if data.get("ignore_errors") else "failed"
            yield {"kind": kind, **place, "text": short("\n".join(of_items) or message(result))}


def _told_by_raw(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps that a script of ours settled where the host has no python: JSON in the last line of its stdout."""
    last = str(result.get("stdout") or "").rstrip().rpartition("\n")[2]
    if not last.startswith('{"mngr_steps"'):
        return []
    try:
        steps = json.loads(last)["mngr_steps"]
    except (ValueError, TypeError):
        return []
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def message(result: Mapping[str, Any]) -> str:
    """Why a task failed, in the words of its ``msg``; of a module that broke also the last line, which names why."""
    text = str(result.get("msg") or result.get("censored") or "The task failed without a message.")
    said = str(result.get("module_stderr") or "").strip()
    return short(f"{text}\n{said.splitlines()[-1]}" if said else text)


def short(text: str, longest: int = LONGEST_TEXT) -> str:
    """The text; its beginning and its end when it is longer than that."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]} … {text[-half:]}"


def write(**line: Any) -> None:
    """Send one line to the parent. When that is dead nobody needs it; the end of stdin will stop us."""
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Carry out the order on stdin; never returns."""
    parent = os.getppid()
    order: Order = json.loads(sys.stdin.buffer.readline() or "null") or sys.exit("no order on stdin")
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with suppress(ValueError, OSError):  # where a lower limit holds already
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    threading.Thread(target=_stop_when_unwanted, args=(order, parent), daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: threading.Thread(target=_finish, args=(order,)).start())
    missing = [name for name in ("ansible", "ansible_runner") if importlib.util.find_spec(name) is None]
    write(kind="ready", missing=missing)
    _finish(order, is_over=not missing and _run(order))


def _run(order: Order) -> bool:
    """Let ansible-runner run the playbook and write ``end``; whether the playbook came to its end."""
    reducer = Reducer()
    code = None
    try:
        from ansible_runner.interface import init_runner

        _close_without_delay()
        project, password = Path(order["directory"], "project"), order["password"]
        runner = init_runner(
            private_data_dir=order["private"],
            project_dir=str(project),
            inventory=str(Path(order["directory"], "inventory")),
            # Not `playbook=`: runner would look for an `ansible-playbook` on PATH, which may be missing or another one.
            binary=sys.executable,
            cmdline=f"-P -E -m ansible playbook provision.yml{' --ask-become-pass' if password else ''}",
            settings={"suppress_ansible_output": True, "suppress_output_file": True},
            fact_cache_type="none",
            event_handler=reducer.handle,
            cancel_callback=lambda: False,
        )
        if password:  # not `passwords=`, which ansible-runner would write to disk
            question = re.compile(r"BECOME password.*:\s*$", re.MULTILINE)
            runner.config.expect_passwords = {question: password, **runner.config.expect_passwords}
        _, code = runner.run()
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent has to hear of it
        reducer.error = reducer.error or f"{type(error).__name__}: {error}"
    write(kind="end", code=code, error=reducer.error, output=list(reducer.output))
    return code in ENDS_OF_A_PLAYBOOK


def _close_without_delay() -> None:
    """Spare every run the 0.1 s that pexpect sleeps before it asks whether a process, long waited for, has ended."""
    import pexpect  # type: ignore[import-untyped]

    class Spawn(pexpect.spawn):  # type: ignore[misc]
        def close(self, force: bool = True) -> None:
            self.ptyproc.delayafterclose = 0
            super().close(force)

    pexpect.spawn = Spawn


def _stop_when_unwanted(order: Order, parent: int) -> None:
    """Wait for the end of stdin, or of the parent (a fork of it may hold our stdin open), then stop everything."""
    while not select.select([0], [], [], 1.0)[0] and os.getppid() == parent:
        pass
    _finish(order)


def _finish(order: Order, *, is_over: bool = False) -> None:
    """Leave nothing behind, and end this process. The first caller does it; any other waits here for the end.

    Args:
        order: what was run.
        is_over: Ansible ended by itself, so what it started and left running is meant to stay (a service, say).
    """
    _ending.acquire()
    if not is_over:
        _end_descendants()
    _close_masters(Path(order["sockets"]))
    _remove(Path(order["sockets"]))
    _remove(Path(order["private"]))
    os._exit(0)


def _remove(directory: Path) -> None:
    """Remove a directory, although ansible-runner may write a last file into it in the main thread meanwhile."""
    limit = time.monotonic() + 1
    shutil.rmtree(directory, ignore_errors=True)
    while directory.exists() and time.monotonic() < limit:
        time.sleep(0.01)
        shutil.rmtree(directory, ignore_errors=True)


def _end_descendants() -> None:
    """TERM to all descendants, KILL after :data:`GRACE`; again and again, for they may start others meanwhile."""
    import psutil

    begin, told, has_killed = time.monotonic(), set[int](), False
    while time.monotonic() < begin + GIVE_UP or not has_killed:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        alive = []
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    alive.append(process)
        if not alive:
            return
        has_killed = time.monotonic() > begin + GRACE
        for process in alive:
            with suppress(psutil.Error):
                if has_killed:
                    process.kill()
                elif process.pid not in told:
                    told.add(process.pid)
                    process.terminate()
        time.sleep(0.02)


def _close_masters(sockets: Path) -> None:
    """End the ssh masters of this run, and their connections with them, all at once."""
    exits = [
        subprocess.Popen(
            ["ssh", "-F", "none", "-o", f'ControlPath="{socket}"', "-O", "exit", "master"],  # noqa: S607
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for socket in sockets.iterdir()
        if socket.is_socket()
    ]
    for process in exits:
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)


if __name__ == "__main__":
    main()
