"""Where a requirement comes from: the first source that can be used; without one, why none can."""

import pytest

from mngr_ansible.portable.offers import ManagerOffers, Offer
from tests.support.builders import contribution, due, statuses

UBUNTU = {"ID": "ubuntu", "ID_LIKE": "debian", "VERSION_ID": "22.04", "PRETTY_NAME": "Ubuntu 22.04"}
REPOSITORY = {
    "name": "vendor",
    "url": "https://example.org/deb",
    "key": "https://example.org/key",
    "fingerprint": "0123456789ABCDEF0123456789ABCDEF01234567",
}
NODE = {
    "name": "node",
    "version": ">=20",
    "sources": [
        {"manager": "apt", "packages": ["nodejs"]},
        {"manager": "apt", "packages": ["nodejs"], "version": "22", "repository": REPOSITORY},
        {"manager": "dnf", "packages": ["nodejs"]},
    ],
}
INSTALLER = {"manager": "installer", "url": "https://example.org/install.sh", "sha256": "0" * 64}


def offered(manager="apt", lists="fresh", **versions):
    return {manager: ManagerOffers(lists, {name: Offer((each,) if each else ()) for name, each in versions.items()})}


def one(requirement, **host):
    """One requirement on an Ubuntu 22.04: its step, the labels of the chosen sources, and what is due."""
    made = due(contribution("codex", requirement), **{"os_release": UBUNTU, "arch": "x86_64", **host})
    name = requirement if isinstance(requirement, str) else requirement["name"]
    outcome = next(each for each in made.outcomes if each.name == name)
    return outcome, [candidate.source.label for candidate in made.installs], made


def test_the_first_source_with_a_new_enough_version_is_used():
    outcome, sources, made = one(NODE, offers=offered(nodejs="20.1-1"))
    assert (outcome.status, outcome.source, sources, made.notices) == ("missing", "apt", ["apt"], ())


def test_a_source_that_is_too_old_is_skipped_and_a_notice_says_why():
    outcome, sources, made = one(NODE, offers=offered(nodejs="12.22.9~dfsg-1ubuntu3"))
    assert (outcome.source, sources) == ("vendor, apt", ["vendor, apt"])
    assert made.notices == ("Ubuntu 22.04 offers nodejs 12.22.9, needed >=20: node comes from vendor, apt",)


def test_without_a_usable_source_the_step_is_blocked_and_the_reason_lists_every_source():
    settings = {"allow_third_party_repositories": False}
    outcome, sources, made = one(NODE, offers=offered(nodejs="12.22.9"), settings=settings)
    assert (outcome.status, sources, made.stops) == ("blocked", [], (outcome,))
    assert outcome.reason == (
        "node cannot be installed: Ubuntu 22.04 offers nodejs 12.22.9, needed >=20; "
        "the repository vendor is not allowed (allow_third_party_repositories)"
    )


def test_empty_package_lists_refuse_no_source():
    assert one(NODE, offers=offered(lists="empty", nodejs=""))[1] == ["apt"]


def test_a_manager_that_gives_no_answer_refuses_no_source():
    offers = {"apt": ManagerOffers("fresh", {"nodejs": Offer(is_known=False)})}
    assert one(NODE, offers=offers)[1] == ["apt"]


@pytest.mark.parametrize(
    ("when", "is_taken"),
    [({"os": "ubuntu"}, True), ({"os": "debian", "release": "<24"}, True), ({"release": ">=24"}, False)],
)
def test_a_source_counts_only_where_its_condition_holds(when, is_taken):
    requirement = {"name": "tool", "sources": [{"manager": "apt", "packages": ["special"], "when": when}]}
    outcome, sources, _ = one(requirement)
    assert (outcome.status == "missing", bool(sources)) == (is_taken, is_taken)


def test_a_requirement_without_a_source_for_the_host_is_blocked_and_the_reason_names_the_known_sources():
    outcome, _, _ = one({"name": "tool", "sources": [{"manager": "dnf"}, {"manager": "pacman"}]})
    why = "Ubuntu 22.04 installs with apt; the sources of tool are for other systems: dnf, pacman"
    assert outcome.reason.endswith(why)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            {**INSTALLER, "sha256": None},
            "no checksum, so we do not run its installer. Run it yourself: curl -fsSLo install.sh",
        ),
        ({"manager": "npm"}, "the host has no npm"),
        ({"manager": "uv", "version": "1.0"}, "uv has 1.0, needed >=2"),
    ],
)
def test_a_refused_source_gives_its_reason(source, reason):
    outcome, sources, _ = one({"name": "tool", "version": ">=2", "sources": [source]}, managers=("apt", "uv"))
    assert (outcome.status, sources) == ("blocked", [])
    assert reason in outcome.reason


@pytest.mark.parametrize(
    ("setting", "source", "reason"),
    [
        ({"allow_installers": False}, INSTALLER, "(allow_installers)"),
        ({"scope": "user"}, {"manager": "apt"}, 'apt installs for the whole system, and scope is "user"'),
        ({"scope": "user"}, {"manager": "apt", "repository": REPOSITORY}, "for the whole system"),
    ],
)
def test_a_source_that_the_settings_forbid_is_refused(setting, source, reason):
    outcome, sources, _ = one({"name": "tool", "sources": [source]}, settings=setting)
    assert (outcome.status, sources) == ("blocked", [])
    assert reason in outcome.reason


def test_with_scope_user_npm_installs_for_the_remote_user():
    _, _, made = one({"name": "tool", "sources": [{"manager": "npm"}]}, managers=("npm",), settings={"scope": "user"})
    assert [(candidate.scope, candidate.needs_root) for candidate in made.installs] == [("user", False)]


