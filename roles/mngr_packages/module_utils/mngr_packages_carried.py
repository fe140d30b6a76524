# SPDX-License-Identifier: GPL-3.0-or-later
"""In check mode, what earlier tasks would have done on a host: kept on the controller for the length of a run.

The tasks of the role pass it on by their registered results. But a task that is skipped on a host puts its own result
in the place of the one before it, as two tasks for two package managers do. So the actions keep it in a file too, in
the directory that Ansible makes for a run and removes at its end.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Entries = list[dict[str, Any]]


def arguments(given: Mapping[str, Any], directory: str, host: str) -> dict[str, Any]:
    """The arguments of a module, with what is kept for this host before what its task passes on."""
    kept = _read(directory, host)
    passed = given.get("foretold") or []
    return {**given, "foretold": kept + [each for each in passed if each not in kept]}


def keep(result: Mapping[str, Any], directory: str, host: str) -> None:
    """Keep what a module's result has in ``foretold``, which is all that was foretold until now."""
    entries: Sequence[Any] | None = result.get("foretold")
    if entries:
        path = _path(directory, host)
        with open(os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(list(entries), file)
        os.replace(f"{path}.new", path)


def _read(directory: str, host: str) -> Entries:
    try:
        with open(_path(directory, host), encoding="utf-8") as file:
            entries: Entries = json.load(file)
            return entries
    except FileNotFoundError:
        return []


def _path(directory: str, host: str) -> str:
    digest = hashlib.sha256(host.encode("utf-8", "surrogateescape")).hexdigest()
    return os.path.join(directory, f"mngr-packages-foretold-{digest}")
