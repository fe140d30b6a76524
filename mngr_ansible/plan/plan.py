"""Contributions of all plugins → one :class:`Plan`: checked, merged, de-duplicated; every step names its plugins."""

from collections.abc import Mapping, Sequence
from typing import Literal

from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.plan.local_files import TransferRequest, excluded_by_settings, read_sources
from mngr_ansible.plan.requirements import PackageRequest, Requirement, SourcePolicy, implied, merge, tool_name
from mngr_ansible.plan.strangers import Allowed, allowed_here, left_out_notice
from mngr_ansible.plan.transfers import Claim, Destination, Transfer, overlay
from mngr_ansible.portable.text import printable
from mngr_ansible.spec.packages import Install
from mngr_ansible.values import field, frozen, replace

Only = Literal["files", "packages"]
"""The kind of step that a caller limits a plan to."""


@frozen
class SkippedStep:
    """A step that is left out, and why. ``name``: the package's name, or the destination as text.

    The id of a file depends on the host's directories.
    """

    kind: Literal["file", "package"]
    name: str
    plugin: str
    reason: str

    def id(self, home: str, work_dir: str) -> str:
        """The step's id on a host with these directories."""
        if self.kind == "file":
            return f"file:{printable(self.destination(home, work_dir))}"
        return f"package:{self.name}"

    def destination(self, home: str, work_dir: str) -> str:
        """The path of a file that is not written."""
        return Destination(self.name).resolve(home, work_dir)


