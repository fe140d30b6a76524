"""The pages of ``docs/reference/`` are what their sources say, and leave nothing out."""

import argparse
import json
import re
from pathlib import Path

import click
import pytest
import yaml

from mngr_ansible.catalog.lookup import tool_names
from mngr_ansible.cli.parser import parser
from mngr_ansible.inputs.settings import KEYS, PluginSettings, Settings
from mngr_ansible.mngr.commands import ansible
from tools.reference.pages import PAGES

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "docs" / "reference"


def sections(page: str) -> dict[str, str]:
    """The text below each heading of the second level."""
    text = (PLACE / page).read_text()
    return dict(part.split("\n", 1) for part in text.split("\n## ")[1:])


@pytest.mark.parametrize("page", PAGES)
def test_a_reference_page_is_what_its_source_says(page):
    assert (ROOT / "docs" / page).read_text() == PAGES[page](), "write it again: python -m tools.reference"


def test_no_other_page_is_among_them():
    assert {f"reference/{file.name}" for file in PLACE.iterdir()} == set(PAGES)


def test_every_verb_has_a_section_with_all_its_options():
    found = sections("command-line.md")
    for name, verb in parser().verbs.items():
        shown = [action for action in verb._actions if action.help != argparse.SUPPRESS and action.dest != "help"]
        options = {option for action in shown for option in action.option_strings}
        assert {option for option in options if f"`{option}`" not in found[name]} == set(), name


def test_every_command_inside_mngr_has_a_section_with_all_its_own_options():
    found = sections("mngr.md")
    for name, command in ansible.commands.items():
        own = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
        own = [each for each in own if getattr(getattr(each, "group", None), "name", "") != "Common"]
        missing = [
            each.opts[0] for each in own if each.opts and f"`{each.opts[0]}`" not in found[f"mngr ansible {name}"]
        ]
        assert missing == [], name


def test_every_key_of_a_manifest_is_in_the_section_of_its_part():
    found = sections("manifest.md")
    schema = json.loads((ROOT / "mngr_ansible/manifest.schema.json").read_text())
    forms = [schema, *(each for part in schema["definitions"].values() for each in (part, *part.get("anyOf", ())))]
    keys = [list(form["properties"]) for form in forms if "properties" in form]
    assert [re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) for text in found.values()] == keys


@pytest.mark.parametrize("of", [Settings, PluginSettings])
def test_every_setting_is_on_the_page(of):
    text = (PLACE / "settings.md").read_text()
    assert [key for key in KEYS[of] if f"| `{key}` |" not in text] == []


def test_every_variable_of_every_role_is_on_the_page():
    found = sections("roles.md")
    for specs in ROOT.glob("roles/*/meta/argument_specs.yml"):
        text = found[specs.parents[1].name]
        for point in yaml.safe_load(specs.read_text())["argument_specs"].values():
            assert [name for name in point.get("options", {}) if f"| `{name}` |" not in text] == []


def test_every_tool_of_the_catalog_is_on_the_page():
    text = (PLACE / "catalog.md").read_text()
    assert [name for name in tool_names() if f"\n| `{name}`" not in text] == []
