"""Where each requirement comes from on one host: the first of its sources that is allowed, usable and offered. Pure."""

import dataclasses
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mngr_ansible import candidates, managers, versions
from mngr_ansible.hoststate import HostState
from mngr_ansible.origins import DOWNLOADS, Source
from mngr_ansible.requirements import Policy, Requirement

Offers = Mapping[str, candidates.Answer]
"""What each manager answered that was asked; see ``candidates``."""


@dataclass(frozen=True, slots=True)
class Way:
    """How one requirement gets onto one host. ``scope``: ``system`` for everybody there, ``user`` for the login."""

    requirement: Requirement
    source: Source
    scope: str

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
        more: dict[str, Any] = {"id": f"package:{self.requirement.name}", "scope": self.scope}
        more["packages"] = {self.manager: list(self.packages)}
        if self.source.version is not None and self.manager not in managers.SYSTEM:
            more["exact"] = {self.manager: self.source.version}
        if self.manager in DOWNLOADS:
            more |= {"url": self.source.address, "sha256": self.source.sha256}
        return {**self.requirement.resolved(), **more}


@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided for one requirement.

    ``first``: what has to be there before it. ``refusals``: why each source before it, or each at all, is of no use.
    ``lacks``: why the login cannot go this way although there is no better one.
    """

    way: Way | None
    first: tuple["Choice", ...] = ()
    refusals: tuple[str, ...] = ()
    lacks: str = ""

    @property
    def ways(self) -> tuple[Way, ...]:
        """Everything that is installed for it, what comes first first."""
        return (*(way for each in self.first for way in each.ways), *((self.way,) if self.way else ()))


@dataclass(frozen=True, slots=True)
class Chooser:
    """Chooses for one host. ``implied``: what sources require, by the text in which they say so."""

    state: HostState
    policy: Policy
    implied: Mapping[str, Requirement]
    offers: Offers = field(default_factory=dict)

    def asked(self, due: Sequence[Requirement]) -> dict[str, list[str]]:
        """What the host's managers must be asked before anything can be chosen, by manager.

        dnf keeps lists of its own for each login, and none for one that never asked: only root is shown the host's.
        """
        wanted: dict[str, list[str]] = {}
        seen: set[str] = set()

        def add(requirement: Requirement) -> None:
            for way, refusal in self._considered(requirement):
                can_ask = way.manager in self.state.managers and (
                    way.manager != "dnf" or self.state.privilege not in ("none", "password")
                )
                if not refusal and can_ask and way.source.repository is None and managers.TABLE[way.manager].offers:
                    wanted.setdefault(way.manager, []).extend(way.specified())
                for text in way.source.requires:
                    if not refusal and text not in seen and not self._is_there(text):
                        seen.add(text)
                        add(self.implied[text])

        for requirement in due:
            add(requirement)
        return {manager: list(dict.fromkeys(names)) for manager, names in wanted.items()}

    def missed(self, due: Sequence[Requirement]) -> set[str]:
        """The system's managers that offer too little of what is due, so that fetching their lists may help."""
        return {
            way.manager
            for requirement in due
            for way, refusal in self._considered(requirement)
            if way.manager in self.offers and way.manager in managers.SYSTEM and not refusal
            if self._poor_offer(way) or self.offers[way.manager].lists == "empty"
        }

    def choose(self, requirement: Requirement, *, by_hand: bool = False, within: tuple[str, ...] = ()) -> Choice:
        """The first source that will do. ``by_hand``: a person installs it, who can become root, and may fetch lists
        that know a package of which the host has not heard.

        ``within``: the requirements that this one is needed for; none can need itself.
        """
        refusals: list[str] = []
        fallback: Choice | None = None
        unheard: Choice | None = None
        for way, refusal in self._considered(requirement):
            first: tuple[Choice, ...] = ()
            why = refusal or self._absent(way) or self._poor_version(way) or self._poor_offer(way)
            if not why:
                first, why = self._first(way, by_hand=by_hand, within=(*within, requirement.name))
            if why:
                refusals.append(why)
                if by_hand and unheard is None and self._is_unheard(way):
                    unheard = Choice(way, refusals=(f"{why} as far as its lists know",))
                continue
            chosen = Choice(way, first, tuple(refusals))
            if by_hand or all(map(self._may_go, chosen.ways)):
                return chosen
            fallback = fallback or chosen
        if unheard is not None:
            return unheard
        if fallback is not None:
            return dataclasses.replace(fallback, lacks=self.state.powerless)
        return Choice(None, refusals=tuple(refusals) or (self._nothing(requirement),))

    def _may_go(self, way: Way) -> bool:
        """Whether the login has the right to it. By a password whole tasks become root: those of system managers."""
        if self.state.privilege == "password":
            return not way.needs_root or way.manager in managers.SYSTEM
        return not way.needs_root or self.state.privilege != "none"

    def _considered(self, requirement: Requirement) -> Iterator[tuple[Way, str]]:
        """The sources that are for a host such as this, with what settings and the source itself say against each."""
        state, policy = self.state, self.policy
        default = (Source(state.manager),) if state.manager else ()
        for source in requirement.sources or default:
            is_other = source.manager in managers.SYSTEM and source.manager != state.manager
            if is_other or not (source.when is None or source.when.holds(state.ids, state.release, state.arch)):
                continue
            scope = "user" if policy.scope == "user" else source.scope
            way, why = Way(requirement, source, scope), ""
            wrong = next(filter(None, (managers.valid_name(source.manager, name) for name in way.packages)), None)
            if wrong is not None:
                why = f"{requirement.name!r} is not a package of {source.manager}: {wrong}"
            elif source.repository is not None and not policy.allow_third_party_repositories:
                why = f"the repository {source.repository.name} is not allowed (allow_third_party_repositories)"
            elif source.manager in DOWNLOADS and not policy.allow_installers:
                why = f"{source.label} is not allowed (allow_installers)"
            elif source.manager == "installer" and source.sha256 is None:
                why = f"its vendor's installer has no checksum to hold it to, so it is yours to run: {unpinned(source)}"
            elif policy.scope == "user" and way.needs_root:
                why = f'{source.label} installs for the whole system, and scope is "user"'
            yield way, why

    def _absent(self, way: Way) -> str:
        if way.manager in DOWNLOADS or way.manager in self.state.managers:
            return ""
        needs = {self.implied[text].name for text in way.source.requires}
        return "" if needs else f"the host has no {way.manager}"

    def _poor_version(self, way: Way) -> str:
        wanted, given = way.requirement.range, way.source.version
        if given is None or wanted.judge(given) == "ok":
            return ""
        return f"{way.source.label} has {given}, wanted {wanted}"

    def _poor_offer(self, way: Way) -> str:
        answer = self.offers.get(way.manager)
        if answer is None or answer.lists == "empty" or way.source.repository is not None:
            return ""
        system = self.state.os_name if way.manager in managers.SYSTEM else way.manager
        for position, (name, spec) in enumerate(zip(way.packages, way.specified(), strict=True)):
            offer = answer.offers.get(spec)
            if offer is None or not offer.is_known:
                continue
            best = candidates.best(offer, versions)
            if best is None:
                return offer.why or f"{system} offers no package {name}"
            if position == 0 and way.source.version is None and way.requirement.range.judge(best) != "ok":
                return f"{system} offers {name} {best}, wanted {way.requirement.range}"
        return ""

    def _is_unheard(self, way: Way) -> bool:
        """Whether all that is against a system's package is that its manager does not know it."""
        offers = self.offers[way.manager].offers if way.manager in self.offers else {}
        is_open = not (self._absent(way) or self._poor_version(way) or way.source.requires)
        return (
            is_open
            and way.manager in managers.SYSTEM
            and any(name in offers and not offers[name].versions and not offers[name].why for name in way.packages)
        )

    def _first(self, way: Way, *, by_hand: bool, within: tuple[str, ...]) -> tuple[tuple[Choice, ...], str]:
        chosen = []
        for text in way.source.requires:
            needed = self.implied[text]
            if self._is_there(text):
                continue
            if needed.name in within:
                return (), f"{way.source.label} needs {text}, which needs it"
            choice = self.choose(needed, by_hand=by_hand, within=within)
            if choice.way is None or choice.lacks:
                return (), f"{way.source.label} needs {text}: {choice.lacks or '; '.join(choice.refusals)}"
            chosen.append(choice)
        return tuple(chosen), ""

    def _is_there(self, text: str) -> bool:
        return self.state.findings[self.implied[text].id].status == "ok"

    def _nothing(self, requirement: Requirement) -> str:
        known = ", ".join(dict.fromkeys(each.label for each in requirement.sources))
        has = f"{self.state.os_name} installs with {self.state.manager}" if self.state.manager else ""
        has = has or f"{self.state.os_name} has no package manager that we know"
        return f"{has}; known sources: {known}" if known else has


def by_manager(ways: Sequence[Way]) -> dict[str, list[Way]]:
    """The ways by manager, in the order in which managers run: the system's first, then languages', then downloads."""
    order = (*managers.TABLE, *DOWNLOADS)
    grouped: dict[str, list[Way]] = {}
    for way in sorted(ways, key=lambda each: order.index(each.manager)):
        grouped.setdefault(way.manager, []).append(way)
    return grouped


def unpinned(source: Source) -> str:
    """What a person types to fetch an installer, read it and run it."""
    name = source.address.rpartition("/")[2] or "installer"
    return f"curl -fsSLo {shlex.quote(name)} {shlex.quote(source.address)}, then sh {shlex.quote(name)}"
