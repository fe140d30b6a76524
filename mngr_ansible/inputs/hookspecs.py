"""The four hooks that a plugin may implement. Source: docs/contract.md "Hooks".

Inside mngr they are *not* registered as specifications: if mngr had hooks of the same names, or another plugin used a
wrong argument name, pluggy would then stop every mngr command. mngr-ansible reads the implementations from the plugin
manager, checks their argument names and calls each plugin itself. An implementation may leave out any argument.

In mngr the arguments are mngr's own objects; ``options`` is the ``CreateAgentOptions`` of the create, or None when an
existing agent is provisioned again. Stand-alone, ``agent`` and ``host`` are those of ``hook_arguments``, the others
are None.
"""

from collections.abc import Sequence
from typing import Any

import pluggy

from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement

hookspec = pluggy.HookspecMarker("mngr")
hookimpl = pluggy.HookimplMarker("mngr")
"""Decorator for a plugin's implementation of a hook. mngr's own ``hookimpl`` does the same."""


@hookspec
def on_before_agent_provisioning(agent: Any, host: Any, options: Any, mngr_ctx: Any) -> None:
    """Check the preconditions of the agent; raise ``PluginMngrError`` with a remedy if one is not met.

    Called once per host and plugin, before any other hook. It must change nothing. Every plugin's hook is called; if
    any raises, all their messages are shown together and provisioning stops.
    """


@hookspec
def get_provision_file_transfers(
    agent: Any, host: Any, options: Any, mngr_ctx: Any
) -> Sequence[FileTransferSpec] | None:
    """Return the files and directories of this machine that the agent needs on its host.

    Called once per host and plugin, before anything is copied; it must copy nothing itself. If two plugins return the
    same destination, the later plugin wins, and the plan says so.
    """


@hookspec
def provision_agent(agent: Any, host: Any, options: Any, mngr_ctx: Any) -> Sequence[PackageRequirement | str] | None:
    """Return the tools and versions that the agent needs, such as ``["git>=2.39"]``.

    Called while planning, before files are copied, maybe more than once. It must change nothing on the host.
    (mngr's design of this hook lets it install by itself. Here it only states requirements, a deliberate difference,
    so that the requirements of all plugins become one plan.)
    """


@hookspec
def on_after_agent_provisioning(agent: Any, host: Any, options: Any, mngr_ctx: Any, report: Any) -> None:
    """Finish or verify, after every step has succeeded, also if nothing had to change.

    Called once per host and plugin. ``report`` is the host's ``HostReport``. If the hook raises, the create fails.
    """
