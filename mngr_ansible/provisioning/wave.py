"""One wave: hosts on which Ansible works together, from what is due on them to what became of it.

Several waves may go on at the same time, each in a thread of its own. Everything that is run on hosts to change them is
run here: ours by :func:`_run`.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from mngr_ansible.provisioning import execution, next_sources
from mngr_ansible.provisioning.readiness import fitting
from mngr_ansible.provisioning.reporting import apply_report, plan_report
from mngr_ansible.provisioning.request import Dialog, Prepared, Request
from mngr_ansible.report.report import Interrupted, Report
from mngr_ansible.run.places import temporary_run_directory
from mngr_ansible.run.runner import RunStop
from mngr_ansible.system.signals import signals_held

if TYPE_CHECKING:
    from pathlib import Path


def run_wave(
    prepared: Sequence[Prepared],
    request: Request,
    dialog: Dialog,
    command: str,
    *,
    stop: RunStop | None = None,
    on_over: Callable[[Prepared], None] | None = None,
) -> Report:
    """Change these hosts as their plans say, all at the same time; the report has them in this order.

    Args:
        prepared: the hosts, inspected. Those with nothing to change are reported as they are.
        request: what was asked for; its ``ready`` Ansible is used if it fits.
        dialog: gets progress lines, maybe from another thread than the caller's.
        command: the verb that the report is of.
        stop: ends the wave from another thread: what had begun is ``unknown`` then, the rest ``not-reached``.
        on_over: is told of every host for which nothing more is to be done, although others still go on.

    Raises:
        MngrAnsibleError: the run directory could not be written, or Ansible could not be started.
        Interrupted: a signal stopped the run, or what comes after it.
    """
    return _run(prepared, request, dialog, command, stop or RunStop(), on_over)


def _run(
    prepared: Sequence[Prepared],
    request: Request,
    dialog: Dialog,
    command: str,
    stop: RunStop,
    on_over: Callable[[Prepared], None] | None,
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
                            prepared, runs, request, directory, plan, dialog, ready, stop=stop, on_over=on_over
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
