"""The story of every command, once: gather → inspect → confirm → run → report → finish.

* :func:`gathering.gather` asks the plugins and makes a plan for every host, then ssh begins to connect.
* :func:`inspect` looks at every host and compares its plan with it. Nothing is changed.
* :func:`plan_report` (in ``reporting``) and :func:`render` stop there.
* :func:`provision` goes on: it asks about local installs and mirrors of empty sources, runs Ansible, reports, and calls
  the plugins' last hook.

The command line, the Python API and mngr call these functions with their own hosts, requests and dialogs. They import
this module after the plans are made: it takes a while, and ssh connects meanwhile.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mngr_ansible.diff.availability import ask_offers
from mngr_ansible.diff.due import compare, unmet_requirements
from mngr_ansible.diff.resolver import Candidate, Resolver
from mngr_ansible.errors import HostError, MngrAnsibleError
from mngr_ansible.host.connection import HostStoppedError
from mngr_ansible.host.probe import probe
from mngr_ansible.host.probe_request import ProbeRequest
from mngr_ansible.host.state import HostState
from mngr_ansible.inputs.hooks import run_after
from mngr_ansible.plan.plan import Plan, resolve_destinations
from mngr_ansible.portable import managers
from mngr_ansible.provisioning.at_once import at_once
from mngr_ansible.provisioning.gathering import PROBE_SECONDS, SUDO_SECONDS
from mngr_ansible.provisioning.readiness import digest_of, made_ready
from mngr_ansible.provisioning.reporting import NONSENSE, nonsense
from mngr_ansible.provisioning.request import SILENT, Dialog, Prepared, Request
from mngr_ansible.report.progress import announce, failed_early
from mngr_ansible.report.report import HostReport, Interrupted, Report
from mngr_ansible.run import settled
from mngr_ansible.run.places import remove_what_killed_runs_left
from mngr_ansible.system.signals import signal_that_came
from mngr_ansible.values import frozen, replace

if TYPE_CHECKING:
    from mngr_ansible.provisioning.waves import RunWave, Waves

_PATIENCE = "if cloud-init or unattended upgrades hold the package manager's lock, this waits for them, up to {} s"


@frozen
class Provisioned:
    """The end of the story: every host as it was inspected, in the order of the report's hosts."""

    prepared: tuple[Prepared, ...]
    report: Report


def inspect(
    gathered: Sequence[Prepared],
    request: Request,
    dialog: Dialog = SILENT,
    *,
    is_applied: bool = False,
    is_everything_asked: bool = False,
) -> list[Prepared]:
    """Look at every host, all at the same time, and compare its plan with it. A host that fails stops no other host.

    ``is_applied``: an :func:`apply` follows, so package managers may fetch their lists to say what they offer.
    ``is_everything_asked``: they are asked about all packages, also about those that are there.
    A host that failed while others go on is told as soon as that is known.
    """
    started = time.monotonic() - max(each.spent for each in gathered)

    def inspect_one(each: Prepared) -> Prepared:
        inspected = _inspect(
            each, request, started, dialog, is_applied=is_applied, is_everything_asked=is_everything_asked
        )
        error = inspected.error
        dialog.over(each.target.name, is_ok=error is None)
        is_stopped = isinstance(error, HostStoppedError) or signal_that_came() is not None
        if error is not None and not is_stopped and len(gathered) > 1:
            dialog.on_progress(each.target.name, failed_early(error))
        return inspected

    connections = [each.target.connection for each in gathered]
    return at_once(inspect_one, gathered, connections, request.fleet.forks)


def _inspect(
    prepared: Prepared,
    request: Request,
    started: float,
    dialog: Dialog,
    *,
    is_applied: bool,
    is_everything_asked: bool,
) -> Prepared:
    dialog.at(prepared.target.name, "checking")
    target, plan, request = prepared.target, prepared.plan, request.of(prepared.target)
    implied = plan.implied
    requirements = (*plan.requirements, *implied.values())
    resolved = tuple(each.resolved() for each in requirements)
    deadline, is_local, until = started + request.timeout, target.connection.is_local, None
    own: tuple[str, ...] = ()
    if request.fleet.host_timeout is not None:
        until = time.monotonic() + request.fleet.host_timeout
        deadline = min(deadline, until)
    probe_request = ProbeRequest(
        plan.claims,
        resolved,
        target.work_dir,
        request.become,
        0 if is_local else len(plan.requirements),
        request.password,
    )
    try:
        if (left := deadline - time.monotonic()) <= 0:
            raise HostError("the time was up before this host was asked", remedy="Give more time with --timeout.")
        most = PROBE_SECONDS + target.connection.patience + (SUDO_SECONDS if probe_request.needs_privilege else 0)
        state = probe(target.connection, probe_request, min(most, left))
        own = (state.login.user,)
        if target.python is not None and state.system.python is None:  # it is where nobody would look for it
            state = replace(state, system=replace(state.system, python=target.python))
        asking = "--become" if target.become is None else "ansible_become"
        typed = "Type the password again" if target.password is None else "Correct ansible_become_password"
        _require_privilege(request, state, is_needed=bool(resolved) or request.become, asking=asking, correct=typed)
        plan = resolve_destinations(plan, state.login.home, state.paths.work_dir, state.paths.real)
        asked = plan.requirements if is_everything_asked else unmet_requirements(plan, state)
        if asked:
            dialog.at(target.name, "asking what the package managers offer")
        resolver = ask_offers(
            target.connection,
            Resolver(state, plan.policy, implied),
            # To ask pip what it offers can run a package's own code. Source: pip's documentation, "pip install".
            [each for each in asked if not (is_local and each.has_strange_sources)],
            deadline,
            may_refresh=is_applied and not is_local,
            on_refresh=lambda names: dialog.all_at(
                [target.name], target.name, f"downloading the package lists of {', '.join(names)}"
            ),
        )
        due = compare(plan, state, resolver, is_local=is_local, become=request.become)
    except MngrAnsibleError as failure:
        is_late = until is not None and until <= time.monotonic() and deadline == until
        error = _too_late(request.fleet.host_timeout) if is_late else failure
        error.host, error.own = error.host or target.name, (*error.own, *own)
        for option, variable in target.words:
            error.remedy = error.remedy.replace(option, variable)
        return replace(prepared, error=error, spent=time.monotonic() - started)
    except NONSENSE as error:
        return replace(prepared, error=nonsense(error, target.name), spent=time.monotonic() - started)
    spent = time.monotonic() - started
    return replace(prepared, plan=plan, state=state, due=due, resolver=resolver, spent=spent, until=until)


