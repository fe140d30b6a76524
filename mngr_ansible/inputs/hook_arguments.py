"""What hooks get where there is no mngr, and the names of their arguments. Nothing of pluggy is imported for it."""

from collections.abc import Callable, Mapping

from mngr_ansible.values import field, frozen

_ARGUMENTS = ("agent", "host", "options", "mngr_ctx")

HOOKS: Mapping[str, tuple[str, ...]] = {
    "on_before_agent_provisioning": _ARGUMENTS,
    "get_provision_file_transfers": _ARGUMENTS,
    "provision_agent": _ARGUMENTS,
    "on_after_agent_provisioning": (*_ARGUMENTS, "report"),
}
"""Hook → the arguments that it may have, as in ``hookspecs``, in the order in which the hooks are called."""


@frozen
class Agent:
    """The agent that is provisioned, outside of mngr. ``work_dir``: its directory on the host."""

    name: str
    work_dir: str
    agent_type: str = "generic"


@frozen
class CommandResult:
    """The output of a command on a host; ``success``: it exited with 0."""

    stdout: str
    stderr: str
    success: bool


@frozen
class Host:
    """The host that is provisioned, outside of mngr. ``is_local``: it is this machine."""

    name: str
    is_local: bool
    _run: Callable[[str, float], CommandResult] = field(repr=False, compare=False)

    def execute_idempotent_command(self, command: str, timeout_seconds: float | None = None) -> CommandResult:
        """Run a shell command on the host, for checks in hooks; it may be run more than once. Default timeout: 60 s."""
        return self._run(command, 60 if timeout_seconds is None else timeout_seconds)
