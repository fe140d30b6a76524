"""Without mngr: hosts from addresses, plugins from entry points, and the functions for callers."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from mngr_ansible.host.connection import LocalShell
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.plan.plan import Plan
from mngr_ansible.provisioning.provisioner import apply, gather, prepare
from mngr_ansible.provisioning.request import build_request
from mngr_ansible.provisioning.targets import host_target, open_targets
from mngr_ansible.report.report import Report


def build_plan(
    *,
    manifests: Sequence[str | os.PathLike[str]] = (),
    plugins: Sequence[object] = (),
    files: Sequence[object] = (),
    packages: Sequence[object] = (),
    work_dir: str | os.PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Plan:
    """Ask the plugins and make the plan; no host is contacted. The hooks' ``host`` is this machine.

    Raises:
        MngrAnsibleError: a plugin refuses or is faulty, a source is missing, plugins conflict.
    """
    asked = build_request(manifests=manifests, plugins=plugins, files=files, packages=packages, settings=settings)
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
) -> Report:
    """Bring hosts to what plugins, manifests, ``files`` and ``packages`` want; ``()`` is this machine.

    ``timeout`` in seconds, for the whole run; where it is left at its default, the one of ``settings`` holds. What a
    host answers is in the report; check ``report.ok``.

    Raises:
        MngrAnsibleError: nothing could be planned, or Ansible could not be started. No host was changed then.
    """
    with open_targets(hosts, work_dir=work_dir, key=key, known_hosts=known_hosts) as (found, control_path):
        asked = build_request(
            manifests=manifests,
            plugins=plugins,
            files=files,
            packages=packages,
            settings=settings,
            become=become,
            timeout=timeout if timeout != Settings().timeout else None,
            control_path=control_path,
        )
        return apply(prepare(found, asked, is_applied=True), asked)
