"""The tools that plugins need, merged: one requirement a name, with every plugin's range."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mngr_ansible import checks, managers
from mngr_ansible.errors import ConflictError, InputError
from mngr_ansible.model import Check, Install, PackageRequirement, Source
from mngr_ansible.versions import Range


@dataclass(frozen=True, slots=True)
class Need:
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

    @property
    def id(self) -> str:
        return f"package:{self.name}"

    @property
    def who(self) -> str:
        """Who needs it and what for, as in ``codex: runs the agent``."""
        return "; ".join(self.purposes) or ", ".join(self.plugins)

    def packages(self, manager: str) -> tuple[str, ...]:
        """The packages that satisfy it with this manager: the sources' names, else its own name."""
        for source in self.sources:
            if source.manager == manager:
                return source.packages or (self.name,)
        return () if self.sources else (self.name,)

    def resolved(self) -> dict[str, Any]:
        """The complete form that the role ``mngr_packages`` and ``checks`` work on; see the role's README."""
        resolved: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "version": str(self.range),
            "is_required": self.is_required,
            "packages": {manager: list(names) for manager in managers.MANAGERS if (names := self.packages(manager))},
        }
        if self.checks:
            resolved["checks"] = [
                {"kind": check.kind, "value": check.value, "args": list(check.args), "pattern": check.pattern}
                for check in self.checks
            ]
        return checks.complete(resolved, managers.MANAGERS[0])


def merge(needs: Sequence[Need]) -> tuple[Requirement, ...]:
    """Merge the needs that have one name, in the order in which names first came.

    Ranges intersect; purposes join; checks and sources of the later plugin win; ``print`` of anybody holds for all.

    Raises:
        ConflictError: no version satisfies two plugins; names both, and both ranges.
        InputError: a package's name is not one that its manager takes.
    """
    by_name: dict[str, list[Need]] = {}
    for need in needs:
        by_name.setdefault(need.requirement.name, []).append(need)
    merged = tuple(_merged(name, group) for name, group in by_name.items())
    for requirement in merged:
        for manager in managers.MANAGERS:
            for package in requirement.packages(manager):
                if why := managers.valid_name(manager, package):
                    raise InputError(
                        f"{requirement.name} ({', '.join(requirement.plugins)}): {package!r} is not a package of "
                        f"{manager}: {why}",
                        remedy="Give the package's plain name.",
                    )
    return merged


def _range(need: Need) -> Range:
    return Range.parse(need.requirement.version)


def _merged(name: str, needs: Sequence[Need]) -> Requirement:
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
    return Requirement(
        name=name,
        range=wanted,
        checks=next((each.checks for each in reversed(requirements) if each.checks), ()),
        sources=next((each.sources for each in reversed(requirements) if each.sources), ()),
        is_required=any(each.is_required for each in requirements),
        is_printed=any("print" in (need.install, need.requirement.install) for need in needs),
        is_installed_locally=all(need.install == "auto" for need in needs),
        purposes=tuple(dict.fromkeys(f"{n.plugin}: {n.requirement.purpose}" for n in needs if n.requirement.purpose)),
        plugins=tuple(dict.fromkeys(need.plugin for need in needs)),
    )
