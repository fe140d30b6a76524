"""Without mngr: hosts from addresses, plugins from entry points, and the functions for callers."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mngr_ansible.errors import MngrAnsibleError, UsageError
from mngr_ansible.inputs import manifest
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement


def file_option(text: str) -> FileTransferSpec:
    """``--file LOCAL:REMOTE``, cut at the first colon.

    Raises:
        UsageError: it does not parse.
    """
    local, colon, remote = text.partition(":")
    if not (local and colon and remote):
        raise UsageError(f"--file {text!r} is not LOCAL:REMOTE", remedy="Write a source, a colon, a destination.")
    try:
        return FileTransferSpec(local, remote)
    except MngrAnsibleError as error:
        raise UsageError(f"--file {text!r}: {error.problem}", remedy=error.remedy) from error


def package_option(text: str) -> PackageRequirement:
    """``--package REQUIREMENT``.

    Raises:
        UsageError: it does not parse.
    """
    try:
        return PackageRequirement.parse(text)
    except MngrAnsibleError as error:
        raise UsageError(f"--package {text!r}: {error.problem}", remedy=error.remedy) from error


def user_contributions(
    settings: Settings,
    manifests: Sequence[str | os.PathLike[str]],
    files: Sequence[object],
    packages: Sequence[object],
    *,
    directory: Path | None = None,
) -> tuple[Contribution, ...]:
    """The user as plugins: ``settings``, then ``manifest`` (the settings' first), then ``command-line``.

    ``directory`` is where relative sources of the settings start; default: the current directory.
    """
    here = directory or current_directory()
    made = []
    if settings.files or settings.packages:
        document = {"files": settings.files, "packages": settings.packages}
        made.append(manifest.contribution(document, plugin="settings", origin="settings", directory=here))
    made += [manifest.read(each if each.startswith("~/") else here / each) for each in settings.manifests]
    made += [manifest.read(Path(each)) for each in manifests]
    if files or packages:
        specs = tuple(
            file_option(each) if isinstance(each, str) else manifest.transfer(each, "command-line", current_directory())
            for each in files
        )
        needs = tuple(
            package_option(each) if isinstance(each, str) else manifest.requirement(each, "command-line")
            for each in packages
        )
        made.append(Contribution("command-line", specs, needs))
    return tuple(made)


def current_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the current directory does not exist any more", remedy="cd to one that does.") from None


def as_tuple(name: str, values: object) -> tuple[Any, ...]:
    """The values; text is refused, which is a sequence of letters, and whatever else is one thing."""
    if isinstance(values, (str, bytes, os.PathLike, Mapping)) or not isinstance(values, Iterable):
        raise UsageError(f"{name} = {values!r:.200} is not a list", remedy=f"Give a list: {name}=[…].")
    return tuple(values)
