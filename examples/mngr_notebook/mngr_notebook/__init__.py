"""A notebook that is sent to an agent once, and then belongs to the agent."""

from pathlib import Path

from imbue.mngr import hookimpl
from imbue.mngr.hosts.common import get_agent_state_dir_path

NAME = "notebook"
"""The name of the entry point; mngr keeps the files of a plugin in a directory of that name."""


@hookimpl
def get_provision_file_transfers(agent, host):
    """``keep``: existing files belong to the agent and are not changed. Only missing files are sent."""
    first = Path(__file__).with_name("first")
    return [{"local_path": first, "remote_path": state_directory(agent, host), "if_exists": "keep"}]


def state_directory(agent, host):
    """The plugin's own directory in the agent's state directory on the host.

    ``agent.get_reported_plugin_file(NAME, "notes.md")`` reads files there. Without mngr an agent has no state
    directory; then a directory in its work_dir is used.
    """
    host_dir = getattr(host, "host_dir", None)
    if host_dir is None:
        return f".{NAME}"
    return get_agent_state_dir_path(host_dir, agent.id) / "plugin" / NAME
