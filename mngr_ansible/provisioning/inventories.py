"""The hosts of Ansible inventories as targets: ``--inventory``, ``--limit`` and ``--vault-id``."""

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mngr_ansible.errors import InputError
from mngr_ansible.host.ssh import OpenSsh
from mngr_ansible.inputs import manifest
from mngr_ansible.inputs.arguments import as_paths, as_tuple
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inventory.answer import MANIFESTS, InventoryHost, named
from mngr_ansible.inventory.connecting import connected
from mngr_ansible.inventory.reading import read
from mngr_ansible.portable.text import printable
from mngr_ansible.provisioning.request import Target
from mngr_ansible.provisioning.targets import host_target, work_dir_here
from mngr_ansible.values import frozen, replace

_VARIABLES = (
    ("--host USER@ADDR --key FILE", "ansible_user and ansible_ssh_private_key_file in the inventory"),
    ("--host USER@ADDR", "ansible_user in the inventory"),
    ("--host ADDR:PORT", "ansible_port in the inventory"),
    ("--key FILE", "ansible_ssh_private_key_file in the inventory"),
    ("add --ask-become-pass", "add --ask-become-pass, or ansible_become_password in the inventory"),
)
"""What leads to a host of an inventory, for each option that a remedy may name."""


@frozen
class Asked:
    """What of which inventories is wanted; the fields are the arguments of ``targets.open_targets``."""

    inventories: Sequence[str | os.PathLike[str]]
    limit: str | None
    vault_ids: Sequence[str]
    seconds: float
    has_playbooks: bool = False
    becomes: bool = False


def targets(
    asked: Asked, directory: str | None, sockets: Path, key: str | None, known_hosts: str | None
) -> list[Target]:
    """The hosts of the inventories, in their order; none is contacted.

    Args:
        asked: which.
        directory: where relative destinations start, as the user typed it.
        sockets: where ssh's shared connections have their sockets.
        key: a private key for hosts whose variables name none.
        known_hosts: a file that replaces the user's known_hosts.

    Raises:
        InputError: an inventory, or a manifest that it names, cannot be read or used.
        RunError: Ansible could not be run.
    """
    vault_ids, typed = _vaults(as_tuple("vault_ids", asked.vault_ids))
    started = time.monotonic()
    inventory = read(
        [os.fspath(each) for each in as_paths("inventory", asked.inventories)],
        asked.limit,
        vault_ids,
        seconds=asked.seconds,
        renders_all=asked.has_playbooks,
        vault_passwords=typed,
    )
    reached = connected(inventory.hosts, sockets, key, known_hosts, becomes=asked.becomes)
    manifests = _manifests(inventory.hosts, started + asked.seconds)
    found = []
    for host, connection in zip(inventory.hosts, reached.connections, strict=True):
        is_ssh = isinstance(connection, OpenSsh)
        target = host_target(host.name, connection, (directory or "") if is_ssh else work_dir_here(directory))
        found.append(
            replace(
                target,
                connect=connection.begin if isinstance(connection, OpenSsh) else None,
                manifests=manifests[host.name],
                groups=host.groups,
                values=host.values,
                templates=host.templates,
                levels=host.levels,
                become=host.become,
                password=host.password,
                python=host.chosen_python,
                words=_VARIABLES,
                place="" if is_ssh else "this machine",  # which may have several names there
                spent=time.monotonic() - started,
            )
        )
    notices = (*inventory.notices, *reached.notices, *_hidden(inventory.hosts))
    found[0] = replace(
        found[0], notices=notices, beyond=inventory.beyond, all_groups=inventory.groups, vault_passwords=typed
    )
    return found


def _vaults(vault_ids: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The ``--vault-id`` that Ansible reads by itself, and by their labels the passwords of those that a person types.

    Raises:
        InputError: there is no terminal, or nothing was typed.
    """
    if not vault_ids:
        return [], {}
    from mngr_ansible.provisioning.password import ask_vault_password
    from mngr_ansible.run.own_playbook import asked_label

    labels = {each: asked_label(each) for each in vault_ids}
    typed = {label: ask_vault_password(label) for label in labels.values() if label is not None}
    return [each for each, label in labels.items() if label is None], typed


def _manifests(hosts: Sequence[InventoryHost], end: float = math.inf) -> Mapping[str, tuple[Contribution, ...]]:
    """The contributions of each host's manifests, by its name. A file that several hosts name is read once.

    ``end``: when all are to be read, by the monotonic clock.
    """
    contributions: dict[str, Contribution] = {}
    found = {}
    for host in hosts:
        paths = list(_paths(host))
        for path in paths:
            if path not in contributions:
                contributions[path] = manifest.read(path, seconds=end - time.monotonic())
        found[host.name] = tuple(contributions[path] for path in paths)
    return found


def _paths(host: InventoryHost) -> Iterator[str]:
    """The paths of a host's manifests; a relative one starts at its inventory.

    Raises:
        InputError: the variable is no list of paths.
    """
    listed = [] if host.manifests is None else host.manifests
    if not isinstance(listed, list) or not all(isinstance(each, str) and each for each in listed):
        raise InputError(
            f"{MANIFESTS} of {printable(host.name)} in the inventory is {listed!r:.80}, and no list of paths",
            remedy=f'Write a list: {MANIFESTS}: ["web.yml"].',
        )
    for each in listed:
        yield os.path.join(host.directory or "", os.path.expanduser(each))  # noqa: PTH111, PTH118 - as text


def _hidden(hosts: Sequence[InventoryHost]) -> Iterator[str]:
    """What people should know where a host has several lists of manifests: only one of them counts."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for host in hosts:
        if len(host.hidden) > 1:
            alike.setdefault(host.hidden, []).append(host.name)
    for (winner, *others), names in alike.items():
        what = " and ".join(printable(each) for each in others)
        yield f"{named(names)}: {MANIFESTS} of {printable(winner)} counts, and hides that of {what}"
