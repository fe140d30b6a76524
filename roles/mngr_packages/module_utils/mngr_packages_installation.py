# SPDX-License-Identifier: GPL-3.0-or-later
"""Install with one package manager what is missing or too old: one execution of ``mngr_packages_install``."""

from __future__ import annotations

import contextlib
import re
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from . import mngr_packages_explanations as explanations
from . import mngr_packages_host
from . import mngr_packages_repositories as repositories
from .mngr_ansible_portable import managers
from .mngr_ansible_portable.text import clause
from .mngr_packages_executor import NOT_ROOT, Executor
from .mngr_packages_foretold import Foretold
from .mngr_packages_manager import PackageManager
from .mngr_packages_outcomes import Outcomes, Refusal, outcome
from .mngr_packages_queries import Checked, check

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ansible.module_utils.basic import AnsibleModule

    from .mngr_ansible_portable.causes import Explanation
    from .mngr_ansible_portable.offers import ManagerOffers
    from .mngr_packages_queries import Requirement


_NO_OFFER = "Add a package source that has it, or relax the range"
_OTHERS_MAY_SUCCEED = ("read-only", "other")
"""Kinds of causes, beside those of the source itself, with which another source may succeed."""


class Installation:
    """One execution of the module: find out what has to be installed, and install it."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        name = module.params["manager"] or mngr_packages_host.of(module).system_manager()
        self.manager = PackageManager(module, name)
        self.outcomes = Outcomes(module, "No package was changed.", self.withdraw)
        self.outcomes.source = name
        self.repository_steps = module.params["repositories"].get("mngr_steps") or ()
        self.found: list[Checked] = []
        self.privilege = "root"
        self.is_refreshed = False
        self.unfetched: Explanation | None = None
        self.installed: list[str] = []
        self.foretold = Foretold(module.params["foretold"] if module.check_mode else ())
        self.rehearsal = contextlib.ExitStack()

    def run(self, found: Sequence[Checked]) -> None:
        """Install, and end the module; in check mode find out what that would do, and do nothing.

        Args:
            found: what the host has of each requirement.
        """
        with self.rehearsal:
            self.run_all(found)

    def run_all(self, found: Sequence[Checked]) -> None:
        """The same; what a rehearsal needs is there until this ends."""
        self.found = found = self.foretold.applied(found)
        self.outcomes.add(found)
        found = self.with_repositories(found)
        foreign = [each for each in found if each.finding.status in ("too-new", "unknown")]
        self.refuse(foreign, "It is never installed over")
        due = [each for each in found if each.finding.status in ("missing", "too-old")]
        if due:
            due = self.by_hand(self.installable(due))
        due = self.offered(due)
        required = [each for each in due if each.requirement["is_required"]]
        optional = [each for each in due if not each.requirement["is_required"]]
        for scope in ("system", "user"):
            self.install([each for each in required if each.requirement["scope"] == scope], scope, is_required=True)
        for scope in ("system", "user"):
            self.install([each for each in optional if each.requirement["scope"] == scope], scope, is_required=False)
        self.note_foretold(due)
        self.outcomes.finish(is_changed=bool(self.installed), installed=self.installed)

    def note_foretold(self, due: Sequence[Checked]) -> None:
        """In check mode, tell later tasks what would be installed."""
        if not self.module.check_mode:
            return
        for each in due:
            if each.id in self.installed and not self.stays_hidden(each):
                packages = each.requirement["packages"][self.manager.name]
                version = self.outcomes.versions.get(each.id) or self.manager.foretold.get(packages[0])
                self.foretold.add_package(each, self.manager.name, packages, version)
        self.outcomes.foretold = self.foretold.entries

    def stays_hidden(self, checked: Checked) -> bool:
        """Whether the check will still find the old program: one that no package brings, and that comes first."""
        comes_first = checked.finding.where.startswith("/usr/local/") or bool(checked.finding.chosen_by)
        return comes_first and self.manager.name in managers.SYSTEM

    def with_repositories(self, found: Sequence[Checked]) -> list[Checked]:
        """Those that need no repository which could not be added; notes the others as failed, for that reason."""
        steps = {each["id"]: each["reason"] for each in self.repository_steps if each["status"] == "failed"}
        left = []
        for each in found:
            why = steps.get(f"repository:{each.requirement['repository']}")
            if why is None or each.finding.status not in ("missing", "too-old"):
                left.append(each)
                continue
            reason = f"the package repository of {each.requirement['name']} cannot be added: {why}"
            if each.requirement["is_required"]:
                self.outcomes.add_failed(each, reason, is_of_source=True)
            else:
                self.outcomes.warn_failed(each, reason, is_of_source=True)
        return left

    def installable(self, due: Sequence[Checked]) -> list[Checked]:
        """Those that this user may install on this host; fails the module if a required one is not among them."""
        name = self.manager.name
        if not self.manager.is_present:
            self.refuse(due, f"This host has no {name}; install it by hand")
            return []
        unnamed = [each for each in due if not each.requirement["packages"].get(name)]
        refusals = [Refusal(each, each.problem(), _unnamed(each, name), is_of_source=True) for each in unnamed]
        named = [each for each in due if each not in unnamed]
        wrong = {each.id: why for each in named for why in [self.name_problem(each)] if why}
        remedy = f"Name its package: packages: {{{name}: [...]}}"
        refusals += [Refusal(each, f"{each.problem()}; {wrong[each.id]}", remedy) for each in due if each.id in wrong]
        self.outcomes.refuse(refusals)
        due = [each for each in named if each.id not in wrong]
        if any(managers.needs_root(name, each.requirement["scope"]) for each in due):
            self.privilege = self.manager.host.privilege()
        patterns = self.manager.held() if due else ()
        held = [each for each in due if _matches(self.packages([each]), patterns)]
        self.refuse(
            held,
            "It is on hold on this host (pacman's IgnorePkg, dnf's versionlock), and never released by us",
            is_of_source=True,
        )
        return [each for each in due if each not in held]

    def name_problem(self, checked: Checked) -> str:
        """Why a package of a requirement cannot be one of this manager, as a clause; empty if it can."""
        for each in checked.requirement["packages"][self.manager.name]:
            why = managers.name_problem(self.manager.name, each)
            if why:
                return f"{each!r} is no name of a package of {self.manager.name}: {why}"
        return ""

    def by_hand(self, due: Sequence[Checked]) -> list[Checked]:
        """The same, if they may be installed here; else refuses all of them, with the command for those on offer."""
        is_printed = self.module.params["install"] == "print"
        if not due or not (is_printed or self.privilege == "none"):
            return list(due)
        before, offers = self.looked_up([each.requirement for each in due])
        lacking = {each.id: self.manager.refusal(each.requirement, offers) for each in due}
        is_unknown = offers.lists == "empty"  # what they offer is seen when they can be fetched
        refused = [] if is_unknown else [each for each in due if lacking[each.id]]
        refusals = [
            Refusal(each, f"{each.problem()}, {lacking[each.id]}", _NO_OFFER, is_of_source=True) for each in refused
        ]
        for each in due:
            if each in refused:
                continue
            same = [other for other in due if other.requirement["scope"] == each.requirement["scope"]]
            same = [other for other in same if other not in refused]
            is_short = before.lists == "empty" or any(self.manager.refusal(other.requirement, before) for other in same)
            command = self.command(same, is_refreshing=is_short)
            remedy = f"To install it, run: {command}" if is_printed else f"{NOT_ROOT} run: {command}"
            refusals.append(Refusal(each, each.problem(), remedy))
        self.outcomes.refuse(refusals)
        return []

    def looked_up(self, requirements: Sequence[Requirement]) -> tuple[ManagerOffers, ManagerOffers]:
        """What the manager offers as the host's lists say, and as new ones say; nothing is changed on the host."""
        before = self.manager.offers(requirements, self.privilege)
        is_short = before.lists == "empty" or any(self.manager.refusal(each, before) for each in requirements)
        if not (is_short and self.manager.can_rehearse and self.may_refresh(before)):
            return before, before
        files = self.foretold.sources
        with self.manager.rehearsal(lambda directory: files(self.manager.name, directory).files, self.privilege):
            self.manager.refresh(self.privilege)
            after = self.manager.offers(requirements, self.privilege)
        return before, before if after.lists == "empty" else after

    def command(self, due: Sequence[Checked], *, is_refreshing: bool) -> str:
        """What a person types to install these, which have one scope."""
        name, scope = self.manager.name, due[0].requirement["scope"]
        become = "sudo" if self.privilege == "none" else self.privilege
        line = managers.command_line(name, self.packages(due), become, scope, is_refreshing=is_refreshing)
        fetching = managers.refresh_line(name, become) if is_refreshing else ""
        return f"{fetching} && {line}" if fetching else line

    def packages(self, due: Sequence[Checked]) -> list[str]:
        """The packages of these requirements, each once, in their order."""
        return list(dict.fromkeys(package for each in due for package in self.manager.packages(each.requirement)))

    def offered(self, due: Sequence[Checked]) -> list[Checked]:
        """Those that the manager can satisfy, after one refresh of its lists if needed; fails for required others."""
        if not due:
            return []
        requirements = [each.requirement for each in due]
        offers = self.manager.offers(requirements, self.privilege)
        is_short = offers.lists == "empty" or any(self.manager.refusal(each, offers) for each in requirements)
        hidden: Collection[str] = ()
        if is_short and self.may_refresh(offers):
            if self.module.check_mode:
                if not self.manager.can_rehearse:
                    return list(due)
                hidden = self.rehearse()
            self.refresh()
            offers = self.manager.offers(requirements, self.privilege)
            offers = offers._replace(problem=self.unfetched.problem if self.unfetched else offers.problem)
        for each in due:
            best = self.outcomes.versions[each.id] = self.manager.best(each.requirement, offers)
            if self.module.check_mode and self.is_refreshed:
                self.foretold.add_offer(self.manager.name, each.requirement["packages"][self.manager.name], best)
        self.outcomes.foretold = self.foretold.entries
        asked = [each for each in due if each.requirement["repository"] not in hidden]
        refused = [each for each in asked if self.manager.refusal(each.requirement, offers)]
        remedy = self.unfetched.remedy if self.unfetched else _NO_OFFER
        self.refuse(refused, remedy, offers, is_of_source=True)
        return [each for each in due if each not in refused]

    def may_refresh(self, offers: ManagerOffers) -> bool:
        """Whether lists of packages may be fetched; pacman's newer ones are only for a whole newer system."""
        is_possible = self.manager.can_refresh and offers.lists != "read-only"
        return is_possible and (self.manager.name != "pacman" or offers.lists == "empty")

    def rehearse(self) -> set[str]:
        """From now on, ask about lists in a private directory, with the repositories that would have been added.

        Returns:
            The names of those that cannot be asked, because nothing shows their whole address.
        """
        self.rehearsal.enter_context(
            self.manager.rehearsal(
                lambda directory: self.foretold.sources(self.manager.name, directory).files, self.privilege
            )
        )
        return self.foretold.sources(self.manager.name, "").hidden

    def refresh(self) -> None:
        """Fetch the lists once. A source that is dead stops nothing: another one may offer what is needed."""
        self.is_refreshed = True
        code = self.manager.refresh(self.privilege)
        self.outcomes.output = self.manager.output
        self.unfetched = explanations.unfetched(self.manager.name, code, self.manager.output, self.privilege)
        if self.unfetched is not None:
            problem, remedy = self.unfetched.problem, self.unfetched.remedy
            self.module.warn(f"The lists of packages could not be refreshed entirely: {problem}. {remedy}.")

    def explain(self, code: int, packages: Sequence[str]) -> Explanation:
        """Why the manager failed, and what to do."""
        timeout = self.module.params["timeout"]
        return explanations.cause(self.manager.name, code, self.manager.output, packages, self.privilege, timeout)

    def install(self, due: Sequence[Checked], scope: str, *, is_required: bool) -> None:
        """Install these in one transaction. If it fails, check again: some may be installed nevertheless."""
        packages = self.packages(due)
        if not packages:
            return
        if self.module.check_mode:
            code = self.manager.foretell(packages, scope, self.privilege)
        else:
            code = self.manager.install(packages, scope, self.privilege)
        may_refresh = self.manager.can_refresh and self.manager.name != "pacman" and not self.is_refreshed
        if code and may_refresh and not self.module.check_mode and explanations.is_stale(self.manager.output):
            self.refresh()
            code = self.manager.install(packages, scope, self.privilege)
        self.outcomes.output = self.manager.output
        if self.module.check_mode:  # what the manager refuses is not done in part
            again = list(due) if code else []
        else:
            again = check(self.module, [each.requirement for each in due]) if code else []
        failed = [each for each in again if self.has_failed(each, code)]
        self.installed += [each.id for each in due if each.id not in {other.id for other in failed}]
        if not code:
            names = ", ".join(packages)
            if explanations.has_failed_script(self.manager.output):
                self.module.warn(f"{names}: {self.explain(code, packages).sentences}")
            return
        cause = self.explain(code, packages)
        why, is_own = cause.sentences, cause.is_of_source or cause.kind in _OTHERS_MAY_SUCCEED
        reason = clause(why)
        if is_required and failed:
            guilty = self.guilty(failed) if is_own else []
            spoilt = f"it was not installed, because {_names(guilty)} in the same transaction failed: {reason}"
            steps = [
                outcome(each, "changed")
                if each not in failed
                else outcome(
                    each, "failed", spoilt if guilty and each not in guilty else reason, is_of_source=each in guilty
                )
                for each in again
            ]
            self.note_foretold(due)
            is_named = all(_is_named(why, self.packages([each])) for each in guilty)
            message = why if is_named else f"{_names(guilty)}: {why}"
            self.outcomes.fail(message, steps, is_changed=len(failed) < len(steps))
        if is_own and len(due) > 1:  # what nobody requires is not one transaction: one of them stops no other
            for each in failed:
                self.install([each], scope, is_required=False)
            return
        self.module.warn(f"{_names(failed or due)}: {why}{' It is optional.' if failed else ''}")
        for each in failed:
            self.outcomes.add_failed(each, reason, is_of_source=is_own)

    def guilty(self, failed: Sequence[Checked]) -> list[Checked]:
        """Those of a failed transaction that would fail alone too; all of them where that cannot be told."""
        if len(failed) < 2:
            return list(failed)
        would_fail = self.manager.would_fail
        if self.module.check_mode:
            scope = failed[0].requirement["scope"]
            alone = [each for each in failed if self.manager.foretell(self.packages([each]), scope, self.privilege)]
        else:
            alone = [each for each in failed if would_fail(self.packages([each]), self.privilege)]
        return alone or list(failed)

    def has_failed(self, checked: Checked, code: int) -> bool:
        """Whether a requirement is not satisfied after a transaction that ended with this status."""
        broken = explanations.broken_packages(self.manager.output)
        is_broken = not broken.isdisjoint(checked.requirement["packages"][self.manager.name])
        return explanations.is_stopped(code) or checked.finding.status != "ok" or is_broken

    def withdraw(self) -> None:
        """Remove the repositories that were added for these requirements, if nothing was installed from them."""
        if self.module.check_mode:
            return
        for new in self.module.params["repositories"].get("new") or ():
            own = [each for each in self.found if each.requirement["repository"] == new["name"]]
            if own and not any(each.id in self.installed or each.finding.status == "ok" for each in own):
                why = repositories.withdraw(Executor(self.module, "system"), new)
                if why:
                    self.module.warn(f"The repository {new['name']} could not be removed again: {why}.")

    def refuse(
        self,
        checked: Sequence[Checked],
        remedy: str,
        offers: ManagerOffers | None = None,
        *,
        is_of_source: bool = False,
    ) -> None:
        """Fail the module, before anything is changed, if one of these is required; else warn of each."""
        refusals = []
        for each in checked:
            offer = self.manager.refusal(each.requirement, offers) if offers is not None else ""
            problem = each.problem() + (f", {offer}" if offer else "")
            refusals.append(Refusal(each, problem, remedy, is_of_source))
        self.outcomes.refuse(refusals)


def _unnamed(checked: Checked, manager: str) -> str:
    """What to do where a requirement names no package of the manager."""
    if checked.requirement["url"]:
        return "It is a download: write it in mngr_packages_downloads, or with its address in sources"
    return f"No package of {manager} is known for it; install it by hand"


def _is_named(sentences: str, packages: Sequence[str]) -> bool:
    return any(re.search(rf"(?<![\w-]){re.escape(each)}(?![\w-])", sentences) for each in packages)


def _names(checked: Sequence[Checked]) -> str:
    return ", ".join(each.requirement["name"] for each in checked)


def _matches(names: Sequence[str], patterns: Collection[str]) -> bool:
    return any(fnmatch(name, pattern) for name in names for pattern in patterns)
