"""What contributors are told is true: files exist, hooks run what CI runs."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()


def test_every_file_and_folder_that_the_page_names_exists():
    names = re.findall(r"`((?:\.ci|mngr_ansible|roles|tests|docs|tools)/[\w./]*|[A-Z]+\.md)`", PAGE)
    assert len(names) > 30
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_page_names_every_folder_of_tests():
    folders = {each.name for each in (ROOT / "tests").iterdir() if (each / "__init__.py").is_file()} - {"support"}
    assert {name for name in folders if f"`tests/{name}" in PAGE} == folders


def test_the_hooks_are_local_and_run_what_the_page_says():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    entries = [hook["entry"] for hook in repository["hooks"]]
    assert len(set(entries)) == len(entries)
    assert repository["repo"] == "local"
    assert all(hook["language"] == "system" for hook in repository["hooks"])
    for program in (
        "ruff check",
        "ruff format",
        "mypy",
        "tools.typecheck_roles",
        "lint-imports",
        "tools.portable",
        "tools.json_reference",
    ):
        assert any(program in entry for entry in entries), program
    for module in re.findall(r"-m (tools\.\w+)", " ".join(entries)):
        file = ROOT / module.replace(".", "/")
        assert file.with_suffix(".py").is_file() or (file / "__main__.py").is_file()


def test_the_source_distribution_has_every_folder_of_the_repository():
    targets = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    included = {name.strip("/") for name in targets["sdist"]["include"]}
    folders = {each.name for each in ROOT.iterdir() if each.is_dir() and not each.name.startswith(".")}
    assert folders - {"dist", "build", "site", "__pycache__"} - included == set()
    assert {".ci", ".config", ".pre-commit-config.yaml", "mkdocs.yml"} <= included
