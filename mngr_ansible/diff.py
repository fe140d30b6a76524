"""``Plan`` × ``HostState`` → :class:`Due`: what is missing, too old or different on a host, and why."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from mngr_ansible import managers
from mngr_ansible.drift import DueTransfer, look_at, paths_wanted
from mngr_ansible.hoststate import HostState
from mngr_ansible.plan import Plan
from mngr_ansible.report import DUE, Outcome, Status
from mngr_ansible.requirements import Requirement

BOOTSTRAP = "bootstrap:python3"


@dataclass(frozen=True, slots=True)
class Due:
    """What one host needs to be as planned.

    ``outcomes`` holds every step of the plan in its order, with plan statuses; the rest is what a run acts on. Nothing
    in ``transfers``, ``installs`` and ``needs_python`` means that Ansible is not started.
    """

    outcomes: tuple[Outcome, ...]
    transfers: tuple[DueTransfer, ...] = ()
    installs: tuple[Requirement, ...] = ()
    advised: tuple[Requirement, ...] = ()
    needs_python: bool = False
    is_python_advised: bool = False

    @property
    def stops(self) -> tuple[Outcome, ...]:
        """The required steps that nothing allowed can satisfy: they stop the host before its first change."""
        hopeless = (Status.BLOCKED, Status.TOO_NEW, Status.UNKNOWN)
        return tuple(each for each in self.outcomes if each.is_required and each.status in hopeless)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that Ansible would do."""
        return not self.transfers and not self.installs and not self.needs_python


def compare(plan: Plan, state: HostState, *, is_local: bool, become: bool = False) -> Due:
    """Hold the plan against what is true. ``is_local``: packages are only advised, unless asked for by name."""
    wanted = paths_wanted(plan.transfers, state)
    transfers = [look_at(each, state, wanted, become=become) for each in plan.transfers]
    packages = [_package(each, state, is_local=is_local) for each in plan.requirements]
    due_transfers = tuple(due for outcome, due in transfers if due is not None and outcome.status in DUE)
    due_packages = [each for each, outcome in zip(plan.requirements, packages, strict=True) if outcome.status in DUE]
    installs = tuple(each for each in due_packages if not _is_printed(each, state, is_local=is_local))
    steps = {each.id for each in plan.transfers} | {each.id for each in plan.requirements}
    skipped = [
        Outcome(step, each.kind, Status.SKIPPED, plugins=(each.plugin,), reason=each.reason, is_required=False)
        for each in plan.skipped
        if (step := each.id(state.home, state.work_dir)) not in steps
    ]
    needs_python = not is_local and state.python is None and bool(due_transfers or installs)
    bootstrap = [_bootstrap(state)] if needs_python else []
    return Due(
        outcomes=(*bootstrap, *(outcome for outcome, _ in transfers), *packages, *_unique(skipped)),
        transfers=due_transfers,
        installs=installs,
        advised=tuple(each for each in due_packages if _is_printed(each, state, is_local=is_local)),
        needs_python=needs_python,
        is_python_advised=needs_python and plan.install == "print",
    )


def _unique(outcomes: list[Outcome]) -> Iterator[Outcome]:
    by_id: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_id.setdefault(outcome.id, []).append(outcome)
    for same in by_id.values():
        plugins = tuple(dict.fromkeys(plugin for each in same for plugin in each.plugins))
        reason = "; ".join(dict.fromkeys(each.reason for each in same))
        yield dataclasses.replace(same[0], plugins=plugins, reason=reason)


def _is_printed(requirement: Requirement, state: HostState, *, is_local: bool) -> bool:
    """Whether a person runs the command: on this machine also where we lack the privilege that installing needs."""
    is_ours = not is_local or (requirement.is_installed_locally and state.privilege != "none")
    return requirement.is_printed or not is_ours


def _package(requirement: Requirement, state: HostState, *, is_local: bool) -> Outcome:
    finding = state.findings[requirement.id]
    status = Status(finding.status)
    reason, source = finding.reason, None
    if status in DUE:
        manager = usable_manager(requirement, state)
        source = manager
        why = _unavailable(requirement, state, manager)
        if why and (manager is None or not _is_printed(requirement, state, is_local=is_local)):
            status, reason = Status.BLOCKED, why
        elif requirement.purposes:
            reason = requirement.who
    return Outcome(
        requirement.id,
        "package",
        status,
        current=finding.current,
        wanted=str(requirement.range) or "any",
        plugins=requirement.plugins,
        reason=reason,
        source=source,
        is_required=requirement.is_required,
    )


def usable_manager(requirement: Requirement, state: HostState) -> str | None:
    """The first manager of ours that the host has and that has a package for the requirement."""
    for manager in managers.MANAGERS:
        is_there = f"{manager}-get" in state.managers or manager in state.managers
        if is_there and requirement.packages(manager):
            return manager
    return None


def _unavailable(requirement: Requirement, state: HostState, manager: str | None) -> str:
    if manager is None:
        has = ", ".join(state.managers) or "no package manager that we know"
        return f"this release installs with apt only; the host has {has}. Install {requirement.name} there by hand"
    if state.privilege == "none":
        command = managers.command_line(manager, list(requirement.packages(manager)), "sudo")
        return f"{state.user} is not root and has no sudo without a password; an administrator must run: {command}"
    return ""


def _bootstrap(state: HostState) -> Outcome:
    status, reason = Status.MISSING, "Ansible needs it on the host"
    if "apt-get" not in state.managers:
        status = Status.BLOCKED
        reason = "Ansible needs Python 3.9 or newer on the host, and it has no apt; install python3 there by hand"
    elif state.old_python is not None:
        status = Status.BLOCKED
        reason = f"Ansible needs Python 3.9 or newer, the host has {state.old_python}; install a newer python3 there"
    elif state.privilege == "none":
        status = Status.BLOCKED
        reason = "Ansible needs python3; an administrator must run: sudo apt-get install -y python3"
    return Outcome(BOOTSTRAP, "bootstrap", status, state.old_python, ">=3.9", ("mngr-ansible",), reason, "apt")
