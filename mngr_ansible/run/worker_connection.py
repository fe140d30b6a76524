"""The connection to a host behind a worker. What several hosts are asked at the same time goes as one job."""

import hashlib
import re
import shlex
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mngr_ansible.errors import HostError
from mngr_ansible.host.connection import ShellResult, answer_too_long, stopped
from mngr_ansible.host.login_shell import has_begun, run_proven
from mngr_ansible.host.ssh import OPTIONS, Address, OwnArguments, as_arguments
from mngr_ansible.host.ssh_errors import FailedConnection, connection_error
from mngr_ansible.portable.regular_expressions import regex
from mngr_ansible.portable.text import printable
from mngr_ansible.run.worker import Worker
from mngr_ansible.run.worker_desk import Desk, Question
from mngr_ansible.run.worker_scripts import Script, answer_text
from mngr_ansible.system.names import as_bytes
from mngr_ansible.values import field, frozen

PATIENCE = 60.0
"""Seconds that the first answer may take longer: the worker is reached and starts Ansible first."""

_OLDEST = (2, 16)
"""The ansible-core that a worker needs. Source: pyproject.toml, ``[tool.mngr-ansible.tested]``."""

_CONNECTION_FAILED = 255  # ssh(1), "EXIT STATUS"
_ANSIBLES_WORDS = regex(r"\A(?:Failed to connect to the host via ssh: |Data could not be sent to .*? over ssh: )")


@frozen
class WorkerConnection:
    """A host that only a worker reaches: names, ssh's configuration, agent and known host keys are the worker's.

    What ``--key`` and ``--known-hosts`` name goes to the worker with each job, as does a key of an inventory that is
    here. Other paths in an inventory's arguments for ssh are the worker's.
    """

    address: Address
    desk: Desk
    key: str | None = None
    known_hosts: str | None = None
    own: OwnArguments = field(default_factory=OwnArguments)
    is_local: bool = False
    patience: float = PATIENCE
    _asked: list[Question] = field(default_factory=list, repr=False, compare=False)
    _stopped: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)

    @property
    def worker(self) -> Worker:
        """The worker that reaches the host."""
        return self.desk.worker

    def holds(self, script: str) -> bool:  # noqa: ARG002
        return True  # it is a file in the job

    @property
    def _identity(self) -> str | None:
        """The private key for the host, as a path; the one of an inventory comes first."""
        return self.own.key or self.key

    @property
    def files(self) -> Mapping[str, str]:
        """What a job for this host needs of this machine: path in the job → path here."""
        named = [each for each in (self._identity, self.known_hosts) if each is not None]
        return {_place(each): each for each in named if Path(each).is_file()}

    def _path(self, path: str) -> str:
        """A file as ssh on the worker finds it: from here, or, where it is not here, the worker's own."""
        place = _place(path)
        return f'"../{place}"' if place in self.files else f'"{path}"'

    @property
    def variables(self) -> Mapping[str, Any]:
        options = {
            "StrictHostKeyChecking": "yes",
            "UpdateHostKeys": "no",
            "ForwardAgent": "no",
            "ForwardX11": "no",
            "ClearAllForwardings": "yes",
        }
        if self._identity is not None:
            options["IdentityFile"] = self._path(self._identity)
            if not self.own.key:
                options |= {"IdentitiesOnly": "yes", "IdentityAgent": "none"}
        if self.known_hosts is not None:
            options["UserKnownHostsFile"] = self._path(self.known_hosts)
        words = [*as_arguments(OPTIONS), *self.own.common, *as_arguments(options)]
        return {**self.portable_variables, "ansible_ssh_common_args": shlex.join(words)}

    @property
    def portable_variables(self) -> Mapping[str, Any]:
        named = {
            "ansible_user": self.address.user,
            "ansible_port": self.address.port,
            "ansible_ssh_common_args": shlex.join(self.own.common) or None,
            "ansible_ssh_extra_args": shlex.join(self.own.extra) or None,
            "ansible_python_interpreter": self.own.python or None,
        }
        return {
            "ansible_connection": "ssh",
            "ansible_host": self.address.name,
            **{name: value for name, value in named.items() if value is not None},
        }

    def run(self, script: str, timeout: float) -> ShellResult:
        return run_proven(self._run, script, timeout)

    def _run(self, script: str, timeout: float) -> ShellResult:
        host = self.address.typed
        question = Question(host, Script(as_bytes(script), timeout, self.variables, self.files))
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
        words = _ANSIBLES_WORDS.sub("", stderr)
        failed = FailedConnection(
            words,
            self.address.typed,
            self.address.destination,
            key=self.key,
            has_begun=has_begun(stdout),
            name=self.address.name,
        )
        error = connection_error(failed)
        error.problem = f"{error.problem}, says the worker {self.worker.name!r}"
        error.own = (*error.own, *filter(None, (self.address.user, str(self.address.port or ""))))
        return error

    def stop(self) -> None:
        self._stopped.set()
        for each in list(self._asked):
            each.end(stopped(each.host))


def _place(path: str) -> str:
    """Where a file of this machine is in a job."""
    return f"ssh/{hashlib.sha256(path.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"
