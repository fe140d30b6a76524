"""``Contribution``: the files and packages of one plugin, of a manifest, of the settings or of the command line."""

from collections.abc import Iterable

from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.values import frozen

USERS = ("settings", "manifest", "command-line")
"""The names of the user's own contributions, which come after those of all plugins."""


def conflict_remedy(change: str, plugins: Iterable[str]) -> str:
    """What to do where the needs of these plugins contradict each other; ``change``: what the user can always do."""
    others = [f"'{each}'" for each in dict.fromkeys(plugins) if each not in USERS]
    alternative = f", or leave out the plugin {' or '.join(others)}" if others else ""
    return f"{change}{alternative}. Nothing was changed."


@frozen
class Contribution:
    """What one plugin needs.

    Attributes:
        plugin: its name.
        transfers: the files.
        requirements: the packages.
        origin: its name for people where it is longer, as ``manifest (agent-host.yml)``.
        file: the manifest that was read; empty where none was.
        repository: the repository whose settings say this, if the user does not trust them; empty for the words of the
            user and of plugins. Source: docs/contract.md "Trust".
    """

    plugin: str
    transfers: tuple[FileTransferSpec, ...] = ()
    requirements: tuple[PackageRequirement, ...] = ()
    origin: str = ""
    file: str = ""
    repository: str = ""

    @property
    def who(self) -> str:
        """The plugin's name for people."""
        return self.origin or self.plugin
