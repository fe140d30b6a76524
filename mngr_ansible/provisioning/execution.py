"""One run of Ansible on all hosts that have something to change, and the clean-up after a run that was cut off."""

import math
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mngr_ansible.diff.due import Due
from mngr_ansible.diff.outcome import Status
from mngr_ansible.errors import MngrAnsibleError
from mngr_ansible.host.state import HostState
from mngr_ansible.plan import known_hashes
from mngr_ansible.portable.managers import LOCK_SECONDS
from mngr_ansible.provisioning.at_once import at_once
from mngr_ansible.provisioning.ended_hosts import OnOver, telling
from mngr_ansible.provisioning.request import Dialog, Prepared, Request, by_alias, passwords
from mngr_ansible.report.progress import Follower
from mngr_ansible.report.report import HostReport, Report
from mngr_ansible.run.archive import keep_failed_run
from mngr_ansible.run.bundle import placed_files
from mngr_ansible.run.directory import write_run_directory
from mngr_ansible.run.environment import is_pipelining, ssh_arguments
from mngr_ansible.run.inventory import alias
from mngr_ansible.run.playbook import HostRun
from mngr_ansible.run.ready import ReadyAnsible
from mngr_ansible.run.runner import Event, RunRecord, RunResult, RunStop, run
from mngr_ansible.values import frozen, replace

if TYPE_CHECKING:
    from mngr_ansible.report.work import NewsOfStage

_CLEAN_UP_SECONDS = 5
"""How long all hosts are given to remove the temporary directory of a run that was cut off."""

_SLOW_SUDO_SECONDS = 60
"""How long Ansible waits at least for a sudo that is slow."""

_CHANGED = " it was planned"
"""In what the role ``mngr_files`` says of a source whose content is not the planned one."""

_SHORTEST = 5
"""Seconds that a run gets although looking at the hosts used up all the time."""


@frozen
class HostsRun:
    """One run of Ansible on several hosts.

    Attributes:
        aliases: the names of its hosts in the inventory; a host with nothing to change is not among them.
        result: what ansible-runner reported, up to where it came.
        signal: the exception of the signal that stopped it (``KeyboardInterrupt``, ``Terminated``); None for no signal.
    """

    aliases: frozenset[str]
    result: RunResult
    signal: BaseException | None = None


def host_runs(prepared: Sequence[Prepared], request: Request, tmp: str) -> list[HostRun]:
    """The hosts on which Ansible has something to do. ``tmp``: the name of the run's own directory on hosts."""
    found = []
    for name, each in by_alias(prepared).items():
        due, state = each.due, each.state
        if due is None or state is None or not each.is_to_run:
            continue
        remote_tmp = None if each.target.connection.is_local else _remote_tmp(due, state, tmp)
        run = host_run(name, due, state, request.of(each.target), each.target.connection.variables)
        seconds = None if each.until is None else each.until - time.monotonic()
        found.append(replace(run, remote_tmp=remote_tmp, seconds=seconds))
    return found


def host_run(name: str, due: Due, state: HostState, request: Request, variables: Mapping[str, Any]) -> HostRun:
    """The run of one host with this name in the inventory, reached by these connection variables."""
    return HostRun(
        name,
        _patient(variables, state),
        due,
        python=state.system.python or ("/usr/bin/python3" if due.needs_python else None),
        become=request.become and state.login.uid != 0,
        has_password=state.login.privilege == "password",
        lock_seconds=transaction_seconds(request) if request.is_patient else LOCK_SECONDS,
        state=state,
    )


def _patient(variables: Mapping[str, Any], state: HostState) -> Mapping[str, Any]:
    """The connection variables, with more time where sudo is slow: Ansible waits as long for it as for a connection.

    Source: the options ``timeout`` of Ansible's connection ``ssh`` and ``become_success_timeout`` of ``local``.
    """
    if not state.login.sudo_seconds:
        return variables
    slow = _SLOW_SUDO_SECONDS * math.ceil(2 * state.login.sudo_seconds / _SLOW_SUDO_SECONDS)  # two looks say the same
    seconds = max(slow, int(variables.get("ansible_ssh_timeout", 0)))
    return {**variables, "ansible_ssh_timeout": seconds, "ansible_local_become_success_timeout": seconds}


def _remote_tmp(due: Due, state: HostState, name: str) -> str:
    """Where a host's temporary directory is: an absolute path where only the remote user needs it.

    That spares Ansible a question. Ansible writes the path into shell commands unquoted, and takes what a login shell
    prints for an answer.
    """
    is_roots = state.login.privilege == "password" or any(each.as_root for each in due.transfers)
    is_plain = re.fullmatch(r"(?:/[A-Za-z0-9._-]+)+", state.paths.tmp)
    return f"~/{name}" if is_roots or not is_plain else f"{state.paths.tmp}/{name}"


def transaction_seconds(request: Request) -> int:
    """Seconds for a package transaction on the host: a little less than the whole run may take."""
    return max(30, int(request.timeout) - 15)


def temporary_name() -> str:
    """A new name for the temporary directory of a run on its hosts."""
    return f".mngr-ansible-{secrets.token_hex(8)}"


