"""What every kind of package holds: the files and commands of a test's package as a tree of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def plant_tree(tree: Path, files: Mapping[str, str] | None, commands: Mapping[str, str] | None) -> None:
    """Write files by their absolute path on the host, and commands in ``/usr/bin`` by the sh code that they run."""
    for path, content in (files or {}).items():
        plant_file(tree / path.lstrip("/"), content)
    for command, code in (commands or {}).items():
        plant_file(tree / "usr/bin" / command, f"#!/bin/sh\n{code}\n", mode=0o755)


def plant_file(path: Path, content: str, *, mode: int = 0o644) -> None:
    """Write a file with its parents."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)