CODEX = {"name": "codex", "sources": [{"manager": "npm", "scope": "user", "requires": ["node>=20"]}]}


def test_a_prerequisite_of_a_source_is_installed_first_and_has_its_own_step():
    made = due(
        contribution("agent", CODEX),
        contribution("mngr", {**NODE, "version": ">=18"}),
        os_release=UBUNTU,
        offers=offered(nodejs="20"),
    )
    assert statuses(made.outcomes) == {"package:node": "missing", "package:codex": "missing"}
    assert [(candidate.requirement.name, str(candidate.requirement.range)) for candidate in made.installs] == [
        ("node", ">=20"),
        ("codex", ""),
    ]


def test_a_prerequisite_that_the_host_has_is_no_step():
    made = due(contribution("agent", CODEX), managers=("apt", "npm"), findings={"needs:node>=20": "ok"})
    assert statuses(made.outcomes) == {"package:codex": "missing"}


def test_a_source_whose_prerequisite_cannot_be_installed_is_refused_with_the_reason():
    wanted = contribution("agent", CODEX), contribution("mngr", NODE)
    made = due(
        *wanted, os_release=UBUNTU, offers=offered(nodejs="12"), settings={"allow_third_party_repositories": False}
    )
    assert "npm needs node>=20: Ubuntu 22.04 offers nodejs 12, needed >=20" in made.outcomes[0].reason


def test_a_source_that_requires_itself_is_refused():
    made = due(contribution("agent", {"name": "egg", "sources": [{"manager": "npm", "requires": ["egg"]}]}))
    assert made.outcomes[0].reason.endswith("npm needs egg, which in turn needs egg")


def test_without_privilege_a_source_that_needs_none_is_preferred():
    tool = {"name": "tool", "sources": [{"manager": "apt"}, {"manager": "uv"}]}
    _, sources, _ = one(tool, managers=("apt", "uv"), privilege="none", uid=1000, user="dev")
    assert sources == ["uv"]


def test_a_derived_system_uses_the_package_manager_of_its_parent():
    mint = {"ID": "linuxmint", "ID_LIKE": "ubuntu debian", "PRETTY_NAME": "Mint"}
    assert one("git", os_release=mint, managers=("dnf", "apt"))[1] == ["apt"]


def test_a_local_package_that_is_in_no_list_still_gets_a_command_and_a_notice():
    outcome, _, made = one("nowhere", is_local=True, offers=offered(nowhere=""))
    assert (outcome.status, [candidate.requirement.name for candidate in made.advised]) == ("missing", ["nowhere"])
    assert "offers no package nowhere, according to its current lists" in made.notices[0]


TWO = {"name": "tool", "sources": [{"manager": "apt"}, {"manager": "npm"}]}
UNFETCHED = ManagerOffers("empty", {}, "deb.example refuses the connection")


def test_a_source_whose_manager_could_not_be_asked_comes_after_one_that_answered():
    offers = {"apt": UNFETCHED} | offered("npm", "own", tool="2.0")
    outcome, sources, made = one(TWO, offers=offers, managers=("apt", "npm"))
    why = "the package lists of apt could not be fetched: deb.example refuses the connection"
    assert (outcome.status, sources, made.notices) == ("missing", ["npm"], (f"{why}: tool comes from npm",))


def test_where_no_manager_could_be_asked_the_first_is_tried_and_the_cause_is_the_reason():
    why = "npm could not fetch what it needs: npm.example does not answer"
    offers = {"apt": UNFETCHED, "npm": ManagerOffers("own", {"tool": Offer(is_known=False, why=why)})}
    outcome, sources, made = one(TWO, offers=offers, managers=("apt", "npm"))
    assert (outcome.status, sources) == ("missing", ["apt"])
    assert outcome.reason == "the package lists of apt could not be fetched: deb.example refuses the connection"
    assert made.notices == (f"tool may not be installable: {outcome.reason}",)


def test_a_manager_that_the_host_does_not_have_is_named_only_where_nothing_else_explains_it():
    sources = [{"manager": each} for each in ("apt", "brew", "uv", "pipx")]
    outcome, _, _ = one({"name": "tool", "sources": sources}, offers=offered(tool=""))
    alone, _, _ = one({"name": "tool", "sources": sources[1:2]})
    assert outcome.reason == (
        "tool cannot be installed: Ubuntu 22.04 offers no package tool; the host has no uv and no pipx"
    )
    assert alone.reason == "tool cannot be installed: the host has no brew"


def test_requirements_that_are_blocked_for_one_cause_have_one_reason():
    made = due(
        contribution("codex", "first", "second", "third>=2"),
        os_release=UBUNTU,
        offers=offered(first="", second="", third="1"),
    )
    reasons = [outcome.reason for outcome in made.outcomes]
    assert reasons == [
        *["first and second cannot be installed: Ubuntu 22.04 offers none of the packages first and second"] * 2,
        "third cannot be installed: Ubuntu 22.04 offers third 1, needed >=2",
    ]


def test_what_a_person_installs_and_the_current_lists_do_not_have_is_said_without_contradiction():
    requirement = {"name": "tool", "install": "print"}
    outcome, _, made = one(requirement, offers=offered(tool=""))
    assert (outcome.status, outcome.source) == ("missing", "apt")
    assert made.notices == (
        "Ubuntu 22.04 offers no package tool, according to its current lists; fetch them before you install it",
    )
