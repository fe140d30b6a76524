"""The tools that a plugin needs: names that nothing knows, versions that nothing has, systems without a source."""

from collections.abc import Iterator, Sequence

from mngr_ansible.authoring.plugin_files import some_of
from mngr_ansible.catalog.lookup import find_tool, similar_tool
from mngr_ansible.diff.resolver import Resolver
from mngr_ansible.errors import ConflictError
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.misspelt import condition_notices
from mngr_ansible.plan.requirements import PackageRequest, Requirement, SourcePolicy, implied, merge
from mngr_ansible.portable.versions import Range
from mngr_ansible.provisioning.for_distro import fresh_host
from mngr_ansible.report.findings import Finding
from mngr_ansible.spec.packages import PackageRequirement

COMMON = ("debian:12", "ubuntu:24.04", "fedora:42", "rocky:9", "opensuse:15.6", "arch", "alpine:3.21", "macos")
"""The systems for which every requirement is looked at. Whether they offer the version only a host can tell."""

_MOST = 50
"""Names for which a similar one is looked up, which takes a millisecond."""


def package_findings(plugin: str, requirements: Sequence[PackageRequirement]) -> Iterator[Finding]:
    """What is wrong with each requirement, whatever the host; one line for all that is fine."""
    remarked: set[str] = set()
    for each in requirements:
        found = [
            *_version_findings(each),
            *_name_findings(each, is_hinted=len(remarked) < _MOST),
            *_source_findings(each),
        ]
        remarked |= {each.name} if found else set()
        yield from found
    for notice in condition_notices([Contribution(plugin, requirements=tuple(requirements))]):
        yield Finding(
            "packages: requirements",
            "warning",
            notice.removeprefix(f"{plugin}: "),
            "Write the name that the system has.",
        )
    try:
        merged = merge([PackageRequest(plugin, each, None) for each in requirements])
    except ConflictError as error:
        yield Finding("packages: requirements", "problem", error.problem, "Change one of the ranges.")
        return
    for requirement in merged:
        yield from _system_findings(requirement, merged)
    if requirements:
        fine = [str(each) for each in requirements if each.name not in remarked]
        yield Finding("packages: requirements", "ok", some_of(fine) or "each has a remark")


def _version_findings(requirement: PackageRequirement) -> Iterator[Finding]:
    for _, text in version_contradictions(requirement):
        remedy = "Correct version of the source, or the range."
        yield Finding(f"packages: {requirement.name}", "problem", text, remedy)


def version_contradictions(requirement: PackageRequirement) -> Iterator[tuple[int, str]]:
    """The sources whose version the requirement itself refuses: the number of each, and a clause about it."""
    accepted = Range.parse(requirement.version)
    for number, source in enumerate(requirement.sources):
        if source.version is not None and accepted.judge(source.version) != "ok":
            yield number, f"{source.label} gives {source.version}, and {requirement.version} does not accept that"


def _name_findings(requirement: PackageRequirement, *, is_hinted: bool) -> Iterator[Finding]:
    name = requirement.name
    if find_tool(name) is not None or requirement.sources:
        return
    similar = similar_tool(name) if is_hinted else None
    hint = f" (did you mean {similar}?)" if similar else ""
    command = "" if requirement.checks else f"the command {name} is asked with --version, and "
    yield Finding(
        f"packages: {name}",
        "warning",
        f"{name} is not in the catalog{hint}: {command}the package {name} of the host's own manager is installed",
        "If it has other names somewhere, give checks and sources. The known tools: mngr-ansible catalog.",
    )


def _source_findings(requirement: PackageRequirement) -> Iterator[Finding]:
    for source in requirement.sources:
        if source.manager == "installer" and source.sha256 is None:
            yield Finding(
                f"packages: {requirement.name}",
                "warning",
                f"{source.label} has no sha256, so it is never run; users get its command",
                "Give sha256, or a source of another manager before it.",
            )


def _system_findings(requirement: Requirement, merged: Sequence[Requirement]) -> Iterator[Finding]:
    """The common systems on which none of the sources can be used."""
    if not requirement.sources:
        return
    needs = implied(merged)
    ids = tuple(each.id for each in (*merged, *needs.values()))
    without = []
    for system in COMMON:
        state = fresh_host(system, ids)
        if Resolver(state, SourcePolicy(), needs).resolve(requirement, by_hand=True).candidate is None:
            without.append(system.partition(":")[0])
    if without:
        yield Finding(
            f"packages: {requirement.name}",
            "warning" if requirement.is_required else "ok",
            f"no source for {', '.join(without)}: it cannot be installed there",
            "Give a Source for them too, if your users have such hosts." if requirement.is_required else "",
        )
