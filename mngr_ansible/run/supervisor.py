"""The child process of a run: the only file that imports ansible-runner, and the parent of everything Ansible starts.

:mod:`mngr_ansible.run.runner` starts it with ``-P -E -m mngr_ansible.run.supervisor``, in a session of its own.

* stdin: one line of JSON (:class:`Order`), then nothing. It stays open while the run may continue. Its end means stop:
  the parent closed it, or died.
* stdout: one line of JSON for everything that happens (:data:`Line`). The first is ``ready``, the last ``end``. Without
  ``end`` the run was cut off. Text that is not JSON (a traceback: stderr goes to stdout too) is for an error message.

Ansible's workers have sessions of their own and outlive ansible-runner's ``killpg`` (docs/decisions.md "Ansible and
ansible-runner"). On Linux this process is a sub-reaper (prctl(2), PR_SET_CHILD_SUBREAPER): a process whose parent dies
becomes its child, so all descendants can always be found.
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
from typing import Any, Literal, NotRequired, Required, TypedDict

from mngr_ansible.portable import addresses

GRACE = 0.5
"""Seconds between TERM and KILL."""
GIVE_UP = 2.5
"""Seconds after which this process ends although a descendant cannot be killed (it hangs in the kernel)."""
MOST_MEMORY = 4 << 30
"""Bytes of memory for any process of the run: Ansible reads a module's answer from a host without a limit."""
LONGEST_TEXT = 4000
"""Characters of one message; a longer one loses its middle."""
_LONGEST_OUTPUT = 500
"""Characters of one line of Ansible's screen output."""
_LONGEST_SHOWN = 100
"""Characters of a host's value in a message about it."""
NO_WARNINGS = ("did not exist and was created with a mode of 0700", "transfer mechanism failed on")
"""Warnings that mean nothing here: the run's own remote_tmp was created; sftp is off and Ansible uploads otherwise."""
ENDS_OF_A_PLAYBOOK = (0, 2, 4, 6)
"""Exit codes of ansible-playbook after a whole playbook: success, failed tasks (2), unreachable hosts (4), both."""

_PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
_ending = threading.Lock()


class Order(TypedDict):
    """What to run. Paths are absolute.

    Attributes:
        directory: the run directory; it is only read.
        private: where ansible-runner may write; removed at the end.
        sockets: where ssh puts the control sockets that it opens for this run; removed at the end.
        password: sudo's password on the hosts; None: Ansible does not ask for it.
    """

    directory: str
    private: str
    sockets: str
    password: str | None


class StepResult(TypedDict):
    """How one step of the plan ended, as a role reports it in ``mngr_steps``.

    Attributes:
        id: the step's id in the plan.
        status: ``ok``, ``changed``, ``failed``, ``skipped`` or ``unknown``; None where the role gave none.
        current: what the host has now, for people.
        reason: why it is so, for people.
        is_of_source: True where it failed for a reason of its source alone, so that another source may succeed.
    """

    id: str
    status: str | None
    current: str | None
    reason: str | None
    is_of_source: NotRequired[bool]


class ReadyLine(TypedDict):
    """The first line. ``missing``: the modules of Ansible that cannot be imported; the run starts if there are none."""

    kind: Literal["ready"]
    missing: list[str]


class EventLine(TypedDict, total=False):
    """Something that happened; the fields are those of :class:`mngr_ansible.run.runner.Event`."""

    kind: Required[Literal["task", "step", "failed", "unreachable", "warning"]]
    host: str
    task: str
    text: str
    step: StepResult


class StatsLine(TypedDict):
    """Ansible reached the end of the playbook. ``hosts``: the aliases that it processed."""

    kind: Literal["stats"]
    hosts: list[str]


class EndLine(TypedDict):
    """The last line.

    Attributes:
        kind: ``end``.
        code: the exit code of ansible-playbook; None: ansible-runner raised an exception.
        error: that exception, or one of :class:`Reducer`; None: there was none.
        output: the last lines on Ansible's screen outside of tasks.
    """

    kind: Literal["end"]
    code: int | None
    error: str | None
    output: list[str]


Line = ReadyLine | EventLine | StatsLine | EndLine


