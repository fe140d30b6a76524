"""The plan's requirements × the packages on the host → what is installed, what a person installs, and why. Pure."""

from collections.abc import Iterable, Sequence

from mngr_ansible.diff import commands
from mngr_ansible.diff.outcome import DUE, Outcome, Status
from mngr_ansible.diff.resolver import Candidate, Resolution, Resolver
from mngr_ansible.host.state import HostState
from mngr_ansible.plan.requirements import Requirement
from mngr_ansible.values import frozen, replace


@frozen
class DuePackages:
    """The steps of requirements, and what they install.

    Attributes:
        outcomes: one for each requirement, and one for each that a source needs first and the host does not have.
        installs: a run installs these.
        advised: a person installs these.
        blocked: these could be installed, if the remote user had the right.
        notices: what people should know, such as why a source was passed over.
        unresolved: by the id of a blocked step, its requirement and why it cannot be installed.
    """

    outcomes: tuple[Outcome, ...] = ()
    installs: tuple[Candidate, ...] = ()
    advised: tuple[Candidate, ...] = ()
    blocked: tuple[Candidate, ...] = ()
    notices: tuple[str, ...] = ()
    unresolved: tuple[tuple[Requirement, Resolution], ...] = ()

    @property
    def is_required(self) -> bool:
        """Whether something that the run installs is required."""
        return any(candidate.requirement.is_required for candidate in self.installs)

    def without_installs(self) -> "DuePackages":
        """The same for a host on which nothing can be installed: a person has to do it."""
        return replace(self, installs=(), blocked=_latest((*self.blocked, *self.installs)))


def compare_packages(requirements: Sequence[Requirement], resolver: Resolver, *, is_local: bool) -> DuePackages:
    """Compare the requirements with what is installed, in their order.

    ``is_local``: the host is this machine, where packages are installed only for plugins that may do so by name.
    """
    compared: list[DuePackages] = []
    resolved: set[str] = set()
    for requirement in requirements:
        if requirement.name not in resolved:
            one = _compare_requirement(requirement, resolver, is_local=is_local)
            resolved |= {candidate.requirement.name for candidate in (*one.installs, *one.advised)}
            compared.append(one)
    return _with_common_reasons(_joined(compared))


@frozen
class WantedPackages:
    """All packages that are wanted on a host, there already or not.

    ``installs``: what a run installs where it is missing. ``verified``: what it can only check.
    """

    installs: tuple[Candidate, ...]
    verified: tuple[Requirement, ...]


def wanted_packages(
    requirements: Sequence[Requirement], resolver: Resolver, due: Sequence[Candidate], *, is_local: bool
) -> WantedPackages:
    """The sources of all requirements, also of those that the host satisfies, as if it had nothing.

    What is there already is not taken from a vendor's repository: that would be added, which is a change.

    Args:
        requirements: of the plan.
        resolver: of the host; it knows what the managers offer of all of them.
        due: what is installed because the host does not have it.
        is_local: the host is this machine.
    """
    installs, verified = list(due), []
    named = {each.requirement.name for each in due}
    empty = _as_empty(resolver)
    for requirement in requirements:
        if requirement.name in named:
            continue
        candidates = _own_sources(requirement, empty, is_local=is_local)
        installs += candidates
        if not candidates:
            verified.append(requirement)
    return WantedPackages(_first(installs), tuple(verified))


def _as_empty(resolver: Resolver) -> Resolver:
    """The resolver of the same host without any package."""
    missing = {
        step: finding._replace(status="missing", current=None, where="", reason="", chosen_by="")
        for step, finding in resolver.state.findings.items()
    }
    return replace(resolver, state=replace(resolver.state, findings=missing))


def _own_sources(requirement: Requirement, resolver: Resolver, *, is_local: bool) -> tuple[Candidate, ...]:
    """What installs a requirement without adding a repository; empty if nothing does."""
    while True:
        resolution = resolver.resolve(requirement)
        if resolution.candidate is None or resolution.privilege_problem is not None or resolution.doubt:
            return ()
        added = [each for each in resolution.candidates if each.source.repository is not None]
        if not added:
            is_printed_one = any(
                is_printed(requirement, resolver.state, each, is_local=is_local) for each in resolution.candidates
            )
            return () if is_printed_one else resolution.candidates
        failures = {(each.requirement.name, each.source): "its repository would be added" for each in added}
        resolver = resolver.after(resolver.state, failures)


def _joined(parts: Sequence[DuePackages]) -> DuePackages:
    """All of them as one. Of two outcomes with one id the later one is true: it has the narrower range."""
    return DuePackages(
        outcomes=tuple({outcome.id: outcome for each in parts for outcome in each.outcomes}.values()),
        installs=_first(candidate for each in parts for candidate in each.installs),
        advised=_first(candidate for each in parts for candidate in each.advised),
        blocked=_latest(candidate for each in parts for candidate in each.blocked),
        notices=tuple(dict.fromkeys(notice for each in parts for notice in each.notices)),
        unresolved=tuple(pair for each in parts for pair in each.unresolved),
    )


def _with_common_reasons(packages: DuePackages) -> DuePackages:
    """The same; steps that are blocked for one cause have one reason, which names them all."""
    groups: dict[tuple[str, ...], list[tuple[Requirement, Resolution]]] = {}
    for requirement, resolution in packages.unresolved:
        refusals = resolution.refusals
        if resolution.unoffered:
            refusals = (refusals[0].removesuffix(resolution.unoffered),)
        if resolution.privilege_problem and resolution.candidate is not None:
            refusals = (resolution.privilege_problem, resolution.candidate.source.label)
        cause = ("" if resolution.candidate is None else "privilege", *refusals)
        groups.setdefault(cause, []).append((requirement, resolution))
    reasons = {
        requirement.id: _blocked_reason(group)
        for group in groups.values()
        if len(group) > 1
        for requirement, _ in group
    }
    outcomes = tuple(
        replace(each, reason=reasons[each.id]) if each.id in reasons and each.status is Status.BLOCKED else each
        for each in packages.outcomes
    )
    return replace(packages, outcomes=outcomes)


