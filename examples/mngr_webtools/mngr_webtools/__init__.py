"""What an agent that builds web pages needs on its host."""

from pathlib import Path

from imbue.mngr import hookimpl
from imbue.mngr.errors import PluginMngrError

TOKEN = Path("~/.config/webtools/token")


@hookimpl
def on_before_agent_provisioning():
    """Refuse before anything is copied; look, change nothing."""
    if not TOKEN.expanduser().is_file():
        error = PluginMngrError(f"there is no token for webtools: {TOKEN}")
        error.user_help_text = f"Write your token into {TOKEN}."
        raise error


@hookimpl
def get_provision_file_transfers():
    """Relative destinations start at the agent's work_dir; ``~/`` is the home on its host."""
    return [
        {"local_path": Path(__file__).with_name("skeleton"), "remote_path": ".webtools"},
        {"local_path": TOKEN, "remote_path": TOKEN, "is_secret": True},
        {"local_path": "~/.webtools.toml", "remote_path": "~/.webtools.toml", "is_required": False},
    ]


@hookimpl
def provision_agent():
    """State what is needed; mngr-ansible looks whether it is there, and installs what is not."""
    return [
        "git>=2.30",
        {"name": "jq", "version": ">=1.5", "purpose": "reads the package list"},
    ]


@hookimpl
def on_after_agent_provisioning(agent, host):
    """See whether it works there. To raise here makes the create fail."""
    answer = host.execute_idempotent_command(f"'{agent.work_dir}'/.webtools/bin/webtools-check", timeout_seconds=10)
    if not answer.success:
        raise PluginMngrError(f"webtools does not work on its host: {answer.stderr}")
