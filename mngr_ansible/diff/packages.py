"""``Plan`` × ``HostState`` → :class:`Due`: what is missing, too old or different on a host, and why."""

import dataclasses

from mngr_ansible.diff import commands
from mngr_ansible.diff.outcome import DUE, Outcome, Status
from mngr_ansible.diff.resolver import Candidate, Resolution, Resolver
from mngr_ansible.host.state import HostState
from mngr_ansible.plan.requirements import Requirement


class PackageSteps:
    """The steps of packages on one host, as they are decided one after the other; each step at most once."""

    def __init__(self, resolver: Resolver, *, is_local: bool) -> None:
        self.resolver, self.state, self.is_local = resolver, resolver.state, is_local
        self.outcomes: dict[str, Outcome] = {}
        self.installs: dict[str, Candidate] = {}
        self.advised: dict[str, Candidate] = {}
        self.blocked: dict[str, Candidate] = {}
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
        by_hand = is_printed(requirement, self.state, None, is_local=self.is_local)
        choice = self.resolver.choose(requirement, by_hand=by_hand)
        if choice.candidate is None or choice.lacks:
            self.blocked |= {candidate.requirement.name: candidate for candidate in choice.candidates}
            self._settle(requirement, Status.BLOCKED, _why_not(choice, requirement), choice.candidate)
            return
        if choice.refusals:
            told = f"{'; '.join(choice.refusals)}: {requirement.name} comes from {choice.candidate.source.label}"
            self.notices.append(told)
        is_ours = not any(
            is_printed(requirement, self.state, candidate, is_local=self.is_local) for candidate in choice.candidates
        )
        for candidate in choice.candidates:
            (self.installs if is_ours else self.advised).setdefault(candidate.requirement.name, candidate)
            if candidate is not choice.candidate:
                found = Status(self.state.findings[candidate.requirement.id].status)
                self._settle(
                    dataclasses.replace(candidate.requirement, step=""), found, candidate.requirement.who, candidate
                )
        self._settle(requirement, status, requirement.who if requirement.purposes else finding.reason, choice.candidate)

    def _settle(
        self, requirement: Requirement, status: Status, reason: str, candidate: Candidate | None = None
    ) -> None:
        finding = self.state.findings[candidate.requirement.id if candidate else requirement.id]
        self.outcomes[requirement.id] = Outcome(
            requirement.id,
            "package",
            status,
            current=finding.current,
            wanted=str(requirement.range) or "any",
            plugins=requirement.plugins,
            reason=reason,
            source=candidate.source.label if candidate else None,
            is_required=requirement.is_required,
        )


def is_printed(requirement: Requirement, state: HostState, candidate: Candidate | None, *, is_local: bool) -> bool:
    """Whether a person runs the command: on this machine also where we lack the privilege that installing needs."""
    has_right = state.login.privilege != "none" or (candidate is not None and not candidate.needs_root)
    is_ours = not is_local or (requirement.is_installed_locally and has_right)
    return requirement.is_printed or not is_ours


def _why_not(choice: Resolution, requirement: Requirement) -> str:
    if choice.candidate is None:
        return f"no source for {requirement.name} will do: {'; '.join(choice.refusals)}"
    lines = " && ".join(commands.worded(choice.candidates, "sudo"))
    return f"{choice.lacks}; an administrator must run: {lines}"
