"""``Plan`` × ``HostState`` → :class:`Due`: what is missing, too old or different on a host, and why. Pure."""

from collections.abc import Iterator

from mngr_ansible.diff.files import DueTransfer, HeldTransfer, compare_files
from mngr_ansible.diff.outcome import DUE, Outcome, Status, short_path
from mngr_ansible.diff.packages import compare_packages
from mngr_ansible.diff.python import DuePython, compare_python
from mngr_ansible.diff.resolver import Candidate, Resolver
from mngr_ansible.host.state import HostState
from mngr_ansible.plan.plan import Plan, SkippedStep
from mngr_ansible.plan.requirements import Requirement
from mngr_ansible.portable.text import printable
from mngr_ansible.values import frozen, replace


@frozen
class Due:
    """What must change on one host so that it is as planned.

    If ``transfers``, ``installs`` and ``needs_python`` are empty, no playbook is run.

    Attributes:
        outcomes: every step of the plan in its order, with the statuses of a plan.
        transfers: the files that a run writes or deletes.
        installs: the packages that a run installs.
        advised: the packages that a person installs.
        blocked: the packages that could be installed, if the remote user had the right.
        needs_python: the run needs a python3 that the host does not have.
        is_python_advised: a person installs python3.
        is_python_blocked: python3 could be installed, if the remote user had the right.
        notices: what people should know about the choice of sources.
        are_lists_old: the lists of the host's package manager are empty, or older than a day.
        held: transfers that are blocked until a person agrees.
    """

    outcomes: tuple[Outcome, ...]
    transfers: tuple[DueTransfer, ...] = ()
    installs: tuple[Candidate, ...] = ()
    advised: tuple[Candidate, ...] = ()
    blocked: tuple[Candidate, ...] = ()
    needs_python: bool = False
    is_python_advised: bool = False
    is_python_blocked: bool = False
    notices: tuple[str, ...] = ()
    are_lists_old: bool = False
    held: tuple[HeldTransfer, ...] = ()

    def released(self) -> "Due":
        """The same when a person has agreed to what is held."""
        agreed = {each.outcome.id: each.outcome for each in self.held}
        return replace(
            self,
            outcomes=tuple(agreed.get(each.id, each) for each in self.outcomes),
            transfers=(*self.transfers, *(each.due for each in self.held)),
            held=(),
        )

    @property
    def stops(self) -> tuple[Outcome, ...]:
        """The required steps that cannot be done: because of them the host is not changed at all."""
        return tuple(each for each in self.outcomes if each.stops)

    @property
    def is_empty(self) -> bool:
        """Whether Ansible has nothing to do on the host."""
        return not self.transfers and not self.installs and not self.needs_python


def unmet_requirements(plan: Plan, state: HostState) -> tuple[Requirement, ...]:
    """The requirements for which something must be installed."""
    return tuple(each for each in plan.requirements if Status(state.findings[each.id].status) in DUE)


def compare(plan: Plan, state: HostState, resolver: Resolver, *, is_local: bool, become: bool = False) -> Due:
    """Compare a plan, whose destinations are resolved, with what is true on its host.

    Args:
        plan: the desired state.
        state: what is true on the host.
        resolver: chooses the sources of packages on this host.
        is_local: the host is this machine, where packages are only advised unless every plugin may install by name.
        become: all files are written as root.
    """
    files = compare_files(plan, state, become=become)
    packages = compare_packages(plan.requirements, resolver, is_local=is_local)
    python = DuePython()
    if not is_local:
        python = compare_python(
            plan,
            state,
            is_needed=bool(files.transfers or files.held or packages.installs),
            is_required=bool(files.transfers or files.held) or packages.is_required,
        )
    if python.prevents_run:
        packages = packages.without_installs()
    return Due(
        outcomes=(
            *((python.outcome,) if python.outcome is not None else ()),
            *files.outcomes,
            *packages.outcomes,
            *skipped(plan, state.login.home, state.paths.work_dir),
        ),
        transfers=files.transfers,
        installs=packages.installs,
        advised=packages.advised,
        blocked=packages.blocked,
        needs_python=python.is_due,
        is_python_advised=python.is_advised,
        is_python_blocked=python.is_blocked,
        notices=(*files.notices, *_refused_python(state), *filter(None, (state.login.sudo_notice,)), *packages.notices),
        are_lists_old=resolver.are_lists_old,
        held=files.held,
    )


def _refused_python(state: HostState) -> Iterator[str]:
    """A notice where a python3 is there that root does not run, and no other."""
    why = state.system.refused.get("python3")
    if why is not None and state.system.python is None:
        yield f"root did not run the host's python3: {why}"


def skipped(plan: Plan, home: str, work_dir: str) -> Iterator[Outcome]:
    """A step for everything that is skipped on a host with this home and work_dir, unless another step has its id."""
    steps = {each.id for each in plan.transfers} | {each.id for each in plan.requirements}
    by_id: dict[str, list[SkippedStep]] = {}
    for each in plan.skipped:
        step = each.id(home, work_dir)
        if step not in steps:
            by_id.setdefault(step, []).append(each)
    for step, same in by_id.items():
        plugins = tuple(dict.fromkeys(each.plugin for each in same))
        reason = "; ".join(dict.fromkeys(each.reason for each in same))
        short = ""
        if same[0].kind == "file":
            short = printable(short_path(same[0].destination(home, work_dir), home, work_dir))
        yield Outcome(
            step, same[0].kind, Status.SKIPPED, plugins=plugins, reason=reason, is_required=False, short=short
        )