class Reducer:
    """Turns ansible-runner's events into the few, small lines that the parent needs.

    File contents, diffs, task arguments and the screen output are dropped: of a result only ``mngr_steps``, ``msg`` and
    ``warnings`` are used.

    Attributes:
        output: the last lines on Ansible's screen outside of tasks; for the error message of a run that broke.
        error: the first exception of this class itself. It must not reach ansible-runner, which swallows some
            exceptions and breaks at others.
    """

    def __init__(self) -> None:
        self.output: deque[str] = deque(maxlen=40)
        self.error: str | None = None
        self._has_begun = False
        self._item_messages: dict[tuple[str, str], dict[str, None]] = {}
        """By host and task: the messages of its failed items, without repetitions."""

    def handle(self, raw: Mapping[str, Any]) -> bool:
        """ansible-runner's ``event_handler``. It returns False, so that no event is written to disk."""
        try:
            lines = list(self._lines_of_host(raw))
        except Exception as error:  # noqa: BLE001 - see `error`
            self.error = self.error or f"{type(error).__name__}: {error}"
        else:
            for line in lines:
                write(line)
        return False

    def _lines_of_host(self, raw: Mapping[str, Any]) -> Iterator[Line]:
        """The lines for one event. An answer of a host that makes no sense is a failure of that host alone."""
        try:
            yield from self.lines(raw)
        except Exception as error:
            data = raw.get("event_data") or {}
            if not (isinstance(data, Mapping) and data.get("host")):
                raise
            reason = shorten(f"{type(error).__name__}: {error}", _LONGEST_OUTPUT)
            yield _nonsense(str(data["host"]), str(data.get("task", "")), reason)

    def lines(self, raw: Mapping[str, Any]) -> Iterator[Line]:
        """The lines for one event: none, one, or one for each step."""
        event, data = raw.get("event", ""), raw.get("event_data") or {}
        host, task = data.get("host", ""), data.get("task", "")
        match event:
            case "playbook_on_task_start":
                self._has_begun = True
                yield {"kind": "task", "task": task}
            case "playbook_on_stats":
                yield {"kind": "stats", "hosts": sorted(data.get("processed", {}))}
            case "playbook_on_no_hosts_matched":
                yield {"kind": "warning", "text": "The playbook's hosts are not in the inventory."}
            case "runner_on_unreachable":
                yield {"kind": "unreachable", "host": host, "task": task, "text": failure_message(data["res"])}
            case "runner_on_ok" | "runner_on_failed" | "runner_item_on_ok" | "runner_item_on_failed":
                yield from self._result_lines(host, task, event, data)
            case "verbose" | "warning" | "error" | "system_warning":
                text = str(raw.get("stdout", "")).strip()
                if text:
                    self.output.append(shorten(text, _LONGEST_OUTPUT))
                if not self._has_begun and text.startswith("[WARNING]: "):
                    yield {"kind": "warning", "text": shorten(text.removeprefix("[WARNING]: "))}

    def _result_lines(self, host: str, task: str, event: str, data: Mapping[str, Any]) -> Iterator[Line]:
        result = data.get("res") or {}
        if not isinstance(result, Mapping):
            raise TypeError(f"the result {shorten(str(result), _LONGEST_SHOWN)} is not a mapping")
        steps = result.get("mngr_steps") or _steps_in_stdout(result)
        for step in steps if isinstance(steps, list) else [steps]:
            if isinstance(step, Mapping) and isinstance(step.get("id"), str):
                yield {"kind": "step", "host": host, "task": task, "step": _step_result(step)}
            else:
                shown = shorten(str(step), _LONGEST_SHOWN)
                yield _nonsense(host, task, f"mngr_steps has {shown}, which is not the result of a step")
        warnings = result.get("warnings") or ()
        for warning in map(str, warnings if isinstance(warnings, (list, tuple)) else [warnings]):
            if not any(words in warning for words in NO_WARNINGS):
                yield {"kind": "warning", "host": host, "task": task, "text": shorten(warning)}
        item_messages = self._item_messages.setdefault((host, data.get("task_uuid", "")), {})
        if event == "runner_item_on_failed":
            item_messages[failure_message(result)] = None
        elif event == "runner_on_failed":
            text = shorten("\n".join(item_messages) or failure_message(result))
            is_ignored = bool(data.get("ignore_errors"))
            yield {"kind": "warning" if is_ignored else "failed", "host": host, "task": task, "text": text}


def _nonsense(host: str, task: str, reason: str) -> EventLine:
    """The failure of a host that gave an answer which no module of ours gives."""
    return {"kind": "failed", "host": host, "task": task, "text": f"its answer makes no sense: {reason}"}


def _step_result(step: Mapping[str, Any]) -> StepResult:
    def text(key: str) -> str | None:
        value = step.get(key)
        return None if value is None else shorten(str(value))

    made: StepResult = {
        "id": str(step.get("id")),
        "status": text("status"),
        "current": text("current"),
        "reason": text("reason"),
    }
    if step.get("is_of_source") is True:
        made["is_of_source"] = True
    return made


