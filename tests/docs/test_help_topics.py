"""The topics of ``mngr-ansible help`` are pages of the documentation, and what they say is true."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from mngr_ansible.cli.main import main
from mngr_ansible.cli.parser import parser
from mngr_ansible.cli.topics import help_text, plain_text, topics
from mngr_ansible.inputs import manifest
from mngr_ansible.inputs.settings import PluginSettings, Settings
from mngr_ansible.portable import requirements
from mngr_ansible.spec.files import FileTransferSpec

ROOT = Path(__file__).resolve().parents[2]
TOPICS = topics()


def blocks(topic: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TOPICS[topic].read_text(), re.MULTILINE | re.DOTALL)


def first_cells(topic: str) -> list[str]:
    rows = re.findall(r"^\| (.+?) \|", TOPICS[topic].read_text(), re.MULTILINE)
    return [each.strip("` ") for row in rows for each in row.split(",")]


def commands() -> list[tuple[str, str]]:
    lines = [(topic, line) for topic in TOPICS for block in blocks(topic, "sh") for line in block.splitlines()]
    return [(topic, line) for topic, line in lines if line.startswith("mngr-ansible ")]


@pytest.mark.parametrize("topic", [*TOPICS, "apply", "completion"])
@pytest.mark.parametrize("columns", ["60", "100"])
def test_a_topic_is_plain_text_that_fits_the_terminal(topic, columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["help", topic]) == 0
    text = capsys.readouterr().out
    wrapped = [line for line in text.partition("examples:")[0].splitlines() if not line.startswith("    ")]
    assert not re.search(r"```|\]\(|\*\*|^#+ |<!--", "\n".join(wrapped), re.MULTILINE)
    assert max(map(len, wrapped)) <= int(columns)


def test_help_alone_lists_commands_and_topics_and_another_word_is_refused_with_the_nearest(capsys):
    assert main(["help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in [*TOPICS, *parser().verbs])
    assert main(["help", "manifst"]) == 64
    assert "there is no help about 'manifst' (did you mean manifest?)" in capsys.readouterr().err
    assert help_text("plan") in parser("plan").verbs["plan"].format_help()


@pytest.mark.parametrize(("topic", "line"), commands())
def test_every_command_of_a_topic_is_right(topic, line):
    parser().parse_args(shlex.split(line)[1:])


def test_the_manifest_and_settings_shown_are_right(tmp_path):
    shown, _schema = blocks("manifest", "yaml")
    (secret,) = blocks("secrets", "yaml")
    for text in (shown, secret):
        manifest.contribution(yaml.safe_load(text), plugin="manifest", origin="manifest", directory=tmp_path)
    (settings,) = blocks("settings", "toml")
    Settings.parse(tomllib.loads(settings)["plugins"]["ansible"])


def test_every_key_of_a_manifest_and_of_the_settings_is_explained():
    assert {*FileTransferSpec.__match_args__, *requirements.KEYS} <= set(first_cells("manifest"))
    assert {each.name for kind in (Settings, PluginSettings) for each in fields(kind)} <= set(first_cells("settings"))


def test_every_field_of_a_document_is_explained():
    schema = json.loads((ROOT / "mngr_ansible/schema.json").read_text())
    assert set(schema["properties"]) <= set(first_cells("json"))


def test_every_variable_that_is_explained_is_read_somewhere():
    code = "\n".join(file.read_text() for file in (ROOT / "mngr_ansible").rglob("*.py"))
    for name in first_cells("environment")[1:]:
        if name.isupper() and name not in ("NO_COLOR", "FORCE_COLOR", "TMPDIR"):  # rich's, and Python's
            assert name in code, name


def test_a_page_becomes_text_with_its_lists_tables_and_code():
    page = """\
# Title of `it`

Some **bold** text with a [link](other.md) that goes on
over two lines.

- one
- two, which is
  longer

| a | b |
|---|---|
| `x` | means x |

```sh
code  stays

as it is
```
"""
    assert (
        plain_text(page, 40)
        == """\
Title of it

Some bold text with a link that goes on
over two lines.

- one
- two, which is longer

  x   means x

    code  stays

    as it is"""
    )
