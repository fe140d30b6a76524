"""Merging requirements of one tool: order and grouping do not matter, except for checks and sources."""

from __future__ import annotations

import dataclasses
import itertools

from hypothesis import assume, given
from hypothesis import strategies as st

from mngr_ansible.errors import ConflictError
from mngr_ansible.plan.requirements import PackageRequest, Requirement, merge
from mngr_ansible.spec.packages import PackageRequirement

VERSIONS = st.sampled_from(["1", "1.5", "2", "2.0", "2.39", "3"])
RANGES = st.lists(st.tuples(st.sampled_from([">=", ">", "<", "<=", "!="]), VERSIONS), max_size=2).map(
    lambda clauses: ",".join(map("".join, clauses))
)
CHECKS = st.sampled_from([(), ("git",), ("git2", "git")])
SOURCES = st.sampled_from([(), ({"manager": "apt"},), ({"manager": "dnf"}, {"manager": "npm"})])


@st.composite
def package_requests(draw: st.DrawFn) -> PackageRequest:
    try:
        requirement = PackageRequirement(
            "tool",
            draw(RANGES),
            checks=draw(CHECKS),
            sources=draw(SOURCES),
            is_required=draw(st.booleans()),
            install=draw(st.sampled_from([None, "auto", "print"])),
            purpose=draw(st.sampled_from(["", "runs it", "reads it"])),
        )
    except Exception:  # noqa: BLE001 - a range that leaves nothing is refused before it is ever merged
        assume(False)
    return PackageRequest(draw(st.sampled_from("abcd")), requirement, draw(st.sampled_from([None, "auto", "print"])))


def merged(*all_: PackageRequest) -> Requirement | None:
    try:
        return merge(all_)[0]
    except ConflictError:
        return None


def without_order(requirement: Requirement | None) -> object:
    """What does not depend on who came later."""
    if requirement is None:
        return None
    return dataclasses.replace(
        requirement,
        checks=(),
        sources=(),
        purposes=tuple(sorted(requirement.purposes)),
        plugins=tuple(sorted(requirement.plugins)),
    )


@given(st.lists(package_requests(), min_size=1, max_size=3))
def test_the_order_matters_only_for_checks_and_sources(requested: list[PackageRequest]) -> None:
    outcomes = [merged(*order) for order in itertools.permutations(requested)]
    assert all(without_order(each) == without_order(outcomes[0]) for each in outcomes)


@given(st.lists(package_requests(), min_size=1, max_size=4))
def test_the_last_request_with_checks_or_sources_decides(requested: list[PackageRequest]) -> None:
    made = merged(*requested)
    assume(made is not None)
    assert made is not None
    requirements = [each.requirement for each in requested]
    assert made.checks == next((each.checks for each in reversed(requirements) if each.checks), ())
    assert made.sources == next((each.sources for each in reversed(requirements) if each.sources), ())


def as_requests(requirement: Requirement) -> list[PackageRequest]:
    """Requests that merge to this requirement: one of each of its plugins, and one with everything else."""
    whole = PackageRequirement(
        requirement.name,
        str(requirement.range),
        requirement.checks,
        requirement.sources,
        requirement.is_required,
        "print" if requirement.is_printed else None,
    )
    installs = "auto" if requirement.is_installed_locally else None
    purposes = [text.split(": ", 1) for text in requirement.purposes]
    parts = [
        PackageRequest(plugin, PackageRequirement("tool", is_required=False), installs)
        for plugin in requirement.plugins
    ]
    parts += [
        PackageRequest(plugin, PackageRequirement("tool", is_required=False, purpose=purpose), installs)
        for plugin, purpose in purposes
    ]
    return [*parts, PackageRequest(requirement.plugins[0], whole, installs)]


@given(st.lists(package_requests(), min_size=2, max_size=4), st.integers(1, 3))
def test_merging_some_first_and_the_rest_later_is_merging_all_at_once(
    requested: list[PackageRequest], cut: int
) -> None:
    first, rest = requested[:cut], requested[cut:]
    assume(first and rest)
    whole, part = merged(*requested), merged(*first)
    if part is None:
        assert whole is None
        return
    again = merged(*as_requests(part), *rest)
    assert without_order(again) == without_order(whole)
    if whole is not None and again is not None:
        assert (again.checks, again.sources) == (whole.checks, whole.sources)


@given(RANGES)
def test_a_requirements_string_form_reads_back_as_itself(text: str) -> None:
    try:
        requirement = PackageRequirement("git", text)
    except Exception:  # noqa: BLE001 - a range that leaves nothing
        assume(False)
    assert PackageRequirement.parse(str(requirement)) == requirement
