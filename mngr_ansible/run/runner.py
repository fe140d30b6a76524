"""Run one run directory with Ansible, and say what happened.

Ansible runs below a child process of ours (:mod:`mngr_ansible.run.supervisor`): the caller's signal handlers, threads,
working directory, environment and stdout stay as they are. What a run needs for itself lies in a private directory
that is gone when the run is over. What ansible-runner does when it is called directly: docs/decisions.md "Ansible
and ansible-runner"
"""

import json
import os
import selectors
import shlex
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mngr_ansible.errors import RunError
from mngr_ansible.run.environment import environment, run_marker, ssh_arguments
from mngr_ansible.run.supervisor import ENDS_OF_A_PLAYBOOK, Order
from mngr_ansible.system.tempdirs import private_directory, socket_directory

_STOP_WITHIN = 3.0


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: a task began; a step of the plan was settled; a task failed on a host; a host was not reached, or was
            lost; something warned (a failure that the playbook ignores is a warning too).
        host: the inventory's alias; "" where no host is concerned.
        task: the task's title, without its role.
        text: the message of ``failed``, ``unreachable`` and ``warning``; at most some 4000 characters.
        step: of ``step``: id, status, current and reason, as the role settled it.
    """

    kind: Literal["task", "step", "failed", "unreachable", "warning"]
    host: str = ""
    task: str = ""
    text: str = ""
    step: Mapping[str, str | None] | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to. Whether it succeeded is for the report to count: Ansible's own status is no evidence.

    Attributes:
        status: it came to its end; the time was up; or its process was ended by somebody else.
        is_complete: Ansible went through the whole playbook.
        hosts: the aliases that Ansible says it processed.
        events: in the order in which they happened.
        problem: one sentence when Ansible broke before the playbook's end, or was ended by somebody else; else None.
        details: with a problem, the last lines that Ansible then wrote on its screen.
    """

    status: Literal["finished", "timeout", "stopped"]
    is_complete: bool
    hosts: frozenset[str]
    events: tuple[Event, ...]
    problem: str | None = None
    details: str = ""


def run(
    directory: Path,
    *,
    timeout: float,
    control_path: str | None = None,
    remote_tmp: str = "~/.ansible/tmp",
    on_event: Callable[[Event], None] | None = None,
    password: str | None = None,
) -> RunResult:
    """Run ``project/provision.yml`` of a run directory on its inventory. Any thread may call it, many at once.

    Args:
        directory: a complete run directory.
        timeout: seconds for all of it.
        control_path: ssh's ``ControlPath`` of masters that are open already; they are used and left open. None: each
            host gets one for this run.
        remote_tmp: where Ansible keeps its temporary files on a host, unless the inventory says otherwise.
        password: what sudo wants to hear on the hosts; it goes through pipes and a terminal, and is on no disk.
        on_event: told of every event at once, on the calling thread. When it raises, the run is stopped.

    Raises:
        RunError: Ansible could not be started at all.
        BaseException: what `on_event` raised, or a signal (KeyboardInterrupt, for one); everything is stopped by then.
    """
    deadline = time.monotonic() + timeout
    record = _Record(on_event)
    status: Literal["finished", "timeout", "stopped"] = "finished"
    with ExitStack() as rooms:
        try:
            private = rooms.enter_context(private_directory(directory, ".run-"))
            sockets = rooms.enter_context(socket_directory())
            (private / "ansible.cfg").touch()
            ssh_args = ssh_arguments(control_path or f"{sockets}/%C")
            process = _start(directory, environment(private, sockets, ssh_args, remote_tmp))
        except OSError as error:
            remedy = "Make room, or give permission, and run again. Nothing was changed."
            raise RunError(f"Ansible could not be started: {error}", remedy=remedy) from error
        pipes = _Pipes(process)
        try:
            places = {"directory": str(directory.absolute()), "private": str(private), "sockets": str(sockets)}
            pipes.order({**places, "password": password})  # type: ignore[typeddict-item]
            try:
                record.extend(pipes.lines(deadline))
            except _TimeIsUpError:
                status = "timeout"
                pipes.stdin.close()
                with suppress(_TimeIsUpError):
                    record.extend(pipes.lines(time.monotonic() + _STOP_WITHIN))
        finally:
            _end(process, pipes, private, is_over=record.end is not None and status == "finished")
    if status == "finished" and record.end is None:
        record.require_start()
        status = "stopped"
    return record.result(status, process.returncode)


class _TimeIsUpError(Exception):
    pass


