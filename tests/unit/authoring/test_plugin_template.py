"""``init --plugin NAME``: what is written, and what is refused; ``docs/test_plugin_authors`` tests that it works."""

import tomllib
from pathlib import Path

import pytest

from mngr_ansible.authoring.plugin_template import write_plugin
from mngr_ansible.errors import InputError, UsageError


@pytest.mark.parametrize("name", ["my-agent", "my_agent", "mngr-my-agent"])
def test_the_plugin_has_the_name_in_every_place(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, words = write_plugin(name, None)
    assert path == Path("mngr-my-agent")
    project = tomllib.loads((path / "pyproject.toml").read_text())
    assert project["project"]["name"] == "mngr-my-agent"
    assert project["project"]["entry-points"]["mngr"] == {name.removeprefix("mngr-"): "mngr_my_agent"}
    written = [each for each in path.rglob("*") if each.is_file()]
    assert [each for each in written if "tutor" in each.read_text() or "tutor" in str(each)] == []
    assert {"mngr_my_agent/__init__.py", "tests/test_my_agent.py", ".gitignore", ".github/workflows/test.yml"} <= {
        each.relative_to(path).as_posix() for each in written
    }
    assert f"mngr-ansible check-plugin {name.removeprefix('mngr-')}" in words


@pytest.mark.parametrize(
    "name", ["", "My", "a b", "../x", "ansible", "all", "manifest", "command-line", "1st", "a" * 51]
)
def test_a_name_that_would_not_work_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"name of a plugin|taken for something else"):
        write_plugin(name, None)
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_exists_is_replaced(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        write_plugin("x", str(tmp_path))
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(InputError, match="cannot be written"):
        write_plugin("x", str(tmp_path / "mine"))
    with pytest.raises(InputError, match="cannot be written"):
        write_plugin("x", str(tmp_path / "mine/below"))


def test_another_directory_may_be_named(tmp_path):
    path, words = write_plugin("x", str(tmp_path / "a b"))
    assert (path / "mngr_x/__init__.py").is_file()
    assert f"cd '{tmp_path}/a b'" in words


@pytest.mark.parametrize(
    ("name", "why"),
    [("1abc", "does not begin with"), ("a--b", "one - or _"), ("a" * 120, "120 characters"), ("A", "lower")],
)
def test_a_refused_name_is_told_what_is_wrong_with_it(name, why):
    with pytest.raises(UsageError, match=why):
        write_plugin(name, None)


def test_a_new_repository_and_a_directory_with_a_dash_are_places_for_a_plugin(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-dash/.git").mkdir(parents=True)
    _, words = write_plugin("x", "-dash")
    assert (tmp_path / "-dash/mngr_x/__init__.py").is_file()
    assert "cd ./-dash\n" in words