def _first(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The first candidate for each name."""
    by_name: dict[str, Candidate] = {}
    for candidate in candidates:
        by_name.setdefault(candidate.requirement.name, candidate)
    return tuple(by_name.values())


def _latest(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The last candidate for each name."""
    return tuple({candidate.requirement.name: candidate for candidate in candidates}.values())


def _compare_requirement(requirement: Requirement, resolver: Resolver, *, is_local: bool) -> DuePackages:
    state = resolver.state
    finding = state.findings[requirement.id]
    status = Status(finding.status)
    if status not in DUE:
        outcome = _outcome(requirement, state, status, finding.reason)
        return DuePackages((outcome,), notices=tuple(filter(None, (finding.notice, finding.refused))))
    if finding.chosen_by and not any(each.is_of_user for each in requirement.sources):
        reason = f"{finding.reason}; {finding.chosen_by}"
        return DuePackages((_outcome(requirement, state, Status.BLOCKED, reason),))
    refused = (finding.refused,) if finding.refused else ()
    by_hand = is_printed(requirement, state, None, is_local=is_local)
    resolution = resolver.resolve(requirement, by_hand=by_hand)
    if resolution.candidate is None or resolution.privilege_problem is not None:
        reason = _blocked_reason([(requirement, resolution)])
        unresolved: tuple[tuple[Requirement, Resolution], ...] = ((requirement, resolution),)
        if status is Status.MISSING and finding.where:  # it is there, and does not start
            reason, unresolved = f"{finding.reason}; {reason}", ()
        outcome = _outcome(requirement, state, Status.BLOCKED, reason, resolution.candidate)
        return DuePackages((outcome,), blocked=_latest(resolution.candidates), notices=refused, unresolved=unresolved)
    reasons = [*([requirement.who] if requirement.purposes else []), finding.reason]
    is_told = status is Status.MISSING or not requirement.purposes  # a version that is too old stands beside it
    reason = resolution.doubt or "; ".join(filter(None, reasons if is_told else reasons[:1]))
    outcomes = [
        *(_prerequisite_outcome(each, state) for each in resolution.candidates if each is not resolution.candidate),
        _outcome(requirement, state, status, reason, resolution.candidate),
    ]
    is_advised = any(is_printed(requirement, state, each, is_local=is_local) for each in resolution.candidates)
    candidates = _first(resolution.candidates)
    notices = [*refused]
    if status is Status.MISSING and finding.reason and not refused:  # it is there, and does not start
        notices.append(f"{requirement.name}: {finding.reason}")
    label = resolution.candidate.source.label
    if resolution.doubt:
        notices.append(f"{requirement.name} may not be installable: {resolution.doubt}")
    elif resolution.refusals:
        notices.append(f"{'; '.join(resolution.refusals)}: {requirement.name} comes from {label}")
    elif resolution.unlisted:
        notices.append(f"{resolution.unlisted}, according to its current lists; fetch them before you install it")
    return DuePackages(
        tuple(outcomes),
        installs=() if is_advised else candidates,
        advised=candidates if is_advised else (),
        notices=tuple(notices),
    )


def _prerequisite_outcome(candidate: Candidate, state: HostState) -> Outcome:
    """The step of what a source of another requirement needs first."""
    requirement = replace(candidate.requirement, step="")
    status = Status(state.findings[candidate.requirement.id].status)
    return _outcome(requirement, state, status, requirement.who, candidate)


def _outcome(
    requirement: Requirement, state: HostState, status: Status, reason: str, candidate: Candidate | None = None
) -> Outcome:
    finding = state.findings[candidate.requirement.id if candidate is not None else requirement.id]
    return Outcome(
        id=requirement.id,
        kind="package",
        status=status,
        current=finding.current,
        wanted=str(requirement.range) or "any",
        plugins=requirement.plugins,
        reason=reason,
        source=candidate.source.label if candidate is not None else None,
        is_required=requirement.is_required,
    )


def is_printed(requirement: Requirement, state: HostState, candidate: Candidate | None, *, is_local: bool) -> bool:
    """Whether a person installs it with the printed command.

    That is so if anyone set ``print``; on this machine also unless every plugin that needs it may install here, and
    the user has the privilege that ``candidate`` needs.
    """
    if requirement.is_printed:
        return True
    has_privilege = state.login.privilege != "none" or (candidate is not None and not candidate.needs_root)
    return is_local and not (requirement.is_installed_locally and has_privilege)


def _blocked_reason(blocked: Sequence[tuple[Requirement, Resolution]]) -> str:
    """Why these cannot be installed, all for the same cause."""
    first = blocked[0][1]
    if first.candidate is None:
        names = _enumerated([requirement.name for requirement, _ in blocked])
        reasons = "; ".join(first.refusals)
        unoffered = list(dict.fromkeys(resolution.unoffered for _, resolution in blocked))
        if first.unoffered and len(unoffered) > 1:
            start = first.refusals[0].removesuffix(f"no package {first.unoffered}")
            reasons = f"{start}none of the packages {_enumerated(unoffered)}"
        return f"{names} cannot be installed: {reasons}"
    candidates = _latest(each for _, resolution in blocked for each in resolution.candidates)
    lines = " && ".join(commands.render_commands(candidates, "sudo"))
    return f"{first.privilege_problem}; an administrator must run: {lines}"


def _enumerated(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
