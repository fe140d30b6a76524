"""The connection to a host behind a worker. What several hosts are asked at the same time goes as one job."""

import hashlib
import re
import shlex
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mngr_ansible.errors import HostError, MngrAnsibleError
from mngr_ansible.host.connection import ShellResult, answer_too_long, no_answer, stopped
from mngr_ansible.host.login_shell import FIRST_LINE, explain, has_begun, without_noise
from mngr_ansible.host.ssh import OPTIONS, Address, OwnArguments, as_arguments
from mngr_ansible.host.ssh_errors import FailedConnection, connection_error
from mngr_ansible.portable.text import clause, printable
from mngr_ansible.run.lines import AnswerLine
from mngr_ansible.run.runner import RunStop
from mngr_ansible.run.worker import Worker
from mngr_ansible.run.worker_scripts import Script, answer_text, run_scripts
from mngr_ansible.system.names import as_bytes
from mngr_ansible.values import field, frozen

PATIENCE = 60.0
"""Seconds that the first answer may take longer: the worker is reached and starts Ansible first."""

_OLDEST = (2, 16)
"""The ansible-core that a worker needs. Source: pyproject.toml, ``[tool.mngr-ansible.tested]``."""

_QUIET_SECONDS = 0.1
"""When no further question comes for so long, a job begins."""

_MOST_SECONDS = 1.0
"""After so long it begins although questions still come."""

_MOST_JOBS = 8
"""Jobs of a worker at the same time: hosts that are slow keep theirs, and hold up nobody else."""

_CONNECTION_FAILED = 255  # ssh(1), "EXIT STATUS"
_ANSIBLES_WORDS = "Failed to connect to the host via ssh: "


class _Question:
    """A script that waits for its host's answer."""

    def __init__(self, host: str, script: Script) -> None:
        self.host, self.script = host, script
        self.is_over = threading.Event()
        self.line: AnswerLine | None = None
        self.error: MngrAnsibleError | None = None

    def end(self, error: MngrAnsibleError) -> None:
        """End it with this error, unless it has its answer."""
        if not self.is_over.is_set():
            self.error = error
            self.is_over.set()


