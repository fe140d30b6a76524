"""The tools that plugins need, merged: one requirement a name, with every plugin's range."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from mngr_ansible.catalog import lookup as catalog
from mngr_ansible.errors import ConflictError
from mngr_ansible.portable import checks
from mngr_ansible.portable.versions import Range
from mngr_ansible.spec.packages import Check, Install, PackageRequirement
from mngr_ansible.spec.sources import Source


@dataclass(frozen=True, slots=True)
class PackageRequest:
    """One plugin's requirement, and what the user decided about installing for that plugin.

    ``install`` is None where nobody decided for this plugin or on the command line: then the machine decides
    (install on remote hosts, print on this one). ``origin`` names the plugin for people.
    """

    plugin: str
    requirement: PackageRequirement
    install: Install | None
    origin: str = ""

    @property
    def wish(self) -> str:
        """Who wants which versions, for people: ``manifest (host.yml) wants >=2.39``."""
        return f"{self.origin or self.plugin} wants {self.requirement.version}"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One step of kind ``package``: what all plugins together want of one tool."""

    name: str
    range: Range
    checks: tuple[Check, ...]
    sources: tuple[Source, ...]
    is_required: bool
    is_printed: bool
    """Somebody said ``print``: never installed by us."""
    is_installed_locally: bool
    """Everybody who wants it said ``auto`` by name, so that it may be installed on this machine too."""
    purposes: tuple[str, ...]
    plugins: tuple[str, ...]
    step: str = ""
    """Its id where that is not ``package:NAME``: of what only a source of another requirement needs."""

    @property
    def id(self) -> str:
        return self.step or f"package:{self.name}"

    @property
    def who(self) -> str:
        """Who needs it and what for, as in ``codex: runs the agent``."""
        return "; ".join(self.purposes) or ", ".join(self.plugins)

    def resolved(self) -> dict[str, Any]:
        """The complete form that ``checks`` works on; see the README of the role ``mngr_packages``."""
        resolved: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "version": str(self.range),
            "is_required": self.is_required,
        }
        packages: dict[str, list[str]] = {}
        for source in self.sources:
            packages.setdefault(source.manager, list(source.packages) or [self.name])
        if packages:
            resolved["packages"] = packages
        if self.checks:
            resolved["checks"] = [
                {"kind": check.kind, "value": check.value, "args": list(check.args), "pattern": check.pattern}
                for check in self.checks
            ]
        return checks.complete(resolved)


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """What the user allows as a source. ``scope="user"``: nothing that changes the system, only the login's own."""

    allow_installers: bool = True
    allow_third_party_repositories: bool = True
    scope: Literal["system", "user"] = "system"


def merge(needs: Sequence[PackageRequest]) -> tuple[Requirement, ...]:
    """Merge the needs that have one name, in the order in which names first came.

    Ranges intersect; purposes join; checks and sources of the later plugin win, else the catalog's hold; ``print`` of
    anybody holds for all.

    Raises:
        ConflictError: no version satisfies two plugins; names both, and both ranges.
    """
    by_name: dict[str, list[PackageRequest]] = {}
    for need in needs:
        by_name.setdefault(need.requirement.name, []).append(need)
    return tuple(_merged(name, group) for name, group in by_name.items())


def implied(requirements: Sequence[Requirement]) -> dict[str, Requirement]:
    """What the sources of these need first (``requires``), and what that needs in turn, by the text that says so.

    Each has the range of its text and of the plugins' own requirement of that name; its id is ``needs:TEXT``.
    """
    own = {each.name: each for each in requirements}
    found: dict[str, Requirement] = {}
    queue = list(requirements)
    while queue:
        wanting = queue.pop(0)
        for text in (text for source in wanting.sources for text in source.requires):
            if text in found:
                continue
            parsed = PackageRequirement.parse(text)
            needed = _merged(parsed.name, [PackageRequest(plugin, parsed, None) for plugin in wanting.plugins])
            same = own.get(needed.name)
            if same is not None:
                both = needed.range.intersect(same.range)
                sources, found_by = same.sources, same.checks
                needed = replace(
                    needed, sources=sources, checks=found_by, range=needed.range if both.is_empty else both
                )
            found[text] = replace(needed, step=f"needs:{text}", purposes=(f"needed by {wanting.name}",))
            queue.append(found[text])
    return found


def _range(need: PackageRequest) -> Range:
    return Range.parse(need.requirement.version)


def _merged(name: str, needs: Sequence[PackageRequest]) -> Requirement:
    wanted = Range.parse("")
    for index, need in enumerate(needs):
        own = _range(need)
        narrowed = wanted.intersect(own)
        if narrowed.is_empty:
            against = [each for each in needs[:index] if own.intersect(_range(each)).is_empty][:1]
            others = against or [each for each in needs[:index] if each.requirement.version]
            raise ConflictError(
                f"{name}: {', '.join(each.wish for each in (*others, need))}: no version satisfies "
                f"{'both' if len(others) == 1 else 'all'}",
                remedy="Disable one of the plugins, or relax one range. Nothing was changed.",
            )
        wanted = narrowed
    requirements = [need.requirement for need in needs]
    tool = catalog.find(name)
    return Requirement(
        name=name,
        range=wanted,
        checks=next((each.checks for each in reversed(requirements) if each.checks), tool.checks if tool else ()),
        sources=next((each.sources for each in reversed(requirements) if each.sources), tool.sources if tool else ()),
        is_required=any(each.is_required for each in requirements),
        is_printed=any("print" in (need.install, need.requirement.install) for need in needs),
        is_installed_locally=all(need.install == "auto" for need in needs),
        purposes=tuple(dict.fromkeys(f"{n.plugin}: {n.requirement.purpose}" for n in needs if n.requirement.purpose)),
        plugins=tuple(dict.fromkeys(need.plugin for need in needs)),
    )
