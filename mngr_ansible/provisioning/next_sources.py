"""A source failed for a reason that is its own: the next one is tried in the same run, and what was not reached.

That a source is offered is known before a run; that its key, its server, its checksum or its dependencies are in order
shows only when it is used. Such a failure (``is_of_source`` in a step's result) changed nothing on the host. So the
resolver chooses again, without that source, and a second run of Ansible installs what it chose. Nothing of this costs
anything where nothing fails.
"""

from collections.abc import Collection, Mapping, Sequence

from mngr_ansible.diff.due import Due
from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.diff.packages import DuePackages, compare_packages
from mngr_ansible.diff.resolver import Candidate, Resolver
from mngr_ansible.host.state import HostState
from mngr_ansible.plan.requirements import Requirement
from mngr_ansible.provisioning.execution import HostsRun
from mngr_ansible.provisioning.request import Prepared, by_alias
from mngr_ansible.report.outcomes import by_host, failed_sources
from mngr_ansible.report.progress import ProgressCallback
from mngr_ansible.report.report import HostReport, Report
from mngr_ansible.run.runner import RunResult
from mngr_ansible.spec.sources import Source
from mngr_ansible.values import frozen, replace

_Failures = Mapping[tuple[str, Source], str]


def next_attempts(
    prepared: Sequence[Prepared], run: HostsRun, report: Report, seconds: float, on_progress: ProgressCallback
) -> tuple[list[Prepared], Report]:
    """What is tried next after a run, and the report with what failed for good.

    Args:
        prepared: all hosts, as the run had them.
        run: the run that has just ended.
        report: of all runs until now.
        seconds: that the last run took.
        on_progress: is told what is tried next.

    Returns:
        All hosts in the same order; those with nothing more to do have no ``due``.
    """
    again, hosts, results = [], [], by_host(run.result, run.aliases)
    for (alias, each), host in zip(by_alias(prepared).items(), report.hosts, strict=True):
        attempt = _Attempt.of(each, host, results.get(alias), alias)
        hosts.append(attempt.report)
        again.append(replace(attempt.prepared, spent=each.spent + seconds))
        for line in attempt.lines:
            on_progress(each.target.name, line)
    return again, replace(report, hosts=tuple(hosts))


def merged(report: Report, latest: Report, prepared: Sequence[Prepared]) -> Report:
    """The report of all runs: of a host that was in the latest run, its steps there replace the earlier ones."""
    hosts = (
        before if each.due is None else _merged_host(before, after)
        for before, after, each in zip(report.hosts, latest.hosts, prepared, strict=True)
    )
    return replace(report, hosts=tuple(hosts))


def _merged_host(before: HostReport, after: HostReport) -> HostReport:
    earlier = {each.id: each for each in before.outcomes}
    outcomes: list[Outcome] = []
    pending = list(after.outcomes)
    for each in before.outcomes:
        while any(one.id == each.id for one in pending):  # first what is new: what this step needs before it
            latest = pending.pop(0)
            outcomes.append(_with_both_reasons(earlier.get(latest.id), latest))
        if all(one.id != each.id for one in outcomes):
            outcomes.append(each)
    notices = tuple(dict.fromkeys((*before.notices, *after.notices)))
    return replace(before, outcomes=tuple(outcomes), notices=notices, error=after.error)


def _with_both_reasons(earlier: Outcome | None, latest: Outcome) -> Outcome:
    is_both = earlier is not None and earlier.status is latest.status is Status.FAILED
    if not is_both or earlier is None or earlier.source == latest.source:
        return latest
    reason = f"{earlier.source}: {earlier.reason}; {latest.source}: {latest.reason}"
    return replace(latest, reason=reason)


@frozen
class _Attempt:
    """What is tried next on one host; ``prepared`` has no ``due`` if nothing is."""

    prepared: Prepared
    report: HostReport
    lines: tuple[str, ...] = ()

    @classmethod
    def of(cls, prepared: Prepared, report: HostReport, result: RunResult | None, alias: str) -> "_Attempt":
        nothing = cls(replace(prepared, due=None), report)
        due, state, resolver = prepared.due, prepared.state, prepared.resolver
        if due is None or state is None or resolver is None or result is None:
            return nothing
        if result.status != "finished" or report.error is not None:
            return nothing
        reasons = failed_sources(alias, result)
        failed = [each for each in due.installs if each.step_id in reasons]
        if not failed:
            return nothing
        waiting = _waiting(due.installs, {each.step_id for each in failed}, resolver)
        statuses = {each.id: each.status for each in report.outcomes}
        done = {step for step, status in statuses.items() if status in (Status.OK, Status.CHANGED)}
        is_local = prepared.target.connection.is_local
        wanted = {*reasons, *waiting, *(step for step, status in statuses.items() if status is Status.NOT_REACHED)}
        left = _of_steps(prepared, wanted - done)
        state = _after(state, due, done)
        choice = _choose(left, resolver, state, failed, reasons, is_local=is_local)
        together = {
            each.step_id
            for each in due.installs
            if each.manager in choice.moved and statuses[each.step_id] is Status.FAILED
        }
        if not together <= wanted:
            left = _of_steps(prepared, wanted - done | together)
            choice = _choose(left, resolver, state, failed, reasons, is_local=is_local)
        installs = tuple(each for each in choice.packages.installs if each.step_id not in done)
        chosen = {each.step_id for each in installs}
        notices, lines = _words(failed, reasons, installs)
        report = _given_up(report, [each for each in left if each.id not in chosen], choice.resolver)
        report = _without_duty(report, {each.id for each in prepared.plan.requirements})
        outcomes = tuple(each for each in choice.packages.outcomes if each.id in chosen)
        next_due = Due(outcomes, installs=installs, notices=notices) if installs else None
        prepared = replace(prepared, state=state, resolver=choice.resolver, due=next_due)
        return cls(prepared, report, tuple(lines))


