"""A host as it was inspected, and what a run did to it → its report."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mngr_ansible.catalog.lookup import similar_tool
from mngr_ansible.diff import commands
from mngr_ansible.diff.outcome import Outcome, Status, short_path
from mngr_ansible.errors import HostError, MngrAnsibleError
from mngr_ansible.provisioning.at_once import at_once
from mngr_ansible.provisioning.request import Prepared, by_alias
from mngr_ansible.report import outcomes
from mngr_ansible.report.report import HostReport, Report
from mngr_ansible.values import replace

if TYPE_CHECKING:
    from mngr_ansible.provisioning.execution import HostsRun
    from mngr_ansible.run.runner import RunResult

NONSENSE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What an answer that makes no sense can raise where we have not thought of it: a failure of its host alone."""


def nonsense(error: Exception, host: str) -> MngrAnsibleError:
    """The error of a host whose answer led to an exception of ours."""
    return HostError(
        f"its answer cannot be used ({type(error).__name__}: {error!s:.200})",
        remedy="Check what its login shell and its tools print. If they are in order, this is a bug in mngr-ansible: "
        "please report it.",
        host=host,
    )


def plan_report(
    prepared: Sequence[Prepared],
    command: str = "plan",
    *,
    has_diff: bool = False,
    is_refreshing: bool = False,
    forks: int | None = None,
) -> Report:
    """What is to change on every host, and the commands that a person would run for its packages.

    Args:
        prepared: the hosts, inspected.
        command: the verb that the report is of.
        has_diff: with the changes in files as diffs; every host is asked once more for what its files hold.
        is_refreshing: the commands fetch the lists of packages first, whatever their age.
        forks: hosts that are asked at once; None: the usual number.
    """

    def planned(each: Prepared) -> HostReport:
        return _planned_host(each, has_diff=has_diff, is_refreshing=is_refreshing)

    if has_diff:
        hosts = at_once(planned, prepared, [each.target.connection for each in prepared], forks)
    else:
        hosts = list(map(planned, prepared))
    return Report(command, tuple(hosts))


def _planned_host(prepared: Prepared, *, has_diff: bool, is_refreshing: bool) -> HostReport:
    if prepared.due is None or prepared.state is None:
        return _host_report(prepared, ())
    report = _planned_changes(prepared, has_diff=has_diff, is_refreshing=is_refreshing)
    return report if report.error is not None else _with_playbooks(prepared, report, is_planned=True)


def _with_playbooks(prepared: Prepared, report: HostReport, *, is_planned: bool = False) -> HostReport:
    """The report with a step for each playbook of the user's own, which was not started; or only a run can tell."""
    if not prepared.playbooks:
        return report
    from mngr_ansible.report import own_playbooks

    make = own_playbooks.planned if is_planned else own_playbooks.not_reached
    own = [make(each) for each in prepared.playbooks]
    return replace(report, outcomes=own_playbooks.around(prepared.playbooks, report.outcomes, own))


def _planned_changes(prepared: Prepared, *, has_diff: bool, is_refreshing: bool) -> HostReport:
    if prepared.due is None or prepared.state is None:
        return _host_report(prepared, ())
    due, state, steps = prepared.due, prepared.state, prepared.due.outcomes
    if has_diff and due.transfers:
        from mngr_ansible.diff import preview

        try:
            changes = preview.file_changes(prepared.target.connection, due.transfers, state)
        except MngrAnsibleError as error:
            error.host = error.host or prepared.target.name
            return replace(_host_report(prepared, ()), error=error)
        except NONSENSE as error:
            return replace(_host_report(prepared, ()), error=nonsense(error, prepared.target.name))
        steps = tuple(replace(each, diff=changes.get(each.id)) for each in steps)
    candidates = (*due.installs, *due.advised, *due.blocked)
    python, is_refreshing = due.needs_python or due.is_python_blocked, is_refreshing or due.are_lists_old
    lines = commands.install_commands(candidates, state, python=python, is_refreshing=is_refreshing)
    return _host_report(prepared, steps, lines)


def _host_report(prepared: Prepared, steps: Sequence[Outcome], lines: Sequence[str] = ()) -> HostReport:
    state, target = prepared.state, prepared.target
    about = f"{state.system.name}, {state.login.user}" if state is not None else ""
    return HostReport(
        target.name,
        target.connection.is_local,
        tuple(steps),
        tuple(lines),
        notices_of(prepared),
        prepared.error,
        about,
        short_path(state.paths.work_dir, state.login.home, "") if state is not None else "",
    )


def notices_of(prepared: Prepared) -> tuple[str, ...]:
    """What people should know about a host's plan: one sentence each."""
    return (*prepared.plan.all_notices, *(prepared.due.notices if prepared.due else ()), *_slips(prepared))


def _slips(prepared: Prepared) -> Iterator[str]:
    """A sentence for every package that cannot be had, if its name is nearly that of a tool of the catalog."""
    blocked = [each for each in prepared.due.outcomes if each.status is Status.BLOCKED] if prepared.due else []
    unsourced = {each.id for each in prepared.plan.requirements if not each.sources}
    for each in blocked:
        if each.id in unsourced and each.source is None and (meant := similar_tool(each.name)):
            yield f"{each.name} is not in the catalog (did you mean {meant}?)"


def apply_report(prepared: Sequence[Prepared], command: str, run: "HostsRun | None") -> Report:
    """What became of every step on every host; ``run``: None where Ansible was not started."""
    results = {} if run is None else outcomes.by_host(run.result, run.aliases)
    hosts = (
        _with_playbooks(each, changed_host(each, alias, results.get(alias)))
        for alias, each in by_alias(prepared).items()
    )
    return Report(command, tuple(hosts))


def not_run_report(prepared: Sequence[Prepared], command: str, error: MngrAnsibleError) -> Report:
    """The report of hosts whose run could not be begun; those that had nothing to change are as they are."""
    report = apply_report(prepared, command, None)
    hosts = (
        replace(host, error=HostError(error.problem, remedy=error.remedy, host=host.host)) if each.is_to_run else host
        for each, host in zip(prepared, report.hosts, strict=True)
    )
    return replace(report, hosts=tuple(hosts))


def changed_host(prepared: Prepared, alias: str, result: "RunResult | None") -> HostReport:
    """What became of every step on one host, ``alias`` in the inventory; ``result``: None where nothing was run."""
    if prepared.due is None or prepared.state is None:
        return _host_report(prepared, outcomes.unreached(prepared.plan))
    due = prepared.due
    if result is None:
        steps, error = outcomes.untouched(due), None
    else:
        steps, error = outcomes.from_events(due, alias, prepared.target.name, result)
    left, is_old = (*(() if due.stops else due.advised), *due.blocked), due.are_lists_old
    python = due.is_python_advised or due.is_python_blocked
    lines = commands.install_commands(left, prepared.state, python=python, is_refreshing=is_old)
    return replace(_host_report(prepared, steps, lines), error=error)
