# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has of its requirements, as the installing tasks of a run found it: kept on the controller until its end.

With it *Assert versions* needs no connection. A task that changes a host makes what earlier ones found there worthless,
and so does one that fails: then the host is asked. What is kept is about one requirement, word for word, as one user of
the host sees it; it is a file in the directory that Ansible makes for a run and removes at its end.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Found = dict[str, dict[str, Any]]
"""By the mark of a satisfied requirement, its ``id`` and its ``current`` version."""


class Reports:
    """What was found on one host of a run.

    Args:
        directory: what Ansible made for this run on the controller.
        host: its name in the inventory.
        viewer: who looks there, and with which environment: another user may find other programs.
    """

    def __init__(self, directory: str, host: str, viewer: Sequence[str]) -> None:
        digest = hashlib.sha256(host.encode("utf-8", "surrogateescape")).hexdigest()
        self._path = os.path.join(directory, f"mngr-packages-found-{digest}")
        self._viewer = list(viewer)

    def take(self) -> Found:
        """What is known until now; it is forgotten until it is kept again, however the task ends that asked for it."""
        found = self._read()
        with suppress(FileNotFoundError):
            os.unlink(self._path)
        return found

    def keep(self, known: Found, requirements: Sequence[Any], result: Mapping[str, Any]) -> None:
        """Keep what a task found at its end, and what was known before it if it changed nothing."""
        reported = result.get("found")
        if result.get("failed") or not isinstance(reported, list) or len(reported) != len(requirements):
            return
        kept = {} if result.get("changed") else dict(known)
        for requirement, found in zip(requirements, reported):  # noqa: B905 - Python 3.9
            if not isinstance(found, dict) or not isinstance(found.get("id"), str):
                return
            mark = self._mark(requirement)
            kept.pop(mark, None)
            if found.get("status") == "ok":
                kept[mark] = {"id": found["id"], "current": found.get("current")}
        with open(os.open(f"{self._path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(kept, file)
        os.replace(f"{self._path}.new", self._path)

    def steps(self, requirements: Sequence[Any], installed: Sequence[Any]) -> list[dict[str, Any]] | None:
        """The outcome of every requirement; None where one of them is not known to be satisfied.

        Args:
            requirements: as the task has them.
            installed: the ids of those that were just installed.
        """
        known, steps = self._read(), []
        for requirement in requirements:
            found = known.get(self._mark(requirement))
            if found is None:
                return None
            status = "changed" if found["id"] in installed else "ok"
            steps.append({"id": found["id"], "status": status, "current": found["current"], "reason": ""})
        return steps

    def _read(self) -> Found:
        try:
            with open(self._path, encoding="ascii") as file:
                found: Found = json.load(file)
                return found
        except FileNotFoundError:
            return {}

    def _mark(self, requirement: object) -> str:
        text = json.dumps([self._viewer, requirement], sort_keys=True, default=str)
        return hashlib.sha256(text.encode("ascii")).hexdigest()