@frozen
class _Choice:
    """What is installed next. ``moved``: the managers of which at least one package comes from elsewhere now."""

    packages: DuePackages
    resolver: Resolver
    moved: frozenset[str] = frozenset()


def _choose(
    left: Sequence[Requirement],
    resolver: Resolver,
    state: HostState,
    failed: Sequence[Candidate],
    reasons: Mapping[str, str],
    *,
    is_local: bool,
) -> _Choice:
    """The next sources. What failed only because it was in one transaction with another gets its own source again."""
    failures = {(each.requirement.name, each.source): reasons[each.step_id] for each in failed}
    for each in failed:
        failures |= _same_key(each, reasons, [*left, *resolver.implied.values()])
    choice = _chosen(left, resolver.after(state, failures), is_local=is_local)
    chosen = {each.step_id for each in choice.packages.installs}
    moved = frozenset(each.manager for each in failed if each.step_id in chosen)
    innocent = [each for each in failed if each.step_id not in chosen and each.manager in moved]
    for each in innocent:
        del failures[each.requirement.name, each.source]
    if innocent:
        choice = _chosen(left, resolver.after(state, failures), is_local=is_local)
    return replace(choice, moved=moved)


def _of_steps(prepared: Prepared, steps: Collection[str]) -> list[Requirement]:
    return [each for each in prepared.plan.requirements if each.id in steps]


def _chosen(left: Sequence[Requirement], resolver: Resolver, *, is_local: bool) -> _Choice:
    return _Choice(compare_packages(left, resolver, is_local=is_local), resolver)


def _waiting(installs: Sequence[Candidate], failed: Collection[str], resolver: Resolver) -> set[str]:
    """The steps that need a step which failed, and could only fail too."""
    found = set(failed)
    while True:
        more = {
            each.step_id
            for each in installs
            if any(f"package:{resolver.implied[text].name}" in found for text in each.source.requires)
        }
        if more <= found:
            return found
        found |= more


def _same_key(failed: Candidate, reasons: Mapping[str, str], requirements: Sequence[Requirement]) -> _Failures:
    """The other sources with the key of a repository that could not be added: they would fail like it."""
    repository = failed.source.repository
    if repository is None or f"repository:{repository.name}" not in reasons:
        return {}
    return {
        (each.name, source): reasons[failed.step_id]
        for each in requirements
        for source in each.sources
        if source.repository is not None and source.repository.key == repository.key
    }


def _after(state: HostState, due: Due, done: Collection[str]) -> HostState:
    """What is true on the host after a run: what it installed is there, python3 too."""
    findings = dict(state.findings)
    for each in due.installs:
        if each.step_id in done:
            for step in {each.requirement.id, each.step_id} & findings.keys():
                findings[step] = findings[step]._replace(status="ok", reason="")
    system = state.system
    if due.needs_python and system.python is None:
        system = replace(system, python="/usr/bin/python3")
    return replace(state, findings=findings, system=system)


def _words(
    failed: Sequence[Candidate], reasons: Mapping[str, str], installs: Sequence[Candidate]
) -> tuple[tuple[str, ...], list[str]]:
    """Notices for the report, and lines for people who wait: what failed, and what is tried instead."""
    notices, lines = [], []
    following = {each.step_id: each.source for each in installs}
    for each in failed:
        source = following.get(each.step_id)
        if source is not None and source != each.source:
            name, label, other = each.requirement.name, each.source.label, source.label
            notices.append(f"{name} could not be installed from {label} ({reasons[each.step_id]}); {other} is next")
            lines.append(f"{name} could not be installed from {label}; trying {other}")
    return tuple(notices), lines


def _without_duty(report: HostReport, planned: Collection[str]) -> HostReport:
    """What only a source needs first, and failed, is no failure of the run by itself: what needs it can be one."""
    outcomes = (
        replace(each, is_required=False)
        if each.kind == "package" and each.status is Status.FAILED and each.id not in planned
        else each
        for each in report.outcomes
    )
    return replace(report, outcomes=tuple(outcomes))


def _given_up(report: HostReport, requirements: Sequence[Requirement], resolver: Resolver) -> HostReport:
    """The report with the outcome of what no source is left for: why each of them failed, or cannot be used."""
    outcomes = {each.id: each for each in report.outcomes}
    for each in requirements:
        outcome = outcomes[each.id]
        refusals = resolver.resolve(each).refusals
        is_alone = len(refusals) == 1 and outcome.status is Status.FAILED
        reason = outcome.reason if is_alone else "; ".join(dict.fromkeys(refusals))
        outcomes[each.id] = replace(outcome, status=Status.FAILED, reason=reason)
    return replace(report, outcomes=tuple(outcomes.values()))
