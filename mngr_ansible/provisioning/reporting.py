"""The story: before → collect → plan → probe → diff → run → after. Both faces tell it with their own hosts."""

import dataclasses
from collections.abc import Sequence

from mngr_ansible.diff import commands, preview
from mngr_ansible.diff.outcome import Outcome
from mngr_ansible.errors import MngrAnsibleError
from mngr_ansible.provisioning.request import Prepared
from mngr_ansible.report import outcomes
from mngr_ansible.report.report import HostReport, Report
from mngr_ansible.run.runner import RunResult


def plan_report(
    prepared: Sequence[Prepared], command: str = "plan", *, has_diff: bool = False, is_refreshing: bool = False
) -> Report:
    """What is due on every host, and the commands that a person would run for its packages.

    ``has_diff``: with what would change in files, which asks every host once more what they hold. ``is_refreshing``:
    the commands fetch the lists of packages first, whatever their age.
    """
    hosts = (_planned(each, has_diff=has_diff, is_refreshing=is_refreshing) for each in prepared)
    return Report(command, tuple(hosts))


def _planned(prepared: Prepared, *, has_diff: bool, is_refreshing: bool) -> HostReport:
    if prepared.due is None or prepared.state is None:
        return host_report(prepared, ())
    due, state, steps = prepared.due, prepared.state, prepared.due.outcomes
    if has_diff and due.transfers:
        try:
            told = preview.file_changes(prepared.target.connection, due.transfers, state)
        except MngrAnsibleError as error:
            error.host = error.host or prepared.target.name
            return dataclasses.replace(host_report(prepared, ()), error=error)
        steps = tuple(dataclasses.replace(each, diff=told.get(each.id)) for each in steps)
    wanted = (*due.installs, *due.advised, *due.blocked)
    python, is_refreshing = due.needs_python or due.is_python_blocked, is_refreshing or due.are_lists_old
    lines = commands.install_commands(wanted, state, python=python, is_refreshing=is_refreshing)
    return host_report(prepared, steps, lines)


def host_report(prepared: Prepared, steps: Sequence[Outcome], lines: Sequence[str] = ()) -> HostReport:
    state, target = prepared.state, prepared.target
    about = f"{state.system.name}, {state.login.user}" if state is not None else ""
    return HostReport(
        target.name,
        target.connection.is_local,
        tuple(steps),
        tuple(lines),
        (*prepared.plan.all_notices, *(prepared.due.notices if prepared.due else ())),
        prepared.error,
        about,
    )


def host_result(prepared: Prepared, alias: str, result: RunResult | None) -> HostReport:
    if prepared.due is None or prepared.state is None:
        return host_report(prepared, outcomes.unreached(prepared.plan))
    due = prepared.due
    if result is None:
        steps, error = outcomes.untouched(due), None
    else:
        steps, error = outcomes.from_events(due, alias, prepared.target.name, result)
    left, is_old = (*(() if due.stops else due.advised), *due.blocked), due.are_lists_old
    python = due.is_python_advised or due.is_python_blocked
    lines = commands.install_commands(left, prepared.state, python=python, is_refreshing=is_old)
    return dataclasses.replace(host_report(prepared, steps, lines), error=error)
