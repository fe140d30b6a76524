"""The functions for callers: plan without contacting a host, and provision hosts. See ``docs/python-api.md``."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from mngr_ansible.host.connection import LocalShell
from mngr_ansible.inputs.arguments import as_paths
from mngr_ansible.inputs.fleet import build_fleet
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.plan.plan import Plan
from mngr_ansible.provisioning.gathering import gather
from mngr_ansible.provisioning.request import build_request, require_seconds
from mngr_ansible.provisioning.targets import host_target, open_targets, reached_through
from mngr_ansible.report.report import Interrupted, Report


def build_plan(
    *,
    manifests: Sequence[str | os.PathLike[str]] = (),
    plugins: Sequence[object] = (),
    files: Sequence[object] = (),
    packages: Sequence[object] = (),
    work_dir: str | os.PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    checksum: bool = False,
) -> Plan:
    """Ask the plugins and make the plan; no host is contacted. The hooks get this machine as ``host``.

    The arguments are those of :func:`provision`.

    Raises:
        MngrAnsibleError: a plugin refuses or is faulty, a source is missing, plugins conflict.
    """
    asked = build_request(
        manifests=manifests, plugins=plugins, files=files, packages=packages, settings=settings, reads_all=checksum
    )
    directory = os.fspath(work_dir) if work_dir is not None else ""
    return gather([host_target("localhost", LocalShell(), directory)], asked)[0].plan


def provision(
    hosts: Sequence[str] = (),
    *,
    manifests: Sequence[str | os.PathLike[str]] = (),
    plugins: Sequence[object] = (),
    files: Sequence[object] = (),
    packages: Sequence[object] = (),
    work_dir: str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
    known_hosts: str | os.PathLike[str] | None = None,
    become: bool = False,
    settings: Mapping[str, Any] | None = None,
    timeout: float = 600,
    checksum: bool = False,
    inventory: Sequence[str | os.PathLike[str]] = (),
    limit: str | None = None,
    canary: int | str | None = None,
    forks: int | None = None,
    host_timeout: float | None = None,
    max_fail_percentage: float | None = None,
    workers: Sequence[str] = (),
    playbooks: Sequence[str | os.PathLike[str]] = (),
    vault_ids: Sequence[str] = (),
) -> Report:
    """Provision hosts: copy the files and install the packages that plugins, manifests and arguments need.

    Check ``report.ok``: what a host answers is in the report and raises nothing. See ``docs/contract.md`` "Package".

    Args:
        hosts: addresses, ``[USER@]ADDR[:PORT]``; ``()`` is this machine.
        manifests: paths of YAML or TOML files.
        plugins: names of installed mngr plugins (entry points of the group ``mngr``), or plugin objects.
        files: ``FileTransferSpec`` objects, mappings with their fields, or ``LOCAL:REMOTE`` texts.
        packages: ``PackageRequirement`` objects, mappings with their fields, or texts such as ``git>=2.39``.
        work_dir: where relative destinations start; default: the current directory here, the home on hosts.
        key: a private key file; default: as ssh's own configuration and agent say.
        known_hosts: a file with the host keys to trust; default: the user's own.
        become: write files as root too.
        settings: a mapping with the keys of ``[plugins.ansible]``.
        timeout: seconds for the whole run. Where it is left at its default, the one of ``settings`` counts.
        checksum: read all files here, also those that have not changed since an earlier plan has read them.
        inventory: Ansible inventories, beside ``hosts``: files, directories or executables.
        limit: only these hosts of the inventories, as Ansible's ``--limit``.
        canary: so many hosts come first (``3`` or ``"10%"``); the others follow only if these end as planned.
        forks: hosts that are worked on at once; None: all, at most 50.
        host_timeout: seconds for one host, and for each task of ``playbooks``, beside ``timeout``.
        max_fail_percentage: when more hosts than this have failed, no further host is begun.
        workers: commands that end in an ``ansible-runner worker``, through which the hosts are reached.
        playbooks: playbooks of your own, run after the changes.
        vault_ids: passwords for ansible-vault, as Ansible's ``--vault-id`` takes them.

    Raises:
        MngrAnsibleError: nothing could be planned, or Ansible could not be started. No host was changed then.
        KeyboardInterrupt: Ctrl-C; nothing runs any more, and the steps that were reached stay done.
    """
    require_seconds(timeout)
    for name, path in (("work_dir", work_dir), ("key", key), ("known_hosts", known_hosts)):
        as_paths(name, () if path is None else [path])
    inventory, chosen = as_paths("inventory", inventory), Settings.parse(settings)
    fleet = build_fleet(
        canary=canary,
        forks=forks,
        host_timeout=host_timeout,
        max_fail_percentage=max_fail_percentage,
        workers=workers,
        playbooks=playbooks,
        vault_ids=vault_ids,
    )
    opened = open_targets(
        hosts,
        work_dir=work_dir,
        key=key,
        known_hosts=known_hosts,
        inventory=inventory,
        limit=limit,
        vault_ids=fleet.vault_ids,
        timeout=timeout,
        has_playbooks=bool(fleet.playbooks or chosen.playbooks),
        become=become,
    )
    with opened as (targets, control_path), reached_through(targets, fleet.workers) as found:
        asked = build_request(
            manifests=manifests,
            plugins=plugins,
            files=files,
            packages=packages,
            settings=settings,
            become=become,
            timeout=timeout if timeout != Settings().timeout else None,
            control_path=control_path,
            reads_all=checksum,
            fleet=fleet,
        )
        try:
            gathered = gather(found, asked)
            from mngr_ansible.provisioning import provisioner  # ssh connects meanwhile

            return provisioner.provision(gathered, asked).report
        except Interrupted as stop:
            raise stop.signal from None
