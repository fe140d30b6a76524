"""Run one run directory with Ansible, and report what happened.

Ansible runs below a child process of ours (:mod:`mngr_ansible.run.supervisor`): the caller's signal handlers, threads,
working directory, environment and stdout stay as they are. The run's own files are in a private directory that is
removed when the run is over. What ansible-runner does when it is called directly: docs/decisions.md "Ansible and
ansible-runner".
"""

import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from mngr_ansible.errors import RunError
from mngr_ansible.portable import sh
from mngr_ansible.run.environment import MOST_FORKS
from mngr_ansible.run.lines import (
    ENDS_OF_A_PLAYBOOK,
    AnswerLine,
    BegunLine,
    EndLine,
    EventLine,
    Line,
    ReadyLine,
    StatsLine,
    StepResult,
    WorkerOrder,
)
from mngr_ansible.run.process import RunProcess, TimeIsUpError
from mngr_ansible.run.ready import ReadyAnsible
from mngr_ansible.system.signals import signals_held, signals_ignored
from mngr_ansible.values import field, frozen

if TYPE_CHECKING:
    from mngr_ansible.run.own_playbook import OwnPlaybookRun

RunStatus = Literal["finished", "timeout", "stopped"]
"""How a run ended: by itself; its time was up; or its process, or its caller, was ended from outside."""


@frozen
class Event:
    """One thing that happened.

    Attributes:
        kind: a task began; a step of the plan ended; a task failed on a host; a host could not be reached, or the
            connection was lost; a warning (a failure that the playbook ignores is a warning too).
        host: the inventory's alias; "" where no host is concerned.
        task: the task's title, without its role.
        text: the message of ``failed``, ``unreachable`` and ``warning``; at most about 4000 characters.
        step: of ``step``: how it ended.
    """

    kind: Literal["task", "step", "failed", "unreachable", "warning"]
    host: str = ""
    task: str = ""
    text: str = ""
    step: StepResult | None = None


@frozen
class RunResult:
    """How a run ended. Whether it succeeded is for the report to count: Ansible's own status is no evidence.

    Attributes:
        status: see :data:`RunStatus`.
        is_complete: Ansible went through the whole playbook.
        hosts: the aliases that Ansible processed.
        events: in the order in which they happened.
        problem: one sentence when Ansible broke before the end of the playbook, or its process was ended from outside;
            else None.
        details: with a problem, the last lines on Ansible's screen.
        has_begun: whether Ansible may have begun with the playbook; False: nothing was run.
        remedy: where a worker failed: what to do about the problem; else empty.
        is_out_of_sight: what had begun may go on for a while, on a worker.
        ends: of a playbook of the user's own that was run to its end: how it ended on each host; see ``StatsLine``.
    """

    status: RunStatus
    is_complete: bool
    hosts: frozenset[str]
    events: tuple[Event, ...]
    problem: str | None = None
    details: str = ""
    has_begun: bool = True
    remedy: str = ""
    is_out_of_sight: bool = False
    ends: Mapping[str, str] = field(default_factory=dict)


OnEvent = Callable[[Event], None]