class _Pipes:
    """What connects us with the child: its stdin, which keeps it running, and its lines."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None  # noqa: S101 - for mypy: both are pipes
        assert process.stdout is not None  # noqa: S101
        self.stdin, self.stdout = process.stdin, process.stdout
        self._rest = b""

    def order(self, order: Order) -> None:
        """Tell the child what to run; one that is dead already is found out by its silence."""
        with suppress(BrokenPipeError):
            self.stdin.write(json.dumps(order).encode() + b"\n")

    def lines(self, deadline: float) -> Iterator[bytes]:
        """Yield the lines up to the end of the stream.

        Raises:
            _TimeIsUpError: the deadline (of ``time.monotonic``) came first; a line that was begun is kept for later.
        """
        selector = selectors.PollSelector()
        selector.register(self.stdout, selectors.EVENT_READ)
        while (remaining := deadline - time.monotonic()) > 0:
            if not selector.select(remaining):
                continue
            chunk = os.read(self.stdout.fileno(), 1 << 16)
            *whole, self._rest = (self._rest + chunk).split(b"\n")
            yield from whole
            if not chunk:
                return
        raise _TimeIsUpError


class _Record:
    """What the child has said so far."""

    def __init__(self, on_event: Callable[[Event], None] | None) -> None:
        self.end: dict[str, Any] | None = None
        self._on_event = on_event
        self._events: list[Event] = []
        self._hosts: frozenset[str] | None = None
        self._is_ready = False
        self._noise: deque[str] = deque(maxlen=40)

    def extend(self, lines: Iterable[bytes]) -> None:
        """Take the lines as they come.

        Raises:
            RunError: the child says that Ansible is not installed.
        """
        for raw in lines:
            try:
                line = json.loads(raw)
                kind = line.pop("kind")
            except (ValueError, TypeError, AttributeError, KeyError):
                self._noise.append(raw[:500].decode(errors="replace"))
                continue
            match kind:
                case "ready":
                    self._is_ready = True
                    if line["missing"]:
                        raise _not_installed(line["missing"])
                case "stats":
                    self._hosts = frozenset(line["hosts"])
                case "end":
                    self.end = line
                case _:
                    event = Event(kind, **line)
                    self._events.append(event)
                    if self._on_event is not None:
                        self._on_event(event)

    def require_start(self) -> None:
        """Raise RunError if the child did not even begin."""
        if not self._is_ready:
            said = self._noise[-1] if self._noise else "it ended without a word"
            raise RunError(
                f"{sys.executable} could not run mngr_ansible.run.supervisor: {said}",
                remedy="Install mngr-ansible into that Python: what PYTHONPATH adds is not used there.",
            )

    def result(self, status: Literal["finished", "timeout", "stopped"], returncode: int) -> RunResult:
        """Put it together."""
        end = self.end or {"code": None, "error": None, "output": []}
        problem = None
        if status == "stopped":
            problem = f"The process that ran Ansible was ended from outside (exit code {returncode})."
        elif status == "finished" and end["error"] is not None:
            problem = f"ansible-runner broke: {end['error']}"
        elif status == "finished" and (self._hosts is None or end["code"] not in ENDS_OF_A_PLAYBOOK):
            problem = f"Ansible broke with exit code {end['code']} before the playbook was through."
        details = "" if problem is None else "\n".join([*end["output"], *self._noise])
        hosts = self._hosts or frozenset()
        return RunResult(status, self._hosts is not None, hosts, tuple(self._events), problem, details)


def _not_installed(missing: list[str]) -> RunError:
    names = {"ansible": "ansible-core", "ansible_runner": "ansible-runner"}
    packages = [names[name] for name in missing]
    command = f"{shlex.quote(sys.executable)} -m pip install {' '.join(packages)}"
    return RunError(
        f"{' and '.join(packages)} cannot be imported by {sys.executable}",
        remedy=f"Install mngr-ansible again with what it depends on, or run: {command}",
    )


def _start(directory: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-E", "-m", "mngr_ansible.run.supervisor"],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=directory,
        env=env,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes], pipes: _Pipes, private: Path, *, is_over: bool) -> None:
    """See to it that nothing of the run is left: the child does it, or, when it cannot, we do."""
    try:
        pipes.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_WITHIN)
    finally:
        if process.returncode != 0 or not is_over:
            _kill_all_of(private)
        pipes.stdout.close()
        process.wait()


def _kill_all_of(private: Path) -> None:
    """Kill what has the run's mark in its environment: the child, and what it lost sight of or was too late for."""
    import psutil

    for _ in range(5):
        is_clean = True
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get("ANSIBLE_HOME") == run_marker(private):
                    is_clean = False
                    process.kill()
        if is_clean:
            return
