"""Names that nothing has are notices, with the nearest name; nobody is accused of what is right."""

import inspect

import pluggy
import pytest

from mngr_ansible import PackageRequirement, Source, hookimpl
from mngr_ansible.inputs.hook_arguments import HOOKS
from mngr_ansible.inputs.misspelt import MNGR_HOOKS, condition_notices, hook_notices, setting_notices
from mngr_ansible.inputs.settings import Settings
from tests.support.builders import contribution
from tests.support.plugin_managers import manager, needing


def plugin(*names: str, is_marked: bool = True) -> object:
    """A plugin with an implementation of each name."""

    def implementation(self): ...

    def one(name: str):
        copy = type(implementation)(implementation.__code__, {}, name)
        return hookimpl(copy) if is_marked else copy

    return type("Plugin", (), {name: one(name) for name in names})()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("provision_agents", "provision_agent"),
        ("provisionAgent", "provision_agent"),
        ("agent_provision", "provision_agent"),
        ("get_provisioning_file_transfers", "get_provision_file_transfers"),
        ("get_file_transfers", "get_provision_file_transfers"),
        ("on_before_provisioning_agent", "on_before_agent_provisioning"),
        ("before_agent_provisioning", "on_before_agent_provisioning"),
        ("on_after_agent_provision", "on_after_agent_provisioning"),
    ],
)
def test_a_slip_in_the_name_of_a_hook_is_noticed_with_the_name_that_is_meant(name, meant):
    assert list(hook_notices(manager(peer=plugin(name)))) == [
        f"peer: {name!r} is not a hook of mngr or mngr-ansible (did you mean {meant}?)"
    ]


def test_no_hook_of_mngr_is_taken_for_a_slip_and_none_of_another_plugins_specification():
    class Specification:
        @pluggy.HookspecMarker("mngr")
        def provision_agents(self): ...

    assert list(hook_notices(manager(peer=plugin(*MNGR_HOOKS, *HOOKS)))) == []
    made = manager(peer=plugin("provision_agents"), ansible=plugin("provision_agnt"))
    made.add_hookspecs(Specification)
    assert list(hook_notices(made)) == []


@pytest.mark.parametrize("name", ["on_after_agent_start", "get_packages", "configure"])
def test_what_is_only_a_little_like_a_hook_is_left_alone(name):
    assert list(hook_notices(manager(peer=plugin(name)))) == []


def test_the_names_of_mngrs_hooks_are_those_of_the_mngr_that_is_installed():
    hookspecs = pytest.importorskip("imbue.mngr.plugins.hookspecs")
    functions = inspect.getmembers(hookspecs, inspect.isfunction)
    assert {name for name, function in functions if hasattr(function, "mngr_spec")} == MNGR_HOOKS


def test_a_hook_without_its_mark_is_noticed_and_one_that_was_only_imported_is_not(tmp_path, monkeypatch):
    (tmp_path / "marked_peer.py").write_text("def provision_agent():\n    return ['git']\n")
    (tmp_path / "importing_peer.py").write_text("from marked_peer import provision_agent\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    modules = {name: __import__(f"{name}_peer") for name in ("marked", "importing")}

    notices = list(hook_notices(manager(**modules, object=plugin("get_provision_file_transfers", is_marked=False))))

    assert notices == [
        "marked: its provision_agent is not marked with @hookimpl, so it is not called",
        "object: its get_provision_file_transfers is not marked with @hookimpl, so it is not called",
    ]


def test_a_plugin_that_was_named_and_has_no_hook_of_ours_is_noticed():
    made = manager(other=plugin("on_startup"), ours=needing([]), slip=plugin("provision_agents"))
    assert [each for each in hook_notices(made, ["other", "ours", "slip"]) if each.startswith("other")] == [
        "other has no hook that mngr-ansible calls, so it adds nothing here"
    ]
    assert len(list(hook_notices(made))) == 1


def test_a_setting_for_a_plugin_that_does_not_exist_is_noticed_with_the_nearest_name():
    settings = Settings.parse(
        {"precedence": ["nobody", "claud"], "plugins": {"claud": {}, "webtool": {"files": False}}}
    )

    notices = list(setting_notices(settings, manager(claude=object(), webtools=object())))

    assert notices == [
        "settings: precedence names 'nobody', but no plugin has that name",
        "settings: precedence names 'claud', but no plugin has that name (did you mean claude?)",
        "settings: [plugins.ansible.plugins.claud] has no effect: no plugin has that name (did you mean claude?)",
        "settings: [plugins.ansible.plugins.webtool] has no effect: no plugin has that name (did you mean webtools?)",
    ]


def test_settings_may_name_a_plugin_that_is_disabled_an_agent_type_and_the_user():
    settings = Settings.parse(
        {"precedence": ["off"], "plugins": {name: {} for name in ("off", "my-claude", "manifest", "mngr", "p")}}
    )
    made = manager(p=object())
    made.set_blocked("off")
    assert list(setting_notices(settings, made, ["my-claude"])) == []


def test_our_own_name_in_our_own_settings_is_noticed():
    settings = Settings.parse({"precedence": ["ansible"], "plugins": {"ansible": {"install": "auto"}}})
    assert list(setting_notices(settings, manager(ansible=object()))) == [
        "settings: precedence names 'ansible', which is mngr-ansible itself and needs nothing",
        "settings: [plugins.ansible.plugins.ansible] has no effect; write its keys in [plugins.ansible]",
    ]


def test_precedence_among_the_users_own_words_is_noticed():
    settings = Settings.parse({"precedence": ["manifest"]})
    assert list(setting_notices(settings, manager())) == [
        "settings: precedence names 'manifest', which comes after all plugins anyway"
    ]


@pytest.mark.parametrize(
    ("when", "meant"),
    [
        ({"os": "debain"}, "debian"),
        ({"os": ["debian", "Fedroa"]}, "fedora"),
        ({"os": "rhel8"}, "rhel"),
        ({"os": "darwin"}, "macos"),
        ({"arch": ["x86-64"]}, "x86_64"),
        ({"arch": "aarch46"}, "aarch64"),
    ],
)
def test_a_condition_that_no_host_meets_because_of_a_slip_is_noticed(when, meant):
    needs = contribution("claude", PackageRequirement("x", sources=(Source("apt", when=when),)))
    (notice,) = condition_notices([needs])
    assert notice.startswith("claude: x: a source is for ")
    assert notice.endswith(f"(did you mean {meant}?)")


@pytest.mark.parametrize(
    "when", [{"os": ["Debian", "void", "archarm", "raspbian", "ubuntu-core"]}, {"arch": ["x86_64", "amd64", "loong64"]}]
)
def test_a_system_that_we_do_not_know_is_left_alone(when):
    needs = contribution("claude", PackageRequirement("x", sources=(Source("apt", when=when),)))
    assert list(condition_notices([needs])) == []
