"""``Contribution``: the files and packages of one plugin, of a manifest, of the settings or of the command line."""

from dataclasses import dataclass

from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one plugin needs. ``origin``: its name for people where it is longer, as ``manifest (agent-host.yml)``."""

    plugin: str
    transfers: tuple[FileTransferSpec, ...] = ()
    requirements: tuple[PackageRequirement, ...] = ()
    origin: str = ""

    @property
    def who(self) -> str:
        """The plugin's name for people."""
        return self.origin or self.plugin
