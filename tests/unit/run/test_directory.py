"""A run directory: complete, private, and never with a secret in it.

Source: docs/contract.md "Commands", docs/architecture.md.
"""

import json
import os
import stat

import pytest
import yaml

from mngr_ansible.content.location import content_directory
from mngr_ansible.errors import InputError
from mngr_ansible.run.directory import write_run_directory
from mngr_ansible.run.playbook import HostRun
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import contribution, due, tree, write


@pytest.fixture
def runs(tmp_path):
    plain = FileTransferSpec(tree(tmp_path / "tree", "a"), "d")
    secret = FileTransferSpec(write(tmp_path / "key", "hush", 0o600), "key")
    return [
        HostRun(
            "host-1", {"ansible_connection": "local"}, due(contribution("p", plain, secret, "git")), "/usr/bin/python3"
        )
    ]


def test_it_holds_playbook_inventory_plan_and_the_roles_that_it_uses(tmp_path, runs):
    directory = tmp_path / "new" / "run"

    write_run_directory(directory, runs, {"schema": 1}, timeout=60)

    assert yaml.safe_load((directory / "project" / "provision.yml").read_text())
    assert yaml.safe_load((directory / "inventory" / "hosts.yml").read_text())["mngr_hosts"]
    assert json.loads((directory / "plan.json").read_text()) == {"schema": 1}
    assert json.loads((directory / "inventory" / "host_vars" / "host-1.json").read_text())["mngr_ansible"]
    assert sorted(role.name for role in (directory / "project" / "roles").iterdir()) == ["mngr_files", "mngr_packages"]
    assert not (directory / "project" / "files").exists()


def test_only_its_owner_can_read_it_and_its_only_links_are_the_roles_of_this_package(tmp_path, runs):
    write_run_directory(tmp_path / "run", runs, {}, timeout=60)

    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "run" / "inventory" / "host_vars" / "host-1.json").stat().st_mode) == 0o600
    links = [path for path in (tmp_path / "run").rglob("*") if path.is_symlink()]
    assert {path.resolve() for path in links} == {content_directory() / "roles" / path.name for path in links}


def test_a_rendered_directory_has_no_link_and_can_be_taken_elsewhere(tmp_path, runs):
    write_run_directory(tmp_path / "run", runs, {}, timeout=60, stage=True)

    assert (tmp_path / "run/project/roles/mngr_files/tasks/main.yml").is_file()
    assert [path for path in (tmp_path / "run").rglob("*") if path.is_symlink()] == []


def test_modes_in_a_rendered_directory_are_the_same_whatever_the_umask_and_the_sources_have(tmp_path, runs):
    write(tmp_path / "tree" / "a", "content", 0o755)
    before = os.umask(0o002)
    try:
        write_run_directory(tmp_path / "run", runs, {}, timeout=60, stage=True)
    finally:
        os.umask(before)

    found = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in (tmp_path / "run").rglob("*")}
    assert found == {(True, 0o700), (False, 0o600)}
    assert "/artifacts/" in (tmp_path / "run/.gitignore").read_text()


def test_a_rendered_directory_carries_the_files_but_never_a_secret(tmp_path, runs):
    write_run_directory(tmp_path / "run", runs, {}, timeout=60, stage=True)

    assert staged(tmp_path / "run") == {"tree/a": "content"}
    entries = json.loads((tmp_path / "run" / "inventory" / "host_vars" / "host-1.json").read_text())
    (secret,) = [each for each in entries["mngr_ansible"]["files"][1]["entries"] if each.get("is_secret")]
    assert not {"sha256", "size", "source"} & set(secret)
    assert secret["source_env"]["__ansible_unsafe"] == "MNGR_SECRET_1"
    assert all(b"hush" not in path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())


def test_a_source_of_two_hosts_is_staged_once_under_its_own_name(tmp_path):
    top = tree(tmp_path / "tree", "a", "b")
    made = due(contribution("p", FileTransferSpec(top, "d")))

    write_run_directory(
        tmp_path / "run",
        [HostRun("host-1", {}, made, None), HostRun("host-2", {}, made, None)],
        {},
        timeout=60,
        stage=True,
    )

    assert staged(tmp_path / "run") == {"tree/a": "content", "tree/b": "content"}


def staged(directory):
    """What the files of a rendered directory hold, by their names."""
    top = directory / "project" / "files"
    return {str(path.relative_to(top)): path.read_text() for path in top.rglob("*") if path.is_file()}


def test_an_empty_directory_is_filled_and_a_full_one_is_refused_and_not_changed(tmp_path, runs):
    (tmp_path / "empty").mkdir()
    write_run_directory(tmp_path / "empty", [], {}, timeout=60)
    write(tmp_path / "full" / "precious")

    with pytest.raises(InputError, match="is not empty"):
        write_run_directory(tmp_path / "full", runs, {}, timeout=60)

    assert [path.name for path in (tmp_path / "full").iterdir()] == ["precious"]


def test_a_directory_that_cannot_be_made_is_one_error(tmp_path, runs):
    with pytest.raises(InputError, match="cannot be written: Not a directory\nGive a new or empty directory"):
        write_run_directory(write(tmp_path / "file") / "run", runs, {}, timeout=60)


def test_a_source_that_was_deleted_in_the_meantime_is_one_error_that_names_it(tmp_path, runs):
    (tmp_path / "tree" / "a").unlink()
    with pytest.raises(InputError, match="tree/a can no longer be read"):
        write_run_directory(tmp_path / "run", runs, {}, timeout=60, stage=True)


def test_of_a_directory_that_cannot_be_completed_nothing_stays(tmp_path, runs):
    """The first source is staged, then the second has changed since the plan: as on a full disk, it is one error."""
    write(tmp_path / "tree" / "a", "other")
    (tmp_path / "empty").mkdir()
    for directory in (tmp_path / "new" / "run", tmp_path / "empty"):
        with pytest.raises(InputError, match="a was changed by another program since it was planned"):
            write_run_directory(directory, runs, {}, timeout=60, stage=True)
    assert not (tmp_path / "new" / "run").exists()
    assert list((tmp_path / "empty").iterdir()) == []


def test_what_was_added_to_a_source_since_it_was_planned_is_not_staged(tmp_path, runs):
    write(tmp_path / "tree" / "a", "content and more")
    write_run_directory(tmp_path / "run", runs, {}, timeout=60, stage=True)
    assert staged(tmp_path / "run") == {"tree/a": "content"}
