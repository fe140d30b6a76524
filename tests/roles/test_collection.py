"""The collection and the copied roles, judged and run by the programs that people use for them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from mngr_ansible.content.collection import write_collection
from mngr_ansible.content.copies import copy_content
from mngr_ansible.content.location import ROLES, content_directory
from tools import collection_changelog

if TYPE_CHECKING:
    from tests.support.hosts import SshHost

BIN = Path(sys.executable).parent
TREE = Path("ansible_collections/mngr/provisioning")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """The directory in which the collection was built."""
    directory = tmp_path / "built"
    write_collection(directory)
    return directory


def ran(*words: str | Path, cwd: Path, code: int = 0, **environment: str) -> str:
    """What a program beside our Python prints, both streams together."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    plain = {"ANSIBLE_NOCOLOR": "1", "NO_COLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "False"}
    program = shutil.which(str(words[0]), path=path)
    if program is None:
        pytest.skip(f"{words[0]} is not installed: uv sync --extra dev")
    done = subprocess.run(
        [program, *map(str, words[1:])],
        cwd=cwd,
        env={**os.environ, **plain, "PATH": path, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def test_ansible_test_and_ansible_doc_have_no_complaint() -> None:
    """All but pylint, which takes as long as the other 23 tests together: the command alone has it too."""
    said = ran(sys.executable, "-m", "tools.check_collection", "--without", "pylint", cwd=content_directory())
    assert "ERROR" not in said
    assert said.endswith("ansible-doc shows every module, plugin and role\n")


def test_galaxy_importer_has_no_complaint(built: Path) -> None:
    tarball = next(built.glob("*.tar.gz"))
    if not list(BIN.parent.glob("lib/python*/site-packages/galaxy_importer")):
        pytest.skip("galaxy-importer is not installed: uv sync --extra dev")
    lint = {"GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false"}  # it gives it three minutes, which a busy machine exceeds
    said = ran(sys.executable, "-m", "galaxy_importer.main", tarball, cwd=built, **lint)
    assert not [line for line in said.splitlines() if line.startswith(("WARNING", "ERROR", "CRITICAL"))]
    assert "Importer processing completed successfully" in said


def test_ansible_lint_has_no_complaint_about_the_collection(built: Path) -> None:
    path = {"ANSIBLE_COLLECTIONS_PATH": str(built)}
    said = ran("ansible-lint", "--offline", "--profile", "production", "--strict", ".", cwd=built / TREE, **path)
    assert "Passed: 0 failure(s), 0 warning(s)" in said


def test_the_change_log_is_what_antsibull_changelog_writes(built: Path, tmp_path: Path) -> None:
    tree = tmp_path / TREE
    shutil.copytree(built / TREE, tree)
    ran("antsibull-changelog", "lint", cwd=tree)
    source = content_directory() / "collection"
    if not list((source / "changelogs").glob("fragments/*")):
        written = collection_changelog.written(tree)
        assert written == {name: (source / name).read_text() for name in written}


def test_the_installed_collection_prepares_hosts_by_its_molecule_scenario(
    built: Path, tmp_path: Path, shared_host: SshHost
) -> None:
    ran(
        "ansible-galaxy",
        "collection",
        "install",
        "--offline",
        next(built.glob("*.tar.gz")),
        "-p",
        tmp_path,
        cwd=tmp_path,
    )
    here = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    hosts = {"here": here, "there": shared_host.ansible_variables()}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    said = ran("molecule", "test", cwd=tmp_path / TREE / "extensions", MOLECULE_INVENTORY=str(tmp_path / "hosts.yml"))
    for action in ("check", "converge", "idempotence", "side_effect", "verify", "cleanup"):
        assert f"{action}: Executed: Successful" in said
    environment = {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "ANSIBLE_HOST_KEY_CHECKING": "True"}
    variables = {
        "mngr_files_transfers": [{"content": "x\n", "remote_path": "~/mngr-provisioning-check"}],
        "mngr_packages_requirements": ["python3>=3.9"],
    }
    words = ["-i", "hosts.yml", "-e", json.dumps(variables), "mngr.provisioning.check"]
    failed = ran("ansible-playbook", *words, cwd=tmp_path, code=2, **environment)
    assert "Something has to change on this host" in failed
    assert failed.count("failed=1") == len(hosts)
    assert "file:~/mngr-provisioning-check" in failed


def test_a_copied_role_is_installed_from_its_own_repository_and_found_in_a_submodule(tmp_path: Path) -> None:
    copy_content(tmp_path / "content")
    commit = ["-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "x"]
    for directory in (tmp_path / "content/roles/mngr_files", tmp_path / "content"):
        ran("git", "init", "-q", cwd=directory)
        ran("git", "add", "-A", cwd=directory)
        ran("git", *commit, cwd=directory)
        if directory.name == "mngr_files":
            ran("ansible-galaxy", "role", "install", f"git+file://{directory},,mngr_files", "-p", "one", cwd=tmp_path)
            shutil.rmtree(directory / ".git")
    team = tmp_path / "team"
    team.mkdir()
    ran("git", "init", "-q", cwd=team)
    allow = ["-c", "protocol.file.allow=always"]
    ran("git", *allow, "submodule", "--quiet", "add", f"file://{tmp_path / 'content'}", "vendor", cwd=team)
    play = [
        {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "roles": [
                {
                    "role": "mngr_files",
                    "mngr_files_transfers": [{"content": "x\n", "remote_path": "{{ lookup('env', 'TARGET') }}"}],
                },
                {"role": "mngr_packages", "mngr_packages_requirements": ["sh"]},
            ],
        }
    ]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play))
    for roles in ("one", "team/vendor/roles"):
        target = tmp_path / roles / "target"
        path = f"{tmp_path / roles}:{tmp_path / 'content/roles'}"
        ran("ansible-playbook", "play.yml", cwd=tmp_path, ANSIBLE_ROLES_PATH=path, TARGET=str(target))
        assert target.read_text() == "x\n"
    assert {each.name for each in (team / "vendor/roles").iterdir() if each.is_dir()} == set(ROLES)


def test_the_collection_is_installed_from_a_repository_that_holds_it(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built / "ansible_collections", tmp_path / "ansible_collections")
    ran("git", "init", "-q", cwd=tmp_path)
    ran("git", "add", "-A", cwd=tmp_path)
    ran("git", "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "x", cwd=tmp_path)
    source = f"git+file://{tmp_path}/.git#/{TREE}"
    said = ran("ansible-galaxy", "collection", "install", "--offline", source, "-p", "installed", cwd=tmp_path)
    assert "mngr.provisioning:0.1.0 was installed successfully" in said
