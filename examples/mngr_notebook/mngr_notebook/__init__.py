"""A notebook that an agent is given once, and that is the agent's own from then on."""

from pathlib import Path

from imbue.mngr import hookimpl
from imbue.mngr.hosts.common import get_agent_state_dir_path

NAME = "notebook"
"""Our entry point's name; mngr keeps what a plugin reports of an agent below it."""


@hookimpl
def get_provision_file_transfers(agent, host):
    """``keep``: what stands there is the agent's, whatever is in it by now. Only what is missing is sent."""
    first = Path(__file__).with_name("first")
    return [{"local_path": first, "remote_path": state_directory(agent, host), "if_exists": "keep"}]


def state_directory(agent, host):
    """The plugin's own directory in the agent's state directory on the host.

    There ``agent.get_reported_plugin_file(NAME, "notes.md")`` reads it. Without mngr an agent has no state directory;
    a directory in its work_dir stands in for it.
    """
    host_dir = getattr(host, "host_dir", None)
    if host_dir is None:
        return f".{NAME}"
    return get_agent_state_dir_path(host_dir, agent.id) / "plugin" / NAME
