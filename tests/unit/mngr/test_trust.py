"""Whose words the settings and options of a command are. Source: docs/contract.md "Trust"."""

import click
import pytest
from click.testing import CliRunner

from mngr_ansible.errors import InputError
from mngr_ansible.mngr.config import AnsiblePluginConfig
from mngr_ansible.mngr.trust import Words, _is_same, _of_environment, _of_settings, _typed


def words(tmp_path, *, own=(), theirs=(), typed=None):
    """The words of a repository whose settings are ``theirs``."""
    files = {f".mngr/{number}.toml": document for number, document in enumerate(theirs)}
    return Words("create", tmp_path, tuple(own), files, typed or {})


def ansible(**keys):
    return {"plugins": {"ansible": keys}}


def merged(said, **keys):
    return said.settings(AnsiblePluginConfig.model_construct(**keys))


@pytest.mark.parametrize("key", ["files", "files__extend", "files__assign"])
def test_an_item_is_the_users_if_his_own_settings_have_it_with_any_operator(tmp_path, key):
    row = {"local_path": "a", "remote_path": "b"}
    said = words(tmp_path, own=[ansible(**{key: [row]})], theirs=[ansible()])
    assert said.are_own("files", {"remote_path": "b", "local_path": "a"})
    assert not said.are_own("files", {**row, "mode": "0600"})
    assert not said.are_own("packages", row)


def test_without_settings_in_the_repository_every_word_is_the_users(tmp_path):
    assert words(tmp_path).are_own("files", "x")
    assert words(tmp_path).is_own_option("yes", True)


@pytest.mark.parametrize(
    ("typed", "own", "is_own"),
    [
        ({"ansible_manifest": ("a.yml", "b.yml")}, {}, True),
        ({}, {"commands": {"create": {"ansible-manifest": ["b.yml"]}}}, True),
        ({}, {"create_templates": {"x": {"ansible_manifest__extend": ["b.yml"]}}}, True),
        ({"ansible_manifest": ("a.yml",)}, {"commands": {"other": {"ansible_manifest": ["b.yml"]}}}, False),
        ({"ansible_package": ("b.yml",)}, {}, False),
    ],
)
def test_an_option_is_the_users_if_he_typed_it_or_has_it_in_settings_of_his_own(tmp_path, typed, own, is_own):
    said = words(tmp_path, own=[own], theirs=[{"commands": {}}], typed=typed)
    assert said.is_own_option("ansible_manifest", "b.yml") is is_own


@pytest.mark.parametrize(("option", "value"), [("yes", True), ("become", True), ("ask_become_pass", True)])
def test_what_grants_something_counts_only_from_the_user(tmp_path, option, value):
    theirs = [{"commands": {"create": {option: value}}}]
    assert not words(tmp_path, theirs=theirs).is_granted(option, value)
    assert words(tmp_path, theirs=theirs, typed={option: value}).is_granted(option, value)
    assert words(tmp_path, theirs=theirs).is_granted(option, False)
    assert words(tmp_path, theirs=theirs).ignored() == [f"{option} = {value}"]


def test_the_users_restrictions_stay_whatever_the_repository_says(tmp_path):
    table = {"install": "print", "secrets": False, "files": False, "exclude_files": ["*.key"]}
    own = ansible(strict_secrets=True, allow_installers=False, install="print", scope="user", plugins={"claude": table})
    theirs = ansible(plugins__assign={"claude": {"install": "auto", "exclude_files": ["!*.key"]}})
    said = words(tmp_path, own=[own], theirs=[theirs])

    loose = {"strict_secrets": False, "allow_installers": True, "install": "auto", "scope": "system"}
    for tables in ({"claude": {"install": "auto", "secrets": True, "exclude_files": ["!*.key"]}}, {}, None):
        found = merged(said, **loose, plugins=tables)
        assert (found["strict_secrets"], found["allow_installers"]) == (True, False)
        assert (found["install"], found["scope"]) == ("print", "user")
        kept = found["plugins"]["claude"]
        assert (kept["install"], kept["secrets"], kept["files"], kept["exclude_files"][-1]) == (
            "print",
            False,
            False,
            "*.key",
        )


def test_the_repository_may_restrict_the_user_and_lets_nothing_be_installed_here(tmp_path):
    said = words(tmp_path, own=[ansible(strict_secrets=False)], theirs=[ansible()])
    found = merged(said, strict_secrets=True, plugins={"claude": {"install": "auto", "files": False}})
    assert found == {"strict_secrets": True, "plugins": {"claude": {"files": False}}}


def test_only_the_users_own_settings_say_whom_he_trusts(tmp_path):
    said = words(tmp_path, own=[ansible(trusted=["/a"]), ansible(trusted__extend=["/b"])], theirs=[ansible()])
    assert merged(said, trusted=["/c"])["trusted"] == ["/a", "/b"]
    assert "trusted" not in merged(words(tmp_path, theirs=[ansible()]), trusted=["/c"])


@pytest.mark.parametrize("wrong", [".", "src", "~", "~root/x", 1, ["/a"], ""])
def test_a_repository_that_is_trusted_is_an_absolute_path(tmp_path, wrong):
    with pytest.raises(InputError, match="is not an absolute path"):
        _is_same(wrong, tmp_path)


def test_a_repository_is_trusted_by_its_own_path_alone(home, tmp_path):
    (home / "src").mkdir()
    (tmp_path / "link").symlink_to(home / "src")
    assert _is_same("~/src", home / "src")
    assert _is_same(str(tmp_path / "link"), home / "src")
    assert not _is_same("~/src", home / "src" / "nested")
    assert not _is_same("~/src/nested", home / "src")


def test_variables_and_settings_that_are_typed_are_documents():
    assert _of_environment({"MNGR__PLUGINS__ANSIBLE__FILES__EXTEND": '["x"]', "MNGR_HEADLESS": "1"}) == ansible(
        files__extend=["x"]
    )
    assert _of_settings(["plugins.ansible.packages=[1]", "nonsense"]) == ansible(packages=[1])


def test_only_what_stands_on_the_command_line_was_typed():
    seen = {}

    @click.command()
    @click.option("--one", multiple=True)
    @click.option("--two", default="x")
    def command(**_):
        seen.update(_typed())

    CliRunner().invoke(command, ["--one", "a"], default_map={"two": "y"})
    assert seen == {"one": ("a",)}
    assert _typed() == {}


def test_programs_that_run_here_are_refused_where_the_repository_names_them(tmp_path):
    theirs = [{"commands": {"create": {"playbook": ["evil.yml"]}}}]
    with pytest.raises(InputError, match=r"the settings of this repository give --playbook 'evil.yml'"):
        words(tmp_path, theirs=theirs).require_own({"playbook": ("evil.yml",)})
    words(tmp_path, theirs=theirs, typed={"playbook": ("mine.yml",)}).require_own({"playbook": ("mine.yml",)})
    words(tmp_path, theirs=theirs, own=[{"commands": {"create": {"playbook": ["mine.yml"]}}}]).require_own(
        {"playbook": ("mine.yml",), "vault_id": ()}
    )
