"""The JSON document of every command, and its schema: closed at every level. Source: docs/contract.md "Commands"."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mngr_ansible.diff.outcome import Status
from mngr_ansible.inputs.hook_arguments import HOOKS
from tests.support.command_line import document
from tests.support.command_line import mngr_ansible as run
from tests.support.json_schema import SCHEMA, options_of_every_kind, schema_errors


@pytest.fixture
def words(tmp_path):
    return options_of_every_kind(tmp_path)


def test_the_schema_itself_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_knows_exactly_our_statuses_and_hooks():
    assert SCHEMA["$defs"]["step"]["properties"]["status"]["enum"] == [str(status) for status in Status]
    assert SCHEMA["$defs"]["plugin"]["properties"]["hooks"]["items"]["enum"] == list(HOOKS)


def test_render_plugins_and_content_print_documents_of_the_schema(words, tmp_path):
    render = document(run("render", tmp_path / "run", *words, "--work-dir", tmp_path, "--json"))
    plugins = document(run("plugins", *words, "--json"))
    content = document(run("content", "--json"))

    assert [schema_errors(each) for each in (render, plugins, content)] == [[], [], []]
    assert schema_errors(json.loads((tmp_path / "run" / "plan.json").read_text())) == []
    assert render["path"] == str(tmp_path / "run")
    assert [row["name"] for row in plugins["plugins"]] == ["manifest", "command-line"]
    assert (Path(content["path"]) / "roles" / "mngr_files").is_dir()


@pytest.mark.parametrize(
    ("typed", "code", "command"),
    [
        (["plan", "--file", "/nowhere:x"], 1, "plan"),
        (["plan", "--manifest", "/nowhere.yml"], 1, "plan"),
        (["apply", "--package", "git>=3", "--package", "git<2"], 1, "apply"),
        (["plan", "--package", "-rf"], 64, "plan"),
        (["plan", "--nonsense"], 64, "plan"),
        (["plan", "--timeout", "0"], 64, "plan"),
        ([], 64, ""),
    ],
)
def test_an_error_is_a_document_of_the_schema_too(typed, code, command):
    failed = run(*typed, "--json")

    made = document(failed)

    assert (failed.returncode, schema_errors(made), made["ok"], made["command"]) == (code, [], False, command)
    assert made["errors"]
    assert all(error["remedy"] for error in made["errors"])


WHOLE: dict[str, Any] = {
    "schema": 1,
    "command": "apply",
    "ok": False,
    "hosts": [
        {
            "host": "build-1",
            "is_local": False,
            "steps": [
                {
                    "id": "file:/srv/a",
                    "kind": "file",
                    "status": "differs",
                    "current": None,
                    "wanted": "directory",
                    "plugins": ["claude"],
                    "reason": "",
                    "source": "apt",
                    "files": {"total": 2, "due": 1},
                }
            ],
            "commands": ["sudo apt-get install -y git"],
        }
    ],
    "notices": [{"text": "a"}],
    "errors": [{"problem": "p", "remedy": "r", "host": None}],
}
PLUGINS: dict[str, Any] = {
    "schema": 1,
    "command": "plugins",
    "ok": True,
    "hosts": [],
    "notices": [],
    "errors": [],
    "plugins": [{"name": "claude", "hooks": ["provision_agent"], "contributed": ["package:git"]}],
}
CONTENT: dict[str, Any] = {**PLUGINS, "command": "content", "path": "/p"}
del CONTENT["plugins"]
OPTIONAL = {"source", "files", "plugins", "path"}
OTHERS: tuple[object, ...] = ("no such word", 3.5, -1, True, None, [], {}, [3], {"x": 1})

Trail = tuple[str | int, ...]


def trails(value: object, here: Trail = ()) -> Iterator[Trail]:
    """Every place in a document."""
    yield here
    if isinstance(value, dict):
        for key, each in value.items():
            yield from trails(each, (*here, key))
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from trails(each, (*here, index))


def at(made: Any, trail: Trail) -> Any:
    for each in trail:
        made = made[each]
    return made


def changed(made: object, trail: Trail, value: object) -> Any:
    if not trail:
        return value
    made = copy.deepcopy(made)
    at(made, trail[:-1])[trail[-1]] = value
    return made


def of_another_type(value: object) -> list[object]:
    """What never stands where such a value stands; a string and null are of one kind here, for optional words."""
    words = (str, type(None))
    kind = words if isinstance(value, words) else (type(value),)
    return [other for other in OTHERS if not isinstance(other, kind)]


@pytest.mark.parametrize("whole", [WHOLE, PLUGINS, CONTENT], ids=["apply", "plugins", "content"])
class TestAWholeDocument:
    """A document that has everything."""

    def test_is_valid(self, whole):
        assert schema_errors(whole) == []

    def test_without_any_one_of_its_keys_is_refused_but_for_the_optional_ones(self, whole):
        for trail in trails(whole):
            if trail and isinstance(trail[-1], str):
                cut = copy.deepcopy(whole)
                del at(cut, trail[:-1])[trail[-1]]
                is_optional = trail[-1] in OPTIONAL and trail[-2:] != (0, "plugins")
                assert bool(schema_errors(cut)) is not is_optional, trail

    def test_with_any_key_more_is_refused_at_every_level(self, whole):
        for trail in trails(whole):
            if isinstance(at(whole, trail), dict):
                assert schema_errors(changed(whole, trail, {**at(whole, trail), "more": 1})), trail

    def test_with_a_value_of_another_type_is_refused_everywhere(self, whole):
        for trail in trails(whole):
            for other in of_another_type(at(whole, trail)):
                assert schema_errors(changed(whole, trail, other)), (trail, other)


@pytest.mark.parametrize(
    ("trail", "value"),
    [
        (("schema",), 2),
        (("command",), "diagnose"),
        (("hosts", 0, "steps", 0, "status"), "done"),
        (("hosts", 0, "steps", 0, "status"), "too_old"),
        (("hosts", 0, "steps", 0, "kind"), "directory"),
        (("hosts", 0, "steps", 0, "id"), "git"),
        (("hosts", 0, "steps", 0, "plugins"), ["claude", "claude"]),
        (("hosts", 0, "steps", 0, "reason"), None),
        (("hosts", 0, "steps", 0, "source"), None),
        (("hosts", 0, "host"), ""),
        (("errors", 0, "problem"), ""),
        (("errors", 0, "remedy"), None),
        (("ok",), True),
        (("plugins",), []),
        (("path",), "/x"),
    ],
)
def test_a_word_outside_the_vocabulary_is_refused(trail, value):
    assert schema_errors(changed(WHOLE, trail, value))
