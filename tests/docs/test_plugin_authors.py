"""The page for plugin authors: what it shows is accepted, and its tables name everything."""

import ast
import dataclasses
import inspect
import types
from pathlib import Path

import pytest
from imbue.mngr.hosts.common import get_agent_state_dir_path

import mngr_ansible
from mngr_ansible import PackageRequirement, testing
from mngr_ansible.inputs.hook_arguments import HOOKS, Agent, Host
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.sources import Source
from tests.support.pages import ROOT, blocks

PAGE = ROOT / "docs/plugin-authors.md"
NAMES = {name: getattr(mngr_ansible, name) for name in mngr_ansible.__all__}


def shown(heading):
    """The Python that a section shows."""
    return [block.text for block in blocks(PAGE) if block.heading == heading and block.language == "python"]


def first_cells():
    return "".join(line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `"))


def test_the_page_shows_the_template():
    plugin, test = shown("From nothing to a tested plugin")
    assert plugin in (ROOT / "examples/mngr_tutor/mngr_tutor/__init__.py").read_text()
    assert test in (ROOT / "examples/mngr_tutor/tests/test_tutor.py").read_text()


def test_the_python_that_is_shown_is_accepted():
    files, _state = shown("Files")
    exec(files, {**NAMES, "Path": Path, "__file__": __file__})
    (packages,) = shown("Packages")
    for statement in ast.parse(packages).body:
        PackageRequirement.from_value(eval(ast.unparse(statement), dict(NAMES)))
    (typed,) = shown("Hooks")
    exec(typed, {})


def test_the_example_of_a_test_passes(monkeypatch):
    (example,) = shown("Tests without hosts")
    exec(compile(example, str(PAGE), "exec"), {})


def test_a_state_goes_where_mngr_looks_for_it():
    _files, state = shown("Files")
    plugin = {"get_agent_state_dir_path": get_agent_state_dir_path, **NAMES}
    exec(state, plugin)
    agent, host = types.SimpleNamespace(id="agent-1"), types.SimpleNamespace(host_dir=Path("/tmp/mngr"))
    (spec,) = plugin["get_provision_file_transfers"](agent, host)
    assert (str(spec.remote_path), spec.if_exists) == ("/tmp/mngr/agents/agent-1/plugin/notebook", "keep")


@pytest.mark.parametrize("kind", [FileTransferSpec, Source])
def test_every_field_is_documented(kind):
    assert [field.name for field in dataclasses.fields(kind) if f"`{field.name}`" not in first_cells()] == []


def test_every_hook_is_documented_with_its_arguments():
    for hook, arguments in HOOKS.items():
        assert f"`{hook}({', '.join(arguments)})`" in PAGE.read_text()


def test_what_hooks_get_without_mngr_is_documented():
    page = PAGE.read_text()
    for name in (*Agent.__match_args__, *(each for each in Host.__match_args__ if not each.startswith("_"))):
        assert f"`{name}`" in page


def test_everything_of_the_kit_is_documented():
    cells = first_cells()
    assert [name for name in testing.__all__ if name not in cells and name != "FakeHost"] == []
    arguments = inspect.signature(testing.fake_host).parameters
    assert [name for name in arguments if f"`{name}`" not in cells and name != "more"] == []