class Desk:
    """Takes the questions for the hosts of one worker, and gives those that come together to it as one job."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self._lock = threading.Condition()
        self._waiting: list[_Question] = []
        self._latest = 0.0
        self._threads: list[threading.Thread] = []
        self._stops: list[RunStop] = []
        self._is_closed = False
        self._room = threading.BoundedSemaphore(_MOST_JOBS)

    def ask(self, question: _Question, timeout: float) -> AnswerLine:
        """The answer to one question.

        Raises:
            MngrAnsibleError: there is none.
        """
        with self._lock:
            if self._is_closed:
                raise stopped(question.host)
            self._waiting.append(question)
            self._latest = time.monotonic()
            if len(self._waiting) == 1:
                thread = threading.Thread(target=self._run_job, daemon=True)
                self._threads.append(thread)
                thread.start()
        if not question.is_over.wait(timeout):
            question.end(no_answer(timeout, question.host))
        if question.line is None:
            raise question.error or no_answer(timeout, question.host)
        return question.line

    def _run_job(self) -> None:
        with self._room:
            self._wait_for_more()
            with self._lock:
                batch = [each for each in self._waiting if not each.is_over.is_set()]
                self._waiting.clear()
                stop = RunStop()
                self._stops.append(stop)
                if self._is_closed:
                    stop.set()
            if batch:
                self._answer(batch, stop)

    def _wait_for_more(self) -> None:
        limit = time.monotonic() + _MOST_SECONDS
        while (now := time.monotonic()) < limit and not self._is_closed:
            left = self._latest + _QUIET_SECONDS - now
            if left <= 0:
                return
            time.sleep(left)

    def _answer(self, batch: list[_Question], stop: RunStop) -> None:
        """Run one job, and end all its questions."""
        asked = {f"host-{number}": each for number, each in enumerate(batch, 1)}

        def take(line: AnswerLine) -> None:
            question = asked.get(line["host"])
            if question is not None and not question.is_over.is_set():
                question.line = line
                question.is_over.set()
            if all(each.is_over.is_set() for each in batch):
                stop.set()

        def give_up() -> None:
            """End the job when nobody waits for an answer any more."""
            for each in batch:
                each.is_over.wait()
            stop.set()

        threading.Thread(target=give_up, daemon=True).start()
        try:
            scripts = {alias: each.script for alias, each in asked.items()}
            seconds = max(each.script.seconds for each in batch)
            result = run_scripts(self.worker, scripts, seconds, take, stop)
        except MngrAnsibleError as error:
            for each in batch:
                each.end(HostError(error.problem, remedy=error.remedy, host=each.host))
            return
        except OSError as error:
            for each in batch:
                each.end(
                    HostError(
                        f"the worker {self.worker.name!r} cannot be given its job: {error.strerror or error}",
                        remedy="Free space in the temporary directory (TMPDIR), and check that the files of --key and "
                        "--known-hosts can be read.",
                        host=each.host,
                    )
                )
            return
        finally:
            for each in batch:  # in vain where it was ended above
                if self._is_closed:
                    each.end(stopped(each.host))
        said = {event.host: event.text for event in result.events if event.kind in ("failed", "unreachable")}
        for alias, each in asked.items():
            if result.status == "timeout":
                each.end(no_answer(each.script.seconds, each.host))
            problem = said.get(alias) or result.problem or f"the worker {self.worker.name!r} gave no answer for it"
            remedy = result.remedy or "Run again; -v shows what the worker says."
            each.end(HostError(clause(printable(problem)), remedy=remedy, host=each.host))

    def close(self) -> None:
        """End all jobs; no question is taken any more."""
        with self._lock:
            self._is_closed = True
            for stop in self._stops:
                stop.set()
            for each in self._waiting:
                each.end(stopped(each.host))
        for thread in self._threads:
            thread.join()


@frozen
class WorkerConnection:
    """A host that only a worker reaches: names, ssh's configuration, agent and known host keys are the worker's.

    What ``--key`` and ``--known-hosts`` name goes to the worker with each job, as does the key that an inventory names,
    if it is a file of this machine.
    """

    address: Address
    desk: Desk
    key: str | None = None
    known_hosts: str | None = None
    own: OwnArguments = field(default_factory=OwnArguments)
    is_local: bool = False
    patience: float = PATIENCE
    _asked: list[_Question] = field(default_factory=list, repr=False, compare=False)
    _stopped: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)

    @property
    def worker(self) -> Worker:
        """The worker that reaches the host."""
        return self.desk.worker

    def holds(self, script: str) -> bool:  # noqa: ARG002
        return True  # it is a file in the job

    @property
    def files(self) -> Mapping[str, str]:
        """What a job for this host needs of this machine: path in the job → path here."""
        keys = [self.own.key] if self.own.key and Path(self.own.key).is_file() else []
        keys += [self.key] if self.key is not None and not self.own.key else []
        return {_place(path): path for path in (*keys, self.known_hosts) if path is not None}

    @property
    def variables(self) -> Mapping[str, Any]:
        options = {
            "StrictHostKeyChecking": "yes",
            "UpdateHostKeys": "no",
            "ForwardAgent": "no",
            "ForwardX11": "no",
            "ClearAllForwardings": "yes",
        }
        if self.own.key:
            key = self.own.key
            options["IdentityFile"] = f"../{_place(key)}" if _place(key) in self.files else f'"{key}"'
        elif self.key is not None:
            options |= {"IdentityFile": f"../{_place(self.key)}", "IdentitiesOnly": "yes", "IdentityAgent": "none"}
        if self.known_hosts is not None:
            options["UserKnownHostsFile"] = f"../{_place(self.known_hosts)}"
        address = self.address
        variables: dict[str, Any] = {
            "ansible_connection": "ssh",
            "ansible_host": address.name,
            "ansible_ssh_common_args": shlex.join([*as_arguments(OPTIONS), *self.own.common, *as_arguments(options)]),
        }
        if self.own.extra:
            variables["ansible_ssh_extra_args"] = shlex.join(self.own.extra)
        if self.own.python:
            variables["ansible_python_interpreter"] = self.own.python
        if address.user is not None:
            variables["ansible_user"] = address.user
        if address.port is not None:
            variables["ansible_port"] = address.port
        return variables

    @property
    def portable_variables(self) -> Mapping[str, Any]:
        address = self.address
        named = {"ansible_user": address.user, "ansible_port": address.port}
        return {
            "ansible_connection": "ssh",
            "ansible_host": address.name,
            **{name: value for name, value in named.items() if value is not None},
        }

    def run(self, script: str, timeout: float) -> ShellResult:
        deadline = time.monotonic() + timeout
        found = self._run(FIRST_LINE + script, timeout)
        answer = without_noise(found)
        if answer is None:
            raise explain(found, lambda asked, most: self._run(asked, min(most, max(1.0, deadline - time.monotonic()))))
        return answer

    def _run(self, script: str, timeout: float) -> ShellResult:
        host = self.address.typed
        question = _Question(host, Script(as_bytes(script), timeout, self.variables, self.files))
        self._asked.append(question)
        try:
            if self._stopped.is_set():
                raise stopped(host)
            line = self.desk.ask(question, timeout)
        finally:
            self._asked.remove(question)
        if line["is_too_long"]:
            raise answer_too_long(host)
        if tuple(map(int, re.findall(r"\d+", line["ansible"])[:2])) < _OLDEST:
            raise HostError(
                f"the worker {self.worker.name!r} has ansible-core {printable(line['ansible'])}; 2.16 or newer is "
                "needed",
                remedy="Install a newer ansible-core there.",
                host=host,
            )
        try:
            stdout, stderr = answer_text(line)
        except ValueError:
            raise HostError(
                f"the worker {self.worker.name!r} gave an answer that cannot be read", remedy="Run again.", host=host
            ) from None
        if line["code"] == _CONNECTION_FAILED:
            raise self._failure(stdout, stderr)
        return ShellResult(stdout, stderr, line["code"])

    def _failure(self, stdout: str, stderr: str) -> HostError:
        """The error of a connection that failed, as the worker saw it."""
        words = stderr.removeprefix(_ANSIBLES_WORDS)
        failed = FailedConnection(
            words, self.address.typed, self.address.destination, key=self.key, has_begun=has_begun(stdout)
        )
        error = connection_error(failed)
        error.problem = f"{error.problem}, says the worker {self.worker.name!r}"
        return error

    def stop(self) -> None:
        self._stopped.set()
        for each in list(self._asked):
            each.end(stopped(each.host))


def _place(path: str) -> str:
    """Where a file of this machine is in a job."""
    return f"ssh/{hashlib.sha256(path.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"
