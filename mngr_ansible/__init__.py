"""Bring a host to what mngr's plugins need, through a generated Ansible playbook.

For plugin authors: ``hookimpl``, ``FileTransferSpec``, ``PackageRequirement``, ``Check``, ``Source``,
``PluginMngrError``. For callers: ``provision``, ``build_plan``, ``Plan``, ``Report``, ``Outcome``, ``Status``,
``MngrAnsibleError``. Names are loaded when they are first used: mngr imports us at every start.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mngr_ansible.errors import MngrAnsibleError
    from mngr_ansible.errors import _PluginMngrError as PluginMngrError
    from mngr_ansible.hookspecs import hookimpl
    from mngr_ansible.model import Check, FileTransferSpec, PackageRequirement
    from mngr_ansible.origins import Source
    from mngr_ansible.plan import Plan
    from mngr_ansible.report import Outcome, Report, Status
    from mngr_ansible.standalone import build_plan, provision

__all__ = [
    "Check",
    "FileTransferSpec",
    "MngrAnsibleError",
    "Outcome",
    "PackageRequirement",
    "Plan",
    "PluginMngrError",
    "Report",
    "Source",
    "Status",
    "build_plan",
    "hookimpl",
    "provision",
]

_HOMES = {
    "Check": "model",
    "FileTransferSpec": "model",
    "MngrAnsibleError": "errors",
    "Outcome": "report",
    "PackageRequirement": "model",
    "Plan": "plan",
    "PluginMngrError": "errors",
    "Report": "report",
    "Source": "origins",
    "Status": "report",
    "build_plan": "standalone",
    "hookimpl": "hookspecs",
    "provision": "standalone",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
