"""Where each requirement comes from on one host: the first of its sources that is allowed, usable and offered. Pure."""

import dataclasses
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mngr_ansible.host.state import HostState
from mngr_ansible.plan.requirements import Requirement, SourcePolicy
from mngr_ansible.portable import managers
from mngr_ansible.portable import offers as manager_offers
from mngr_ansible.spec.sources import DOWNLOADS, Source

Offers = Mapping[str, manager_offers.ManagerOffers]
"""What each manager answered that was asked; see ``candidates``."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """How one requirement gets onto one host. ``scope``: ``system`` for everybody there, ``user`` for the login."""

    requirement: Requirement
    source: Source
    scope: str

    @property
    def step_id(self) -> str:
        """The id of the step that it is for."""
        return f"package:{self.requirement.name}"

    @property
    def manager(self) -> str:
        return self.source.manager

    @property
    def packages(self) -> tuple[str, ...]:
        """The names that its manager has for it, by default its own."""
        return self.source.packages or (() if self.manager == "installer" else (self.requirement.name,))

    @property
    def needs_root(self) -> bool:
        return self.source.repository is not None or managers.needs_root(self.manager, self.scope)

    def specified(self) -> list[str]:
        """Its packages as the manager is told of them; a language's with the versions that will do."""
        wanted, exact = str(self.requirement.range), self.source.version
        return [managers.specified(self.manager, name, wanted, exact) for name in self.packages]

    def resolved(self) -> dict[str, Any]:
        """The form that the role ``mngr_packages`` takes; see its README."""
        more: dict[str, Any] = {"id": self.step_id, "scope": self.scope}
        more["packages"] = {self.manager: list(self.packages)}
        if self.source.version is not None and self.manager not in managers.SYSTEM:
            more["exact"] = {self.manager: self.source.version}
        if self.manager in DOWNLOADS:
            more |= {"url": self.source.address, "sha256": self.source.sha256}
        return {**self.requirement.resolved(), **more}


