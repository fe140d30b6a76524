"""``Plan`` × ``HostState`` → :class:`Due`: what is missing, too old or different on a host, and why."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from mngr_ansible import commands, managers
from mngr_ansible.choice import Choice, Chooser, Offers, Way
from mngr_ansible.drift import DueTransfer, Wanted, look_at
from mngr_ansible.hoststate import HostState
from mngr_ansible.plan import Plan, Skipped
from mngr_ansible.report import DUE, Outcome, Status
from mngr_ansible.requirements import Requirement

BOOTSTRAP = "bootstrap:python3"


@dataclass(frozen=True, slots=True)
class Due:
    """What one host needs to be as planned.

    ``outcomes`` holds every step of the plan in its order, with plan statuses; the rest is what a run acts on. Nothing
    in ``transfers``, ``installs`` and ``needs_python`` means that Ansible is not started. ``advised`` is a person's to
    install; ``hopeless`` would be, if the login could.
    """

    outcomes: tuple[Outcome, ...]
    transfers: tuple[DueTransfer, ...] = ()
    installs: tuple[Way, ...] = ()
    advised: tuple[Way, ...] = ()
    hopeless: tuple[Way, ...] = ()
    needs_python: bool = False
    is_python_advised: bool = False
    is_python_hopeless: bool = False
    """Whether python3 could be installed, if the login had the right."""
    notices: tuple[str, ...] = ()
    are_lists_old: bool = False
    """Whether the lists of the host's package manager are empty, or older than a day."""

    @property
    def stops(self) -> tuple[Outcome, ...]:
        """The required steps that nothing allowed can satisfy: they stop the host before its first change."""
        return tuple(each for each in self.outcomes if each.stops)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that Ansible would do."""
        return not self.transfers and not self.installs and not self.needs_python


def lacking(plan: Plan, state: HostState) -> tuple[Requirement, ...]:
    """The requirements that something must be installed for."""
    return tuple(each for each in plan.requirements if Status(state.findings[each.id].status) in DUE)


def compare(plan: Plan, state: HostState, offers: Offers | None = None, *, is_local: bool, become: bool = False) -> Due:
    """Hold the plan against what is true. ``is_local``: packages are only advised, unless asked for by name.

    ``offers``: what the host's package managers have; without it a source is taken at its word.
    """
    left_alone = [each.destination(state.home, state.work_dir) for each in plan.skipped if each.kind == "file"]
    wanted = Wanted.of(plan.transfers, left_alone, state)
    transfers = [look_at(each, state, wanted, become=become) for each in plan.transfers]
    due_transfers = tuple(due for outcome, due in transfers if due is not None and outcome.status in DUE)
    packages = _Packages(Chooser(state, plan.policy, plan.implied, offers or {}), is_local=is_local)
    for each in plan.requirements:
        packages.add(each)
    is_wanted = bool(due_transfers or packages.installs)
    is_required = bool(due_transfers) or any(way.requirement.is_required for way in packages.installs.values())
    python = [] if is_local else _python(plan, state, is_wanted=is_wanted, is_required=is_required)
    needs_python = any(each.status is Status.MISSING or is_wanted for each in python if each.status is not Status.OK)
    if any(each.status is Status.BLOCKED and not each.is_required for each in python):
        # Nothing that Ansible would do is worth stopping the host for: what is optional is a person's to install.
        packages.hopeless |= packages.installs
        packages.installs, needs_python = {}, False
    ages = {answer.lists for answer in (offers or {}).values()}
    return Due(
        outcomes=(
            *python,
            *(each for each, _ in transfers),
            *packages.outcomes.values(),
            *skipped(plan, state.home, state.work_dir),
        ),
        transfers=due_transfers,
        installs=tuple(packages.installs.values()),
        advised=tuple(packages.advised.values()),
        hopeless=tuple(packages.hopeless.values()),
        needs_python=needs_python,
        is_python_advised=needs_python and plan.install == "print",
        is_python_hopeless=_is_hopeless(python, state),
        notices=tuple(dict.fromkeys(packages.notices)),
        are_lists_old=bool(ages & {"empty", "stale"}),
    )


class _Packages:
    """The steps of packages on one host, as they are decided one after the other; each step at most once."""

    def __init__(self, chooser: Chooser, *, is_local: bool) -> None:
        self.chooser, self.state, self.is_local = chooser, chooser.state, is_local
        self.outcomes: dict[str, Outcome] = {}
        self.installs: dict[str, Way] = {}
        self.advised: dict[str, Way] = {}
        self.hopeless: dict[str, Way] = {}
        self.notices: list[str] = []

    def add(self, requirement: Requirement) -> None:
        if requirement.name in self.installs or requirement.name in self.advised:
            return
        finding = self.state.findings[requirement.id]
        status = Status(finding.status)
        if status not in DUE:
            self.notices += [finding.notice] * bool(finding.notice)
            self._settle(requirement, status, finding.reason)
            return
        by_hand = _is_printed(requirement, self.state, None, is_local=self.is_local)
        choice = self.chooser.choose(requirement, by_hand=by_hand)
        if choice.way is None or choice.lacks:
            self.hopeless |= {way.requirement.name: way for way in choice.ways}
            self._settle(requirement, Status.BLOCKED, _why_not(choice, requirement), choice.way)
            return
        if choice.refusals:
            told = f"{'; '.join(choice.refusals)}: {requirement.name} comes from {choice.way.source.label}"
            self.notices.append(told)
        is_ours = not any(_is_printed(requirement, self.state, way, is_local=self.is_local) for way in choice.ways)
        for way in choice.ways:
            (self.installs if is_ours else self.advised).setdefault(way.requirement.name, way)
            if way is not choice.way:
                found = Status(self.state.findings[way.requirement.id].status)
                self._settle(dataclasses.replace(way.requirement, step=""), found, way.requirement.who, way)
        self._settle(requirement, status, requirement.who if requirement.purposes else finding.reason, choice.way)

    def _settle(self, requirement: Requirement, status: Status, reason: str, way: Way | None = None) -> None:
        finding = self.state.findings[way.requirement.id if way else requirement.id]
        self.outcomes[requirement.id] = Outcome(
            requirement.id,
            "package",
            status,
            current=finding.current,
            wanted=str(requirement.range) or "any",
            plugins=requirement.plugins,
            reason=reason,
            source=way.source.label if way else None,
            is_required=requirement.is_required,
        )


def skipped(plan: Plan, home: str, work_dir: str) -> Iterator[Outcome]:
    """A step for everything that is skipped on a host with this home and work_dir, where no other step has its id."""
    steps = {each.id for each in plan.transfers} | {each.id for each in plan.requirements}
    by_id: dict[str, list[Skipped]] = {}
    for each in plan.skipped:
        if (step := each.id(home, work_dir)) not in steps:
            by_id.setdefault(step, []).append(each)
    for step, same in by_id.items():
        plugins = tuple(dict.fromkeys(each.plugin for each in same))
        reason = "; ".join(dict.fromkeys(each.reason for each in same))
        yield Outcome(step, same[0].kind, Status.SKIPPED, plugins=plugins, reason=reason, is_required=False)


def _is_hopeless(python: list[Outcome], state: HostState) -> bool:
    is_blocked = any(each.status is Status.BLOCKED for each in python)
    return is_blocked and state.privilege == "none" and state.old_python is None and bool(commands.python(state))


def _is_printed(requirement: Requirement, state: HostState, way: Way | None, *, is_local: bool) -> bool:
    """Whether a person runs the command: on this machine also where we lack the privilege that installing needs."""
    has_right = state.privilege != "none" or (way is not None and not way.needs_root)
    is_ours = not is_local or (requirement.is_installed_locally and has_right)
    return requirement.is_printed or not is_ours


def _why_not(choice: Choice, requirement: Requirement) -> str:
    if choice.way is None:
        return f"no source for {requirement.name} will do: {'; '.join(choice.refusals)}"
    lines = " && ".join(commands.worded(choice.ways, "sudo"))
    return f"{choice.lacks}; an administrator must run: {lines}"


def _python(plan: Plan, state: HostState, *, is_wanted: bool, is_required: bool) -> list[Outcome]:
    """The step of the python3 that Ansible needs on the host; none where nobody wants it, or it is there unasked."""
    always = plan.wants_python != "where needed"
    if state.python is not None:
        there = Outcome(BOOTSTRAP, "bootstrap", Status.OK, state.python_version, ">=3.9", ("mngr-ansible",))
        return [there] if always else []
    if not (is_wanted or always):
        return []
    status, reason, manager = Status.MISSING, "Ansible needs it on the host", state.manager
    line = commands.python(state)
    if state.old_python is not None:
        status = Status.BLOCKED
        reason = f"Ansible needs Python 3.9 or newer, the host has {state.old_python}; install a newer python3 there"
    elif not line or manager not in managers.SYSTEM:
        status = Status.BLOCKED
        reason = "Ansible needs Python 3.9 or newer on the host, which has no package manager that we know; "
        reason += "install python3 there by hand"
    elif state.privilege == "none":
        status = Status.BLOCKED
        reason = f"Ansible needs python3; an administrator must run: {line}"
    return [
        Outcome(
            *(BOOTSTRAP, "bootstrap", status, state.old_python, ">=3.9", ("mngr-ansible",), reason, manager),
            is_required=is_required or plan.wants_python == "always",
        )
    ]
