"""The JSON Schema of manifests says what the parser says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from mngr_ansible.authoring.manifest_checks import SCHEMA
from mngr_ansible.errors import MngrAnsibleError
from mngr_ansible.inputs import manifest
from mngr_ansible.portable import fields, managers, requirements
from mngr_ansible.spec.files import FileTransferSpec

LOADED = json.loads(SCHEMA.read_text())
KINDS = LOADED["definitions"]
VALIDATOR = Draft7Validator(LOADED)


def properties(kind: str) -> dict[str, Any]:
    if kind == "check":
        return KINDS["check"]["anyOf"][1]["properties"]  # type: ignore[no-any-return]
    return KINDS[kind]["properties"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("file", FileTransferSpec.__match_args__),
        ("requirement", requirements.KEYS),
        ("check", requirements.CHECK_KEYS),
        ("source", requirements.SOURCE_KEYS),
        ("repository", requirements.REPOSITORY_KEYS),
        ("when", requirements.WHEN_KEYS),
    ],
)
def test_it_has_the_keys_of_the_parser_each_described(kind: str, keys: tuple[str, ...]) -> None:
    assert set(properties(kind)) == set(keys)
    assert all(each.get("description") for each in properties(kind).values())
    assert set(LOADED["properties"]) == set(manifest.EXAMPLES)


def test_it_has_the_words_of_the_parser() -> None:
    choices = fields._CHOICES
    assert properties("file")["symlinks"]["enum"] == list(choices["FileTransferSpec"]["symlinks"])
    assert properties("file")["if_exists"]["enum"] == list(choices["FileTransferSpec"]["if_exists"])
    assert properties("check")["kind"]["enum"] == list(choices["Check"]["kind"])
    assert properties("source")["manager"]["enum"] == list(fields.MANAGERS)
    assert properties("source")["scope"]["enum"] == list(choices["Source"]["scope"])
    assert set(properties("requirement")["install"]["enum"]) == set(choices["PackageRequirement"]["install"])
    (pattern,) = properties("requirement")["packages"]["patternProperties"]
    assert pattern == f"^({'|'.join(managers.TABLE)})$"


def test_it_is_a_schema_and_the_examples_conform() -> None:
    Draft7Validator.check_schema(LOADED)
    for file in (Path(__file__).parents[3] / "examples").glob("*manifest*.yml"):
        assert list(VALIDATOR.iter_errors(yaml.safe_load(file.read_text()))) == []


SHA = "0" * 64
REPOSITORY = (
    f"{{name: x, url: 'https://x.example', key: 'https://x.example/key', fingerprint: '{'A' * 40}', suite: x/}}"
)
RIGHT = [
    "",
    "files: []",
    "packages: [git, 'git>=2.39,<3', ' node >= 20 ']",
    "files: [{local_path: ~/a, remote_path: b, mode: '0640', directory_mode: '755', owner: 0, group: www}]",
    "files: [{local_path: a, remote_path: b, exclude: ['*.x'], symlinks: follow, if_exists: backup, mirror: true}]",
    "packages: [{name: fd, checks: [fd, {value: fdfind}], packages: {apt: [fd-find]}, install: print}]",
    f"packages: [{{name: x, sources: [{{manager: archive, url: 'https://x.example/x', sha256: '{SHA}'}}]}}]",
    "packages: [{name: x, sources: [{manager: npm, packages: ['@x/y'], requires: ['node>=20'], when: {os: debian}}]}]",
    f"packages: [{{name: x, sources: [{{manager: apt, repository: {REPOSITORY}}}]}}]",
]
RIGHT += [
    "packages: [{name: a, version: '>=v2.1-rc1,!=3'}, 'b > 1', {name: c, version: ''}]",
    "packages: [{name: a, packages: {apt: [aa]}, sources: []}, {name: b, packages: null, sources: [{manager: apt}]}]",
    "files: [{local_path: a, remote_path: b, owner: agent$, group: null}]",
]
WRONG = [
    "x",
    "[]",
    "pakages: []",
    "files: x",
    "files: [x]",
    "files: [{local_path: a}]",
    "files: [{local_path: '', remote_path: b}]",
    "files: [{local_path: a, remote_path: b, mode: '0999'}]",
    "files: [{local_path: a, remote_path: b, mode: '4755'}]",
    "files: [{local_path: a, remote_path: b, is_secret: 'yes'}]",
    "files: [{local_path: a, remote_path: b, mirror: true, if_exists: keep}]",
    "packages: [{version: '1'}]",
    "packages: [3]",
    "packages: ['-x']",
    "packages: [{name: 'a b'}]",
    "packages: [{name: a, version: 2.1}]",
    "packages: [{name: a, install: perhaps}]",
    "packages: [{name: a, packages: {}}]",
    "packages: [{name: a, packages: {cargo: [a]}}]",
    "packages: [{name: a, checks: [{kind: command}]}]",
    "packages: [{name: a, sources: [{packages: [a]}]}]",
    "packages: [git>>2]",
    "packages: [git^2]",
    "packages: ['git>=2,']",
    "packages: [{name: a, version: '20'}]",
    "packages: [{name: a, packages: {apt: [aa]}, sources: [{manager: apt}]}]",
    "packages: [{name: a, sources: [{manager: archive}]}]",
    "packages: [{name: a, sources: [{manager: apt, url: 'https://x.example/x'}]}]",
    "files: [{local_path: a, remote_path: b, owner: -1}]",
    "files: [{local_path: a, remote_path: b, owner: ''}]",
    "files: [{local_path: a, remote_path: b, group: a b}]",
    "packages: [{name: a, sources: [{manager: archive, url: 'http://x.example', sha256: x}]}]",
]


@pytest.mark.parametrize(("text", "is_right"), [*((each, True) for each in RIGHT), *((each, False) for each in WRONG)])
def test_schema_and_parser_agree(text: str, is_right: bool, tmp_path: Any) -> None:
    document = yaml.safe_load(text)
    try:
        manifest.contribution(document, plugin="manifest", origin="m", directory=tmp_path)
    except MngrAnsibleError:
        is_accepted = False
    else:
        is_accepted = True
    assert (is_accepted, VALIDATOR.is_valid(document)) == (is_right, is_right)