def _too_late(seconds: float | None) -> HostError:
    return HostError(
        f"it was not looked at within the {seconds:g} s that each host has",
        remedy="Find out what slows it, or give more time with --host-timeout. Nothing was changed.",
    )


def _require_privilege(request: Request, state: HostState, *, is_needed: bool, asking: str, correct: str) -> None:
    """``asking``: what wants sudo; ``correct``: what to do about its password where that is wrong."""
    if request.password is not None and state.login.privilege == "none" and is_needed:
        if state.login.sudo_obstacle:
            raise HostError(
                f"sudo cannot be used with a password for {state.login.user}: {state.login.sudo_obstacle}",
                remedy="Allow sudo without a password for this user, or log in as root. Nothing was changed.",
            )
        raise HostError(
            f"sudo did not accept the password for {state.login.user}, or sudo is not installed",
            remedy=f"{correct}, or check that this user may use sudo on the host. Nothing was changed.",
        )
    if request.become and state.login.privilege not in ("root", "sudo", "password"):
        raise HostError(
            f"{asking} needs sudo, and {state.login.user} cannot use sudo without a password on this host"
            + (f": {state.login.sudo_obstacle}" if state.login.sudo_obstacle else ""),
            remedy="Log in as root, allow sudo without a password for this user, or add --ask-become-pass.",
        )


def render(
    gathered: Sequence[Prepared],
    request: Request,
    directory: Path,
    dialog: Dialog = SILENT,
    *,
    is_desired: bool = False,
    is_plain: bool = False,
) -> Report:
    """Inspect the hosts and write a run directory with what is to change; the report is that of ``plan``.

    ``is_desired``: all that is wanted is in it, also what the hosts have already. ``is_plain``: with plain tasks of
    Ansible's own modules, and no roles of ours.

    Raises:
        InputError: the directory is not empty or cannot be written, or a source file is gone.
    """
    from mngr_ansible.provisioning import rendering

    prepared = inspect([rendering.in_order(each) for each in gathered], request, dialog, is_everything_asked=is_desired)
    return rendering.write(
        confirm_deletions(prepared, dialog), request, directory, is_desired=is_desired, is_plain=is_plain
    )


def provision(
    gathered: Sequence[Prepared],
    request: Request,
    dialog: Dialog = SILENT,
    *,
    command: str = "apply",
    is_finished: bool = True,
    before_look: Callable[[Prepared], None] | None = None,
    before_run: Callable[[Prepared], None] | None = None,
) -> Provisioned:
    """Inspect the hosts, ask about mirrors of empty sources and local installs, then :func:`apply`.

    ``before_look`` is called before a host is looked at, in a thread; an error of ours that it raises is that host's.
    ``before_run`` is called for every host that could be inspected, before anything is changed.

    Raises:
        MngrAnsibleError: the run directory could not be written, or Ansible could not be started.
        Interrupted: a signal came after the first host could have been changed.
    """
    remove_what_killed_runs_left()
    digest, report = digest_of(gathered), None
    try:
        if any(each.playbooks for each in gathered):
            from mngr_ansible.provisioning import own_playbooks

            started = time.monotonic()
            request = own_playbooks.made_ready(gathered, request, dialog)
            gathered = [replace(each, spent=each.spent + time.monotonic() - started) for each in gathered]
        with made_ready(gathered, digest, request) as request:
            waves = _waves(
                gathered,
                request,
                dialog,
                command,
                is_finished=is_finished,
                before_look=before_look,
                before_run=before_run,
            )
            report = waves.run()
        settled.remember(digest, is_settled=report.ok)
        return Provisioned(tuple(waves.hosts), report)
    except (KeyboardInterrupt, SystemExit) as signal:
        if report is None:
            raise
        raise Interrupted(report, signal) from signal


