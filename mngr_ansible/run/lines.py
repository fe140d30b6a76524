"""The lines of JSON that the supervisor and its parent exchange (:class:`Order`, :data:`Line`), and how the events of
ansible-runner become lines (:class:`Reducer`)."""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NotRequired, Required, TypedDict

from mngr_ansible.portable import addresses
from mngr_ansible.portable.text import clause

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


class Order(TypedDict):
    """What to run. Paths are absolute.

    Attributes:
        directory: the run directory; it is only read.
        private: where ansible-runner may write; removed at the end.
        sockets: where ssh puts the control sockets that it opens for this run; removed at the end.
        passwords: sudo's passwords, by the names of the hosts; empty: Ansible does not ask for any.
        next_playbook: what takes the place of ``project/provision.yml``, which is a fifo until ``go``; None: it is the
            playbook, and is run at once.
        parent: the process that gives the order; its end means stop.
        temporary: what nobody needs where the parent ends before ``go``: the whole directory of this run.
        worker: the worker that runs the playbook; None: this machine does.
        own: what is run instead of ``project/provision.yml``; None: that.
    """

    directory: str
    private: str
    sockets: str
    passwords: Mapping[str, str]
    next_playbook: str | None
    parent: int
    temporary: str | None
    worker: "WorkerOrder | None"
    own: "OwnOrder | None"


TasksOfWorker = Literal["ours", "scripts", "own"]


class WorkerOrder(TypedDict):
    """What a worker is to run.

    Attributes:
        name: as people know it.
        words: the command that reaches it.
        cwd: its working directory.
        environment: its environment: the caller's own.
        kwargs: what ansible-runner is to do there.
        job: the descriptor of the zip archive of the run's directory.
        tasks: what its tasks are: ours; scripts, whose answers are passed on; or those of a user's own playbook.
    """

    name: str
    words: list[str]
    cwd: str
    environment: dict[str, str]
    kwargs: dict[str, Any]
    job: int
    tasks: "TasksOfWorker"


class OwnOrder(TypedDict):
    """A playbook of the user's own.

    Attributes:
        project: its directory.
        arguments: the words after the interpreter's own.
        inventory: the source of its inventory.
        fifo: where the launcher reads ``job``.
        job: one JSON document; it is never on a disk.
    """

    project: str
    arguments: list[str]
    inventory: str
    fifo: str
    job: str


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


class BegunLine(TypedDict):
    """After ``go``, and just before Ansible gets the playbook. Without it nothing was run."""

    kind: Literal["begun"]


class EventLine(TypedDict, total=False):
    """Something that happened; the fields are those of :class:`mngr_ansible.run.runner.Event`."""

    kind: Required[Literal["task", "step", "failed", "unreachable", "warning"]]
    host: str
    task: str
    text: str
    step: StepResult


class StatsLine(TypedDict, total=False):
    """Ansible reached the end of the playbook.

    Attributes:
        kind: ``stats``.
        hosts: the aliases that it processed.
        ends: of a playbook of the user's own, how it ended on each of them: ``ok``, ``changed``, ``failed`` or
            ``unreachable``.
    """

    kind: Required[Literal["stats"]]
    hosts: Required[list[str]]
    ends: dict[str, str]


class EndLine(TypedDict):
    """The last line.

    Attributes:
        kind: ``end``.
        code: the exit code of ansible-playbook; None: ansible-runner raised an exception.
        error: that exception, or one of :class:`Reducer`; None: there was none.
        output: the last lines on Ansible's screen outside of tasks.
        remedy: where a worker failed: what to do; ``error`` is what became of it then, as a sentence.
        has_begun: whether that worker may have begun with the playbook.
    """

    kind: Literal["end"]
    code: int | None
    error: str | None
    output: list[str]
    remedy: NotRequired[str]
    has_begun: NotRequired[bool]


class AnswerLine(TypedDict):
    """What a script on a host of a worker answered. ``stdout`` and ``stderr`` are base64."""

    kind: Literal["answer"]
    host: str
    code: int
    stdout: str
    stderr: str
    is_too_long: bool
    ansible: str


Line = ReadyLine | BegunLine | EventLine | StatsLine | EndLine | AnswerLine


class Reducer:
    """Turns ansible-runner's events into the few, small lines that the parent needs.

    File contents, diffs, task arguments and the screen output are dropped: of a result only ``mngr_steps``, ``msg`` and
    ``warnings`` are used.

    Attributes:
        output: the last lines on Ansible's screen outside of tasks; for the error message of a run that broke.
        error: the first exception of this class itself. It must not reach ansible-runner, which swallows some
            exceptions and breaks at others.
    """

    def __init__(self, write: Callable[[Line], None]) -> None:
        """``write`` gets each line."""
        self._write = write
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
                self._write(line)
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
        host, task = str(data.get("host", "")), str(data.get("task", ""))
        match event:
            case "playbook_on_task_start":
                self._has_begun = True
                yield {"kind": "task", "task": task}
            case "playbook_on_stats":
                yield {"kind": "stats", "hosts": sorted(map(str, data.get("processed", {})))}
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
                    yield {"kind": "warning", "text": shorten(_with_place(text.removeprefix("[WARNING]: ")))}

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


def _with_place(warning: str) -> str:
    """A warning without the lines of a file that Ansible quotes; the place, where it knows one, in the same line."""
    said, _, rest = warning.replace("\r", "").partition("\nOrigin: ")
    place = rest.partition("\n")[0].strip()
    return f"{clause(said.strip())} ({place})" if place and not place.startswith("<") else said.strip()


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
