"""The four hooks that a plugin may implement. Source: docs/contract.md "Hooks".

Inside mngr they are *not* registered as specifications: if mngr had hooks of the same names, or another plugin used a
wrong argument name, pluggy would then stop every mngr command. mngr-ansible reads the implementations from the plugin
manager, checks their argument names and calls each plugin itself. An implementation may leave out any argument.

In mngr the arguments are mngr's own objects; ``options`` is the ``CreateAgentOptions`` of the create, or None when an
existing agent is provisioned again. Stand-alone, ``agent`` and ``host`` are those of ``hook_arguments``, the others
are None. :class:`Agent` and :class:`Host` are types for what they have in both cases::

    from typing import TYPE_CHECKING

    if TYPE_CHECKING:
        from mngr_ansible import HostReport
        from mngr_ansible.inputs.hookspecs import Agent, Host

A plugin that needs more is a plugin for mngr alone; it names mngr's own types.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pluggy

from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement

hookspec = pluggy.HookspecMarker("mngr")
hookimpl = pluggy.HookimplMarker("mngr")
"""Decorator for a plugin's implementation of a hook. mngr's own ``hookimpl`` does the same."""


class Agent(Protocol):
    """The agent that is provisioned, in mngr and without it."""

    @property
    def name(self) -> str:
        """The agent's name."""

    @property
    def work_dir(self) -> str | os.PathLike[str]:
        """Its directory on the host; text without mngr, where it may also be ``~``."""

    @property
    def agent_type(self) -> str:
        """Such as ``claude``; ``generic`` without mngr."""


class CommandResult(Protocol):
    """What a command on a host printed, and whether it exited with 0."""

    @property
    def stdout(self) -> str:
        """Its standard output."""

    @property
    def stderr(self) -> str:
        """Its standard error."""

    @property
    def success(self) -> bool:
        """Whether it exited with 0."""


class Host(Protocol):
    """The host that is provisioned, in mngr and without it. Without mngr it also has ``name``."""

    @property
    def is_local(self) -> bool:
        """Whether it is the machine on which this runs."""

    def execute_idempotent_command(self, command: str, *, timeout_seconds: float | None = None) -> CommandResult:
        """Run a shell command on the host that only looks; it may be run more than once."""


type Transfers = Sequence[FileTransferSpec | Mapping[str, Any]]
"""What ``get_provision_file_transfers`` may return; mngr's own ``FileTransferSpec`` is taken too."""

type Requirements = Sequence[PackageRequirement | Mapping[str, Any] | str]
"""What ``provision_agent`` may return."""


@hookspec
def on_before_agent_provisioning(agent: Agent, host: Host, options: Any, mngr_ctx: Any) -> None:
    """Check the preconditions of the agent; raise ``PluginMngrError`` with a remedy if one is not met.

    Called once per host and plugin, before any other hook. It must change nothing. Every plugin's hook is called; if
    any raises, all their messages are shown together and provisioning stops.
    """


@hookspec
def get_provision_file_transfers(agent: Agent, host: Host, options: Any, mngr_ctx: Any) -> Transfers | None:
    """Return the files and directories of this machine that the agent needs on its host.

    Called once per host and plugin, before anything is copied; it must copy nothing itself. If two plugins return the
    same destination, the later plugin wins, and the plan says so.
    """


@hookspec
def provision_agent(agent: Agent, host: Host, options: Any, mngr_ctx: Any) -> Requirements | None:
    """Return the tools and versions that the agent needs, such as ``["git>=2.39"]``.

    Called while planning, before files are copied, maybe more than once. It must change nothing on the host.
    (mngr's design of this hook lets it install by itself. Here it only states requirements, a deliberate difference,
    so that the requirements of all plugins become one plan.)
    """


@hookspec
def on_after_agent_provisioning(agent: Agent, host: Host, options: Any, mngr_ctx: Any, report: Any) -> None:
    """Finish or verify, after every step has succeeded, also if nothing had to change.

    Called once per host and plugin. ``report`` is the host's ``mngr_ansible.HostReport``. If the hook raises, the
    create fails.
    """
