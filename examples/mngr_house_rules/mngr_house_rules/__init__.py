"""What everything in this house follows, whatever the other plugins bring."""

from pathlib import Path

from imbue.mngr import hookimpl
from imbue.mngr.errors import PluginMngrError

HERE = Path(__file__).parent
NOTICE = "/var/lib/house/notice"


@hookimpl
def on_before_agent_provisioning(agent):
    """Refuse before anything is copied; look, change nothing."""
    if "tmp" in str(agent.name):
        raise PluginMngrError("agents of this house have a name that says what they do")


@hookimpl(trylast=True)
def get_provision_file_transfers():
    """``trylast``: after all other plugins, so that these files win over theirs."""
    return [
        {"local_path": HERE / "settings.toml", "remote_path": ".webtools/settings.toml"},
        {"local_path": HERE / "notice", "remote_path": NOTICE, "mode": "0644"},
    ]


@hookimpl
def provision_agent():
    """Two plugins that need one tool share one requirement: here git must be below 3 besides."""
    return ["git<3"]


@hookimpl
def on_after_agent_provisioning(host, report):
    """``report`` has one outcome a step, such as ``file:/var/lib/house/notice``."""
    if not host.execute_idempotent_command(f"test -r {NOTICE}", timeout_seconds=10).success:
        raise PluginMngrError(f"{NOTICE} is not there, though {len(report.outcomes)} steps were done")