def run_hosts(
    prepared: Sequence[Prepared],
    runs: Sequence[HostRun],
    request: Request,
    directory: Path,
    plan: Mapping[str, Any],
    dialog: Dialog,
    ready: ReadyAnsible | None = None,
    stop: RunStop | None = None,
    on_over: OnOver | None = None,
) -> HostsRun:
    """Run Ansible on the hosts that have something to change. A signal stops the run and is part of the value.

    Args:
        prepared: all hosts.
        runs: those with something to change, of :func:`host_runs`.
        request: what was asked for.
        directory: an empty directory of this run; the run directory becomes ``run`` in it.
        plan: the content of ``plan.json``.
        dialog: gets progress lines.
        ready: Ansible that waits in this directory.
        stop: ends the run from another thread.
        on_over: is called for every host on which the run has ended, although it goes on on others.

    Raises:
        MngrAnsibleError: the directory could not be written, or Ansible could not be started.
    """
    hosts = by_alias(prepared)
    follower = Follower(
        {alias: each.target.name for alias, each in hosts.items()},
        {one.alias: one.due for one in runs},
        dialog.on_progress,
        is_verbose=dialog.is_verbose,
        on_work=dialog.on_work,
        on_steps=dialog.on_steps,
        news=_news(hosts, runs) if dialog.on_work is not None else None,
        note=dialog.note,
    )
    for one in runs:
        dialog.at(hosts[one.alias].target.name, "starting Ansible")
    follow = follower if on_over is None else telling(follower, hosts, runs, on_over)
    if ready is not None:  # it was started without the options of ssh
        args = ssh_arguments(request.control_path or f"{ready.sockets}/%C")
        runs = [replace(one, variables={"ansible_ssh_args": args, **one.variables}) for one in runs]
    write_run_directory(directory / "run", runs, plan, timeout=transaction_seconds(request), ready=ready)
    record, stop = RunRecord(), stop or RunStop()
    result, signal = None, None
    try:
        try:
            seconds = _seconds_left(prepared, request)
            sudo_passwords = passwords(prepared, request) if any(one.has_password for one in runs) else {}
            if request.fleet.workers:
                from mngr_ansible.provisioning.behind_workers import run_elsewhere

                result = run_elsewhere(
                    hosts,
                    runs,
                    sudo_passwords,
                    directory / "run",
                    seconds=transaction_seconds(request),
                    timeout=seconds,
                    record=record,
                    stop=stop,
                    on_event=follow,
                    on_wait=follower.look,
                )
            result = result or run(
                directory / "run",
                timeout=seconds,
                hosts=len(runs),
                control_path=request.control_path,
                remote_tmp=str(directory / "tmp"),  # of this machine; other hosts have their own
                on_event=follow,
                on_wait=follower.look,
                passwords=sudo_passwords,
                record=record,
                ready=ready,
                stop=stop,
            )
        finally:
            if result is None or result.status != "finished" or not is_pipelining():
                _clean_up([(hosts[one.alias], one.remote_tmp) for one in runs if one.remote_tmp is not None])
    except (KeyboardInterrupt, SystemExit) as raised:  # of the run, or one more while its hosts are cleaned up
        signal = raised
    result = result or record.interrupted()
    if any(_CHANGED in text for event in result.events for text in _texts(event)):
        known_hashes.forget_sets_with(placed.entry.source for _, placed in placed_files(runs))
    if dialog.is_verbose and result.details and signal is None:
        dialog.on_progress("", result.details)
    return HostsRun(frozenset(one.alias for one in runs), result, signal)


def _news(hosts: Mapping[str, Prepared], runs: Sequence[HostRun]) -> "NewsOfStage":
    from mngr_ansible.provisioning.news import news_of_run

    return news_of_run(hosts, runs)


def _texts(event: Event) -> tuple[str, str]:
    return event.text, "" if event.step is None else str(event.step.get("reason") or "")


def _seconds_left(prepared: Sequence[Prepared], request: Request) -> float:
    left = request.timeout - max(each.spent for each in prepared)
    return max(min(_SHORTEST, request.timeout), left)


def archive_failure(directory: Path, run: HostsRun, report: Report) -> Report:
    """Keep the run directory where a host of the run failed; the report says where it is.

    A package that a person has to install is no failure of the run.
    """
    failed = {
        host.host
        for index, host in enumerate(report.hosts)
        if alias(index) in run.aliases and _has_failed(host) and not host.kept
    }
    if not failed:
        return report
    kept = keep_failed_run(directory, run.result.events, report.to_dict())
    if kept is None:
        return report
    hosts = (replace(host, kept=str(kept)) if host.host in failed else host for host in report.hosts)
    return replace(report, hosts=tuple(hosts))


def _has_failed(host: HostReport) -> bool:
    has_failing_step = any(each.status in (Status.FAILED, Status.UNKNOWN) for each in host.outcomes)
    return has_failing_step or host.error is not None


def _clean_up(left: Sequence[tuple[Prepared, str]]) -> None:
    """Remove our temporary directory from hosts that still answer, in five seconds for all of them.

    What is left the next run removes.
    """
    deadline = time.monotonic() + _CLEAN_UP_SECONDS

    def remove(one: tuple[Prepared, str]) -> None:
        prepared, directory = one
        path = f'"$HOME"/{directory[2:]}' if directory.startswith("~/") else directory
        if (seconds := deadline - time.monotonic()) > 0:
            with suppress(MngrAnsibleError):
                prepared.target.connection.run(
                    f"PATH=/usr/bin:/bin:$PATH rm -rf -- {path} </dev/null >/dev/null 2>&1\n", seconds
                )

    at_once(remove, left, [prepared.target.connection for prepared, _ in left])
