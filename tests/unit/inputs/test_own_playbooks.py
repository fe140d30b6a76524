"""Which playbooks of the user's own are run, in which order, and whose words they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mngr_ansible.errors import InputError
from mngr_ansible.inputs.fleet import Fleet, OwnPlaybook
from mngr_ansible.inputs.own_playbooks import playbook_file, read_beside, require_own_words, with_playbooks
from mngr_ansible.inputs.settings import Settings


def settings(*playbooks: Any) -> Settings:
    return Settings.parse({"playbooks": list(playbooks)})


def test_those_of_the_settings_come_before_the_typed_ones_and_start_where_the_settings_do() -> None:
    fleet = Fleet(playbooks=(OwnPlaybook("typed.yml"),))
    found = with_playbooks(fleet, settings("a.yml", {"path": "b.yml", "when": "before"}), directory=Path("/repo"))
    assert found.playbooks == (
        OwnPlaybook("a.yml", "after", "/repo", "settings"),
        OwnPlaybook("b.yml", "before", "/repo", "settings"),
        OwnPlaybook("typed.yml"),
    )


def test_a_fifo_beside_a_playbook_is_an_error_and_not_a_hang(tmp_path: Path) -> None:
    assert read_beside(tmp_path / "ansible.cfg") is None
    os.mkfifo(tmp_path / "ansible.cfg")
    with pytest.raises(InputError, match=r"ansible\.cfg is not a file"):
        read_beside(tmp_path / "ansible.cfg")


def test_one_that_is_named_twice_is_run_once() -> None:
    found = with_playbooks(Fleet(playbooks=(OwnPlaybook("a.yml"),)), settings("a.yml", "a.yml"))
    assert [each.path for each in found.playbooks] == ["a.yml"]


def test_one_that_is_named_before_and_after_is_an_error() -> None:
    with pytest.raises(InputError, match=r"the playbook a\.yml is to run before and after"):
        with_playbooks(Fleet(playbooks=(OwnPlaybook("a.yml"),)), settings({"path": "a.yml", "when": "before"}))


@pytest.mark.parametrize(("path", "are_own"), [("/home/me/site.yml", False), ("site.yml", True), ("./site.yml", False)])
def test_a_playbook_that_a_repository_names_or_has_is_refused(path: str, are_own: bool) -> None:
    with pytest.raises(InputError, match="which you have not trusted") as refused:
        require_own_words(settings({"path": path}), Path("/src/project"), lambda _: are_own)
    assert 'trusted = ["/src/project"]' in refused.value.remedy


def test_what_the_user_himself_names_by_its_whole_path_is_his() -> None:
    require_own_words(settings("/home/me/site.yml", "~/site.yml"), Path("/src/project"), lambda _: True)


def test_a_path_that_is_no_playbook_is_named_with_where_it_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text("[]")
    (tmp_path / "there").mkdir()
    assert playbook_file(OwnPlaybook("site.yml", base=str(tmp_path))) == tmp_path / "site.yml"
    with pytest.raises(InputError, match=r"the playbook no\.yml does not exist") as missing:
        playbook_file(OwnPlaybook("no.yml", base=str(tmp_path)))
    assert str(tmp_path) in missing.value.remedy
    with pytest.raises(InputError, match="there is a directory"):
        playbook_file(OwnPlaybook("there", base=str(tmp_path)))
