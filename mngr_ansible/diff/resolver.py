"""Where each requirement comes from on one host: the first source that is allowed, usable and offers enough. Pure.

The words are pip's: a requirement has sources, each of which is a candidate on a host; the resolver chooses one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from mngr_ansible.diff import curl
from mngr_ansible.host.state import HostState
from mngr_ansible.plan.requirements import Requirement, SourcePolicy
from mngr_ansible.portable import managers, sh
from mngr_ansible.portable import offers as manager_offers
from mngr_ansible.portable.shapes import InstallRequest
from mngr_ansible.spec.sources import DOWNLOADS, Source, file_name
from mngr_ansible.values import field, frozen, replace

if TYPE_CHECKING:
    from mngr_ansible.spec.sources import Manager

_OTHER_MANAGERS = {
    **dict.fromkeys(("azurelinux", "mariner", "photon"), "tdnf"),
    **dict.fromkeys(("rhel", "fedora", "centos"), "microdnf or yum"),
    "clear-linux-os": "swupd",
    "gentoo": "emerge",
    "nixos": "nix",
    "guix": "guix",
    "openwrt": "opkg",
    "slackware": "slackpkg",
    "solus": "eopkg",
    "void": "xbps-install",
}
"""By os-release's ``ID``: what such systems install with, where they have no manager of ours."""

Offers = Mapping[str, manager_offers.ManagerOffers]
"""What each package manager that was asked offers, by manager; see ``portable.offers``."""


@frozen
class Candidate:
    """One way to install one requirement on one host.

    ``scope``: ``system`` installs for everybody on the host, ``user`` for the remote user only.
    """

    requirement: Requirement
    source: Source
    scope: str

    @property
    def step_id(self) -> str:
        """The id of the step that it is for."""
        return f"package:{self.requirement.name}"

    @property
    def manager(self) -> str:
        """The package manager, or ``installer`` or ``archive``."""
        return self.source.manager

    @property
    def packages(self) -> tuple[str, ...]:
        """The names of its packages in the manager; by default the requirement's own name."""
        return self.source.packages or (() if self.manager == "installer" else (self.requirement.name,))

    @property
    def needs_root(self) -> bool:
        """Whether only root can install it."""
        return self.source.repository is not None or managers.needs_root(self.manager, self.scope)

    def specified(self) -> list[str]:
        """Its packages as arguments for the manager; a language's manager gets the accepted versions with them."""
        accepted, exact = str(self.requirement.range), self.source.version
        return [managers.specified(self.manager, name, accepted, exact) for name in self.packages]

    def resolved(self) -> InstallRequest:
        """The form that the role ``mngr_packages`` takes; see its README."""
        complete = self.requirement.resolved()
        request: InstallRequest = {
            "id": self.step_id,
            "name": complete["name"],
            "version": complete["version"],
            "checks": complete["checks"],
            "packages": {self.manager: list(self.packages)},
            "is_required": complete["is_required"],
            "scope": self.scope,
        }
        if self.source.repository is not None:
            request["repository"] = self.source.repository.name
        if self.source.version is not None and self.manager not in managers.SYSTEM:
            request["exact"] = {self.manager: self.source.version}
        if self.manager in DOWNLOADS:
            request["url"], request["sha256"] = self.source.address, self.source.sha256
        return request


@frozen
class Refusal:
    """Why a candidate cannot be used.

    Attributes:
        is_unlisted: only because the lists of the system's package manager do not know it; newer lists may know it.
        package: the package that is not offered, if that alone is the reason; ``reason`` ends with its name.
        is_absent: only because the host does not have the manager.
    """

    candidate: Candidate
    reason: str
    is_unlisted: bool = False
    package: str = ""
    is_absent: bool = False


