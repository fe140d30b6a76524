"""House rules: what every agent gets, over the files of other plugins."""

from pathlib import Path

from imbue.mngr import hookimpl
from imbue.mngr.errors import PluginMngrError

HERE = Path(__file__).parent
NOTICE = "/var/lib/house/notice"


@hookimpl
def on_before_agent_provisioning(agent):
    """Stop before anything is copied. This hook only looks; it changes nothing."""
    if "tmp" in str(agent.name):
        raise PluginMngrError("agents of this house need a name that says what they do")


@hookimpl(trylast=True)
def get_provision_file_transfers():
    """``trylast``: called after all other plugins, so that these files override theirs."""
    return [
        {"local_path": HERE / "settings.toml", "remote_path": ".webtools/settings.toml"},
        {"local_path": HERE / "notice", "remote_path": NOTICE, "mode": "0644"},
    ]


@hookimpl
def provision_agent():
    """Two plugins that need one tool share one requirement: together with webtools this is git>=2.30,<3."""
    return ["git<3"]


@hookimpl
def on_after_agent_provisioning(host, report):
    """``report`` has one outcome for each step, such as ``file:/var/lib/house/notice``."""
    if not host.execute_idempotent_command(f"test -r {NOTICE}", timeout_seconds=10).success:
        raise PluginMngrError(f"{NOTICE} does not exist, although {len(report.outcomes)} steps were done")
