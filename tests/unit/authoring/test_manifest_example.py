"""``init``: a manifest that is right as it is, with comments that are right too, and that replaces nothing."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from mngr_ansible.authoring import manifest_example
from mngr_ansible.authoring.manifest_checks import SCHEMA, check_manifests
from mngr_ansible.errors import InputError
from mngr_ansible.inputs import manifest
from tests.support.builders import write


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


def answers(*given: str) -> tuple[manifest_example.Ask, list[str]]:
    """What answers questions, and what it was asked."""
    waiting, asked = iter(given), []

    def ask(question: str) -> str:
        asked.append(question)
        return next(waiting, "")

    return ask, asked


@pytest.mark.parametrize("name", ["agent-host.yml", "host.yaml", "my host.toml"])
def test_what_is_written_is_right_and_its_comments_become_right_entries(name: str) -> None:
    path, words = manifest_example.write_manifest(name)
    assert [each.status for each in check_manifests([name])] == ["ok"]
    assert f"mngr-ansible check {path}" in words.replace("'", "")

    text = path.read_text()
    text = re.sub(r'^  # (?=- |"|\{)', "  ", text, flags=re.MULTILINE)
    (path.parent / f"all{path.suffix}").write_text(text)
    document = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    made = manifest.contribution(document, plugin="manifest", origin="m", directory=path.parent)
    assert (len(made.transfers), len(made.requirements)) == (3, 4)


def test_without_a_name_it_is_yaml_whose_first_line_names_the_schema_for_editors() -> None:
    path, _ = manifest_example.write_manifest(None)
    assert str(path) == "agent-host.yml"
    first = path.read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA}"
    assert Draft7Validator(yaml.safe_load(SCHEMA.read_text())).is_valid(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("existing", ["file", "link", "directory"])
def test_nothing_that_exists_is_replaced(existing: str) -> None:
    path = Path("agent-host.yml")
    {"file": lambda: write(path, "mine"), "link": lambda: path.symlink_to("gone"), "directory": path.mkdir}[existing]()
    with pytest.raises(InputError, match="exists already"):
        manifest_example.write_manifest(None)
    assert not path.is_file() or path.read_text() == "mine"
    assert not Path("gone").exists()


@pytest.mark.parametrize("name", ["host.json", "host", "no/such/directory/host.yml"])
def test_a_name_that_cannot_be_written_is_an_error_with_another_one(name: str) -> None:
    with pytest.raises(InputError) as raised:
        manifest_example.write_manifest(name)
    assert raised.value.remedy.startswith("Name a file ")


@pytest.mark.parametrize("name", ["m.yml", "m.toml"])
def test_the_answers_are_in_the_manifest(name: str) -> None:
    write(Path(".npmrc"), "token")
    write(Path(".gitconfig"), "[user]")
    write(Path(".tmux.conf"), "")
    ask, asked = answers("git>=2.39,<3 'node>=20' 7zip on", "n", "", "yes")

    manifest_example.write_manifest(name, ask)

    made = manifest.read(name)
    assert [str(each) for each in made.requirements] == ["git>=2.39,<3", "node>=20", "7zip", "on"]
    (transfer,) = made.transfers
    assert (str(transfer.local_path), str(transfer.remote_path)) == ("~/.npmrc", "~/.npmrc")
    assert (transfer.is_secret, transfer.is_required) == (True, False)
    assert [each.partition("?")[0] for each in asked[1:]] == [
        "Copy ~/.gitconfig",
        "Copy ~/.tmux.conf",
        "Copy ~/.npmrc, as a secret",
    ]


def test_an_answer_that_is_no_requirement_is_asked_for_again() -> None:
    ask, asked = answers("git==", "")
    manifest_example.write_manifest(None, ask)
    assert asked[1].startswith("'==' has no version; write a number after ==. ")
    assert [str(each) for each in manifest.read("agent-host.yml").requirements] == ["git"]
