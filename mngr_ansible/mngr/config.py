"""``[plugins.ansible]`` as mngr reads it. Types are loose here: what a value may be, ``settings`` says."""

from collections.abc import Mapping
from typing import Any

from imbue.mngr.config.data_types import PluginConfig
from pydantic import Field

NAME = "ansible"
"""What mngr calls us: the name of our entry point."""


class AnsiblePluginConfig(PluginConfig):
    """The keys that mngr accepts; it refuses any other by itself."""

    install: Any = Field(default=None, description='"auto" (default): install on remote hosts; "print": only show how')
    check_packages: Any = Field(default=None, description="false: assume that every package is there")
    precedence: Any = Field(default=None, description="Plugins that come after all others, the last one wins")
    packages: Any = Field(default=None, description='Tools that every agent needs, such as "git>=2.39"')
    files: Any = Field(default=None, description="Files that every agent needs: tables of local_path and remote_path")
    manifests: Any = Field(default=None, description="YAML or TOML files with files and packages")
    timeout: Any = Field(default=None, description="Seconds for one run (default: 600)")
    strict_secrets: Any = Field(default=None, description="true: a secret that others can read here is an error")
    allow_installers: Any = Field(default=None, description="false: no vendor's installer or archive is a source")
    allow_third_party_repositories: Any = Field(default=None, description="false: no vendor's repository is added")
    scope: Any = Field(default=None, description='"user": only what installs for the login alone, without root')
    bootstrap: Any = Field(default=None, description="false: bring no bare host to what mngr needs before a create")
    playbooks: Any = Field(default=None, description="Not supported yet")
    plugins: Any = Field(default=None, description="Tables of what holds for one plugin's files and packages")

    def as_mapping(self) -> Mapping[str, Any]:
        """What the user set, for ``Settings.parse``."""
        known = type(self).model_fields
        values = {name: getattr(self, name) for name in known if name != "enabled"}
        return {name: value for name, value in values.items() if value is not None}