@frozen
class Plan:
    """The desired state of a host, made by :func:`build`.

    ``transfers`` and ``requirements`` are the steps; ``claims`` are the files that plugins need, before they are laid
    over each other. Until :func:`resolve_destinations` knows the host, ``home`` is ``~`` and destinations are text.
    ``notices`` are for people; ``overlay_notices``, which plugin overrides which, depend on the host's directories.

    ``install``: the setting for packages that no plugin names, such as the host's python3. ``installs_python``:
    whether the host gets python3 where other steps need it, also without such a step if it can be installed, or
    always, as a requirement.
    """

    claims: tuple[Claim, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    skipped: tuple[SkippedStep, ...] = ()
    notices: tuple[str, ...] = ()
    overlay_notices: tuple[str, ...] = ()
    home: str = "~"
    work_dir: str = ""
    install: Install = "auto"
    policy: SourcePolicy = field(default_factory=SourcePolicy)
    installs_python: Literal["where needed", "if possible", "always"] = "where needed"

    @property
    def implied(self) -> Mapping[str, Requirement]:
        """What the sources of the requirements need first. Installed only where such a source is used."""
        return implied(self.requirements)

    @property
    def is_empty(self) -> bool:
        """Whether there is no step but skipped ones."""
        return not self.transfers and not self.requirements

    @property
    def all_notices(self) -> tuple[str, ...]:
        """One sentence for everything that was overridden, merged, or skipped in favour of another plugin's step."""
        steps = {each.id for each in self.transfers} | {each.id for each in self.requirements}
        hidden = [
            f"{each.plugin}: {printable(each.name)} is skipped: {each.reason}"
            for each in self.skipped
            if each.id(self.home, self.work_dir) in steps
        ]
        return (*self.notices, *self.overlay_notices, *hidden)


def build(
    contributions: Sequence[Contribution],
    settings: Settings,
    *,
    install: Install | None = None,
    check_packages: bool = True,
    only: Only | None = None,
    work_dir: str = "",
    is_local: bool = False,
    reads_all: bool = False,
) -> Plan:
    """Check and merge all contributions, lowest precedence first. Reads the sources; contacts no host.

    ``install`` and ``check_packages`` are those of the command line. With ``only``, the other kind of step is left out.
    ``work_dir``: the agent's directory if it is already known. ``is_local``: the plan is for this machine, where a
    repository's settings may not run everything (``strangers``). ``reads_all``: see :func:`read_sources`.

    Raises:
        MissingFilesError: see :func:`read_sources`.
        ConflictError: see :func:`overlay` and :func:`merge`.
    """
    skipped: list[SkippedStep] = []
    transfer_requests: list[TransferRequest] = []
    package_requests: list[PackageRequest] = []
    left_out: dict[str, list[str]] = {}
    for contribution in contributions:
        plugin = contribution.plugin
        table = settings.plugin(plugin)
        if only != "packages":
            for spec in contribution.transfers:
                if table.files:
                    request = TransferRequest(plugin, contribution.who, spec, table.exclude_files, table.secrets)
                    transfer_requests.append(request)
                else:
                    reason = f"files = false for {plugin} in the settings"
                    skipped.append(SkippedStep("file", Destination.of(spec).text, plugin, reason))
        is_checked = check_packages and settings.check_packages and table.check_packages
        is_distrusted = is_local and bool(contribution.repository)
        own_install = None if is_distrusted and table.install == "auto" else table.install
        plugin_install = install or own_install or ("print" if settings.install == "print" else None)
        for requirement in contribution.requirements if only != "files" else ():
            allowed = Allowed(requirement)
            if not is_checked:
                allowed = Allowed(None, (f"packages of {plugin} are not checked (check_packages is off)",))
            elif is_distrusted:
                allowed = allowed_here(requirement, contribution.repository)
                if allowed.requirement is None:
                    words = "; ".join(allowed.reasons)
                    left_out.setdefault(contribution.repository, []).append(f"{requirement.name} ({words})")
                    allowed = Allowed(None, (f"not checked on this machine: {words}",))
            if allowed.requirement is None:
                skipped.append(SkippedStep("package", requirement.name, plugin, *allowed.reasons))
            else:
                package_requests.append(
                    PackageRequest(plugin, allowed.requirement, plugin_install, contribution.who, is_distrusted)
                )
    sources = read_sources(transfer_requests, is_strict=settings.strict_secrets, reads_all=reads_all)
    for each in sources.skipped:
        destination = Destination.of(each.request.spec).text
        skipped.append(SkippedStep("file", destination, each.request.plugin, each.reason))
    requirements = merge(package_requests)
    plan = Plan(
        claims=sources.claims,
        requirements=requirements,
        skipped=tuple(_as_called(each, requirements) for each in skipped),
        notices=(*sources.notices, *(left_out_notice(path, words) for path, words in left_out.items())),
        install=install or settings.install,
        policy=SourcePolicy(settings.allow_installers, settings.allow_third_party_repositories, settings.scope),
    )
    return resolve_destinations(plan, "~", work_dir)


def _as_called(skipped: SkippedStep, requirements: Sequence[Requirement]) -> SkippedStep:
    """The skipped step with the name that the plan's requirement of that tool has: ``node`` where both are ``node``."""
    if skipped.kind != "package":
        return skipped
    names = {tool_name(each.name): each.name for each in requirements}
    return replace(skipped, name=names.get(tool_name(skipped.name), skipped.name))


def resolve_destinations(
    plan: Plan, home: str, work_dir: str, real_directories: Mapping[str, str] | None = None
) -> Plan:
    """The plan for a host whose home and work_dir are known: destinations compared again, ids final.

    ``real_directories``: planned directory → its real path on the host, for those that lead elsewhere through links.

    Raises:
        ConflictError: two destinations that differ as text clash on this host.
    """
    overlaid = overlay(plan.claims, home, work_dir, real_directories)
    excluded = [
        SkippedStep("file", each.destination.text, each.plugin, excluded_by_settings(each.plugin))
        for each in overlaid.excluded
    ]
    return replace(
        plan,
        transfers=overlaid.transfers,
        skipped=tuple(dict.fromkeys([*plan.skipped, *excluded])),
        overlay_notices=overlaid.notices,
        home=home,
        work_dir=work_dir,
    )


def packages_only(plan: Plan) -> Plan:
    """The same plan without its files."""
    skipped = tuple(each for each in plan.skipped if each.kind == "package")
    return replace(plan, claims=(), transfers=(), skipped=skipped)


def print_only(plan: Plan) -> Plan:
    """The same plan with every requirement printed, never installed: mngr's own switch overrides every setting."""
    printed = tuple(replace(each, is_printed=True) for each in plan.requirements)
    return replace(plan, requirements=printed, install="print")
