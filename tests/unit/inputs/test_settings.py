"""The user's settings. Source: docs/contract.md "mngr settings"."""

import dataclasses
import math
import tomllib

import pytest

from mngr_ansible.errors import InputError
from mngr_ansible.inputs.settings import KEYS, PluginSettings, Settings


def test_without_a_table_the_defaults_apply():
    assert Settings.parse(None) == Settings.parse({}) == Settings()
    assert (Settings().install, Settings().check_packages, Settings().timeout) == ("auto", True, 600)


def test_every_supported_key_is_accepted():
    table = {
        "install": "print",
        "check_packages": False,
        "precedence": ["base", "claude"],
        "packages": ["ripgrep", {"name": "git", "version": ">=2"}],
        "files": [{"local_path": "a", "remote_path": "b"}],
        "manifests": ["~/agent-host.yml"],
        "timeout": 12.5,
        "plugins": {"claude": {"check_packages": False, "install": "auto", "files": False}},
    }

    settings = Settings.parse(table)

    assert settings.precedence == ("base", "claude")
    assert (settings.install, settings.check_packages, settings.timeout) == ("print", False, 12.5)
    assert settings.plugin("claude") == PluginSettings(check_packages=False, install="auto", files=False)
    assert settings.plugin("codex") == PluginSettings()


def test_the_settings_limit_the_files_of_a_plugin():
    table = {"strict_secrets": True, "plugins": {"claude": {"exclude_files": ["~/.claude/cache/**"], "secrets": False}}}

    settings = Settings.parse(table)

    assert settings.strict_secrets
    assert settings.plugin("claude") == PluginSettings(exclude_files=("~/.claude/cache/**",), secrets=False)


@pytest.mark.parametrize("pattern", ["!", 1])
def test_a_wrong_pattern_is_refused_with_its_table(pattern):
    with pytest.raises(InputError, match=r"plugins\.claude\] exclude_files"):
        Settings.parse({"plugins": {"claude": {"exclude_files": [pattern]}}})


@pytest.mark.parametrize(
    "value",
    [
        "site.yml",
        [""],
        [3],
        [{"path": "site.yml", "when": "later"}],
        [{"when": "before"}],
        [{"path": 3}],
        [{"path": "site.yml", "tags": "x"}],
    ],
)
def test_a_playbook_is_a_path_or_a_table_of_path_and_when(value):
    with pytest.raises(InputError, match=r"\[plugins\.ansible\] playbooks = ") as refused:
        Settings.parse({"playbooks": value})
    assert '{path = "base.yml", when = "before"}' in refused.value.remedy


@pytest.mark.parametrize(
    ("table", "hint"),
    [
        ({"instal": "auto"}, "install"),
        ({"plugins": {"claude": {"instal": "auto"}}}, "install"),
        ({"plugins": {"claude": {"precedence": ["x"]}}}, "check_packages, install"),
    ],
)
def test_an_unknown_key_is_refused_with_what_is_known(table, hint):
    with pytest.raises(InputError, match="unknown key") as refused:
        Settings.parse(table)
    assert hint in str(refused.value)


@pytest.mark.parametrize(
    "table",
    [
        ["install"],
        {"install": "yes"},
        {"install": ["auto"]},
        {"install": None},
        {"check_packages": "false"},
        {"precedence": "claude"},
        {"precedence": [1]},
        {"packages": "git"},
        {"packages": {"git": ">=2"}},
        {"files": True},
        {"manifests": "x.yml"},
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": True},
        {"timeout": "60"},
        {"timeout": math.inf},
        {"timeout": math.nan},
        {"plugins": None},
        {"plugins": {"claude": None}},
        {"plugins": {"claude": {"files": []}}},
        {"plugins": {"claude": {"install": "ask"}}},
    ],
)
def test_a_wrong_type_or_value_is_refused_with_a_remedy(table):
    with pytest.raises(InputError, match="settings: ") as refused:
        Settings.parse(table)
    assert refused.value.remedy


def test_a_list_is_shown_with_an_example():
    with pytest.raises(InputError) as refused:
        Settings.parse({"packages": "tree"})
    assert refused.value.problem == "settings: [plugins.ansible] packages = 'tree' is not a list"
    assert refused.value.remedy == 'packages must be a list: packages = ["tree"]'


def test_of_a_list_the_wrong_item_is_shown():
    with pytest.raises(InputError, match=r"precedence = 1 is not a string"):
        Settings.parse({"precedence": ["base", 1]})


@pytest.mark.parametrize("cls", [Settings, PluginSettings])
def test_every_key_has_a_validator_whose_example_is_accepted(cls):
    validators = KEYS[cls]
    assert {*validators, "plugins"} >= {each.name for each in dataclasses.fields(cls)} >= set(validators)
    for key, validator in validators.items():
        assert validator.rejected(tomllib.loads(f"{key} = {validator.example}")[key]) is None
