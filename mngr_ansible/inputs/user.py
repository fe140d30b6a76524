"""The user's settings, manifests and command line as contributions, like those of plugins."""

import os
from collections.abc import Sequence
from pathlib import Path

from mngr_ansible.inputs import manifest
from mngr_ansible.inputs.arguments import current_directory, file_option, package_option
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.settings import Settings


def user_contributions(
    settings: Settings,
    manifests: Sequence[str | os.PathLike[str]],
    files: Sequence[object],
    packages: Sequence[object],
    *,
    directory: Path | None = None,
) -> tuple[Contribution, ...]:
    """The user as plugins: ``settings``, then ``manifest`` (the settings' first), then ``command-line``.

    ``directory``: where relative paths of the settings start; default: the current directory. ``files`` and
    ``packages``: specifications, mappings, or what ``--file`` and ``--package`` take.

    Raises:
        InputError: the settings or a manifest have a wrong value.
        UsageError: an option does not parse.
    """
    start = directory or current_directory()
    found = []
    if settings.files or settings.packages:
        document = {"files": settings.files, "packages": settings.packages}
        found.append(manifest.contribution(document, plugin="settings", origin="settings", directory=start))
    found += [manifest.read(path if path.startswith("~/") else start / path) for path in settings.manifests]
    found += [manifest.read(path) for path in manifests]
    if files or packages:
        found.append(_command_line(files, packages))
    return tuple(found)


def _command_line(files: Sequence[object], packages: Sequence[object]) -> Contribution:
    plugin = "command-line"
    transfers = [
        file_option(each) if isinstance(each, str) else manifest.transfer(each, plugin, current_directory())
        for each in files
    ]
    requirements = [
        package_option(each) if isinstance(each, str) else manifest.requirement(each, plugin) for each in packages
    ]
    return Contribution(plugin, tuple(transfers), tuple(requirements))
