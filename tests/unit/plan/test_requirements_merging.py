"""Merging what plugins want of one tool: in whatever order or grouping, the same; except where the later one wins."""

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
def needs(draw: st.DrawFn) -> PackageRequest:
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


@given(st.lists(needs(), min_size=1, max_size=3))
def test_the_order_matters_only_for_checks_and_sources_of_which_the_later_win(wanted: list[PackageRequest]) -> None:
    outcomes = [merged(*order) for order in itertools.permutations(wanted)]
    assert all(without_order(each) == without_order(outcomes[0]) for each in outcomes)


@given(st.lists(needs(), min_size=1, max_size=4))
def test_the_last_that_says_anything_about_checks_or_sources_decides(wanted: list[PackageRequest]) -> None:
    made = merged(*wanted)
    assume(made is not None)
    assert made is not None
    said = [need.requirement for need in wanted]
    assert made.checks == next((each.checks for each in reversed(said) if each.checks), ())
    assert made.sources == next((each.sources for each in reversed(said) if each.sources), ())


def as_need(requirement: Requirement) -> list[PackageRequest]:
    """A merged requirement as what could have been wanted: a need of each of its plugins, and one that says it all."""
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


@given(st.lists(needs(), min_size=2, max_size=4), st.integers(1, 3))
def test_merging_some_first_and_the_rest_later_is_merging_all_at_once(wanted: list[PackageRequest], cut: int) -> None:
    first, rest = wanted[:cut], wanted[cut:]
    assume(first and rest)
    whole, part = merged(*wanted), merged(*first)
    if part is None:
        assert whole is None
        return
    again = merged(*as_need(part), *rest)
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
