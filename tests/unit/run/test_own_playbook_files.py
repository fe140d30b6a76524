"""What a worker is sent for a playbook of the user's own: what stands beside it and on its paths, and nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.errors import InputError
from mngr_ansible.run import own_playbook_files
from mngr_ansible.run.own_playbook import OwnPlaybookRun
from mngr_ansible.run.own_playbook_files import playbook_files, require_all

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def playbook(tmp_path: Path) -> OwnPlaybookRun:
    own = tmp_path / "own"
    for path in (own / "site.yml", own / "roles/a/x", tmp_path / "more/b/y", own / ".git/z", own / "roles/a/.git/z"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    settings = {"ANSIBLE_ROLES_PATH": f"{own}/roles:{tmp_path}/more:{tmp_path}/absent", "ANSIBLE_TASK_TIMEOUT": "3"}
    return OwnPlaybookRun(own / "site.yml", {**settings, "ANSIBLE_LIBRARY": f"{tmp_path}/more"})


def places(playbook: OwnPlaybookRun) -> list[str]:
    return [each.place for each in playbook_files(playbook, "site.yml", "/root").files]


def test_its_directory_and_its_paths_are_sent_and_its_settings_lead_there(playbook: OwnPlaybookRun) -> None:
    assert places(playbook) == ["playbook/roles/a/x", "playbook/site.yml", "paths/1/b/y"]
    assert playbook_files(playbook, "site.yml", "/root").settings == {
        "ANSIBLE_ROLES_PATH": "/root/playbook/roles:/root/paths/1:/root/paths/2",
        "ANSIBLE_TASK_TIMEOUT": "3",
        "ANSIBLE_LIBRARY": "/root/paths/1",
    }


def test_links_are_followed_but_for_those_that_lead_nowhere_or_back(playbook: OwnPlaybookRun, tmp_path: Path) -> None:
    own = playbook.path.parent
    (own / "site.yml").chmod(0o755)
    (own / "roles/up").symlink_to("../..")
    (own / "roles/file").symlink_to("../site.yml")
    (own / "roles/nowhere").symlink_to("absent")
    (own / "roles/self").symlink_to("self")
    (own / "roles/empty").mkdir()
    os.mkfifo(own / "roles/pipe")
    assert [each for each in places(playbook) if each.startswith("playbook/roles")] == [
        "playbook/roles/a/x",
        "playbook/roles/empty/",
        "playbook/roles/file",
        "playbook/roles/up/more/b/y",
    ]
    modes = {each.place: oct(each.mode) for each in playbook_files(playbook, "site.yml", "/root").files}
    assert modes["playbook/roles/file"] == "0o755"


@pytest.mark.parametrize(("name", "value", "many"), [("MOST_FILES", 2, "2 files"), ("MOST_BYTES", 1 << 20, "1 MiB")])
def test_what_is_too_much_is_an_error(
    playbook: OwnPlaybookRun, monkeypatch: pytest.MonkeyPatch, name: str, value: int, many: str
) -> None:
    os.truncate(playbook.path, 2 << 20)
    monkeypatch.setattr(own_playbook_files, name, value)
    with pytest.raises(InputError, match=rf"site\.yml cannot be sent to a worker: with all in .* more than {many}"):
        places(playbook)


def test_a_directory_that_cannot_be_read_is_an_error(playbook: OwnPlaybookRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read all
    with pytest.raises(InputError, match=r"/own/roles/a/x cannot be read: Permission denied"):
        places(playbook)


def test_a_file_that_ansible_loaded_and_that_is_not_sent_is_named(playbook: OwnPlaybookRun, tmp_path: Path) -> None:
    found = playbook_files(playbook, "site.yml", "/root")
    (tmp_path / "link").symlink_to("own")
    require_all(found, [f"{tmp_path}/own/site.yml", f"{tmp_path}/link/roles/a/x"], "site.yml")
    with pytest.raises(InputError, match=r"it needs .*/outside\.yml, which is not in its directory"):
        require_all(found, [f"{tmp_path}/outside.yml"], "site.yml")
