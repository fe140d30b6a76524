"""``[plugins.ansible]`` as mngr reads it. Types are loose here: ``inputs/settings.py`` checks the values."""

from collections.abc import Mapping
from typing import Any

from imbue.mngr.config.data_types import PluginConfig
from pydantic import Field

NAME = "ansible"
"""What mngr calls us: the name of our entry point."""


class AnsiblePluginConfig(PluginConfig):
    """The keys that mngr accepts; it refuses every other key itself."""

    install: Any = Field(
        default=None, description='"auto" (default): install on remote hosts; "print": only show the commands'
    )
    check_packages: Any = Field(default=None, description="false: do not check packages")
    precedence: Any = Field(default=None, description="Plugins that come after all others; the last one wins")
    packages: Any = Field(default=None, description='Tools that every agent needs, such as "git>=2.39"')
    files: Any = Field(default=None, description="Files that every agent needs: tables of local_path and remote_path")
    manifests: Any = Field(default=None, description="YAML or TOML files with files and packages")
    timeout: Any = Field(default=None, description="Seconds for one run (default: 600)")
    strict_secrets: Any = Field(
        default=None, description="true: a secret that others can read on this machine is an error"
    )
    allow_installers: Any = Field(default=None, description="false: do not use vendors' installers and archives")
    allow_third_party_repositories: Any = Field(default=None, description="false: do not add vendors' repositories")
    scope: Any = Field(default=None, description='"user": install only for the remote user, without root')
    bootstrap: Any = Field(default=None, description="false: do not install what mngr needs before a create")
    playbooks: Any = Field(
        default=None, description='Playbooks of your own to run too: paths, or {path = "…", when = "before"}'
    )
    trusted: Any = Field(
        default=None,
        description="Paths of repositories whose settings may run commands on this machine; only in your own settings",
    )
    plugins: Any = Field(default=None, description="Tables with settings for one plugin's files and packages")

    def as_mapping(self) -> Mapping[str, Any]:
        """What the user set, for ``Settings.parse``."""
        known = type(self).model_fields
        values = {name: getattr(self, name) for name in known if name != "enabled"}
        return {name: value for name, value in values.items() if value is not None}