@dataclass(frozen=True, slots=True)
class Resolution:
    """What was decided for one requirement.

    ``first``: what has to be there before it. ``refusals``: why each source before it, or each at all, is of no use.
    ``lacks``: why the login cannot go this way although there is no better one.
    """

    candidate: Candidate | None
    first: tuple["Resolution", ...] = ()
    refusals: tuple[str, ...] = ()
    lacks: str = ""

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Everything that is installed for it, what comes first first."""
        return (
            *(candidate for each in self.first for candidate in each.candidates),
            *((self.candidate,) if self.candidate else ()),
        )


@dataclass(frozen=True, slots=True)
class Resolver:
    """Chooses for one host. ``implied``: what sources require, by the text in which they say so."""

    state: HostState
    policy: SourcePolicy
    implied: Mapping[str, Requirement]
    offers: Offers = field(default_factory=dict)

    def asked(self, due: Sequence[Requirement]) -> dict[str, list[str]]:
        """What the host's managers must be asked before anything can be chosen, by manager.

        dnf keeps lists of its own for each login, and none for one that never asked: only root is shown the host's.
        """
        wanted: dict[str, list[str]] = {}
        seen: set[str] = set()

        def add(requirement: Requirement) -> None:
            for candidate, refusal in self._considered(requirement):
                can_ask = candidate.manager in self.state.system.managers and (
                    candidate.manager != "dnf" or self.state.login.privilege not in ("none", "password")
                )
                if (
                    not refusal
                    and can_ask
                    and candidate.source.repository is None
                    and managers.TABLE[candidate.manager].offers
                ):
                    wanted.setdefault(candidate.manager, []).extend(candidate.specified())
                for text in candidate.source.requires:
                    if not refusal and text not in seen and not self._is_there(text):
                        seen.add(text)
                        add(self.implied[text])

        for requirement in due:
            add(requirement)
        return {manager: list(dict.fromkeys(names)) for manager, names in wanted.items()}

    def missed(self, due: Sequence[Requirement]) -> set[str]:
        """The system's managers that offer too little of what is due, so that fetching their lists may help."""
        return {
            candidate.manager
            for requirement in due
            for candidate, refusal in self._considered(requirement)
            if candidate.manager in self.offers and candidate.manager in managers.SYSTEM and not refusal
            if self._poor_offer(candidate) or self.offers[candidate.manager].lists == "empty"
        }

    def choose(self, requirement: Requirement, *, by_hand: bool = False, within: tuple[str, ...] = ()) -> Resolution:
        """The first source that will do. ``by_hand``: a person installs it, who can become root, and may fetch lists
        that know a package of which the host has not heard.

        ``within``: the requirements that this one is needed for; none can need itself.
        """
        refusals: list[str] = []
        fallback: Resolution | None = None
        unheard: Resolution | None = None
        for candidate, refusal in self._considered(requirement):
            first: tuple[Resolution, ...] = ()
            why = refusal or self._absent(candidate) or self._poor_version(candidate) or self._poor_offer(candidate)
            if not why:
                first, why = self._first(candidate, by_hand=by_hand, within=(*within, requirement.name))
            if why:
                refusals.append(why)
                if by_hand and unheard is None and self._is_unheard(candidate):
                    unheard = Resolution(candidate, refusals=(f"{why} as far as its lists know",))
                continue
            chosen = Resolution(candidate, first, tuple(refusals))
            if by_hand or all(map(self._may_go, chosen.candidates)):
                return chosen
            fallback = fallback or chosen
        if unheard is not None:
            return unheard
        if fallback is not None:
            return dataclasses.replace(fallback, lacks=self.state.login.privilege_problem)
        return Resolution(None, refusals=tuple(refusals) or (self._nothing(requirement),))

    def _may_go(self, candidate: Candidate) -> bool:
        """Whether the login has the right to it. By a password whole tasks become root: those of system managers."""
        if self.state.login.privilege == "password":
            return not candidate.needs_root or candidate.manager in managers.SYSTEM
        return not candidate.needs_root or self.state.login.privilege != "none"

    def _considered(self, requirement: Requirement) -> Iterator[tuple[Candidate, str]]:
        """The sources that are for a host such as this, with what settings and the source itself say against each."""
        system, policy = self.state.system, self.policy
        default = (Source(system.manager),) if system.manager else ()
        for source in requirement.sources or default:
            is_other = source.manager in managers.SYSTEM and source.manager != system.manager
            if is_other or not (source.when is None or source.when.matches(system.ids, system.release, system.arch)):
                continue
            scope = "user" if policy.scope == "user" else source.scope
            candidate, why = Candidate(requirement, source, scope), ""
            wrong = next(filter(None, (managers.valid_name(source.manager, name) for name in candidate.packages)), None)
            if wrong is not None:
                why = f"{requirement.name!r} is not a package of {source.manager}: {wrong}"
            elif source.repository is not None and not policy.allow_third_party_repositories:
                why = f"the repository {source.repository.name} is not allowed (allow_third_party_repositories)"
            elif source.manager in DOWNLOADS and not policy.allow_installers:
                why = f"{source.label} is not allowed (allow_installers)"
            elif source.manager == "installer" and source.sha256 is None:
                why = f"its vendor's installer has no checksum to hold it to, so it is yours to run: {unpinned(source)}"
            elif policy.scope == "user" and candidate.needs_root:
                why = f'{source.label} installs for the whole system, and scope is "user"'
            yield candidate, why

    def _absent(self, candidate: Candidate) -> str:
        if candidate.manager in DOWNLOADS or candidate.manager in self.state.system.managers:
            return ""
        needs = {self.implied[text].name for text in candidate.source.requires}
        return "" if needs else f"the host has no {candidate.manager}"

    def _poor_version(self, candidate: Candidate) -> str:
        wanted, given = candidate.requirement.range, candidate.source.version
        if given is None or wanted.judge(given) == "ok":
            return ""
        return f"{candidate.source.label} has {given}, wanted {wanted}"

    def _poor_offer(self, candidate: Candidate) -> str:
        answer = self.offers.get(candidate.manager)
        if answer is None or answer.lists == "empty" or candidate.source.repository is not None:
            return ""
        system = self.state.system.name if candidate.manager in managers.SYSTEM else candidate.manager
        for position, (name, spec) in enumerate(zip(candidate.packages, candidate.specified(), strict=True)):
            offer = answer.offers.get(spec)
            if offer is None or not offer.is_known:
                continue
            best = manager_offers.best(offer)
            if best is None:
                return offer.why or f"{system} offers no package {name}"
            if position == 0 and candidate.source.version is None and candidate.requirement.range.judge(best) != "ok":
                return f"{system} offers {name} {best}, wanted {candidate.requirement.range}"
        return ""

    def _is_unheard(self, candidate: Candidate) -> bool:
        """Whether all that is against a system's package is that its manager does not know it."""
        offers = self.offers[candidate.manager].offers if candidate.manager in self.offers else {}
        is_open = not (self._absent(candidate) or self._poor_version(candidate) or candidate.source.requires)
        return (
            is_open
            and candidate.manager in managers.SYSTEM
            and any(
                name in offers and not offers[name].versions and not offers[name].why for name in candidate.packages
            )
        )

    def _first(
        self, candidate: Candidate, *, by_hand: bool, within: tuple[str, ...]
    ) -> tuple[tuple[Resolution, ...], str]:
        chosen = []
        for text in candidate.source.requires:
            needed = self.implied[text]
            if self._is_there(text):
                continue
            if needed.name in within:
                return (), f"{candidate.source.label} needs {text}, which needs it"
            choice = self.choose(needed, by_hand=by_hand, within=within)
            if choice.candidate is None or choice.lacks:
                return (), f"{candidate.source.label} needs {text}: {choice.lacks or '; '.join(choice.refusals)}"
            chosen.append(choice)
        return tuple(chosen), ""

    def _is_there(self, text: str) -> bool:
        return self.state.findings[self.implied[text].id].status == "ok"

    def _nothing(self, requirement: Requirement) -> str:
        known = ", ".join(dict.fromkeys(each.label for each in requirement.sources))
        has = f"{self.state.system.name} installs with {self.state.system.manager}" if self.state.system.manager else ""
        has = has or f"{self.state.system.name} has no package manager that we know"
        return f"{has}; known sources: {known}" if known else has


def by_manager(candidates: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    """The ways by manager, in the order in which managers run: the system's first, then languages', then downloads."""
    order = (*managers.TABLE, *DOWNLOADS)
    grouped: dict[str, list[Candidate]] = {}
    for candidate in sorted(candidates, key=lambda each: order.index(each.manager)):
        grouped.setdefault(candidate.manager, []).append(candidate)
    return grouped


def unpinned(source: Source) -> str:
    """What a person types to fetch an installer, read it and run it."""
    name = source.address.rpartition("/")[2] or "installer"
    return f"curl -fsSLo {shlex.quote(name)} {shlex.quote(source.address)}, then sh {shlex.quote(name)}"
