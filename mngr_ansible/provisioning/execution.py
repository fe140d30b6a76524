"""What is due → one run of Ansible for all hosts, its directory, and the end of a run that was cut off."""

import dataclasses
import re
import secrets
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mngr_ansible.diff.due import Due
from mngr_ansible.diff.outcome import Status
from mngr_ansible.errors import MngrAnsibleError
from mngr_ansible.host.state import HostState
from mngr_ansible.provisioning.request import Prepared, Request
from mngr_ansible.report.progress import ProgressCallback, follower
from mngr_ansible.report.report import HostReport, Report
from mngr_ansible.run.archive import keep_failed_run, temporary_run_directory
from mngr_ansible.run.directory import write_run_directory
from mngr_ansible.run.playbook import HostRun
from mngr_ansible.run.runner import Event, RunResult, run

_TIDY_SECONDS = 5
"""How long a host is given to remove what a run that was cut off left there."""

_SHORTEST = 5
"""Seconds that a run gets although looking at the hosts took all the time."""


def by_alias(prepared: Sequence[Prepared]) -> dict[str, Prepared]:
    """The hosts by the names that they have in the inventory; what the user typed is only data."""
    return {f"host-{index}": each for index, each in enumerate(prepared, start=1)}


def runs(prepared: Sequence[Prepared], request: Request, tmp: str | None = None) -> list[HostRun]:
    """The hosts on which Ansible has something to do.

    ``tmp``: the name of the run's own temporary directory on hosts; None: in a directory that is run by hand.
    """
    found = []
    for alias, each in by_alias(prepared).items():
        due, state = each.due, each.state
        if due is None or state is None or due.is_empty or due.stops or due.is_python_advised:
            continue
        python = state.system.python or ("/usr/bin/python3" if due.needs_python else None)
        become = request.become and state.login.uid != 0
        by_password = state.login.privilege == "password"
        remote_tmp = None if tmp is None or each.target.connection.is_local else _remote_tmp(due, state, tmp)
        variables = each.target.connection.variables
        found.append(HostRun(alias, variables, due, python, become, by_password, remote_tmp))
    return found


def _remote_tmp(due: Due, state: HostState, name: str) -> str:
    """Where a host's temporary directory is: as a path where one login needs it, which spares Ansible a question.

    Ansible writes the path into shell commands unquoted, and takes noise of a login's shell for an answer.
    """
    is_roots = state.login.privilege == "password" or any(each.as_root for each in due.transfers)
    is_plain = re.fullmatch(r"(?:/[A-Za-z0-9._-]+)+", state.paths.tmp)
    return f"~/{name}" if is_roots or not is_plain else f"{state.paths.tmp}/{name}"


def bound(request: Request) -> int:
    """Seconds for a package transaction on the host: a little less than the whole run may take."""
    return max(30, int(request.timeout) - 15)


def execute(
    prepared: Sequence[Prepared],
    request: Request,
    plan: Mapping[str, Any],
    talk: ProgressCallback,
    reported: Callable[[RunResult], Report],
    *,
    is_verbose: bool,
) -> Report:
    """Run Ansible on every host that has something due, in a directory that is kept only where a host fails.

    Args:
        prepared: all hosts; those without anything due are left alone.
        request: what was asked for.
        plan: what ``plan.json`` holds.
        talk: told of progress.
        reported: makes the report of the run's result.
        is_verbose: tell of every event.

    Raises:
        MngrAnsibleError: the directory could not be written, or Ansible could not be started.
        BaseException: a signal, or what `talk` raised; its ``report`` says what was reached.
    """
    hosts = by_alias(prepared)
    name = f".mngr-ansible-{secrets.token_hex(8)}"
    due = runs(prepared, request, name)
    follow = follower(
        {alias: each.target.name for alias, each in hosts.items()},
        {one.alias: one.due for one in due},
        talk,
        is_verbose=is_verbose,
    )
    seen: list[Event] = []

    def on_event(event: Event) -> None:
        seen.append(event)
        follow(event)

    with temporary_run_directory() as directory:
        write_run_directory(directory / "run", due, plan, timeout=bound(request))
        result = None
        try:
            try:
                result = run(
                    directory / "run",
                    timeout=max(
                        min(_SHORTEST, request.timeout), request.timeout - max(each.spent for each in prepared)
                    ),
                    control_path=request.control_path,
                    remote_tmp=str(directory / "tmp"),  # of this machine; other hosts have their own
                    on_event=on_event,
                    password=request.password if any(one.has_password for one in due) else None,
                )
            finally:
                if result is None or result.status != "finished":
                    _tidy([(hosts[one.alias], one.remote_tmp) for one in due if one.remote_tmp is not None])
        except BaseException as error:  # from the run, or one more Ctrl-C while its hosts are tidied
            cut = result or RunResult("stopped", False, frozenset(), tuple(seen))
            error.report = reported(cut)  # type: ignore[attr-defined]
            raise
        if is_verbose and result.details:
            talk("", result.details)
        names = {hosts[one.alias].target.name for one in due}
        return _kept(directory, result, reported(result), names)


def _kept(directory: Path, result: RunResult, report: Report, names: Container[str]) -> Report:
    """Keep the directory where the run failed on one of its hosts; what a person has to install is no failure of it."""
    failed = [host for host in report.hosts if host.host in names and _has_failed(host)]
    if not failed:
        return report
    kept = keep_failed_run(directory, result.events, report.to_dict())
    if kept is None:
        return report
    hosts = (dataclasses.replace(host, kept=str(kept)) if host in failed else host for host in report.hosts)
    return dataclasses.replace(report, hosts=tuple(hosts))


def _has_failed(host: HostReport) -> bool:
    ended = any(each.status in (Status.FAILED, Status.UNKNOWN) for each in host.outcomes)
    return ended or host.error is not None


def _tidy(left: Sequence[tuple[Prepared, str]]) -> None:
    """Remove our temporary directory from hosts that still answer; the next run there removes it where they do not."""
    from concurrent.futures import ThreadPoolExecutor

    def remove(one: tuple[Prepared, str]) -> None:
        prepared, directory = one
        place = f'"$HOME"/{directory[2:]}' if directory.startswith("~/") else directory
        with suppress(MngrAnsibleError):
            prepared.target.connection.run(f"rm -rf -- {place} </dev/null >/dev/null 2>&1\n", _TIDY_SECONDS)

    with ThreadPoolExecutor(max_workers=min(32, len(left) or 1)) as pool:
        list(pool.map(remove, left))
