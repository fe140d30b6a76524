"""The collection ``mngr.provisioning``, built from the roles: the same files where a collection has them.

====================================  =======================================================
of the repository                     in the collection
====================================  =======================================================
``collection/``                       as it is: metadata, README, change log, molecule
``roles/*/library/``                  ``plugins/modules/``
``roles/*/action_plugins/``           ``plugins/action/``
``roles/*/module_utils/``             ``plugins/module_utils/``
all else of ``roles/``                ``roles/``
``playbooks/``                        ``playbooks/``
====================================  =======================================================

Names become full names on the way (:mod:`.task_names`, :mod:`.python_imports`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mngr_ansible.content import python_imports, task_names
from mngr_ansible.content.artifact import write_artifact
from mngr_ansible.content.destination import filled
from mngr_ansible.content.location import ROLES, content_directory, shipped_files
from mngr_ansible.content.task_names import Names

_PLUGINS = {"library": "plugins/modules", "action_plugins": "plugins/action", "module_utils": "plugins/module_utils"}
_TASKS = ("tasks", "handlers")
_GPL = "LICENSE-GPL-3.0-or-later.txt"


def write_collection(directory: Path) -> Path:
    """Build the collection, as ``mngr-ansible content --collection DIR`` does.

    ``DIR/ansible_collections/mngr/provisioning`` is its source tree, so ``DIR`` can be a collections path;
    ``DIR/mngr-provisioning-VERSION.tar.gz`` is what ``ansible-galaxy collection install`` takes.

    Returns:
        The path of the tarball.

    Raises:
        InputError: see :func:`mngr_ansible.content.destination.filled`.
        RunError: the roles are missing in this installation.
    """
    files = collection_files(content_directory())
    galaxy = yaml.safe_load(files["galaxy.yml"])
    tree = f"ansible_collections/{galaxy['namespace']}/{galaxy['name']}"
    tarball = f"{galaxy['namespace']}-{galaxy['name']}-{galaxy['version']}.tar.gz"
    with filled(directory, [tree, tarball]) as work:
        for name, content in files.items():
            file = work / tree / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        write_artifact(work, _built(files, galaxy), galaxy)
    return directory / tarball


def _built(files: Mapping[str, bytes], galaxy: Mapping[str, Any]) -> dict[str, bytes]:
    """What goes into the tarball: all but ``galaxy.yml`` and what its ``build_ignore`` names."""
    ignored = ("galaxy.yml", *galaxy.get("build_ignore", ()))
    return {name: content for name, content in files.items() if not name.startswith(tuple(ignored))}


def collection_files(source: Path) -> dict[str, bytes]:
    """Every file of the collection, by its path in it.

    Args:
        source: the directory that holds ``roles/``, ``playbooks/`` and ``collection/``.
    """
    files = {name: file.read_bytes() for file, name in shipped_files(source / "collection")}
    files[_GPL] = (source / "roles" / "mngr_files" / _GPL).read_bytes()
    galaxy = yaml.safe_load(files["galaxy.yml"])
    roles = [(file, name) for file, name in shipped_files(source / "roles")]
    modules = {file.stem for file, name in roles if Path(name).parts[1] == "library"}
    names = Names(modules, ROLES, f"{galaxy['namespace']}.{galaxy['name']}.")
    for file, name in roles:
        _, part, *rest = Path(name).parts
        if part in _PLUGINS and rest:
            files["/".join((_PLUGINS[part], *rest))] = _plugin(file, part, names)
        else:
            files[f"roles/{name}"] = _of_role(file, part, names)
    for file, name in shipped_files(source / "playbooks"):
        files[f"playbooks/{name}"] = task_names.playbook_with_full_names(file.read_text("utf-8"), names).encode()
    return dict(sorted(files.items()))


def _plugin(file: Path, part: str, names: Names) -> bytes:
    if file.suffix != ".py":
        return file.read_bytes()
    text = python_imports.with_collection_imports(file.read_text("utf-8"), names)
    if part == "action_plugins":
        text = python_imports.action_with_full_names(text, names)
    return text.encode()


def _of_role(file: Path, part: str, names: Names) -> bytes:
    if part in _TASKS and file.suffix in (".yml", ".yaml"):
        return task_names.with_full_names(file.read_text("utf-8"), names).encode()
    if file.suffix == ".md":
        return task_names.page_with_full_names(file.read_text("utf-8"), names).encode()
    return file.read_bytes()