def confirm_deletions(prepared: Sequence[Prepared], dialog: Dialog) -> list[Prepared]:
    """Ask, host by host, whether mirrors of empty sources are meant; they stay blocked where nobody can answer."""
    asked = list(prepared)
    for index, each in enumerate(asked):
        if dialog.confirm is None or each.due is None or not each.due.held:
            continue
        if all(dialog.confirm(f"{each.target.name}: {held.question}") for held in each.due.held):
            asked[index] = replace(each, due=each.due.released())
    return asked


def confirm_local_installs(prepared: Sequence[Prepared], dialog: Dialog) -> list[Prepared]:
    """Ask once whether to install on this machine what needs no root; nothing is asked where nobody can answer."""
    asked = list(prepared)
    for index, each in enumerate(asked):
        if dialog.confirm is None or each.due is None or each.state is None or not each.target.connection.is_local:
            continue
        possible = _installable(each.due.advised, each.plan, is_root=each.state.login.privilege == "root")
        names = ", ".join(candidate.requirement.name for candidate in possible)
        if possible and dialog.confirm(f"Install {names} on this machine?"):
            rest = tuple(candidate for candidate in each.due.advised if candidate not in possible)
            due = replace(each.due, installs=(*each.due.installs, *possible), advised=rest)
            asked[index] = replace(each, due=due)
    return asked


def _installable(advised: Sequence[Candidate], plan: Plan, *, is_root: bool) -> tuple[Candidate, ...]:
    """The candidates that the user may install without root, with everything that they require first."""
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
    dialog: Dialog = SILENT,
    *,
    command: str = "apply",
    is_finished: bool = True,
    is_summed_up: bool = False,
) -> Report:
    """Change every host as its plan says, then :func:`finish` each, unless ``is_finished`` leaves that to the caller.

    ``is_summed_up``: the caller has said what is installed.

    Where nothing has to change no playbook is run. A host with a required step that cannot be done is not touched.

    Raises:
        MngrAnsibleError: the run directory could not be written, or Ansible could not be started.
        Interrupted: a signal stopped the run, or what comes after it.
    """
    waves = _waves(prepared, request, dialog, command, is_finished=is_finished, is_summed_up=is_summed_up)
    return waves.run(are_inspected=True)


def _waves(
    hosts: Sequence[Prepared],
    request: Request,
    dialog: Dialog,
    command: str,
    *,
    is_finished: bool,
    is_summed_up: bool = False,
    before_look: Callable[[Prepared], None] | None = None,
    before_run: Callable[[Prepared], None] | None = None,
) -> "Waves":
    from mngr_ansible.provisioning.waves import Story, Waves

    request = replace(request, is_patient=request.is_patient or command == "bootstrap")
    started = time.monotonic() - max(each.spent for each in hosts)

    def look(each: Prepared) -> Prepared:
        if before_look is not None:
            try:
                before_look(each)
            except MngrAnsibleError as error:
                error.host = error.host or each.target.name
                return replace(each, error=error)
        speaking = replace(dialog, on_progress=waves.tell)
        return _inspect(each, request, started, speaking, is_applied=True, is_everything_asked=False)

    def ask(some: Sequence[Prepared]) -> Sequence[Prepared]:
        return confirm_local_installs(confirm_deletions(some, dialog), dialog)

    def begin(each: Prepared) -> None:
        if before_run is not None and each.due is not None:
            before_run(each)
        if each.due is not None and not each.due.stops:
            has_display = dialog.on_work is not None
            announce(each.target.name, each.due, waves.tell, is_summed_up=is_summed_up, has_display=has_display)
            if request.is_patient and any(one.manager in managers.SYSTEM for one in each.due.installs):
                from mngr_ansible.provisioning.execution import transaction_seconds

                waves.tell(each.target.name, _PATIENCE.format(transaction_seconds(request)))

    def end(each: Prepared, host: HostReport) -> HostReport:
        return finish(each, host, request, dialog) if is_finished else host

    def has_question(each: Prepared) -> bool:
        due = each.due
        return dialog.confirm is not None and due is not None and bool(due.held or due.advised)

    waves = Waves(hosts, request, dialog, command, Story(look, _run_wave, has_question, ask, begin, end))
    return waves


def _run_wave() -> "RunWave":
    from mngr_ansible.provisioning.wave import run_wave

    return run_wave


def finish(prepared: Prepared, report: HostReport, request: Request, dialog: Dialog = SILENT) -> HostReport:
    """Call the plugins' ``on_after_…`` for a host that is as planned; what they raise is in the report."""
    if not report.ok:
        return report
    try:
        if (hooks := request.hooks())["on_after_agent_provisioning"]:
            with dialog.aside():  # they may write to the terminal
                run_after(hooks, {**prepared.target.arguments(), "report": report}, host=prepared.target.name)
    except MngrAnsibleError as error:
        return replace(report, error=error)
    return report
