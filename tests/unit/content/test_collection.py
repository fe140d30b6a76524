"""The collection: the same files under a collection's names, in a tarball that is the same each time."""

import ast
import hashlib
import json
import re
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml

from mngr_ansible.content.collection import collection_files, write_collection
from mngr_ansible.content.location import ROLES, content_directory
from mngr_ansible.errors import InputError

ROOT = content_directory()
TREE = "ansible_collections/mngr/provisioning"


@pytest.fixture(scope="session")
def files() -> dict[str, bytes]:
    """Every file of the collection, by its path in it."""
    return collection_files(ROOT)


def test_modules_actions_and_their_code_are_where_ansible_looks_for_those_of_a_collection(
    files: dict[str, bytes],
) -> None:
    for role, part, plugins in (
        ("mngr_files", "library", "modules"),
        ("mngr_files", "action_plugins", "action"),
        ("mngr_packages", "library", "modules"),
        ("mngr_packages", "module_utils", "module_utils"),
    ):
        for file in (ROOT / "roles" / role / part).glob("*.py"):
            assert f"plugins/{plugins}/{file.name}" in files
    assert "plugins/module_utils/mngr_ansible_portable/versions.py" in files
    assert not [name for name in files if re.match(r"roles/\w+/(library|action_plugins|module_utils)/", name)]


def test_python_files_import_ours_from_the_collection_and_compile_on_hosts(files: dict[str, bytes]) -> None:
    python = {name: content.decode() for name, content in files.items() if name.endswith(".py")}
    assert len(python) > 50
    for name, text in python.items():
        for node in ast.walk(ast.parse(text, name, feature_version=(3, 9))):
            if isinstance(node, ast.ImportFrom) and not node.level:
                of_ansible = [a.name for a in node.names if node.module == "ansible.module_utils"]
                assert not re.match(r"ansible\.module_utils\.mngr_", node.module or ""), name
                assert not [each for each in of_ansible if each.startswith("mngr_")], name


def test_tasks_and_playbooks_use_full_names_alone(files: dict[str, bytes]) -> None:
    short = re.compile(r"^ *(?:- )?(?:(?:role|name): (?:\S*/)?mngr_\w+$|mngr_\w+:$)", re.MULTILINE)
    pages = [n for n in files if n.startswith("playbooks/") or re.match(r"roles/\w+/(tasks|handlers)/", n)]
    assert pages
    assert {name: short.findall(files[name].decode()) for name in pages} == {name: [] for name in pages}


@pytest.mark.parametrize("name", ["check", "provision"])
def test_a_playbook_uses_the_roles_of_the_collection_and_says_how_it_is_run(name: str, files: dict[str, bytes]) -> None:
    text = files[f"playbooks/{name}.yml"].decode()
    play = yaml.safe_load(text)[0]
    assert play["roles"] == [{"role": f"mngr.provisioning.{role}"} for role in ("mngr_files", "mngr_packages")]
    assert f"ansible-playbook -i inventory.ini mngr.provisioning.{name}\n" in text
    assert "roles_path" not in text


def test_an_action_runs_the_module_of_the_collection(files: dict[str, bytes]) -> None:
    text = files["plugins/action/mngr_files_copy.py"].decode()
    assert '"mngr.provisioning.mngr_files_write"' in text
    assert "importlib" not in text
    modules = [Path(name).stem for name in files if name.startswith("plugins/modules/")]
    assert not [name for name in modules if f'"{name}"' in text]


def test_the_version_is_that_of_the_package(files: dict[str, bytes]) -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert yaml.safe_load(files["galaxy.yml"])["version"] == package


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tarball of the collection, beside its tree."""
    return write_collection(tmp_path_factory.mktemp("collection"))


def test_two_builds_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    assert write_collection(tmp_path).read_bytes() == built.read_bytes()


def test_the_tarball_has_the_files_of_the_tree_with_their_checksums(built: Path) -> None:
    with tarfile.open(built) as archive:
        names = archive.getnames()
        content = {each.name: archive.extractfile(each).read() for each in archive.getmembers() if each.isfile()}
    manifest, listing = json.loads(content["MANIFEST.json"]), json.loads(content["FILES.json"])
    assert names[:2] == ["MANIFEST.json", "FILES.json"]
    assert manifest["file_manifest_file"]["chksum_sha256"] == hashlib.sha256(content["FILES.json"]).hexdigest()
    sums = {each["name"]: each["chksum_sha256"] for each in listing["files"] if each["ftype"] == "file"}
    assert sums == {n: hashlib.sha256(c).hexdigest() for n, c in content.items() if n not in names[:2]}
    tree = {p.relative_to(built.parent / TREE).as_posix() for p in (built.parent / TREE).rglob("*") if p.is_file()}
    assert set(sums) == tree - {"galaxy.yml"}
    assert {f"roles/{role}/tasks/main.yml" for role in ROLES} <= set(sums)


def test_a_collection_that_exists_is_refused(built: Path) -> None:
    with pytest.raises(InputError, match="nothing there is replaced"):
        write_collection(built.parent)
