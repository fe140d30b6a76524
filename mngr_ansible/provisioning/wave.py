"""One wave: hosts on which Ansible works together, from what is due on them to what became of it.

Several waves may go on at the same time, each in a thread of its own. Everything that is run on hosts to change them is
run here: ours by :func:`_run`, and playbooks of the user's own around it.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from mngr_ansible.errors import MngrAnsibleError
from mngr_ansible.provisioning import execution, next_sources
from mngr_ansible.provisioning.ended_hosts import OnOver
from mngr_ansible.provisioning.readiness import fitting
from mngr_ansible.provisioning.reporting import apply_report, not_run_report, plan_report
from mngr_ansible.provisioning.request import Dialog, Prepared, Request
from mngr_ansible.report.report import HostReport, Interrupted, Report
from mngr_ansible.run.places import temporary_run_directory
from mngr_ansible.run.runner import RunStop
from mngr_ansible.system.signals import AWAKE_SECONDS, signals_held

if TYPE_CHECKING:
    from pathlib import Path


def run_wave(
    prepared: Sequence[Prepared],
    request: Request,
    dialog: Dialog,
    command: str,
    *,
    stop: RunStop | None = None,
    on_over: OnOver | None = None,
) -> Report:
    """Change these hosts as their plans say, all at the same time; the report has them in this order.

    Args:
        prepared: the hosts, inspected. Those with nothing to change are reported as they are.
        request: what was asked for; its ``ready`` Ansible is used if it fits.
        dialog: gets progress lines, maybe from another thread than the caller's.
        command: the verb that the report is of.
        stop: ends the wave from another thread: what had begun is ``unknown`` then, the rest ``not-reached``.
        on_over: is called for every host on which nothing more is to be done, although others still go on.

    Raises:
        MngrAnsibleError: the run directory could not be written, or Ansible could not be started.
        Interrupted: a signal stopped the run, or what comes after it.
    """
    stop = stop or RunStop()
    run = _run if request.own is None else _run_around_playbooks
    if request.fleet.workers:
        from mngr_ansible.provisioning.behind_workers import by_worker

        groups = by_worker(prepared)
        if len(groups) > 1:
            return _run_side_by_side(
                prepared, groups, lambda group: run(group, request, dialog, command, stop, on_over), command, stop
            )
    return run(prepared, request, dialog, command, stop, on_over)


def _run_around_playbooks(
    prepared: Sequence[Prepared],
    request: Request,
    dialog: Dialog,
    command: str,
    stop: RunStop,
    on_over: OnOver | None,
) -> Report:
    """Run what is ours between playbooks of the user's own; a host is over when these have ended too."""
    from mngr_ansible.provisioning import own_playbooks

    def run_ours(hosts: Sequence[Prepared], request: Request) -> Report:
        if request.ready is not None and not any(each.is_to_run for each in hosts):
            request.ready.dismiss()
        return _run(hosts, request, dialog, command, stop, None)

    report = own_playbooks.run_around(prepared, request, dialog, command, stop, run_ours)
    if on_over is not None:
        for each in prepared:
            on_over(each, None)
    return report


def _run_side_by_side(
    prepared: Sequence[Prepared],
    groups: Sequence[Sequence[Prepared]],
    run: Callable[[Sequence[Prepared]], Report],
    command: str,
    stop: RunStop,
) -> Report:
    """Run groups of hosts at the same time, each in a thread; one that cannot be run stops no other."""
    reports: dict[str, HostReport] = {}
    signals: list[BaseException] = []
    failures: list[Exception] = []
    ends: list[threading.Event] = []  # a join that a signal interrupts takes its thread for dead (Python 3.12)

    def run_one(group: Sequence[Prepared], end: threading.Event) -> None:
        try:
            report = run(group)
        except Interrupted as interrupted:
            report = interrupted.report
            signals.append(interrupted.signal)
        except MngrAnsibleError as error:
            report = not_run_report(group, command, error)
        except Exception as error:  # noqa: BLE001 - it is raised on the thread that waits
            failures.append(error)
            report = Report(command)
        reports.update((each.host, each) for each in report.hosts)
        end.set()

    with signals_held():
        for group in groups:
            ends.append(threading.Event())
            threading.Thread(target=run_one, args=(group, ends[-1]), daemon=True).start()
    while not all(each.is_set() for each in ends):
        try:
            for each in ends:
                while not each.wait(AWAKE_SECONDS):
                    pass
        except (KeyboardInterrupt, SystemExit) as signal:
            signals.append(signal)
            stop.set()
    if failures:
        raise failures[0]
    report = Report(command, tuple(reports[each.target.name] for each in prepared))
    if signals:
        raise Interrupted(report, signals[0]) from signals[0]
    return report


def _run(
    prepared: Sequence[Prepared],
    request: Request,
    dialog: Dialog,
    command: str,
    stop: RunStop,
    on_over: OnOver | None,
) -> Report:
    """Run Ansible where something has to change; the run directory is kept only where a host failed.

    Where a source failed for a reason of its own, the next one is tried, and what was not reached because of it.
    """
    report = Report(command)
    done: list[tuple[Path, execution.HostsRun]] = []
    try:
        with ExitStack() as directories:
            while not stop.is_set and (runs := execution.host_runs(prepared, request, execution.temporary_name())):
                started = time.monotonic()
                ready = fitting(request, prepared, runs)
                directory = directories.enter_context(temporary_run_directory()) if ready is None else ready.directory
                plan = plan_report(prepared, command).to_dict()
                done.append(
                    (
                        directory,
                        execution.run_hosts(
                            prepared,
                            runs,
                            request,
                            directory,
                            plan,
                            dialog,
                            ready,
                            stop=stop,
                            on_over=None if done else on_over,
                        ),
                    )
                )
                with signals_held():
                    run = done[-1][1]
                    latest = apply_report(prepared, command, run)
                    report = latest if len(done) == 1 else next_sources.merged(report, latest, prepared)
                if run.signal is not None:
                    raise Interrupted(report, run.signal) from run.signal
                spent = time.monotonic() - started
                prepared, report = next_sources.next_attempts(prepared, run, report, spent, dialog.on_progress)
            if not done:
                return apply_report(prepared, command, None)
            if not stop.is_set:
                for directory, run in reversed(done):
                    report = execution.archive_failure(directory, run, report)
            return report
    except (KeyboardInterrupt, SystemExit) as signal:
        if not done:
            raise
        raise Interrupted(report if report.hosts else apply_report(prepared, command, done[0][1]), signal) from signal
