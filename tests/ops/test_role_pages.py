"""Each role is complete: defaults, specifications of arguments, tasks and page say the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.support.cores import ROOT

ROLES = sorted((ROOT / "roles").iterdir())
each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def read(path: Any) -> Any:
    return yaml.safe_load(path.read_text())


@each_role
def test_every_variable_has_a_default_and_a_specification_that_agree(role: Any) -> None:
    defaults = read(role / "defaults/main.yml")
    specs = read(role / "meta/argument_specs.yml")["argument_specs"]
    assert {name: option["default"] for name, option in specs["main"]["options"].items()} == defaults
    for part in specs.values():
        assert {name: option["default"] for name, option in part["options"].items()}.items() <= defaults.items()
        assert all(option["type"] and option["description"] for option in part["options"].values())


@each_role
def test_every_part_of_a_role_that_can_be_used_alone_has_a_specification(role: Any) -> None:
    parts = {path.stem for path in (role / "tasks").iterdir() if not path.stem.startswith("_")}
    assert set(read(role / "meta/argument_specs.yml")["argument_specs"]) == parts


@each_role
def test_every_variable_begins_with_the_name_of_its_role_and_is_on_its_page(role: Any) -> None:
    page = (role / "README.md").read_text()
    for name in read(role / "defaults/main.yml"):
        assert name.startswith(f"{role.name}_")
        assert f"`{name}`" in page or f"{name}:" in page, name


@each_role
def test_what_plays_can_read_begins_with_the_name_of_the_role_and_the_rest_is_hidden(role: Any) -> None:
    text = "".join(path.read_text() for path in sorted((role / "tasks").iterdir()))
    registered = re.findall(r"^\s+register: (\S+)", text, re.MULTILINE)
    assert registered
    assert [name for name in registered if not name.startswith((f"{role.name}_", f"__{role.name}_"))] == []
    page = (role / "README.md").read_text()
    assert [name for name in registered if not name.startswith("__") and name not in page] == []


@each_role
def test_every_tag_is_on_the_page_of_its_role(role: Any) -> None:
    tagged = [task["tags"] for path in (role / "tasks").iterdir() for task in read(path) if "tags" in task]
    tags = {tag for each in tagged for tag in ([each] if isinstance(each, str) else each)}
    assert tags
    page = (role / "README.md").read_text()
    assert [tag for tag in tags if f"`{tag}`" not in page] == []


@each_role
def test_the_page_of_a_role_has_the_chapters_that_people_look_for(role: Any) -> None:
    chapters = re.findall(r"^## (.+)$", (role / "README.md").read_text(), re.MULTILINE)
    for wanted in ("Requirements", "Variables", "Results?", "Examples?", "License"):
        assert any(re.fullmatch(wanted, chapter) for chapter in chapters), (wanted, chapters)
