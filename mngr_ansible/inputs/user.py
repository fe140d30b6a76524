"""The user's settings, manifests and command line as contributions, like those of plugins."""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mngr_ansible.inputs.arguments import current_directory, file_option, package_option
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.values import frozen, replace

_COMMAND_LINE = "command-line"
"""The plugin that the command line is."""


@frozen
class Stranger:
    """A repository whose settings the user does not trust. Source: docs/contract.md "Trust".

    Attributes:
        root: the repository.
        says: whether its settings, and not the user, say a value. The first argument is a key of ``[plugins.ansible]``
            (``files``, ``packages``, ``manifests``) or an option of the command line (``--manifest``, ``--file``,
            ``--package``).
    """

    root: Path
    says: Callable[[str, object], bool]


def user_contributions(
    settings: Settings,
    manifests: Sequence[str | os.PathLike[str]],
    files: Sequence[object],
    packages: Sequence[object],
    *,
    directory: Path | None = None,
    stranger: Stranger | None = None,
    seconds: float | None = None,
) -> tuple[Contribution, ...]:
    """The user as plugins: ``settings``, then ``manifest`` (the settings' first), then ``command-line``.

    ``directory``: where relative paths of the settings start; default: the current directory. ``files`` and
    ``packages``: specifications, mappings, or what ``--file`` and ``--package`` take. ``stranger``: the repository that
    may have said some of it; None: all of it is the user's. ``seconds``: how long a manifest that is no file, such as a
    pipe, may take.

    Raises:
        InputError: the settings or a manifest have a wrong value.
        UsageError: an option does not parse.
    """
    start = directory or current_directory()
    found = list(_of_settings(settings, start, stranger))
    for path in settings.manifests:
        is_relative = not path.startswith(("~/", "/"))
        read = _manifest(start / path if is_relative else path, seconds)
        is_theirs = is_relative or _says(stranger, "manifests", path)  # a relative one is a file of any repository
        found.append(_owned(read, stranger if is_theirs else None))
    found += [
        _owned(_manifest(each, seconds), stranger if _says(stranger, "--manifest", each) else None)
        for each in manifests
    ]
    items = [*(("--file", each) for each in files), *(("--package", each) for each in packages)]
    found += [_owned(_command_line(group), whose) for whose, group in _by_owner(items, stranger)]
    return tuple(found)


def _manifest(path: str | os.PathLike[str], seconds: float | None) -> Contribution:
    from mngr_ansible.inputs import manifest

    return manifest.read(path, seconds=seconds)


def _of_settings(settings: Settings, start: Path, stranger: Stranger | None) -> Iterator[Contribution]:
    """The files and packages of the settings: one contribution, or one for each who says them, in their order."""
    items = [*(("files", each) for each in settings.files), *(("packages", each) for each in settings.packages)]
    if not items:
        return
    from mngr_ansible.inputs import manifest

    for whose, group in _by_owner(items, stranger):
        document = {key: [each for name, each in group if name == key] for key in ("files", "packages")}
        yield _owned(manifest.contribution(document, plugin="settings", origin="settings", directory=start), whose)


def _by_owner(
    items: Sequence[tuple[str, object]], stranger: Stranger | None
) -> Iterator[tuple[Stranger | None, list[tuple[str, object]]]]:
    """Neighbours with one owner together: the stranger, or None for the user."""
    for is_theirs, group in itertools.groupby(items, lambda item: _says(stranger, *item)):
        yield stranger if is_theirs else None, list(group)


def _says(stranger: Stranger | None, key: str, value: object) -> bool:
    return stranger is not None and stranger.says(key, value)


def _owned(contribution: Contribution, stranger: Stranger | None) -> Contribution:
    return contribution if stranger is None else replace(contribution, repository=str(stranger.root))


def _command_line(items: Sequence[tuple[str, object]]) -> Contribution:
    files = [_transfer(each) for option, each in items if option == "--file"]
    packages = [_requirement(each) for option, each in items if option == "--package"]
    return Contribution(_COMMAND_LINE, tuple(files), tuple(packages))


def _transfer(given: object) -> FileTransferSpec:
    if isinstance(given, str):
        return file_option(given)
    from mngr_ansible.inputs import manifest

    return manifest.transfer(given, _COMMAND_LINE, current_directory())


def _requirement(given: object) -> PackageRequirement:
    if isinstance(given, str):
        return package_option(given)
    from mngr_ansible.inputs import manifest

    return manifest.requirement(given, _COMMAND_LINE)
