"""Working copies of the roles and playbooks."""

import os
from pathlib import Path

import pytest
import yaml

from mngr_ansible.content.copies import copy_content
from mngr_ansible.content.location import ROLES, content_directory, shipped_files
from mngr_ansible.errors import InputError


def tree(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def test_all_roles_are_shipped_and_nothing_in_them_is_a_link() -> None:
    roles = content_directory() / "roles"
    assert sorted(each.name for each in roles.iterdir()) == list(ROLES)
    assert not [path for path in roles.rglob("*") if path.is_symlink()]


def test_a_copy_has_every_file_of_the_roles_and_playbooks_and_no_cache(tmp_path: Path) -> None:
    copy_content(tmp_path / "new" / "content")
    source = content_directory()
    wanted = {f"{part}/{n}": f.read_bytes() for part in ("roles", "playbooks") for f, n in shipped_files(source / part)}
    assert tree(tmp_path / "new" / "content") == wanted
    assert not [name for name in wanted if "__pycache__" in name]


def test_a_copy_joins_the_roles_of_a_repository(tmp_path: Path) -> None:
    (tmp_path / "roles" / "own").mkdir(parents=True)
    (tmp_path / "roles" / "own" / "x").write_text("mine")
    copy_content(tmp_path)
    assert {each.name for each in (tmp_path / "roles").iterdir()} == {"own", *ROLES}
    assert {each.name for each in tmp_path.iterdir()} == {"roles", "playbooks"}


@pytest.mark.parametrize("name", ["roles/mngr_packages", "playbooks/check.yml"])
def test_what_exists_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).symlink_to("nowhere")
    with pytest.raises(InputError) as refused:
        copy_content(tmp_path)
    assert refused.value.problem == f"{tmp_path} has {name} already, and nothing there is replaced"
    assert [each for each in tmp_path.rglob("*") if not each.is_dir()] == [tmp_path / name]


def test_a_place_where_others_can_write_is_refused_since_roles_run_as_root(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(InputError, match=f"other users can write in {tmp_path}"):
        copy_content(tmp_path / "new")
    assert not os.path.lexists(tmp_path / "new")


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "roles").write_text("a file")
    with pytest.raises(InputError, match="content cannot be written to"):
        copy_content(tmp_path)
    assert tree(tmp_path) == {"roles": b"a file"}
    with pytest.raises(InputError, match=r"content cannot be written to .*/roles/new: Not a directory"):
        copy_content(tmp_path / "roles" / "new")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_its_licenses_and_says_which(role: str) -> None:
    directory = content_directory() / "roles" / role
    assert (directory / "LICENSE").read_text().startswith("MIT License\n")
    gpl = content_directory() / "LICENSES" / "GPL-3.0-or-later.txt"
    assert (directory / "LICENSE-GPL-3.0-or-later.txt").read_bytes() == gpl.read_bytes()
    said = yaml.safe_load((directory / "meta" / "main.yml").read_text())["galaxy_info"]
    assert said["license"] == "MIT AND GPL-3.0-or-later"
    assert (said["namespace"], said["role_name"], said["author"]) == ("mngr", role, "mngr-ansible")
    assert said["platforms"]
    assert said["min_ansible_version"] == "2.16"


def test_what_a_role_says_of_its_license_is_in_its_plugins() -> None:
    for role in ROLES:
        for part in ("library", "action_plugins"):
            for file in (content_directory() / "roles" / role / part).glob("*.py"):
                assert "SPDX-License-Identifier: GPL-3.0-or-later" in file.read_text()[:400], file
