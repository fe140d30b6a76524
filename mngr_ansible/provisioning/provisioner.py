"""The story: before → collect → plan → probe → diff → run → after. Both faces tell it with their own hosts."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mngr_ansible.diff.availability import ask_offers
from mngr_ansible.diff.due import compare, unmet_requirements
from mngr_ansible.diff.resolver import Candidate, Resolver
from mngr_ansible.errors import ErrorGroup, HostError, InputError, MngrAnsibleError
from mngr_ansible.host.probe import probe
from mngr_ansible.host.probe_request import ProbeRequest
from mngr_ansible.host.state import HostState
from mngr_ansible.inputs.hooks import contributions, run_after, run_before
from mngr_ansible.plan.plan import Plan, build, print_only, resolve_destinations
from mngr_ansible.provisioning import execution
from mngr_ansible.provisioning.reporting import host_result, plan_report
from mngr_ansible.provisioning.request import Prepared, Request, Target
from mngr_ansible.report.progress import ProgressCallback, announce, summary
from mngr_ansible.report.report import HostReport, Report
from mngr_ansible.run.directory import write_run_directory
from mngr_ansible.run.runner import RunResult

Confirm = Callable[[str], bool]
"""Asks a person one question."""

_LOOK_SECONDS = 60.0
"""How long a host may take to say what is true there."""


def gather(targets: Sequence[Target], request: Request) -> list[Prepared]:
    """Ask all plugins about all hosts, and plan; no host is changed. The run has less time by what this takes.

    Raises:
        MngrAnsibleError: a plugin refuses or is faulty, a source is missing, plugins conflict, the time is up.
    """
    started = time.monotonic()
    found = request.hooks()
    refusals: list[MngrAnsibleError] = []
    for target in targets:
        try:
            run_before(found, target.arguments(), host=target.name)
        except MngrAnsibleError as error:
            refusals.append(error)
    if refusals:
        raise refusals[0] if len(refusals) == 1 else ErrorGroup(refusals)
    gathered: list[Prepared] = []
    for target in targets:
        asked = (*target.own, *contributions(found, target.arguments(), host=target.name), *request.user)
        if gathered and gathered[-1].contributions == asked:
            plan = gathered[-1].plan
        else:
            plan = build(
                asked,
                request.settings,
                install=request.install,
                check_packages=request.check_packages,
                only=request.only,
                work_dir=target.work_dir if target.work_dir.startswith("/") else "",
            )
            plan = print_only(plan) if request.is_print_only else plan
        gathered.append(Prepared(target, plan, asked))
    spent = time.monotonic() - started
    if spent >= request.timeout:
        raise InputError(
            f"asking the plugins and reading the sources took {spent:.0f} s of the {request.timeout:g} s for the run",
            remedy="Send less, or give more time with --timeout. Nothing was changed.",
        )
    return [dataclasses.replace(each, spent=spent) for each in gathered]


def prepare(targets: Sequence[Target], request: Request, *, is_applied: bool = False) -> list[Prepared]:
    """:func:`gather`, then :func:`inspect`."""
    return inspect(gather(targets, request), request, is_applied=is_applied)


def inspect(gathered: Sequence[Prepared], request: Request, *, is_applied: bool = False) -> list[Prepared]:
    """Look at every host at once and hold its plan against it. One dead host stops no other.

    ``is_applied``: an :func:`apply` follows, so that package managers may fetch their lists to say what they offer.
    """
    started = time.monotonic() - max(each.spent for each in gathered)

    def look_at(each: Prepared) -> Prepared:
        return _inspect(each, request, started, is_applied=is_applied)

    if len(gathered) == 1:
        return [look_at(gathered[0])]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=min(32, len(gathered) or 1)) as pool:
        try:
            return list(pool.map(look_at, gathered))
        except BaseException:
            for each in gathered:
                each.target.connection.stop()
            raise


def _inspect(prepared: Prepared, request: Request, started: float, *, is_applied: bool) -> Prepared:
    target, plan = prepared.target, prepared.plan
    implied = plan.implied
    requirements = (*plan.requirements, *implied.values())
    resolved = tuple(each.resolved() for each in requirements)
    question = ProbeRequest(plan.claims, resolved, target.work_dir, request.become, request.password)
    deadline, is_local = started + request.timeout, target.connection.is_local
    try:
        if (left := deadline - time.monotonic()) <= 0:
            raise HostError("the time was up before it was asked", remedy="Give more time with --timeout.")
        state = probe(target.connection, question, min(_LOOK_SECONDS, left))
        _require_privilege(request, state, is_needed=bool(resolved) or request.become)
        plan = resolve_destinations(plan, state.login.home, state.paths.work_dir, state.paths.real)
        resolver = ask_offers(
            target.connection,
            Resolver(state, plan.policy, implied),
            unmet_requirements(plan, state),
            deadline,
            may_refresh=is_applied and not is_local,
        )
        due = compare(plan, state, resolver, is_local=is_local, become=request.become)
    except MngrAnsibleError as error:
        error.host = error.host or target.name
        return dataclasses.replace(prepared, error=error, spent=time.monotonic() - started)
    return dataclasses.replace(prepared, plan=plan, state=state, due=due, spent=time.monotonic() - started)


def _require_privilege(request: Request, state: HostState, *, is_needed: bool) -> None:
    if request.password is not None and state.login.privilege == "none" and is_needed:
        if state.login.sudo_obstacle:
            raise HostError(
                f"the password for {state.login.user} cannot be used there: {state.login.sudo_obstacle}",
                remedy="Allow sudo without a password for this login, or log in as root. Nothing was changed.",
            )
        raise HostError(
            f"its sudo did not take the password for {state.login.user}, or there is no sudo",
            remedy="Type it again, or see whether that login may use sudo there. Nothing was changed.",
        )
    if request.become and state.login.privilege not in ("root", "sudo", "password"):
        raise HostError(
            f"--become needs sudo, and {state.login.user} has none there that works without a password",
            remedy="Log in as root, allow sudo without a password for this login, or give --ask-become-pass.",
        )


def render(prepared: Sequence[Prepared], request: Request, directory: Path) -> Report:
    """Write the run directory for what is due; the report is that of ``plan``."""
    report = plan_report(prepared, "render")
    report = dataclasses.replace(report, extra={"path": str(directory.absolute())})
    due, bound = execution.runs(prepared, request), execution.bound(request)
    write_run_directory(directory, due, report.to_dict(), timeout=bound, stage=True)
    return report


def confirm_local_installs(prepared: Sequence[Prepared], confirm: Confirm | None) -> list[Prepared]:
    """Ask once whether to install on this machine what needs no privilege that the user lacks; None: do not ask."""
    asked = list(prepared)
    for index, each in enumerate(asked):
        if confirm is None or each.due is None or each.state is None or not each.target.connection.is_local:
            continue
        possible = _possible(each.due.advised, each.plan, is_root=each.state.login.privilege == "root")
        names = ", ".join(candidate.requirement.name for candidate in possible)
        if possible and confirm(f"Install {names} on this machine?"):
            rest = tuple(candidate for candidate in each.due.advised if candidate not in possible)
            due = dataclasses.replace(each.due, installs=(*each.due.installs, *possible), advised=rest)
            asked[index] = dataclasses.replace(each, due=due)
    return asked


def _possible(advised: Sequence[Candidate], plan: Plan, *, is_root: bool) -> tuple[Candidate, ...]:
    """The ways that need no right that the user lacks, and nothing first that does."""
    possible = tuple(
        candidate
        for candidate in advised
        if not candidate.requirement.is_printed and (is_root or not candidate.needs_root)
    )
    while True:
        left = {candidate.requirement.name for candidate in advised if candidate not in possible}
        fewer = tuple(
            candidate
            for candidate in possible
            if left.isdisjoint(plan.implied[text].name for text in candidate.source.requires)
        )
        if fewer == possible:
            return possible
        possible = fewer


def apply(
    prepared: Sequence[Prepared],
    request: Request,
    talk: ProgressCallback = lambda _host, _line: None,
    *,
    command: str = "apply",
    is_verbose: bool = False,
    is_finished: bool = True,
) -> Report:
    """Bring every host to its plan, then :func:`finish` each, unless ``is_finished`` leaves that to the caller.

    Nothing due means that Ansible is not started. A host whose required steps are hopeless is not touched.
    """
    started = time.monotonic()
    for each in prepared:
        if each.due is not None and not each.due.stops:
            announce(each.target.name, each.due, talk)
    ran = {each.alias for each in execution.runs(prepared, request)}

    def reported(result: RunResult | None) -> Report:
        hosts = execution.by_alias(prepared).items()
        return Report(
            command, tuple(host_result(each, alias, result if alias in ran else None) for alias, each in hosts)
        )

    if ran:
        plan = plan_report(prepared, command).to_dict()
        report = execution.execute(prepared, request, plan, talk, reported, is_verbose=is_verbose)
    else:
        report = reported(None)
    done = []
    try:
        for each, host in zip(prepared, report.hosts, strict=True):
            finished = finish(each, host, request) if is_finished else host
            talk(each.target.name, summary(finished, each.spent + time.monotonic() - started))
            done.append(finished)
    except BaseException as error:
        error.report = report  # type: ignore[attr-defined]
        raise
    return dataclasses.replace(report, hosts=tuple(done))


def finish(prepared: Prepared, report: HostReport, request: Request) -> HostReport:
    """Call the plugins' ``on_after_…`` for a host that is as planned; what they raise is in the report."""
    if not report.ok:
        return report
    try:
        run_after(request.hooks(), {**prepared.target.arguments(), "report": report}, host=prepared.target.name)
    except MngrAnsibleError as error:
        return dataclasses.replace(report, error=error)
    return report