def _steps_in_stdout(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps that a shell script of a role reports where the host has no python: JSON in its last line of stdout."""
    last = str(result.get("stdout") or "").rstrip().rpartition("\n")[2]
    if not last.startswith('{"mngr_steps"'):
        return []
    try:
        steps = json.loads(last)["mngr_steps"]
    except (ValueError, TypeError):
        return []
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def failure_message(result: Mapping[str, Any]) -> str:
    """Why a task failed: its ``msg``; of a module that broke also the line that has the reason.

    That is the last line of its traceback, also where ssh says something after it, else the last line of stderr.
    """
    text = str(result.get("msg") or result.get("censored") or "The task failed without a message.")
    stderr = str(result.get("module_stderr") or "").strip()
    _, found, traceback = f"{stderr}\n{result.get('module_stdout') or ''}".rpartition(
        "Traceback (most recent call last)"
    )
    ends = [line.strip() for line in traceback.splitlines()[1:] if line.strip() and not line.startswith(" ")]
    if found and ends:
        return shorten(f"{text}\n{ends[0]}")
    return shorten(f"{text}\n{stderr.splitlines()[-1]}" if stderr else text)


def shorten(text: str, longest: int = LONGEST_TEXT) -> str:
    """The text, or its beginning and its end when it is longer than that; addresses without login and query."""
    if len(text) <= longest:
        return addresses.redacted(text)
    half = longest // 2
    return f"{addresses.redacted(text[:longest])[:half]} … {addresses.redacted(text[-longest:])[-half:]}"


def write(line: Line) -> None:
    """Send one line to the parent. If the parent is dead, nobody needs it; the end of stdin will stop this process."""
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Carry out the order on stdin. It never returns."""
    parent = os.getppid()
    order: Order = json.loads(sys.stdin.buffer.readline() or "null") or sys.exit("there is no order on stdin")
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with suppress(ValueError, OSError):  # a lower limit is in force already
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    threading.Thread(target=_stop_with_parent, args=(order, parent), daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: threading.Thread(target=_finish, args=(order,)).start())
    missing = [name for name in ("ansible", "ansible_runner") if importlib.util.find_spec(name) is None]
    write({"kind": "ready", "missing": missing})
    _finish(order, is_over=not missing and _run(order))


def _run(order: Order) -> bool:
    """Let ansible-runner run the playbook, then write ``end``. Returns whether the whole playbook was run."""
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
            # Not `playbook=`: ansible-runner would take the `ansible-playbook` of PATH, if there is one at all.
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
    except Exception as error:  # noqa: BLE001 - the parent reports every exception
        reducer.error = reducer.error or f"{type(error).__name__}: {error}"
    write({"kind": "end", "code": code, "error": reducer.error, "output": list(reducer.output)})
    return code in ENDS_OF_A_PLAYBOOK


def _close_without_delay() -> None:
    """Save the 0.1 s that pexpect sleeps before it asks whether a process has ended that was waited for already."""
    import pexpect  # type: ignore[import-untyped]

    class Spawn(pexpect.spawn):  # type: ignore[misc]
        def close(self, force: bool = True) -> None:
            self.ptyproc.delayafterclose = 0
            super().close(force)

    pexpect.spawn = Spawn


def _stop_with_parent(order: Order, parent: int) -> None:
    """Stop everything when stdin or the parent ends; a fork of the parent may hold our stdin open."""
    while not select.select([0], [], [], 1.0)[0] and os.getppid() == parent:
        pass
    _finish(order)


def _finish(order: Order, *, is_over: bool = False) -> None:
    """Leave nothing behind and end this process. The first caller does it; any other waits here for the end.

    Args:
        order: what was run.
        is_over: Ansible ended by itself, so what it started and left running is meant to stay, such as a service.
    """
    _ending.acquire()
    if not is_over:
        _end_descendants()
    _close_control_sockets(Path(order["sockets"]))
    _remove(Path(order["sockets"]))
    _remove(Path(order["private"]))
    os._exit(0)


def _remove(directory: Path) -> None:
    """Remove a directory, even while ansible-runner writes a last file into it in the main thread."""
    limit = time.monotonic() + 1
    shutil.rmtree(directory, ignore_errors=True)
    while directory.exists() and time.monotonic() < limit:
        time.sleep(0.01)
        shutil.rmtree(directory, ignore_errors=True)


def _end_descendants() -> None:
    """Send TERM to all descendants, KILL after :data:`GRACE`; repeatedly, because they may start others meanwhile."""
    import psutil

    begin, terminated, has_killed = time.monotonic(), set[int](), False
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
                elif process.pid not in terminated:
                    terminated.add(process.pid)
                    process.terminate()
        time.sleep(0.02)


def _close_control_sockets(sockets: Path) -> None:
    """End the ssh connections that this run shares through control sockets, all at once."""
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
