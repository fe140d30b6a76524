"""Hosts that outlive the command that starts them, and the Ansible inventory that names those that run."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any

from tests.support.hosts.apt_repository import AptRepository
from tests.support.hosts.layers import LAYERS, offered_packages
from tests.support.hosts.pacman_repository import PacmanRepository
from tests.support.hosts.rpm_repository import RpmRepository
from tests.support.hosts.seed import Setting, User
from tests.support.hosts.ssh_host import SshHost, start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hosts.repository import Repository

_REPOSITORIES: dict[str, type[Repository]] = {"dnf": RpmRepository, "zypper": RpmRepository, "pacman": PacmanRepository}
"""The repositories of layers whose package manager is not apt."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_GROUP = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9+._-]*)=((?:\d+:)?[0-9][A-Za-z0-9.+~_]*(?:-[A-Za-z0-9.+~]+)?)")


class WordError(Exception):
    """A host cannot be made as it was asked for; the message says which word is wrong, and what is right."""


def create(state: Path, name: str, layer: str, packages: list[str], groups: list[str]) -> None:
    """Start a host that lives until it is destroyed; one that runs and was made by the same words is left as it is.

    Args:
        state: the directory that knows the hosts, one directory a host.
        name: the host's name.
        layer: one of ``LAYERS``.
        packages: ``NAME=VERSION`` each: a package of that version for the layer's package manager, in a repository
            that only this host has. Its command NAME says name and upstream version.
        groups: its groups in the inventory, beside the one of its layer's name.

    Raises:
        WordError: a name or a package is none, or another host of that name runs.
        HostStartError, LayerError: see ``ssh_host.start``.
    """
    _check(name, layer, packages, groups)
    directory = state / name
    words = {"layer": layer, "packages": packages, "groups": groups}
    if SshHost(name, 0, directory).is_running:
        if _words(directory) != words:
            raise WordError(
                f"The host {name} runs already, made by other words: {_words(directory)}. Destroy it first."
            )
        return
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    repository = _repository(directory / "repository", layer, packages)
    # Read and write in one: nobody else has to hold it open, and it never reads as ended.
    os.mkfifo(directory / "lifeline")
    lifeline = os.open(directory / "lifeline", os.O_RDWR)
    try:
        host = start(directory, Setting(name, (User("dev"),), repository), layer=layer, lifeline=lifeline)
    finally:
        os.close(lifeline)
    (directory / "words.json").write_text(json.dumps(words))
    (directory / "port").write_text(str(host.port))


def destroy(state: Path) -> None:
    """End every host of a state directory and of those in it, also one whose start was interrupted."""
    for lock in (*state.glob("*/lock"), *state.glob("*/*/lock")):
        SshHost(lock.parent.name, 0, lock.parent).stop()


def inventory(state: Path) -> dict[str, Any]:
    """The running hosts as an inventory *file*, for ``ansible -i FILE``: JSON is YAML."""
    found = _running(state)
    children = {group: {"hosts": {name: {} for name in names}} for group, names in _groups(state, found).items()}
    return {"all": {"hosts": found, **({"children": children} if children else {})}}


def script_inventory(state: Path) -> dict[str, Any]:
    """The running hosts as an inventory *script* prints them, when Ansible calls it with ``--list``.

    See Ansible's page "Developing dynamic inventory", section "Inventory scripts".
    """
    found = _running(state)
    groups = _groups(state, found)
    grouped = {name for names in groups.values() for name in names}
    groups["ungrouped"] = [name for name in found if name not in grouped]
    listed: dict[str, Any] = {"_meta": {"hostvars": found}, "all": {"children": [*groups]}}
    return listed | {group: {"hosts": names} for group, names in groups.items()}


def host_variables(state: Path, name: str) -> dict[str, Any]:
    """What an inventory script prints for ``--host NAME``: nothing for a host that does not run."""
    return _running(state).get(name, {})


def _running(state: Path) -> dict[str, dict[str, Any]]:
    """Each running host's variables by its name."""
    hosts = [SshHost(port.parent.name, int(port.read_text()), port.parent) for port in sorted(state.glob("*/port"))]
    return {host.name: _variables(host) for host in hosts if host.is_running}


def _variables(host: SshHost) -> dict[str, Any]:
    words = _words(host.directory)
    return {**host.ansible_variables(), "test_host_layer": words["layer"], "test_host_packages": words["packages"]}


def _groups(state: Path, names: dict[str, Any]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        words = _words(state / name)
        for group in dict.fromkeys((words["layer"].replace("-", "_"), *words["groups"])):
            if group not in names:  # Ansible cannot tell a group from a host of the same name
                groups.setdefault(group, []).append(name)
    return groups


def _words(directory: Path) -> dict[str, Any]:
    """By which words a host was made."""
    read: dict[str, Any] = json.loads((directory / "words.json").read_text())
    return read


def _check(name: str, layer: str, packages: list[str], groups: list[str]) -> None:
    if not _NAME.fullmatch(name):
        raise WordError(f"{name!r} is no name of a host. Use letters, digits, '.', '_' and '-'.")
    if layer not in LAYERS:
        raise WordError(f"There is no layer {layer!r}. There are {', '.join(LAYERS)}.")
    for package in packages:
        if not _PACKAGE.fullmatch(package):
            raise WordError(f"{package!r} is no package. Write NAME=VERSION, such as mtool=2.1 or mtool=1:2.1-1.")
    for group in groups:
        if not _GROUP.fullmatch(group) or group in ("all", "ungrouped", name):
            raise WordError(f"{group!r} cannot be a group here. Use letters, digits and '_', and no host's name.")


def _repository(path: Path, layer: str, packages: list[str]) -> Repository:
    repository = _REPOSITORIES.get(layer, AptRepository)(path)
    if isinstance(repository, AptRepository):
        repository.adopt(offered_packages(layer))
    for package in packages:
        name, version = package.split("=", 1)
        upstream = version.split(":")[-1].split("-")[0]
        repository.add(name, version, commands={name: f"echo {name} {upstream}"})
    return repository
