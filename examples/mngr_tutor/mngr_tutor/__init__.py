"""What agents of tutor need on their hosts: files, tools, and a check that they work.

mngr imports this module at the start of every command, so it only defines things. A hook may leave out any argument.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from mngr_ansible import FileTransferSpec, PackageRequirement, hookimpl

if TYPE_CHECKING:
    from mngr_ansible.inputs.hookspecs import Agent, Host

TOKEN = Path("~/.config/tutor/token")


@hookimpl
def on_before_agent_provisioning() -> None:
    """Stop, and say what to do, before anything is copied. This hook only looks; it changes nothing."""
    from mngr_ansible import PluginMngrError

    if not TOKEN.expanduser().is_file():
        error = PluginMngrError(f"there is no token for tutor: {TOKEN}")
        error.user_help_text = f"Write your token into {TOKEN}."
        raise error


@hookimpl
def get_provision_file_transfers() -> list[FileTransferSpec]:
    """The files that an agent needs. A relative destination is in its work_dir; ``~/`` is the home on its host."""
    return [
        FileTransferSpec(Path(__file__).parent / "files", ".tutor", mode="0644"),
        FileTransferSpec(TOKEN, "~/.config/tutor/token", is_secret=True),
    ]


@hookimpl
def provision_agent() -> list[PackageRequirement | str]:
    """The tools that an agent needs: stated here, installed by mngr-ansible where they are missing or too old."""
    return [
        "git>=2.30",
        PackageRequirement("jq", ">=1.5", purpose="reads the lessons"),
    ]


@hookimpl
def on_after_agent_provisioning(agent: "Agent", host: "Host") -> None:
    """Check that it works on the host. If this raises, the create fails."""
    from mngr_ansible import PluginMngrError

    settings = f"{agent.work_dir}/.tutor/settings.toml"
    if not host.execute_idempotent_command(f"test -r '{settings}'").success:
        raise PluginMngrError(f"tutor does not work on its host: {settings} cannot be read")
