"""One requirement a name, with every plugin's range. Source: docs/contract.md "Data"."""

import json

import pytest

from mngr_ansible.errors import ConflictError
from mngr_ansible.plan.requirements import PackageRequest, Requirement, implied, merge
from mngr_ansible.spec.packages import PackageRequirement


def request(plugin: str, what: object, install=None, origin: str = "") -> PackageRequest:
    return PackageRequest(plugin, PackageRequirement.from_value(what), install, origin)


def merged(*requests: PackageRequest) -> Requirement:
    (only,) = merge(requests)
    return only


def test_requirements_of_one_name_are_one_with_both_plugins_and_the_ranges_intersected():
    both = merged(request("claude", "git>=2.39"), request("codex", "git>=2.30,<3"), request("claude", "git"))

    assert (both.id, str(both.range), both.plugins) == ("package:git", ">=2.39,<3", ("claude", "codex"))


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (["node>=20", "nodejs<24"], "node"),
        (["nodejs>=20", "nodejs<24"], "nodejs"),
        (["rg>=13", "ripgrep"], "ripgrep"),
        (["fd-find", "fdfind>=8", "fd"], "fd"),
        (["pip3", "python3-pip"], "pip"),
        (["flock", "util-linux"], "util-linux"),
    ],
)
def test_two_names_of_one_tool_are_one_requirement(names, name):
    one = merged(*(request(f"p{number}", each) for number, each in enumerate(names)))
    assert (one.name, one.id, len(one.plugins)) == (name, f"package:{name}", len(names))


def test_the_ranges_of_two_names_of_one_tool_are_intersected():
    assert str(merged(request("a", "node>=20"), request("b", "nodejs<24")).range) == ">=20,<24"
    with pytest.raises(ConflictError) as conflict:
        merge([request("a", "node>=20"), request("b", "nodejs<20")])
    assert conflict.value.problem == "node: a needs >=20, b needs nodejs<20: no version satisfies both"


def test_what_a_source_needs_first_is_the_plugins_own_requirement_under_any_name_of_the_tool():
    agent = {"name": "agent", "sources": [{"manager": "npm", "packages": ["agent"], "requires": ["node>=18"]}]}
    needed = implied(merge([request("a", agent), request("b", "nodejs>=20")]))["node>=18"]
    assert (needed.name, str(needed.range)) == ("nodejs", ">=20")


def test_names_keep_the_order_in_which_they_first_came():
    names = [
        each.name for each in merge([request("a", "git"), request("b", "vim"), request("c", "git"), request("c", "fd")])
    ]
    assert names == ["git", "vim", "fd"]


def test_an_empty_intersection_names_both_plugins_and_both_ranges():
    with pytest.raises(ConflictError) as conflict:
        merge([request("mngr", "git"), request("claude", "git>=2.39"), request("legacy-tools", "git<2.30")])

    assert conflict.value.problem == "git: claude needs >=2.39, legacy-tools needs <2.30: no version satisfies both"


def test_two_manifests_in_conflict_are_named_by_their_files():
    with pytest.raises(ConflictError, match=r"manifest \(a\.yml\) needs >=2, manifest \(b\.yml\) needs <1"):
        merge(
            [
                request("manifest", "git>=2", origin="manifest (a.yml)"),
                request("manifest", "git<1", origin="manifest (b.yml)"),
            ]
        )


@pytest.mark.parametrize(
    ("plugins", "remedy"),
    [
        (("manifest", "manifest"), "Change one of the ranges. Nothing was changed."),
        (("manifest", "command-line"), "Change one of the ranges. Nothing was changed."),
        (("claude", "claude"), "Change one of the ranges. Nothing was changed."),
        (("claude", "manifest"), "Change one of the ranges, or leave out the plugin 'claude'. Nothing was changed."),
        (("a", "b"), "Change one of the ranges, or leave out the plugin 'a' or 'b'. Nothing was changed."),
    ],
)
def test_to_leave_out_a_plugin_is_a_remedy_only_where_that_helps(plugins, remedy):
    with pytest.raises(ConflictError) as conflict:
        merge([request(plugins[0], "git>=2"), request(plugins[1], "git<1")])
    assert conflict.value.remedy == remedy
    if plugins[0] == plugins[1]:
        assert conflict.value.problem == f"git: {plugins[0]} needs >=2 and <1: no version satisfies both"


def test_three_ranges_that_only_together_allow_no_version_are_all_named():
    with pytest.raises(ConflictError, match="a needs >=1, b needs <=1, c needs !=1: no version satisfies all"):
        merge([request("a", "git>=1"), request("b", "git<=1"), request("c", "git!=1")])


def test_it_is_required_as_soon_as_one_plugin_requires_it():
    optional = {"name": "git", "is_required": False}
    assert merged(request("a", optional), request("b", "git")).is_required
    assert not merged(request("a", optional), request("b", optional)).is_required


@pytest.mark.parametrize(
    ("needs", "is_printed", "is_installed_locally"),
    [
        ([(None, None)], False, False),
        ([("auto", None)], False, True),
        ([("print", None)], True, False),
        ([(None, "auto")], False, False),
        ([(None, "print")], True, False),
        ([("auto", "print")], True, True),
        ([("auto", None), ("auto", None)], False, True),
        ([("auto", None), (None, None)], False, False),
        ([("auto", None), ("print", None)], True, False),
    ],
)
def test_the_strictest_install_setting_of_all_plugins_applies(needs, is_printed, is_installed_locally):
    shared = merged(*(request("p", {"name": "git", "install": own}, decided) for decided, own in needs))
    assert (shared.is_printed, shared.is_installed_locally) == (is_printed, is_installed_locally)


def test_purposes_say_who_needs_it_for_what():
    shared = merged(request("mngr", "node"), request("codex", {"name": "node", "purpose": "runs the agent"}))
    assert shared.who == "codex: runs the agent"


def test_without_checks_the_command_is_asked_and_then_the_package_database():
    assert [(each["kind"], each["value"]) for each in merged(request("p", "mtool")).resolved()["checks"]] == [
        ("command", "mtool"),
        ("package", "mtool"),
    ]


def test_a_sources_package_names_replace_the_requirements_own():
    fd = merged(request("p", {"name": "find-fast", "sources": [{"manager": "apt", "packages": ["fd-find"]}]}))

    assert fd.resolved()["packages"] == {"apt": ["fd-find"]}
    assert fd.resolved()["checks"][1]["value"] == "fd-find"


def test_the_resolved_form_is_json_and_complete():
    resolved = merged(request("p", "git>=2")).resolved()

    assert json.loads(json.dumps(resolved)) == resolved
    assert {"id", "name", "version", "checks", "is_required"} <= set(resolved)
