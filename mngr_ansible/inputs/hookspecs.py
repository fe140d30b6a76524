"""The four hooks that a plugin may implement. Source: docs/contract.md "Hooks".

Inside mngr they are *not* registered as specifications: a core with hooks of the same names, or a peer with a wrong
argument name, would stop every mngr command at its start. mngr-ansible reads the implementations from the plugin
manager, checks their argument names itself and asks each plugin by name. An implementation may leave out any argument.

In mngr the arguments are mngr's own objects; ``options`` is the captured ``CreateAgentOptions``, or None when an
existing agent is provisioned again. Stand-alone, ``agent`` is :class:`Agent`, ``host`` is :class:`Host`, and
``options`` and ``mngr_ctx`` are None.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pluggy

from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement

hookspec = pluggy.HookspecMarker("mngr")
hookimpl = pluggy.HookimplMarker("mngr")
"""Marks a function of a plugin as the implementation of a hook. mngr's own ``hookimpl`` does the same."""


@dataclass(frozen=True, slots=True)
class Agent:
    """The agent that is provisioned, when there is no mngr."""

    name: str
    work_dir: str
    agent_type: str = "generic"


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command on a host said."""

    stdout: str
    stderr: str
    success: bool


@dataclass(frozen=True, slots=True)
class Host:
    """The host that is provisioned, when there is no mngr."""

    name: str
    is_local: bool
    _run: Callable[[str, float], CommandResult] = field(repr=False, compare=False)

    def execute_idempotent_command(self, command: str, timeout_seconds: float | None = None) -> CommandResult:
        """Run a shell command on the host that may be run twice without harm; for checks in hooks."""
        return self._run(command, 60 if timeout_seconds is None else timeout_seconds)


@hookspec
def on_before_agent_provisioning(agent: Any, host: Any, options: Any, mngr_ctx: Any) -> None:
    """Check that what the agent needs can be had; raise ``PluginMngrError`` with a remedy if not.

    Called once per host and plugin, before any other hook. Look, change nothing. All plugins are asked; all their
    failures are shown together, and then nothing else happens.
    """


@hookspec
def get_provision_file_transfers(
    agent: Any, host: Any, options: Any, mngr_ctx: Any
) -> Sequence[FileTransferSpec] | None:
    """Name the files and directories of this machine that the agent needs on its host.

    Called once per host and plugin, before anything is copied; copy nothing here. When two plugins name the same
    destination, the later one wins, and the plan says so.
    """


@hookspec
def provision_agent(agent: Any, host: Any, options: Any, mngr_ctx: Any) -> Sequence[PackageRequirement | str] | None:
    """State the tools and versions that the agent needs, such as ``["git>=2.39"]``.

    Called while planning, before files are copied, maybe more than once: return requirements and change nothing on
    the host. (In the specification this hook did the work itself; here it states it, so that all plugins' needs
    become one plan.)
    """


@hookspec
def on_after_agent_provisioning(agent: Any, host: Any, options: Any, mngr_ctx: Any, report: Any) -> None:
    """Finish or verify, after every step succeeded, also when nothing was due.

    Called once per host and plugin. ``report`` is the host's ``HostReport``. If it raises, the create fails.
    """


HOOKS: dict[str, tuple[str, ...]] = {
    hook.__name__: tuple(inspect.signature(hook).parameters)
    for hook in (
        on_before_agent_provisioning,
        get_provision_file_transfers,
        provision_agent,
        on_after_agent_provisioning,
    )
}
"""Every hook's name and the arguments that it may ask for, in the order in which they are called."""
