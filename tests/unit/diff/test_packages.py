"""What is installed of the plan's requirements, what a person installs, and why. Source: docs/contract.md "Data"."""

import pytest

from tests.support.builders import contribution, due, statuses


@pytest.mark.parametrize(
    ("found", "status", "is_installed"),
    [
        ("ok", "ok", False),
        ("missing", "missing", True),
        ("too-old", "too-old", True),
        ("too-new", "too-new", False),
        ("unknown", "unknown", False),
    ],
)
def test_only_what_is_missing_or_too_old_is_installed(found, status, is_installed):
    made = due(contribution("claude", "git>=1"), findings={"git": found})

    assert statuses(made.outcomes) == {"package:git": status}
    assert bool(made.installs) is is_installed


@pytest.mark.parametrize("found", ["too-new", "unknown"])
@pytest.mark.parametrize(("is_required", "stops"), [(True, 1), (False, 0)])
def test_a_required_package_that_cannot_be_installed_stops_its_host(found, is_required, stops):
    made = due(
        contribution("claude", {"name": "git", "version": "<2", "is_required": is_required}), findings={"git": found}
    )
    assert len(made.stops) == stops


def test_without_privilege_a_package_is_blocked_with_the_command_for_an_administrator():
    (outcome,) = due(contribution("claude", "git"), uid=1000, user="dev", privilege="none").outcomes

    assert outcome.status == "blocked"
    assert outcome.reason.endswith("an administrator must run: sudo apt-get install -y git")


@pytest.mark.parametrize("is_local", [True, False])
def test_without_a_source_for_the_host_a_package_is_blocked_and_the_reason_names_the_known_sources(is_local):
    git = {"name": "git", "sources": [{"manager": "apt"}]}
    made = due(
        contribution("claude", git), managers=("dnf",), os_release={"PRETTY_NAME": "Fedora Linux 44"}, is_local=is_local
    )

    assert statuses(made.outcomes) == {"package:git": "blocked"}
    reason = "git cannot be installed: Fedora Linux 44 installs with dnf; the sources of git are for other systems: apt"
    assert made.outcomes[0].reason == reason


@pytest.mark.parametrize(
    ("options", "is_advised"),
    [
        ({}, False),
        ({"install": "print"}, True),
        ({"is_local": True}, True),
        ({"is_local": True, "install": "auto"}, False),
        ({"is_local": True, "settings": {"install": "auto"}}, True),
        ({"is_local": True, "settings": {"plugins": {"claude": {"install": "auto"}}}}, False),
    ],
)
def test_a_package_is_printed_on_this_machine_or_with_print_and_installed_otherwise(options, is_advised):
    made = due(contribution("claude", "git"), **options)
    assert (bool(made.advised), bool(made.installs)) == (is_advised, not is_advised)


def test_a_printed_package_needs_no_privilege():
    made = due(contribution("claude", "git"), install="print", uid=1000, privilege="none")
    assert (statuses(made.outcomes), made.stops) == ({"package:git": "missing"}, ())


@pytest.mark.parametrize(("privilege", "is_installed"), [("root", True), ("sudo", True), ("none", False)])
def test_on_this_machine_auto_installs_only_what_needs_no_privilege_that_we_lack(privilege, is_installed):
    made = due(contribution("claude", "git"), is_local=True, install="auto", uid=1000, privilege=privilege)

    assert [each.requirement.name for each in (made.installs if is_installed else made.advised)] == ["git"]
    assert statuses(made.outcomes) == {"package:git": "missing"}
