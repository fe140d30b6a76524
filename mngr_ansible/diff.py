"""``Plan`` × ``HostState`` → :class:`Due`: what is missing, too old or different on a host, and why."""

import dataclasses
import hashlib
import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from mngr_ansible import managers
from mngr_ansible.hoststate import MISSING, FileState, HostState
from mngr_ansible.plan import Plan
from mngr_ansible.report import DUE, Outcome, Status
from mngr_ansible.requirements import Requirement
from mngr_ansible.transfers import Placed, Transfer
from mngr_ansible.trees import shown

BOOTSTRAP = "bootstrap:python3"


@dataclass(frozen=True, slots=True)
class DueTransfer:
    """What of one transfer must travel."""

    transfer: Transfer
    entries: tuple[Placed, ...]


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
    transfers = [_transfer(each, state, is_root=become or state.uid == 0) for each in plan.transfers]
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


def _transfer(transfer: Transfer, state: HostState, *, is_root: bool) -> tuple[Outcome, DueTransfer | None]:
    due = []
    reasons = []
    blocked = ""
    for placed in transfer.entries:
        found = state.files.get(placed.path, MISSING)
        why = _difference(placed, found)
        if why:
            due.append(placed)
            reasons.append(why)
            blocked = blocked or _hindrance(placed, found, state, is_root=is_root)
    top = state.files.get(transfer.destination, MISSING)
    files = None
    if transfer.is_directory:
        count = sum(1 for each in due if each.entry.kind != "directory")
        files = {"total": len(transfer.files), "due": count}
        changes = f"{count} of {len(transfer.files)} files" if count else "modes of directories"
        reason = (changes if top.kind != "missing" else f"{len(transfer.files)} files") if due else ""
    else:
        reason = reasons[0] if reasons else ""
    status = Status.OK
    if due:
        status = Status.BLOCKED if blocked else Status.MISSING if top.kind == "missing" else Status.DIFFERS
    outcome = Outcome(
        transfer.id,
        "file",
        status,
        current=_described(top),
        wanted=_wanted(transfer),
        plugins=transfer.plugins,
        reason=blocked or reason,
        files=files,
    )
    return outcome, DueTransfer(transfer, tuple(due)) if due else None


def _described(state: FileState) -> str | None:
    if state.kind == "missing":
        return None
    return f"{state.kind}, {state.mode:04o}" if state.mode is not None else state.kind


def _wanted(transfer: Transfer) -> str:
    secret = ", secret" if transfer.is_secret else ""
    if transfer.is_directory:
        return f"directory{secret}"
    return f"{transfer.entries[0].entry.mode:04o}{secret}"


def _difference(placed: Placed, found: FileState) -> str:
    entry = placed.entry
    if found.kind == "missing":
        return "not there"
    if entry.kind == "link":
        wanted = hashlib.sha256(os.fsencode(entry.target or "") + b"\n").hexdigest()
        return "" if found.kind == "link" and found.sha256 == wanted else "another link"
    if entry.kind == "directory":
        if found.kind != "directory":
            return f"a {found.kind} is there"
        if placed.is_top or found.mode is None or found.mode & 0o777 == entry.mode:
            return ""
        return f"mode {found.mode:04o}, wanted {entry.mode:04o}"
    if found.kind != "file":
        return "it cannot be read there" if found.kind == "unreadable" else f"a {found.kind} is there"
    if found.sha256 != entry.sha256:
        return "other content"
    if found.mode != entry.mode:
        return f"mode {found.mode:04o}, wanted {entry.mode:04o}"
    return ""


def _hindrance(placed: Placed, found: FileState, state: HostState, *, is_root: bool) -> str:
    """Why a due entry cannot be written; empty if nothing is known against it."""
    path, kind = shown(placed.path), placed.entry.kind
    if kind == "directory" and found.kind not in ("missing", "directory"):
        return f"a {found.kind} stands at {path}, where a directory is wanted; move it away"
    if kind != "directory" and found.kind in ("directory", "other"):
        what = "a directory" if found.kind == "directory" else "something that is not a file"
        return f"{what} stands at {path}, where a file is wanted; move it away"
    code = state.parents.get(posixpath.dirname(placed.path), "w")
    if code == "x":
        return f"something that is not a directory stands above {path}; move it away"
    if code in "rR" and not (found.kind == "directory" and kind == "directory"):
        remedy = "the file system may be read-only" if is_root else "use --become, or another destination"
        return f"{state.user} may not write {posixpath.dirname(path)}; {remedy}"
    return ""


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