@frozen
class Resolution:
    """The decision for one requirement.

    Attributes:
        candidate: what is installed; None: no source can be used.
        prerequisites: what has to be installed before it.
        refusals: why each earlier source cannot be used; without a candidate: why none can.
        privilege_problem: why the remote user has no right to install the candidate; None: no such problem.
        doubt: why it is not known whether the candidate can be installed; empty: nothing speaks against it.
        unlisted: why a person has to fetch the lists of packages before the candidate can be installed; else empty.
        unoffered: the package that the system does not offer, if that is the only reason; else empty.
    """

    candidate: Candidate | None
    prerequisites: tuple["Resolution", ...] = ()
    refusals: tuple[str, ...] = ()
    privilege_problem: str | None = None
    doubt: str = ""
    unlisted: str = ""
    unoffered: str = ""

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Everything that is installed for it, in the order of installing."""
        own = (self.candidate,) if self.candidate is not None else ()
        return (*(candidate for each in self.prerequisites for candidate in each.candidates), *own)


@frozen
class Resolver:
    """Chooses the source of every requirement of one host. Built once for each host.

    Attributes:
        state: what is true on the host.
        policy: what the user allows.
        implied: what sources need first (``requires``), by the text of ``requires``.
        offers: what the host's package managers offer; a manager that was not asked is assumed to have everything.
        failures: why a source failed already in this run, by the requirement's name and the source.
    """

    state: HostState
    policy: SourcePolicy
    implied: Mapping[str, Requirement]
    offers: Offers = field(default_factory=dict)
    failures: Mapping[tuple[str, Source], str] = field(default_factory=dict)

    def with_offers(self, offers: Offers) -> "Resolver":
        """The same resolver, which also knows what the host's package managers offer."""
        return replace(self, offers=offers)

    def after(self, state: HostState, failures: Mapping[tuple[str, Source], str]) -> "Resolver":
        """The same resolver after an attempt: what is true on the host now, and which sources failed besides."""
        return replace(self, state=state, failures={**self.failures, **failures})

    @property
    def are_lists_old(self) -> bool:
        """Whether a package manager's lists are empty, or older than a day."""
        return any(answer.lists in ("empty", "stale") for answer in self.offers.values())

    def queries(self, requirements: Sequence[Requirement]) -> dict[str, list[str]]:
        """What the host's package managers must be asked before these can be resolved: packages by manager."""
        queries: dict[str, list[str]] = {}
        for candidate in self._allowed(requirements, set()):
            if self._can_ask(candidate):
                queries.setdefault(candidate.manager, []).extend(candidate.specified())
        return {manager: list(dict.fromkeys(names)) for manager, names in queries.items()}

    def asked_as_root(self, requirements: Sequence[Requirement]) -> tuple[str, ...]:
        """The managers of languages with which root installs these: root's settings count then, not the login's."""
        asked = self._allowed(requirements, set())
        return tuple({each.manager for each in asked if each.manager in managers.LANGUAGES and each.needs_root})

    def _can_ask(self, candidate: Candidate) -> bool:
        """Whether the host can say what it offers.

        dnf keeps separate lists for every user, and only root sees those of the system. A repository that is not added
        yet is in no list.
        """
        if candidate.manager not in self.state.system.managers or candidate.source.repository is not None:
            return False
        if candidate.manager == "dnf" and self.state.login.privilege in ("none", "password"):
            return False
        return bool(managers.TABLE[candidate.manager].offers)

    def _allowed(self, requirements: Sequence[Requirement], seen: set[str]) -> Iterator[Candidate]:
        """The allowed candidates of these requirements, and of what their sources need and the host does not have.

        ``seen``: the texts of ``requires`` that were followed already.
        """
        for requirement in requirements:
            for candidate in self._candidates(requirement):
                if self._disallowed(candidate) is None:
                    yield candidate
                    texts = [text for text in self._unmet(candidate) if text not in seen]
                    seen.update(texts)
                    yield from self._allowed([self.implied[text] for text in texts], seen)

    def insufficient_managers(self, requirements: Sequence[Requirement]) -> set[str]:
        """The system's managers that offer too little for these requirements, so that newer lists may help."""
        return {
            candidate.manager
            for requirement in requirements
            for candidate in self._candidates(requirement)
            if candidate.manager in managers.SYSTEM
            and candidate.manager in self.offers
            and self.offers[candidate.manager].lists != "read-only"
            and self._disallowed(candidate) is None
            and (self.offers[candidate.manager].lists == "empty" or self._insufficient_offer(candidate) is not None)
        }

    def resolve(self, requirement: Requirement, *, by_hand: bool = False, within: tuple[str, ...] = ()) -> Resolution:
        """Choose the first usable candidate, and among these rather one that the remote user has the right to install.

        Args:
            requirement: what is needed.
            by_hand: a person installs it, who can become root and fetch newer lists of packages.
            within: the names of the requirements that need this one first; none of them can be its prerequisite.
        """
        refusals: list[Refusal] = []
        without_privilege: Resolution | None = None
        doubtful: Resolution | None = None
        for candidate in self._candidates(requirement):
            judged = self._judge(candidate, by_hand=by_hand, within=(*within, requirement.name))
            if isinstance(judged, Refusal):
                refusals.append(judged)
                continue
            resolution = Resolution(candidate, judged, self._reasons(refusals, is_brew_told=False))
            if not by_hand and not all(map(self._has_privilege, resolution.candidates)):
                without_privilege = without_privilege or resolution
            elif doubt := self._doubt(candidate):
                doubtful = doubtful or replace(resolution, doubt=doubt)
                refusals.append(Refusal(candidate, doubt))
            else:
                return resolution
        if doubtful is not None:
            return doubtful
        unlisted = next((each for each in refusals if each.is_unlisted), None)
        if by_hand and unlisted is not None:
            return Resolution(unlisted.candidate, unlisted=unlisted.reason)
        if without_privilege is not None:
            return replace(without_privilege, privilege_problem=self.state.login.privilege_problem)
        reasons = self._reasons(refusals, is_brew_told=bool(self.state.system.manager))
        if not self.state.system.manager or not reasons:
            reasons = tuple(dict.fromkeys([self._no_candidate(requirement), *reasons]))
        unoffered = next((each.package for each in refusals if each.package and (each.reason,) == reasons), "")
        return Resolution(None, refusals=reasons, unoffered=unoffered)

    def _candidates(self, requirement: Requirement) -> Iterator[Candidate]:
        """The sources of a requirement that are meant for a host like this, in their order."""
        system = self.state.system
        default = (Source(cast("Manager", system.manager)),) if system.manager else ()
        for source in requirement.sources or default:
            is_other_system = source.manager in managers.SYSTEM and source.manager != system.manager
            is_for_host = source.when is None or source.when.matches(system.ids, system.release, system.arch)
            if is_for_host and not is_other_system:
                yield Candidate(requirement, source, "user" if self.policy.scope == "user" else source.scope)

    def _judge(
        self, candidate: Candidate, *, by_hand: bool, within: tuple[str, ...]
    ) -> tuple[Resolution, ...] | Refusal:
        """What must be installed before this candidate, or why it cannot be used."""
        refusal = (
            self._failed(candidate)
            or self._disallowed(candidate)
            or self._missing_manager(candidate)
            or self._wrong_version(candidate)
            or self._insufficient_offer(candidate)
        )
        if refusal is not None:
            return refusal
        label, prerequisites = candidate.source.label, []
        for text in self._unmet(candidate):
            needed = self.implied[text]
            if needed.name in within:
                return Refusal(candidate, f"{label} needs {text}, which in turn needs {candidate.requirement.name}")
            resolution = self.resolve(needed, by_hand=by_hand, within=within)
            if resolution.candidate is None or resolution.privilege_problem is not None:
                reason = resolution.privilege_problem or "; ".join(resolution.refusals)
                needs = f"the host has no {label}" if label == needed.name else f"{label} needs {text}"
                return Refusal(candidate, f"{needs}: {reason}")
            prerequisites.append(resolution)
        return tuple(prerequisites)

    def _failed(self, candidate: Candidate) -> Refusal | None:
        """It was tried in this run, and failed."""
        reason = self.failures.get((candidate.requirement.name, candidate.source))
        return None if reason is None else Refusal(candidate, f"{candidate.source.label}: {reason}")

    def _disallowed(self, candidate: Candidate) -> Refusal | None:
        """What the user's settings, or the source itself, have against a candidate on any host."""
        source, policy, name = candidate.source, self.policy, candidate.requirement.name
        invalid = next(filter(None, (managers.name_problem(source.manager, each) for each in candidate.packages)), None)
        if invalid is not None:
            return Refusal(candidate, f"{name!r} is not a package of {source.manager}: {invalid}")
        if source.repository is not None and not policy.allow_third_party_repositories:
            label = source.repository.name
            return Refusal(candidate, f"the repository {label} is not allowed (allow_third_party_repositories)")
        if source.manager in DOWNLOADS and not policy.allow_installers:
            return Refusal(candidate, f"{source.label} is not allowed (allow_installers)")
        if source.manager == "installer" and source.sha256 is None:
            reason = "the vendor publishes no checksum, so we do not run its installer. Run it yourself"
            return Refusal(candidate, f"{reason}: {installer_command(source, name)}")
        if policy.scope == "user" and candidate.needs_root:
            return Refusal(candidate, f'{source.label} installs for the whole system, and scope is "user"')
        return None

    def _missing_manager(self, candidate: Candidate) -> Refusal | None:
        """The host does not have the manager, and the source does not say what installs it."""
        is_present = candidate.manager in DOWNLOADS or candidate.manager in self.state.system.managers
        if is_present or candidate.source.requires:
            return None
        if why := self.state.system.refused.get(candidate.manager):
            return Refusal(candidate, f"{candidate.manager} is not run: {why}")
        return Refusal(candidate, f"the host has no {candidate.manager}", is_absent=True)

    def _wrong_version(self, candidate: Candidate) -> Refusal | None:
        """The source's own version is not one of those that the requirement accepts."""
        accepted, version = candidate.requirement.range, candidate.source.version
        if version is None or accepted.judge(version) == "ok":
            return None
        return Refusal(candidate, f"{candidate.source.label} has {version}, needed {accepted}")

    def _insufficient_offer(self, candidate: Candidate) -> Refusal | None:
        """The manager does not offer all packages, or not in a version that the requirement accepts."""
        answer = self.offers.get(candidate.manager)
        if answer is None or answer.lists == "empty" or candidate.source.repository is not None:
            return None
        is_system = candidate.manager in managers.SYSTEM
        who = self.state.system.name if is_system else candidate.manager
        accepted = candidate.requirement.range
        for position, (name, specified) in enumerate(zip(candidate.packages, candidate.specified(), strict=True)):
            offer = answer.offers.get(specified)
            if offer is None or not offer.is_known:
                continue
            best = manager_offers.best(offer)
            problem = f", and not all of its package lists could be fetched: {answer.problem}" if answer.problem else ""
            if best is None and offer.why:
                return Refusal(candidate, offer.why)
            if best is None:
                is_unlisted = is_system and not candidate.source.requires
                reason = f"{who} offers no package {name}{problem}"
                return Refusal(candidate, reason, is_unlisted, package="" if problem else name)
            has_own_version = position > 0 or candidate.source.version is not None
            if not has_own_version and accepted.judge(best) != "ok":
                return Refusal(candidate, f"{who} offers {name} {best}, needed {accepted}{problem}")
        return None

    def _doubt(self, candidate: Candidate) -> str:
        """Why it is not known whether the manager can install this, so that another source is better; empty if it is.

        The manager has no lists of packages and could not fetch them, or could not say what it offers.
        """
        answer = self.offers.get(candidate.manager)
        if answer is None or candidate.source.repository is not None:
            return ""
        label = candidate.source.label
        if answer.problem and answer.lists == "empty":
            return f"the package lists of {label} could not be fetched: {answer.problem}"
        unknown = [answer.offers.get(specified) for specified in candidate.specified()]
        why = next((each.why for each in unknown if each is not None and not each.is_known and each.why), "")
        if not why and answer.problem and any(each is not None and not each.is_known for each in unknown):
            why = f"the package lists of {label} could not be read: {answer.problem}"
        return why

    def _unmet(self, candidate: Candidate) -> list[str]:
        """What the source needs first and the host does not have."""
        return [text for text in candidate.source.requires if self.state.findings[self.implied[text].id].status != "ok"]

    def _has_privilege(self, candidate: Candidate) -> bool:
        """Whether the remote user may install it. With a password only whole tasks become root: system packages."""
        if not candidate.needs_root:
            return True
        if self.state.login.privilege == "password":
            return candidate.manager in managers.SYSTEM
        return self.state.login.privilege != "none"

    def _reasons(self, refusals: Sequence[Refusal], *, is_brew_told: bool) -> tuple[str, ...]:
        """What is said of these refusals, each reason once.

        All managers that the host does not have are one reason. That a Linux has no brew explains nothing where there
        is another reason; without ``is_brew_told`` it is never said.
        """
        reasons = [each.reason for each in refusals if not each.is_absent]
        absent = list(dict.fromkeys(each.candidate.manager for each in refusals if each.is_absent))
        if (reasons or not is_brew_told) and "macos" not in self.state.system.ids:
            absent = [each for each in absent if each != "brew"]
        if absent:
            names = " and no ".join([", no ".join(absent[:-1]), absent[-1]] if len(absent) > 1 else absent)
            reasons.append(f"the host has no {names}")
        return tuple(dict.fromkeys(reasons))

    def _no_candidate(self, requirement: Requirement) -> str:
        system = self.state.system
        text = f"{system.name} has no package manager that we know"
        if foreign := next((_OTHER_MANAGERS[each] for each in system.ids if each in _OTHER_MANAGERS), None):
            text = f"{system.name} installs with {foreign}, a package manager that we do not know"
        if system.manager:
            text = f"{system.name} installs with {system.manager}"
        known = ", ".join(dict.fromkeys(each.label for each in requirement.sources))
        return f"{text}; the sources of {requirement.name} are for other systems: {known}" if known else text


def by_manager(candidates: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    """The candidates by manager, in the order in which managers run: the system's, then languages', then downloads."""
    order = (*managers.TABLE, *DOWNLOADS)
    grouped: dict[str, list[Candidate]] = {}
    for candidate in sorted(candidates, key=lambda each: order.index(each.manager)):
        grouped.setdefault(candidate.manager, []).append(candidate)
    return grouped


def installer_command(source: Source, name: str) -> str:
    """What a person types to fetch the installer of ``name``, so that it can be read before it is run."""
    file = sh.quote(file_name(source))
    file = f"./{file}" if file.startswith("-") else file
    return f"{curl.line(source.address, file, name)}, then sh {file}"
