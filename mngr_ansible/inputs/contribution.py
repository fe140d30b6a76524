"""Contributions of all plugins → one :class:`Plan`: checked, merged, de-duplicated, with provenance."""

from dataclasses import dataclass

from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one plugin asked for. ``origin`` names it for people, e.g. ``manifest (agent-host.yml)``."""

    plugin: str
    transfers: tuple[FileTransferSpec, ...] = ()
    requirements: tuple[PackageRequirement, ...] = ()
    origin: str = ""

    @property
    def who(self) -> str:
        return self.origin or self.plugin
