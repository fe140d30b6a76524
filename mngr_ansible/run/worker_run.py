"""A run on a worker: playbook, inventory, roles and all sources, secrets too, as one job."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from mngr_ansible.errors import InputError
from mngr_ansible.plan.known_hashes import forget_sets_with
from mngr_ansible.portable import snapshots
from mngr_ansible.portable.text import printable
from mngr_ansible.portable.trees import Entry
from mngr_ansible.run.bundle import placed_files
from mngr_ansible.run.directory import needed_roles
from mngr_ansible.run.host_vars import host_vars, mark
from mngr_ansible.run.inventory import inventory
from mngr_ansible.run.playbook import HostRun, playbook
from mngr_ansible.run.runner import RunResult
from mngr_ansible.run.worker import Worker
from mngr_ansible.run.worker_job import PLAYBOOK, Job, unnamed_file
from mngr_ansible.run.worker_scripts import FollowOptions, add_files, making_job, run_job
from mngr_ansible.values import frozen, replace


@frozen
class Access:
    """What a worker needs besides, to reach one host.

    Attributes:
        files: what its connection variables name: path in the job → path here.
        password: for sudo there; None: none is needed.
    """

    files: Mapping[str, str]
    password: str | None


def run_on_worker(
    worker: Worker,
    runs: Sequence[HostRun],
    access: Mapping[str, Access],
    directory: Path,
    seconds: int,
    **options: Unpack[FollowOptions],
) -> RunResult:
    """Run the playbook of these hosts on a worker; as ``runner.run`` does it on this machine.

    Args:
        worker: who runs it.
        runs: the hosts.
        access: by alias.
        directory: of this run, for what this machine needs meanwhile.
        seconds: for a package transaction on a host.
        options: see :class:`FollowOptions`.

    Raises:
        InputError: a source cannot be read any more, or was changed.
        RunError: it could not be started at all.
    """
    sources = {placed.entry.source: placed.entry for _, placed in placed_files(runs)}
    names = {source: f"files/{number}" for number, source in enumerate(sources, 1)}
    with (
        making_job(worker),
        Job(len(runs), options["timeout"], size=sum(each.size for each in sources.values())) as job,
    ):
        job.add(f"project/{PLAYBOOK}", playbook(runs, is_fresh=True))
        job.add("inventory/hosts.yml", inventory(one.alias for one in runs))
        for one in runs:
            variables = host_vars(_with_sources(one, names), seconds)
            password = access[one.alias].password
            if one.has_password and password is not None:
                variables["ansible_become_password"] = mark(password)
            job.add(f"inventory/host_vars/{one.alias}.json", json.dumps(variables))
        add_files(job, [each.files for each in access.values()])
        for role in needed_roles(runs):
            job.add_role(role)
        for source, entry in sources.items():
            _add_source(job, f"project/{names[source]}", entry)
        return run_job(worker, job, directory, **options)


def _with_sources(run: HostRun, names: Mapping[str, str]) -> HostRun:
    """The host with the sources of its files as they are called in the job."""

    def placed(each: Any) -> Any:
        name = names.get(each.entry.source)
        return each if name is None else replace(each, entry=each.entry._replace(source=name))

    transfers = tuple(replace(due, entries=tuple(map(placed, due.entries))) for due in run.due.transfers)
    return replace(run, due=replace(run.due, transfers=transfers))


def _add_source(job: Job, name: str, entry: Entry) -> None:
    """Add a source as it was planned: what a program has added to it since then is left out."""
    with unnamed_file(entry.size) as copy:  # a source that was written to meanwhile is read again from its beginning
        sha256 = snapshots.copy_beginning(entry.source, entry.size, copy)
        copy.seek(0)
        with job.open(name) as file:
            shutil.copyfileobj(copy, file)
    if sha256 != entry.sha256:
        forget_sets_with([entry.source])
        problem = f"{printable(entry.source)} was changed by another program since it was planned"
        raise InputError(problem, remedy="Run again, when no program writes to it.")
