"""What the repositories of the different package managers have in common."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping


class RepositoryError(Exception):
    """A repository or a package in it could not be made; the message ends with what the tool said."""


class Repository(ABC):
    """A directory of packages: they are added or removed at any time. A host has it as its only source.

    Attributes:
        path: where it is on this machine.
        place: where it is on a host.
        sources: the files on a host that name it to the package manager, with their content.
        refresh: sh code that reads its index on a host.
        lists: where a host keeps what it read.
    """

    place: ClassVar[str]
    sources: ClassVar[Mapping[str, str]]
    refresh: ClassVar[str]
    lists: ClassVar[tuple[str, ...]]

    def __init__(self, path: Path) -> None:
        """Begin an empty repository in ``path``, which is made if needed; every user of the machine may read it."""
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
        self._entries: dict[str, str] = {}
        self._write_index()

    def add(
        self,
        name: str,
        version: str = "1.0",
        *,
        commands: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        architecture: str | None = None,
        fields: Mapping[str, str] | None = None,
        **parts: str,
    ) -> Path:
        """Build a package and offer it.

        Args:
            name: the package's name.
            version: ``[EPOCH:]VERSION[-RELEASE]``.
            commands: command name to the sh code that it runs; installed in ``/usr/bin``.
            files: absolute path on the host to content.
            architecture: the host's; none: any. Only for apt.
            fields: more control fields by their own names, such as ``{"Pre-Depends": "..."}``. Only for apt.
            parts: ``depends``, ``conflicts``, ``provides`` and other relations to packages, separated by commas, and
                the scripts ``preinst``, ``postinst``, ``prerm``, ``postrm`` as sh code.

        Returns:
            The package's file.
        """
        more = {"architecture": architecture, "fields": fields}
        with tempfile.TemporaryDirectory() as directory:
            tree = Path(directory, "tree")
            tree.mkdir()
            _write_tree(tree, files, commands)
            given = {name: value for name, value in more.items() if value is not None}
            package = self._build(tree, name, version, parts, **given)
        self._write_index()
        return package

    def remove(self, package: Path) -> None:
        """Take a package away, as a mirror does with an old version."""
        package.unlink()
        self._entries.pop(package.name, None)
        self._write_index()

    @abstractmethod
    def _build(self, tree: Path, name: str, version: str, parts: Mapping[str, str]) -> Path:
        """Build a package of the files below ``tree`` in ``path``, and note what the index says of it, if anything."""

    @abstractmethod
    def _write_index(self) -> None:
        """Write the index of what ``path`` holds now."""


def write_file(path: Path, content: str, *, mode: int = 0o644) -> None:
    """Write a file with its parents."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)


def _write_tree(tree: Path, files: Mapping[str, str] | None, commands: Mapping[str, str] | None) -> None:
    """Write files by their absolute path on the host, and commands in ``/usr/bin`` by the sh code that they run."""
    for path, content in (files or {}).items():
        write_file(tree / path.lstrip("/"), content)
    for command, code in (commands or {}).items():
        write_file(tree / "usr/bin" / command, f"#!/bin/sh\n{code}\n", mode=0o755)
