"""The catalog: what its files may say, whom it serves, and that little of it is read."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from mngr_ansible.catalog import lookup as catalog
from mngr_ansible.plan.requirements import PackageRequest, implied, merge
from mngr_ansible.spec.packages import PackageRequirement
from tests.hosts.test_catalog_hosts import APT, NPM, PIPX
from tests.support.command import document, mngr_ansible

DIRECTORY = Path(catalog.__file__).with_name("tools")
SCHEMA = json.loads(DIRECTORY.with_name("tools.schema.json").read_text())
FILES = sorted(DIRECTORY.iterdir())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_says_what_the_schema_allows_and_what_sources_and_checks_take(file: Path) -> None:
    assert file.suffix == ".yml"
    jsonschema.validate(yaml.safe_load(file.read_text()), SCHEMA)
    assert catalog.find(file.stem) is not None


def test_there_are_tools_for_agents_and_for_mngr_itself() -> None:
    from imbue.mngr.providers.ssh_host_setup import REQUIRED_HOST_PACKAGES

    agents = {"claude", "codex", "opencode", "pi", "agy", "antigravity", "ttyd", "uv", "unison"}
    wanted = agents | {each.package for each in REQUIRED_HOST_PACKAGES}
    assert {name for name in wanted if catalog.find(name) is None} == set()
    assert len(catalog.names()) >= 25


@pytest.mark.parametrize("name", ["nosuch", "../model", "-x", "", "tools/git", "Git"])
def test_what_is_unknown_is_none(name: str) -> None:
    assert catalog.find(name) is None


def test_another_name_gives_the_same_tool() -> None:
    assert catalog.find("rg") is catalog.find("ripgrep")
    assert "rg" not in catalog.names()


@pytest.mark.parametrize("name", catalog.names())
def test_what_a_tools_sources_require_is_in_the_catalog(name: str) -> None:
    (wanted,) = merge([PackageRequest("p", PackageRequirement(name), None)])
    for text, needed in implied([wanted]).items():
        assert needed.sources, text


@pytest.mark.parametrize("name", catalog.names())
def test_what_is_said_to_be_proven_is_what_a_test_installs(name: str) -> None:
    tool = catalog.find(name)
    assert tool is not None
    covered = {"apt": name in APT, "npm": name in NPM, "pipx": name in PIPX}
    assert set(tool.proven) == {label for label, is_covered in covered.items() if is_covered}


def test_a_plan_reads_the_files_of_its_own_requirements_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = Path.read_text

    def counted(path: Path, *arguments: object, **more: object) -> str:
        if path.parent == DIRECTORY:
            read.append(path.stem)
        return real(path, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "read_text", counted)
    catalog.find.cache_clear()
    merge(
        [
            PackageRequest(plugin, PackageRequirement.parse(text), None)
            for plugin in "ab"
            for text in ("git", "rg", "nosuch")
        ]
    )
    assert sorted(read) == ["git", "rg", "ripgrep"]


def test_a_requirement_without_sources_gets_those_of_the_catalog_and_its_checks() -> None:
    (fd,) = merge([PackageRequest("p", PackageRequirement("fd"), None)])
    assert [each.value for each in fd.checks] == ["fd", "fdfind"]
    assert ("apt", ("fd-find",)) in [(each.manager, each.packages) for each in fd.sources]


def test_what_a_plugin_says_itself_is_not_overruled() -> None:
    (fd,) = merge(
        [PackageRequest("p", PackageRequirement("fd", checks=("mine",), sources=({"manager": "npm"},)), None)]
    )
    assert ([each.value for each in fd.checks], [each.manager for each in fd.sources]) == (["mine"], ["npm"])


def test_the_verb_lists_all_tools_in_a_line_each() -> None:
    lines = mngr_ansible("catalog").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(catalog.names())
    assert max(map(len, lines)) <= 100


def test_the_verb_says_of_one_tool_what_is_proven_and_what_is_not() -> None:
    said = mngr_ansible("catalog", "codex").stdout
    assert "  found by command: codex\n" in said
    assert "  from npm: @openai/codex, needs node-npm>=16 (proven)\n" in said
    assert "  from dnf: fd-find (unproven)\n" in mngr_ansible("catalog", "fd").stdout


def test_the_verbs_document_is_the_schemas() -> None:
    schema = json.loads(DIRECTORY.parents[1].joinpath("schema.json").read_text())
    told = document(mngr_ansible("catalog", "--json"))
    jsonschema.validate(told, schema)
    assert [each["name"] for each in told["tools"]] == list(catalog.names())


def test_an_unknown_tool_is_an_error_with_the_nearest_name() -> None:
    said = mngr_ansible("catalog", "ripgrap")
    assert said.returncode == 1
    assert "the catalog has no 'ripgrap' (did you mean ripgrep?)" in said.stderr
