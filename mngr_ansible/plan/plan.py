"""Contributions of all plugins → one :class:`Plan`: checked, merged, de-duplicated, with provenance."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.plan.local_files import TransferRequest, left_out, read_sources
from mngr_ansible.plan.requirements import PackageRequest, Requirement, SourcePolicy, implied, merge
from mngr_ansible.plan.transfers import Claim, Destination, Transfer, overlay
from mngr_ansible.portable.text import printable
from mngr_ansible.spec.packages import Install

Only = Literal["files", "packages"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A step that will not be done, and why. ``destination`` is set for files, whose id depends on the host."""

    kind: Literal["file", "package"]
    name: str
    plugin: str
    reason: str

    def id(self, home: str, work_dir: str) -> str:
        return f"{self.kind}:{printable(self.destination(home, work_dir)) if self.kind == 'file' else self.name}"

    def destination(self, home: str, work_dir: str) -> str:
        """Where a file would have gone."""
        return Destination(self.name).resolve(home, work_dir)


@dataclass(frozen=True, slots=True)
class Plan:
    """The desired state of a host. Made by :func:`build`; destinations are text until
    :func:`resolve_destinations` knows the host.
    """

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
    policy: SourcePolicy = field(default_factory=SourcePolicy)
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
            f"{each.plugin}: {printable(each.name)} is skipped: {each.reason}"
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
    wishes: list[TransferRequest] = []
    needs: list[PackageRequest] = []
    for contribution in contributions:
        chosen = settings.plugin(contribution.plugin)
        if only != "packages":
            for spec in contribution.transfers:
                if chosen.files:
                    limits = (chosen.exclude_files, chosen.secrets)
                    wishes.append(TransferRequest(contribution.plugin, contribution.who, spec, *limits))
                else:
                    reason = f"files are off for {contribution.plugin} in the settings"
                    skipped.append(Skipped("file", Destination.of(spec).text, contribution.plugin, reason))
        if only != "files":
            decided = install or chosen.install or ("print" if settings.install == "print" else None)
            for requirement in contribution.requirements:
                if check_packages and settings.check_packages and chosen.check_packages:
                    needs.append(PackageRequest(contribution.plugin, requirement, decided, contribution.who))
                else:
                    reason = f"packages of {contribution.plugin} are not checked (check_packages)"
                    skipped.append(Skipped("package", requirement.name, contribution.plugin, reason))
    sources = read_sources(wishes, is_strict=settings.strict_secrets)
    skipped += [
        Skipped("file", Destination.of(wish.spec).text, wish.plugin, reason) for wish, reason in sources.skipped
    ]
    notices = tuple(sources.notices)
    claims = tuple(sources.claims)
    plan = Plan(claims, (), merge(needs), tuple(skipped), notices, install=install or settings.install)
    policy = SourcePolicy(settings.allow_installers, settings.allow_third_party_repositories, settings.scope)
    return resolve_destinations(dataclasses.replace(plan, policy=policy), "~", work_dir)


def resolve_destinations(plan: Plan, home: str, work_dir: str, real: Mapping[str, str] | None = None) -> Plan:
    """The plan for a host whose home and work_dir are known: destinations compared again, ids final.

    ``real``: directories of destinations that are others on that host, behind links.

    Raises:
        ConflictError: two destinations that differ as text clash on this host.
    """
    transfers, overlaid, left = overlay(plan.claims, home, work_dir, real)
    user_patterns = (Skipped("file", each.destination.text, each.plugin, left_out(each.plugin)) for each in left)
    return dataclasses.replace(
        plan,
        transfers=transfers,
        skipped=tuple(dict.fromkeys([*plan.skipped, *user_patterns])),
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
