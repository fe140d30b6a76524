"""What an agent that builds web pages needs on its host."""

from pathlib import Path

from imbue.mngr import hookimpl
from imbue.mngr.errors import PluginMngrError

TOKEN = Path("~/.config/webtools/token")


@hookimpl
def on_before_agent_provisioning():
    """Stop before anything is copied. This hook only looks; it changes nothing."""
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
    """State what is needed; mngr-ansible checks it, and installs what is missing or too old."""
    return [
        "git>=2.30",
        {"name": "jq", "version": ">=1.5", "purpose": "reads the package list"},
    ]


@hookimpl
def on_after_agent_provisioning(agent, host):
    """Check that the tools work on the host. If this raises, the create fails."""
    result = host.execute_idempotent_command(f"'{agent.work_dir}'/.webtools/bin/webtools-check", timeout_seconds=10)
    if not result.success:
        raise PluginMngrError(f"webtools does not work on its host: {result.stderr}")
