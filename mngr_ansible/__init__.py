"""Bring a host to what mngr's plugins need, through a generated Ansible playbook.

For plugin authors: ``hookimpl``, ``FileTransferSpec``, ``PackageRequirement``, ``Check``, ``Source``,
``PluginMngrError``. For callers: ``provision``, ``build_plan``, ``Plan``, ``Report``, ``HostReport``, ``Outcome``,
``Status``, ``MngrAnsibleError``. Names are loaded when they are first used: mngr imports us at every start.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mngr_ansible.api import build_plan, provision
    from mngr_ansible.diff.outcome import Outcome, Status
    from mngr_ansible.errors import MngrAnsibleError
    from mngr_ansible.errors import _PluginMngrError as PluginMngrError
    from mngr_ansible.inputs.hookspecs import hookimpl
    from mngr_ansible.plan.plan import Plan
    from mngr_ansible.report.report import HostReport, Report
    from mngr_ansible.spec.files import FileTransferSpec
    from mngr_ansible.spec.packages import Check, PackageRequirement
    from mngr_ansible.spec.sources import Source

__version__ = "0.1.0"

__all__ = [
    "Check",
    "FileTransferSpec",
    "HostReport",
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
    "Check": "spec.packages",
    "FileTransferSpec": "spec.files",
    "HostReport": "report.report",
    "MngrAnsibleError": "errors",
    "Outcome": "diff.outcome",
    "PackageRequirement": "spec.packages",
    "Plan": "plan.plan",
    "PluginMngrError": "errors",
    "Report": "report.report",
    "Source": "spec.sources",
    "Status": "diff.outcome",
    "build_plan": "api",
    "hookimpl": "inputs.hookspecs",
    "provision": "api",
}


if not TYPE_CHECKING:  # for a type checker the module has only the names above

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
