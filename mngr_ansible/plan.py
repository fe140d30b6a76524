"""Contributions of all plugins → one :class:`Plan`: checked, merged, de-duplicated, with provenance."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mngr_ansible.model import FileTransferSpec, Install, PackageRequirement
from mngr_ansible.requirements import Need, Policy, Requirement, implied, merge
from mngr_ansible.settings import Settings
from mngr_ansible.sources import Wish, left_out, read_sources
from mngr_ansible.transfers import Claim, Place, Transfer, overlay
from mngr_ansible.trees import shown

Only = Literal["files", "packages"]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one plugin asked for. ``origin`` names it for people, e.g. ``manifest (agent-host.yml)``."""

    plugin: str
    transfers: tuple[FileTransferSpec, ...] = ()
    requirements: tuple[PackageRequirement, ...] = ()
    origin: str = ""

    @property
    def who(self) -> str:
        return self.origin or self.plugin


@dataclass(frozen=True, slots=True)
class Skipped:
    """A step that will not be done, and why. ``place`` is set for files, whose id depends on the host."""

    kind: Literal["file", "package"]
    name: str
    plugin: str
    reason: str

    def id(self, home: str, work_dir: str) -> str:
        return f"{self.kind}:{shown(self.destination(home, work_dir)) if self.kind == 'file' else self.name}"

    def destination(self, home: str, work_dir: str) -> str:
        """Where a file would have gone."""
        return Place(self.name).resolve(home, work_dir)


@dataclass(frozen=True, slots=True)
class Plan:
    """The desired state of a host. Made by :func:`build`; destinations are text until :func:`settle` knows the host."""

    claims: tuple[Claim, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notices: tuple[str, ...] = ()
    overlaid: tuple[str, ...] = ()
    """Notices of the overlay; made anew when the host's directories are known."""
    home: str = "~"
    work_dir: str = ""
    install: Install = "auto"
    """What holds for what nobody asked for by name, such as the host's python3."""
    policy: Policy = field(default_factory=Policy)
    wants_python: Literal["where needed", "if possible", "always"] = "where needed"
    """Whether the host gets python3 although nothing else is due there."""

    @property
    def implied(self) -> Mapping[str, Requirement]:
        """What the sources of the requirements need first; looked at with them, due only where such a source is."""
        return implied(self.requirements)

    @property
    def is_empty(self) -> bool:
        return not self.transfers and not self.requirements

    @property
    def all_notices(self) -> tuple[str, ...]:
        """Everything that was overridden, merged or dropped, in words."""
        steps = {each.id for each in self.transfers} | {each.id for each in self.requirements}
        hidden = (
            f"{each.plugin}: {shown(each.name)} is skipped: {each.reason}"
            for each in self.skipped
            if each.id(self.home, self.work_dir) in steps
        )
        return (*self.notices, *self.overlaid, *hidden)


def build(
    contributions: Sequence[Contribution],
    settings: Settings,
    *,
    install: Install | None = None,
    check_packages: bool = True,
    only: Only | None = None,
    work_dir: str = "",
) -> Plan:
    """Check and merge what the plugins asked for, lowest precedence first.

    ``install`` and ``check_packages`` are the command line's word; ``only`` leaves the other half out. ``work_dir`` is
    the agent's directory if it is known as text. Reads every source; contacts no host.

    Raises:
        MissingFilesError, ConflictError, InputError: as in :mod:`transfers` and :mod:`requirements`.
    """
    skipped: list[Skipped] = []
    wishes: list[Wish] = []
    needs: list[Need] = []
    for contribution in contributions:
        chosen = settings.plugin(contribution.plugin)
        if only != "packages":
            for spec in contribution.transfers:
                if chosen.files:
                    limits = (chosen.exclude_files, chosen.secrets)
                    wishes.append(Wish(contribution.plugin, contribution.who, spec, *limits))
                else:
                    reason = f"files are off for {contribution.plugin} in the settings"
                    skipped.append(Skipped("file", Place.of(spec).text, contribution.plugin, reason))
        if only != "files":
            decided = install or chosen.install or ("print" if settings.install == "print" else None)
            for requirement in contribution.requirements:
                if check_packages and settings.check_packages and chosen.check_packages:
                    needs.append(Need(contribution.plugin, requirement, decided, contribution.who))
                else:
                    reason = f"packages of {contribution.plugin} are not checked (check_packages)"
                    skipped.append(Skipped("package", requirement.name, contribution.plugin, reason))
    sources = read_sources(wishes, is_strict=settings.strict_secrets)
    skipped += [Skipped("file", Place.of(wish.spec).text, wish.plugin, reason) for wish, reason in sources.skipped]
    notices = tuple(sources.notices)
    claims = tuple(sources.claims)
    plan = Plan(claims, (), merge(needs), tuple(skipped), notices, install=install or settings.install)
    policy = Policy(settings.allow_installers, settings.allow_third_party_repositories, settings.scope)
    return settle(dataclasses.replace(plan, policy=policy), "~", work_dir)


def settle(plan: Plan, home: str, work_dir: str, real: Mapping[str, str] | None = None) -> Plan:
    """The plan for a host whose home and work_dir are known: destinations compared again, ids final.

    ``real``: directories of destinations that are others on that host, behind links.

    Raises:
        ConflictError: two destinations that differ as text clash on this host.
    """
    transfers, overlaid, left = overlay(plan.claims, home, work_dir, real)
    kept_back = (Skipped("file", each.place.text, each.plugin, left_out(each.plugin)) for each in left)
    return dataclasses.replace(
        plan,
        transfers=transfers,
        skipped=tuple(dict.fromkeys([*plan.skipped, *kept_back])),
        overlaid=overlaid,
        home=home,
        work_dir=work_dir,
    )


def packages_only(plan: Plan) -> Plan:
    """The same plan without its files."""
    left = tuple(each for each in plan.skipped if each.kind == "package")
    return dataclasses.replace(plan, claims=(), transfers=(), skipped=left)


def print_only(plan: Plan) -> Plan:
    """The same plan with every requirement printed, never installed: mngr's own switch overrules all."""
    printed = tuple(dataclasses.replace(each, is_printed=True) for each in plan.requirements)
    return dataclasses.replace(plan, requirements=printed, install="print")
