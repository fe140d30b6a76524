"""``Plan`` × ``HostState`` → :class:`Due`: what is missing, too old or different on a host, and why."""

from collections.abc import Iterator
from dataclasses import dataclass

from mngr_ansible.diff import commands
from mngr_ansible.diff.files import DueTransfer, ProtectedPaths, compare_transfer
from mngr_ansible.diff.outcome import DUE, Outcome, Status
from mngr_ansible.diff.packages import PackageSteps
from mngr_ansible.diff.resolver import Candidate, Offers, Resolver
from mngr_ansible.host.state import HostState
from mngr_ansible.plan.plan import Plan, SkippedStep
from mngr_ansible.plan.requirements import Requirement
from mngr_ansible.portable import managers

BOOTSTRAP = "bootstrap:python3"


@dataclass(frozen=True, slots=True)
class Due:
    """What one host needs to be as planned.

    ``outcomes`` holds every step of the plan in its order, with plan statuses; the rest is what a run acts on. Nothing
    in ``transfers``, ``installs`` and ``needs_python`` means that Ansible is not started. ``advised`` is a person's to
    install; ``blocked`` would be, if the login could.
    """

    outcomes: tuple[Outcome, ...]
    transfers: tuple[DueTransfer, ...] = ()
    installs: tuple[Candidate, ...] = ()
    advised: tuple[Candidate, ...] = ()
    blocked: tuple[Candidate, ...] = ()
    needs_python: bool = False
    is_python_advised: bool = False
    is_python_blocked: bool = False
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


def unmet_requirements(plan: Plan, state: HostState) -> tuple[Requirement, ...]:
    """The requirements that something must be installed for."""
    return tuple(each for each in plan.requirements if Status(state.findings[each.id].status) in DUE)


def compare(plan: Plan, state: HostState, offers: Offers | None = None, *, is_local: bool, become: bool = False) -> Due:
    """Hold the plan against what is true. ``is_local``: packages are only advised, unless asked for by name.

    ``offers``: what the host's package managers have; without it a source is taken at its word.
    """
    home, work_dir = state.login.home, state.paths.work_dir
    left_alone = [each.destination(home, work_dir) for each in plan.skipped if each.kind == "file"]
    wanted = ProtectedPaths.of(plan.transfers, left_alone, state)
    transfers = [compare_transfer(each, state, wanted, become=become) for each in plan.transfers]
    due_transfers = tuple(due for outcome, due in transfers if due is not None and outcome.status in DUE)
    packages = PackageSteps(Resolver(state, plan.policy, plan.implied, offers or {}), is_local=is_local)
    for each in plan.requirements:
        packages.add(each)
    is_wanted = bool(due_transfers or packages.installs)
    is_required = bool(due_transfers) or any(
        candidate.requirement.is_required for candidate in packages.installs.values()
    )
    python = [] if is_local else _python(plan, state, is_wanted=is_wanted, is_required=is_required)
    needs_python = any(each.status is Status.MISSING or is_wanted for each in python if each.status is not Status.OK)
    if any(each.status is Status.BLOCKED and not each.is_required for each in python):
        # Nothing that Ansible would do is worth stopping the host for: what is optional is a person's to install.
        packages.blocked |= packages.installs
        packages.installs, needs_python = {}, False
    ages = {answer.lists for answer in (offers or {}).values()}
    return Due(
        outcomes=(
            *python,
            *(each for each, _ in transfers),
            *packages.outcomes.values(),
            *skipped(plan, home, work_dir),
        ),
        transfers=due_transfers,
        installs=tuple(packages.installs.values()),
        advised=tuple(packages.advised.values()),
        blocked=tuple(packages.blocked.values()),
        needs_python=needs_python,
        is_python_advised=needs_python and plan.install == "print",
        is_python_blocked=_is_blocked(python, state),
        notices=tuple(dict.fromkeys(packages.notices)),
        are_lists_old=bool(ages & {"empty", "stale"}),
    )


def skipped(plan: Plan, home: str, work_dir: str) -> Iterator[Outcome]:
    """A step for everything that is skipped on a host with this home and work_dir, where no other step has its id."""
    steps = {each.id for each in plan.transfers} | {each.id for each in plan.requirements}
    by_id: dict[str, list[SkippedStep]] = {}
    for each in plan.skipped:
        if (step := each.id(home, work_dir)) not in steps:
            by_id.setdefault(step, []).append(each)
    for step, same in by_id.items():
        plugins = tuple(dict.fromkeys(each.plugin for each in same))
        reason = "; ".join(dict.fromkeys(each.reason for each in same))
        yield Outcome(step, same[0].kind, Status.SKIPPED, plugins=plugins, reason=reason, is_required=False)


def _is_blocked(python: list[Outcome], state: HostState) -> bool:
    is_blocked = any(each.status is Status.BLOCKED for each in python)
    is_installable = state.system.old_python is None and bool(commands.python(state))
    return is_blocked and state.login.privilege == "none" and is_installable


def _python(plan: Plan, state: HostState, *, is_wanted: bool, is_required: bool) -> list[Outcome]:
    """The step of the python3 that Ansible needs on the host; none where nobody wants it, or it is there unasked."""
    always = plan.wants_python != "where needed"
    if state.system.python is not None:
        there = Outcome(BOOTSTRAP, "bootstrap", Status.OK, state.system.python_version, ">=3.9", ("mngr-ansible",))
        return [there] if always else []
    if not (is_wanted or always):
        return []
    status, reason, manager = Status.MISSING, "Ansible needs it on the host", state.system.manager
    line = commands.python(state)
    if state.system.old_python is not None:
        status = Status.BLOCKED
        reason = f"Ansible needs Python 3.9 or newer, the host has {state.system.old_python}; "
        reason += "install a newer python3 there"
    elif not line or manager not in managers.SYSTEM:
        status = Status.BLOCKED
        reason = "Ansible needs Python 3.9 or newer on the host, which has no package manager that we know; "
        reason += "install python3 there by hand"
    elif state.login.privilege == "none":
        status = Status.BLOCKED
        reason = f"Ansible needs python3; an administrator must run: {line}"
    return [
        Outcome(
            *(BOOTSTRAP, "bootstrap", status, state.system.old_python, ">=3.9", ("mngr-ansible",), reason, manager),
            is_required=is_required or plan.wants_python == "always",
        )
    ]