class RunStop:
    """Ends runs from another thread; everything of one has ended when :func:`run` returns.

    Attributes:
        is_set: whether they were ended, or are not to begin.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: list[RunProcess] = []
        self.is_set = False

    def set(self) -> None:
        """End the runs, and do not wait for that. A run that is begun later ends at once."""
        with self._lock:
            self.is_set = True
            for each in self._processes:
                each.stop()

    def holds(self, process: RunProcess) -> None:
        """Take note of what has to be ended."""
        with self._lock:
            self._processes.append(process)
            if self.is_set:
                process.stop()


def _nothing() -> None:
    pass


def run(
    directory: Path,
    *,
    timeout: float,
    hosts: int = MOST_FORKS,
    control_path: str | None = None,
    remote_tmp: str = "~/.ansible/tmp",
    on_event: Callable[[Event], None] | None = None,
    on_wait: Callable[[], None] = _nothing,
    passwords: Mapping[str, str] | None = None,
    record: "RunRecord | None" = None,
    ready: ReadyAnsible | None = None,
    stop: RunStop | None = None,
    worker: WorkerOrder | None = None,
    own: "OwnPlaybookRun | None" = None,
) -> RunResult:
    """Run ``project/provision.yml`` of a run directory on its inventory. Threads may call it at the same time.

    Args:
        directory: a complete run directory.
        timeout: seconds for the whole run.
        hosts: how many hosts the playbook has; Ansible works on all at once, up to ``MOST_FORKS``.
        control_path: ssh's ``ControlPath`` of connections that are open already; they are used and left open. None:
            each host gets one for this run.
        remote_tmp: where Ansible keeps its temporary files on a host, unless the inventory says otherwise.
        passwords: sudo's passwords, by the hosts' names in the inventory; they go through pipes and a terminal, and are
            never written to disk.
        on_event: called with every event at once, on the calling thread. When it raises, the run is stopped.
        on_wait: called there about every second while there is no event.
        record: an empty one; it keeps the events for a caller that handles the exceptions below.
        ready: Ansible that waits in this directory; where it died meanwhile, the playbook is run without it.
        stop: ends the run from another thread; the result is ``record.interrupted()`` then.
        worker: the worker that runs it, and what it gets; ``directory`` is for what this machine needs besides.
        own: a playbook of the user's own, which is run instead, on its own hosts.

    Raises:
        RunError: Ansible could not be started at all.
        BaseException: what `on_event` raised, or a signal (such as KeyboardInterrupt). Everything is stopped by then;
            ``record.interrupted()`` has the events.
    """
    deadline = time.monotonic() + timeout
    record, stop = record or RunRecord(), stop or RunStop()
    if worker is not None:
        record.is_of_worker = record.is_held = True
    if ready is not None:
        if (result := _run_ready(ready, deadline, record, on_event, stop, on_wait)) is not None:
            return result
        ready.put_playbook()
    process = None
    try:
        with signals_held():
            process = RunProcess(
                directory,
                hosts=hosts,
                remote_tmp=remote_tmp,
                control_path=control_path,
                passwords=passwords,
                worker=worker,
                own=own,
            )
        stop.holds(process)
        return _follow(process, process.lines(deadline, on_wait), record, on_event, stop)
    except OSError as error:
        if process is not None:
            raise
        remedy = "Free disk space or correct the permissions, then run again. Nothing was changed."
        raise RunError(f"Ansible could not be started: {error}", remedy=remedy) from error
    finally:
        if process is not None:
            process.end(is_over=False)


def _run_ready(
    ready: ReadyAnsible,
    deadline: float,
    record: "RunRecord",
    on_event: Callable[[Event], None] | None,
    stop: RunStop,
    on_wait: Callable[[], None],
) -> RunResult | None:
    """Run the playbook with the Ansible that waits for it; None where that one is dead, and nothing was run."""
    process = ready.go()
    lines, before = process.lines(deadline, on_wait), list[bytes]()
    record.is_held = True
    stop.holds(process)
    try:
        try:
            for line in lines:
                before.append(line)
                if (parsed := _parsed(line)) is not None and parsed["kind"] == "begun":
                    break
            else:
                if stop.is_set:
                    return record.interrupted()
                record.is_held = False
                return None
        except TimeIsUpError:
            lines = process.lines(deadline, on_wait)
        except (KeyboardInterrupt, SystemExit):
            with signals_ignored(), suppress(TimeIsUpError):  # it may have begun meanwhile
                process.stop()
                record.extend(process.lines(time.monotonic() + process.stop_seconds), None)
            raise
        return _follow(process, chain(before, lines), record, on_event, stop)
    finally:
        process.end(is_over=False)


def _follow(
    process: RunProcess,
    lines: Iterable[bytes],
    record: "RunRecord",
    on_event: Callable[[Event], None] | None,
    stop: RunStop,
) -> RunResult:
    """Read what the child reports, up to the end of the run, and leave nothing of it behind."""
    status: RunStatus = "finished"
    seconds = process.stop_seconds
    try:
        try:
            record.extend(lines, on_event)
        except TimeIsUpError:
            status = "timeout"
            process.stop()
            try:
                record.extend(process.lines(time.monotonic() + process.stop_seconds), on_event)
            except TimeIsUpError:
                seconds = 0
    finally:
        process.end(is_over=record.has_ended and status == "finished", seconds=seconds)
    if stop.is_set and not record.is_complete:
        return record.interrupted()
    if status == "finished" and not record.has_ended:
        record.require_start()
        status = "stopped"
    return record.result(status, process.returncode)


_KEYS: Mapping[str, frozenset[str]] = {
    **{kind: frozenset(EventLine.__annotations__) for kind in ("task", "step", "failed", "unreachable", "warning")},
    "ready": frozenset(ReadyLine.__annotations__),
    "begun": frozenset(BegunLine.__annotations__),
    "stats": frozenset(StatsLine.__annotations__),
    "end": frozenset(EndLine.__annotations__),
    "answer": frozenset(AnswerLine.__annotations__),
}
"""The keys of each kind of line. Anything else is other output, whoever wrote it."""


class RunRecord:
    """What the child has reported so far. One record belongs to one run.

    Attributes:
        is_held: Ansible waits for its playbook still, or the worker for its job.
        is_of_worker: a worker runs it.
    """

    def __init__(self, on_answer: Callable[[AnswerLine], None] | None = None) -> None:
        """``on_answer`` gets the answer of each script, where the tasks of a worker are scripts."""
        self._on_answer = on_answer
        self.is_held = self.is_of_worker = False
        self._events: list[Event] = []
        self._hosts: frozenset[str] | None = None
        self._ends: Mapping[str, str] = {}
        self._end: EndLine | None = None
        self._is_ready = False
        self._other_output: deque[str] = deque(maxlen=40)

    @property
    def has_ended(self) -> bool:
        """Whether the child reported the end of the run."""
        return self._end is not None

    @property
    def has_task(self) -> bool:
        """Whether Ansible has begun with a task."""
        return any(event.kind == "task" for event in self._events)

    @property
    def is_complete(self) -> bool:
        """Whether Ansible went through the whole playbook."""
        return self._hosts is not None

    def interrupted(self) -> RunResult:
        """The result of a run that an exception cut off: the events until then."""
        return RunResult(
            "stopped",
            False,
            frozenset(),
            tuple(self._events),
            has_begun=not self.is_held,
            is_out_of_sight=self.is_of_worker,
        )

    def extend(self, lines: Iterable[bytes], on_event: Callable[[Event], None] | None) -> None:
        """Read the lines as they come.

        Raises:
            RunError: Ansible is not installed.
        """
        for raw in lines:
            line = _parsed(raw)
            if line is None:
                self._other_output.append(raw[:500].decode(errors="replace"))
            elif line["kind"] == "ready":
                self._is_ready = True
                if line["missing"]:
                    raise _not_installed(line["missing"])
            elif line["kind"] == "begun":
                self.is_held = False
            elif line["kind"] == "stats":
                self._hosts, self._ends = frozenset(line["hosts"]), line.get("ends", {})
            elif line["kind"] == "end":
                self._end = line
            elif line["kind"] == "answer":
                if self._on_answer is not None:
                    self._on_answer(line)
            else:
                event = Event(**line)
                self._events.append(event)
                if on_event is not None:
                    on_event(event)

    def require_start(self) -> None:
        """Raise RunError if the child did not even begin."""
        if not self._is_ready:
            reason = self._other_output[-1] if self._other_output else "it ended without a message"
            raise RunError(
                f"{sys.executable} could not run mngr_ansible.run.supervisor: {reason}",
                remedy="Install mngr-ansible into that Python; PYTHONPATH is not used for it.",
            )

    def result(self, status: RunStatus, returncode: int) -> RunResult:
        """The result of a run that is over. ``returncode``: that of the child."""
        problem = self._problem(status, returncode)
        output = self._end["output"] if self._end is not None else []
        details = "" if problem is None else "\n".join([*output, *self._other_output])
        hosts = self._hosts or frozenset()
        has_begun, remedy = self._is_ready and not self.is_held, ""
        if status == "finished" and self._end is not None and "remedy" in self._end:
            status, remedy, has_begun = "stopped", self._end["remedy"], self._end["has_begun"]
        return RunResult(
            status,
            self._hosts is not None,
            hosts,
            tuple(self._events),
            problem,
            details,
            has_begun,
            remedy,
            is_out_of_sight=self.is_of_worker and status != "finished",
            ends=self._ends,
        )

    def _problem(self, status: RunStatus, returncode: int) -> str | None:
        if status == "stopped":
            return f"The process that ran Ansible was ended from outside (exit code {returncode})."
        if status == "timeout" or self._end is None:
            return None
        if "remedy" in self._end:
            return self._end["error"]
        if self._end["error"] is not None:
            return f"ansible-runner broke: {self._end['error']}"
        if self._hosts is None or self._end["code"] not in ENDS_OF_A_PLAYBOOK:
            return f"Ansible broke with exit code {self._end['code']} before the playbook was through."
        return None


def _parsed(raw: bytes) -> Line | None:
    """A line of the supervisor; None for any other output."""
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    keys = _KEYS.get(line["kind"]) if isinstance(line, dict) and isinstance(line.get("kind"), str) else None
    return cast("Line", line) if keys is not None and keys.issuperset(line) else None


def _not_installed(missing: list[str]) -> RunError:
    names = {"ansible": "ansible-core", "ansible_runner": "ansible-runner"}
    packages = [names[name] for name in missing]
    command = f"{sh.quote(sys.executable)} -m pip install {' '.join(packages)}"
    return RunError(
        f"{' and '.join(packages)} cannot be imported by {sys.executable}",
        remedy=f"Install mngr-ansible again with its dependencies, or run: {command}",
    )
