"""Hosts that are reached through workers, and the hosts of a run by who runs it."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Unpack

from mngr_ansible.errors import MngrAnsibleError, UsageError
from mngr_ansible.host.ssh import OpenSsh
from mngr_ansible.provisioning.request import Prepared, Target
from mngr_ansible.provisioning.targets import host_target
from mngr_ansible.run.own_playbook import OwnPlaybookRun
from mngr_ansible.run.playbook import HostRun
from mngr_ansible.run.runner import RunResult
from mngr_ansible.run.worker import Worker
from mngr_ansible.run.worker_connection import WorkerConnection
from mngr_ansible.run.worker_desk import Desk, close
from mngr_ansible.run.worker_playbook import run_playbook_on_worker
from mngr_ansible.run.worker_run import Access, run_on_worker
from mngr_ansible.run.worker_scripts import FollowOptions
from mngr_ansible.values import replace


@contextlib.contextmanager
def behind_workers(targets: Sequence[Target], commands: Sequence[str]) -> Iterator[list[Target]]:
    """The same hosts, those of ssh split evenly among the workers of these commands; all jobs end with the block.

    Raises:
        UsageError: a command cannot be split into words, or no host is reached over ssh.
    """
    desks = [Desk(Worker.parse(each)) for each in commands]
    if not any(isinstance(each.connection, OpenSsh) for each in targets):
        raise UsageError("--worker needs hosts that are reached over ssh", remedy="Give them with --host.")
    found, number = [], 0
    for each in targets:
        if isinstance(each.connection, OpenSsh):
            found.append(_behind(each, each.connection, desks[number % len(desks)]))
            number += 1
        else:
            found.append(each)
    try:
        yield found
    finally:
        close(desks)


def _behind(target: Target, ssh: OpenSsh, desk: Desk) -> Target:
    connection = WorkerConnection(ssh.address, desk, ssh.key, ssh.known_hosts, ssh.own)
    made = host_target(target.name, connection, target.work_dir)
    return replace(target, connection=connection, connect=None, agent=made.agent, host=made.host)


def run_elsewhere(
    hosts: Mapping[str, Prepared],
    runs: Sequence[HostRun],
    passwords: Mapping[str, str],
    directory: Path,
    seconds: int,
    **options: Unpack[FollowOptions],
) -> RunResult | None:
    """Run the playbook of these hosts on their worker; None where they have none.

    Args:
        hosts: by alias; those of one run have the same worker (:func:`by_worker`).
        runs: those with something to change.
        passwords: for sudo, by alias.
        directory: of this run, for what this machine needs meanwhile.
        seconds: for a package transaction on a host.
        options: how it is followed and ended.

    Raises:
        MngrAnsibleError: a source was changed, or it could not be started at all.
    """
    behind = {one.alias: connection for one in runs if (connection := _of_worker(hosts[one.alias])) is not None}
    if not behind:
        return None
    access = {alias: Access(each.files, passwords.get(alias)) for alias, each in behind.items()}
    return run_on_worker(next(iter(behind.values())).worker, runs, access, directory, seconds, **options)


def run_playbook_elsewhere(
    hosts: Sequence[Target],
    playbook: OwnPlaybookRun,
    shown: str,
    directory: Path,
    **options: Unpack[FollowOptions],
) -> RunResult | None:
    """Run a playbook of the user's own on the worker of these hosts; None where they have none.

    A job that cannot be made is a run in which nothing was begun.
    """
    behind = [each.connection for each in hosts if isinstance(each.connection, WorkerConnection)]
    if not behind:
        return None
    files = [each.files for each in behind]
    try:
        return run_playbook_on_worker(behind[0].worker, playbook, shown, files, directory, **options)
    except MngrAnsibleError as error:
        return RunResult("finished", False, frozenset(), (), error.problem, has_begun=False)


def _of_worker(prepared: Prepared) -> WorkerConnection | None:
    connection = prepared.target.connection
    return connection if isinstance(connection, WorkerConnection) else None


def by_worker(prepared: Sequence[Prepared]) -> list[list[Prepared]]:
    """The hosts, those together that one worker reaches, or this machine."""
    groups: dict[int, list[Prepared]] = {}
    for each in prepared:
        connection = _of_worker(each)
        groups.setdefault(0 if connection is None else id(connection.desk), []).append(each)
    return list(groups.values())
