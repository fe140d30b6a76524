"""The catalog: its files follow the schema, it has the tools that agents and mngr need, and little of it is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from mngr_ansible.catalog import lookup
from mngr_ansible.catalog.lookup import find_tool, similar_tool, tool_names
from mngr_ansible.plan.requirements import PackageRequest, implied, merge
from mngr_ansible.portable.checks import KINDS
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.spec.validation import MANAGERS
from tests.hosts.test_catalog_hosts import APT, NPM, PIPX
from tools import catalog

DIRECTORY = Path(lookup.__file__).with_name("tools")
SCHEMA = json.loads(DIRECTORY.with_name("tools.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
FILES = sorted(DIRECTORY.iterdir())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_follows_the_schema_and_has_valid_sources_and_checks(file: Path) -> None:
    assert file.suffix == ".yml"
    VALIDATOR.validate(yaml.safe_load(file.read_text()))
    assert find_tool(file.stem) is not None


def test_the_schema_itself_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_knows_the_managers_and_kinds_of_the_specifications() -> None:
    definitions = SCHEMA["$defs"]
    assert tuple(definitions["source"]["properties"]["manager"]["enum"]) == MANAGERS
    assert tuple(definitions["check"]["oneOf"][1]["properties"]["kind"]["enum"]) == KINDS


def test_there_are_tools_for_agents_and_for_mngr_itself() -> None:
    from imbue.mngr.providers.ssh_host_setup import REQUIRED_HOST_PACKAGES

    agents = {"claude", "codex", "opencode", "pi", "agy", "antigravity", "ttyd", "uv", "unison"}
    needed = agents | {each.package for each in REQUIRED_HOST_PACKAGES}
    assert {name for name in needed if find_tool(name) is None} == set()
    assert len(tool_names()) >= 25


@pytest.mark.parametrize("name", ["nosuch", "../model", "-x", "", "tools/git", "Git"])
def test_an_unknown_tool_is_none(name: str) -> None:
    assert find_tool(name) is None


def test_another_name_gives_the_same_tool() -> None:
    assert find_tool("rg") is find_tool("ripgrep")
    assert "rg" not in tool_names()


@pytest.mark.parametrize("name", tool_names())
def test_what_a_tools_sources_require_is_in_the_catalog(name: str) -> None:
    (needed,) = merge([PackageRequest("p", PackageRequirement(name), None)])
    for text, prerequisite in implied([needed]).items():
        assert prerequisite.sources, text


@pytest.mark.parametrize("name", tool_names())
def test_the_proven_sources_are_those_that_a_test_installs(name: str) -> None:
    tool = find_tool(name)
    assert tool is not None
    covered = {"apt": name in APT, "npm": name in NPM, "pipx": name in PIPX}
    assert set(tool.proven) == {label for label, is_covered in covered.items() if is_covered}


def test_the_one_file_that_is_read_holds_what_the_files_of_the_tools_say() -> None:
    assert catalog.WRITTEN.read_text() == catalog.document()
    assert json.loads(catalog.document()) == catalog.contents()
    assert list(catalog.contents()) == sorted(file.stem for file in FILES)


def test_a_plan_reads_one_file_of_the_catalog_once_and_makes_the_tools_that_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []
    real = Path.read_text

    def counted(path: Path, *arguments: object, **more: object) -> str:
        if DIRECTORY.parent in path.parents:
            read.append(path.name)
        return real(path, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "read_text", counted)
    find_tool.cache_clear()
    lookup._tools.cache_clear()
    merge(
        [
            PackageRequest(plugin, PackageRequirement.parse(text), None)
            for plugin in "ab"
            for text in ("git", "rg", "nosuch")
        ]
    )
    assert read == ["tools.json"]
    assert find_tool.cache_info().misses == 4  # of git, rg, ripgrep and nosuch


def test_a_requirement_without_sources_gets_those_of_the_catalog_and_its_checks() -> None:
    (fd,) = merge([PackageRequest("p", PackageRequirement("fd"), None)])
    assert [each.value for each in fd.checks] == ["fd", "fdfind"]
    assert ("apt", ("fd-find",)) in [(each.manager, each.packages) for each in fd.sources]


def test_a_plugins_own_checks_and_sources_replace_those_of_the_catalog() -> None:
    (fd,) = merge(
        [PackageRequest("p", PackageRequirement("fd", checks=("mine",), sources=({"manager": "npm"},)), None)]
    )
    assert ([each.value for each in fd.checks], [each.manager for each in fd.sources]) == (["mine"], ["npm"])


@pytest.mark.parametrize(
    ("name", "meant"), [("riggrep", "ripgrep"), ("nodjs", "nodejs"), ("tmuxx", "tmux"), ("no-such-tool", None)]
)
def test_a_slip_in_the_name_of_a_tool_has_the_name_that_is_meant(name: str, meant: str | None) -> None:
    assert similar_tool(name) == meant
