# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each requirement with ``sources`` is installed from: the first source that this host can use and that fits.

A source fits if it is meant for a host like this one (``when``, the system's package manager), the host has its manager
or can get it first (``requires``), and it has a version that is wanted. The package's own resolver has the same rules.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from . import mngr_packages_host
from .mngr_ansible_portable import managers, requirements
from .mngr_ansible_portable.managers import DOWNLOADS
from .mngr_ansible_portable.versions import Range
from .mngr_packages_foretold import Foretold
from .mngr_packages_manager import PackageManager
from .mngr_packages_outcomes import Refusal
from .mngr_packages_queries import Checked, Requirement, check, spelled_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule

    from .mngr_ansible_portable.offers import ManagerOffers
    from .mngr_ansible_portable.shapes import RepositoryRequest

_ORDER = (*managers.TABLE, *DOWNLOADS)
"""The managers in the order in which they run."""

_REMEDY = "Add a source that this host can use, or relax the range"


class Candidate(NamedTuple):
    """One source of a requirement that is meant for a host like this one.

    Attributes:
        requirement: as if this were its only source, as the modules take it.
        source: with all its fields, see ``requirements.read_source``.
        number: its position among the sources, from 1.
    """

    requirement: Requirement
    source: Mapping[str, Any]
    number: int

    @property
    def manager(self) -> str:
        """The package manager, or ``installer`` or ``archive``."""
        return str(self.source["manager"])

    @property
    def repository(self) -> str:
        """The name of the third party's repository that it needs; empty for none."""
        return self.requirement["repository"]

    @property
    def name_problem(self) -> str:
        """Why its packages, by default that of the requirement's name, are none of its manager; empty if they are."""
        names = self.requirement["packages"][self.manager]
        return next(filter(None, (managers.name_problem(self.manager, each) for each in names)), "")

    @property
    def label(self) -> str:
        """Its name for people."""
        return requirements.label(self.manager, self.repository or None, self.requirement["url"])


class Choice(NamedTuple):
    """What is installed from where.

    Attributes:
        chosen: by id, the candidate of each requirement that has to be installed and can be.
        before: what has to be installed first, because a chosen source needs it.
        refused: the others, with the reasons.
        looked_up: in check mode, what new lists of packages offer.
    """

    chosen: dict[str, Candidate]
    before: list[Requirement]
    refused: list[Refusal]
    looked_up: Foretold

    def repositories(self) -> list[tuple[RepositoryRequest, Requirement]]:
        """The third parties' repositories of the chosen sources, each with the requirement that it is for."""
        return [
            (
                cast("RepositoryRequest", {**each.source["repository"], "manager": each.manager, "is_required": False}),
                each.requirement,
            )
            for each in self.chosen.values()
            if each.source["repository"]
        ]

    def result(self) -> dict[str, dict[str, Any]]:
        """The choice as a module returns it, for the next module."""
        return {name: {"manager": each.manager, "source": each.number} for name, each in self.chosen.items()}


class Chooser:
    """Chooses on one host. Asks the managers of all sources once, and fetches the system's lists if they are short."""

    def __init__(self, module: AnsibleModule, wanted: Sequence[Requirement], earlier: Mapping[str, Any]) -> None:
        """Begin.

        Args:
            module: has the parameter ``install``.
            wanted: all requirements of the role: a source may need one of them first.
            earlier: the result of an earlier module of the same run: ``chosen``, see :meth:`Choice.result`, and what
                became of repositories.
        """
        self._module = module
        self._by_name = {each["name"]: each for each in wanted}
        self._earlier = earlier.get("chosen") or {}
        steps = earlier.get("mngr_steps") or ()
        self._failed = {each["id"]: each["reason"] for each in steps if each["status"] == "failed"}
        self._managers: dict[str, PackageManager] = {}
        self._offers: dict[str, ManagerOffers] = {}
        self._privilege = ""
        self._looked_up = Foretold(())
        self._host = mngr_packages_host.of(module)
        system = self._host.system()
        names = f"{system.words.get('ID', '')} {system.words.get('ID_LIKE', '')}".split()
        self._ids = (*names, {"Darwin": "macos"}.get(system.kernel, system.kernel.lower()))
        self._release = system.words.get("VERSION_ID", "")
        self._arch = system.machine
        self._system = self._host.system_manager()

    def choose(self, due: Sequence[Checked]) -> Choice:
        """Choose a source for each of these, which the host does not have as wanted."""
        self._ask([candidate for each in due for candidate in self._candidates(each.requirement)])
        choice = Choice({}, [], [], self._looked_up)
        for each in due:
            refused: list[str] = []
            found = self._first(each.requirement, refused, choice.before, ())
            if found is not None:
                choice.chosen[each.id] = found
                continue
            reasons = "; ".join(dict.fromkeys(refused)) or self._no_candidate(each.requirement)
            choice.refused.append(Refusal(each, f"{each.problem()}; {reasons}", _REMEDY, is_of_source=True))
        return choice

    def _first(
        self, requirement: Requirement, refused: list[str], before: list[Requirement], within: tuple[str, ...]
    ) -> Candidate | None:
        """The first candidate that fits, rather one that this user may install; notes why others do not fit."""
        without_privilege = None
        for candidate in self._candidates(requirement):
            first: list[Requirement] = []
            why = self._refusal(candidate, first, (*within, requirement["name"]))
            if why:
                refused.append(why)
            elif self._may_install(candidate):
                before += [each for each in first if each["id"] not in {other["id"] for other in before}]
                return candidate
            else:
                without_privilege = without_privilege or candidate
        return without_privilege

    def _candidates(self, requirement: Requirement) -> list[Candidate]:
        """The sources that are meant for this host; the one that was chosen earlier in this run alone."""
        found = []
        for number, source in enumerate(requirement["sources"], 1):
            is_other_system = source["manager"] in managers.SYSTEM and source["manager"] != self._system
            when = source["when"]
            if is_other_system or (when and not requirements.is_for_host(when, self._ids, self._release, self._arch)):
                continue
            found.append(Candidate(_with_source(requirement, source), source, number))
        known = self._earlier.get(requirement["id"])
        same = [each for each in found if {"manager": each.manager, "source": each.number} == known]
        if same and f"repository:{same[0].repository}" not in self._failed:
            return same
        return found

    def _refusal(self, candidate: Candidate, first: list[Requirement], within: tuple[str, ...]) -> str:
        """Why a candidate cannot be used, as a clause; empty if it can. Adds to ``first`` what it needs before it."""
        source, requirement, name = candidate.source, candidate.requirement, candidate.manager
        if candidate.name_problem:
            return f"{requirement['name']!r} is not a package of {name}: {candidate.name_problem}"
        if f"repository:{candidate.repository}" in self._failed:
            return f"{candidate.label}: {self._failed[f'repository:{candidate.repository}']}"
        if name == "installer" and not source["sha256"]:
            return f"{candidate.label} has no sha256, so it is never run"
        if source["version"] is not None and Range.parse(requirement["version"]).judge(source["version"]) != "ok":
            return f"{candidate.label} has {source['version']}"
        if name not in DOWNLOADS and not self._manager(name).is_present and not source["requires"]:
            return f"the host has no {name}"
        for text in source["requires"]:
            why = self._unmet(text, name, first, within)
            if why:
                return f"{candidate.label} needs {text}: {why}"
        offers = self._offers.get(name)
        if offers is None or candidate.repository or self._is_unknown(offers):
            return ""
        return self._manager(name).refusal(requirement, offers)

    def _unmet(self, text: str, manager: str, first: list[Requirement], within: tuple[str, ...]) -> str:
        """Why what a source needs first cannot be had; empty if the host has it, or it can be installed before."""
        name, version = requirements.read_text(text)
        own = self._by_name.get(name)
        if own is not None:
            common = Range.parse(version).intersect(Range.parse(own["version"]))
            version = version if common.is_empty else str(common)
        given = own.copy() if own is not None else spelled_out([name], self._host)[0]
        given["version"] = version
        checked = check(self._module, [given])[0]
        if self._module.check_mode:
            checked = Foretold(self._module.params["foretold"]).applied([checked])[0]
        if checked.finding.status == "ok":
            return ""
        if name in within:
            return f"that in turn needs {within[-1]}"
        if checked.finding.status in ("too-new", "unknown"):
            return checked.problem()
        given["is_required"] = self._by_name[within[0]]["is_required"] if own is None else own["is_required"]
        if not given["sources"]:
            packages = given["packages"].get(self._system)
            problem = managers.name_problem(self._system, (packages or [name])[0])
            if problem:
                return f"{name!r} is no name of a package of {self._system}: {problem}"
            given["sources"] = [requirements.read_source({"manager": self._system, "packages": packages or [name]})]
        self._ask(self._candidates(given))
        refused: list[str] = []
        found = self._first(given, refused, first, within)
        if found is None:
            return "; ".join(dict.fromkeys(refused)) or self._no_candidate(given)
        order = _ORDER.index(found.manager) - _ORDER.index(manager)
        if order > 0 or (order == 0 and manager not in managers.SYSTEM):
            return f"{found.label} does not come before {manager}"
        if own is None:
            first.append(found.requirement)
        return ""

    def _ask(self, candidates: Sequence[Candidate]) -> None:
        """Ask the managers of these candidates what they offer, after a refresh where their lists are short of it."""
        by_manager: dict[str, list[Requirement]] = {}
        for each in candidates:
            if each.name_problem or each.repository or each.manager in DOWNLOADS:
                continue
            if self._manager(each.manager).is_present:
                by_manager.setdefault(each.manager, []).append(each.requirement)
        for name, wanted in by_manager.items():
            manager, user = self._manager(name), self.privilege
            offers = manager.offers(wanted, user)
            is_short = offers.lists == "empty" or any(manager.refusal(each, offers) for each in wanted)
            if is_short and self._may_refresh(manager, offers):
                with self._rehearsal(manager) if self._module.check_mode else contextlib.nullcontext():
                    manager.refresh(user)
                    offers = manager.offers(wanted, user)
                for one in wanted if self._module.check_mode else ():
                    self._looked_up.add_offer(name, one["packages"][name], manager.best(one, offers))
            known = self._offers.get(name)
            self._offers[name] = offers._replace(offers={**known.offers, **offers.offers}) if known else offers

    def _rehearsal(self, manager: PackageManager) -> contextlib.AbstractContextManager[None]:
        """In check mode, what the manager fetches is not on the host."""
        foretold = Foretold(self._module.params["foretold"])
        return manager.rehearsal(lambda directory: foretold.sources(manager.name, directory).files, self.privilege)

    def _may_refresh(self, manager: PackageManager, offers: ManagerOffers) -> bool:
        if not manager.can_refresh or offers.lists == "read-only" or self.privilege == "none":
            return False
        can_refresh = manager.can_rehearse or not self._module.check_mode
        is_allowed = self._module.params["install"] == "auto" and can_refresh
        return is_allowed and (manager.name != "pacman" or offers.lists == "empty")

    def _is_unknown(self, offers: ManagerOffers) -> bool:
        """Whether the lists are empty because nothing may be fetched now: what they offer is seen when it may."""
        is_only_looking = self._module.check_mode or self._module.params["install"] == "print"
        return offers.lists == "empty" and (is_only_looking or self.privilege == "none")

    def _may_install(self, candidate: Candidate) -> bool:
        scope = candidate.requirement["scope"]
        needs_root = bool(candidate.repository) or managers.needs_root(candidate.manager, scope)
        return not needs_root or self.privilege != "none"

    def _no_candidate(self, requirement: Requirement) -> str:
        labels = [_with_source_label(each) for each in requirement["sources"]]
        return f"its sources are for other systems: {', '.join(dict.fromkeys(labels))}"

    def _manager(self, name: str) -> PackageManager:
        if name not in self._managers:
            self._managers[name] = PackageManager(self._module, name)
        return self._managers[name]

    @property
    def privilege(self) -> str:
        """How this user becomes root; see ``mngr_packages_executor.privilege``."""
        if not self._privilege:
            self._privilege = self._host.privilege()
        return self._privilege


def _with_source(requirement: Requirement, source: Mapping[str, Any]) -> Requirement:
    """The requirement as if that were its only source."""
    manager = source["manager"]
    names = list(source["packages"]) or ([] if manager == "installer" else [requirement["name"]])
    made = requirement.copy()
    made["packages"] = {manager: names}
    made["scope"] = source["scope"]
    made["exact"] = {manager: source["version"]} if source["version"] else {}
    made["url"] = requirements.address(source["url"], source["version"])
    made["sha256"] = source["sha256"] or ""
    made["repository"] = source["repository"]["name"] if source["repository"] else ""
    made["sources"] = []
    return made


def _with_source_label(source: Mapping[str, Any]) -> str:
    name = source["repository"]["name"] if source["repository"] else None
    return requirements.label(source["manager"], name, requirements.address(source["url"], source["version"]))
