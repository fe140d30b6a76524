"""Scripts on many hosts in one job of a worker: what the connection of a host does here, without Ansible."""

import base64
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NotRequired, TypedDict, Unpack

from mngr_ansible.content.location import content_directory
from mngr_ansible.errors import InputError
from mngr_ansible.host.ssh import bounded_shell
from mngr_ansible.portable.text import printable
from mngr_ansible.run.host_vars import mark
from mngr_ansible.run.inventory import inventory
from mngr_ansible.run.lines import AnswerLine, TasksOfWorker, WorkerOrder
from mngr_ansible.run.places import temporary_run_directory
from mngr_ansible.run.runner import OnEvent, RunRecord, RunResult, RunStop, run
from mngr_ansible.run.worker import Worker, directory_turn
from mngr_ansible.run.worker_job import PLAYBOOK, Job
from mngr_ansible.system.processes import LONGEST
from mngr_ansible.values import frozen

_PLAYBOOK = """\
---
- name: Ask the hosts
  hosts: mngr_hosts
  gather_facts: false
  tasks:
    - name: Run a script
      mngr_script:
        command: {command}
        longest: {longest}
"""

_TURN_SECONDS = 0.5
"""How often a job that waits for the directory of its worker looks whether it is still needed."""


class FollowOptions(TypedDict):
    """How a job is followed and ended.

    Attributes:
        timeout: seconds for all of it.
        record: an empty one.
        stop: ends it from another thread.
        on_event: gets every event.
        on_wait: called about every second while there is none.
    """

    timeout: float
    record: RunRecord
    stop: RunStop
    on_event: NotRequired[OnEvent]
    on_wait: NotRequired[Callable[[], None]]


@frozen
class Script:
    """One script for one host.

    Attributes:
        text: what the host's shell reads.
        seconds: how long it may take there.
        variables: the inventory variables by which the worker reaches the host.
        files: what these variables name: path in the job → path here.
    """

    text: bytes
    seconds: float
    variables: Mapping[str, Any]
    files: Mapping[str, str]


def run_scripts(
    worker: Worker,
    scripts: Mapping[str, Script],
    timeout: float,
    record: RunRecord,
    stop: RunStop,
) -> RunResult:
    """Run one script on each host, all at the same time; every answer is told when it comes.

    Args:
        worker: who runs them.
        scripts: by the host's name in the inventory.
        timeout: seconds for all of it.
        record: an empty one; it tells each answer when it comes.
        stop: ends it from another thread.

    Raises:
        MngrAnsibleError, OSError: it could not be begun.
    """
    seconds = max(each.seconds for each in scripts.values())
    size = sum(len(each.text) for each in scripts.values())
    with temporary_run_directory() as directory, Job(len(scripts), timeout, size=size) as job:
        command = json.dumps(bounded_shell(math.ceil(seconds) + 1))
        job.add(f"project/{PLAYBOOK}", _PLAYBOOK.format(command=command, longest=LONGEST))
        action = content_directory() / "launcher" / "worker" / "mngr_script.py"
        job.add("project/action_plugins/mngr_script.py", action.read_bytes())
        job.add("inventory/hosts.yml", inventory(scripts))
        for alias, each in scripts.items():
            job.add(f"inventory/host_vars/{alias}.json", json.dumps(mark(each.variables)))
            job.add(f"scripts/{alias}", each.text)
        add_files(job, [each.files for each in scripts.values()])
        return run_job(worker, job, directory, tasks="scripts", timeout=timeout, record=record, stop=stop)


def run_job(
    worker: Worker,
    job: Job,
    directory: Path,
    *,
    tasks: TasksOfWorker = "ours",
    **options: Unpack[FollowOptions],
) -> RunResult:
    """Run a job to which nothing is added any more, when the worker's directory is free.

    Args:
        worker: who runs it.
        job: what it gets.
        directory: for what this machine needs meanwhile.
        tasks: what the job does.
        options: see :class:`FollowOptions`.
    """
    job.finish()
    order: WorkerOrder = {
        "name": worker.name,
        "words": list(worker.words),
        "cwd": os.getcwd(),  # noqa: PTH109 - for a process
        "environment": dict(os.environ),
        "kwargs": job.kwargs,
        "job": job.file.fileno(),
        "tasks": tasks,
    }
    deadline, turn, stop = time.monotonic() + options["timeout"], directory_turn(worker.words), options["stop"]
    while turn is not None and not turn.acquire(timeout=_TURN_SECONDS):
        if stop.is_set or time.monotonic() > deadline:
            return RunResult("stopped" if stop.is_set else "timeout", False, frozenset(), (), has_begun=False)
    try:
        options["timeout"] = deadline - time.monotonic()
        return run(directory, worker=order, **options)
    finally:
        if turn is not None:
            turn.release()


@contextmanager
def making_job(worker: Worker) -> Iterator[None]:
    """Refuse what cannot be put into a job.

    Raises:
        InputError: a file cannot be read, or there is no space.
    """
    try:
        yield
    except OSError as error:
        place = f"{printable(str(error.filename))}: " if error.filename else ""
        raise InputError(
            f"the job for the worker {worker.name!r} cannot be made: {place}{error.strerror or error}",
            remedy="Check that the files exist and that you can read them, and free space in TMPDIR. Then run again.",
        ) from error


def add_files(job: Job, wanted: Iterable[Mapping[str, str]]) -> None:
    """Add the files that connections need on the worker, each once."""
    found = {name: path for each in wanted for name, path in each.items()}
    for name, path in found.items():
        job.add(name, Path(path).read_bytes())


def answer_text(line: AnswerLine) -> tuple[str, str]:
    """stdout and stderr of an answer, as text.

    Raises:
        ValueError: it is not base64.
    """
    stdout, stderr = (base64.b64decode(line[key], validate=True) for key in ("stdout", "stderr"))
    return stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace")
