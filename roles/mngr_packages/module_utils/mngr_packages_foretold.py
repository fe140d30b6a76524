# SPDX-License-Identifier: GPL-3.0-or-later
"""What earlier tasks of a play would have done, in check mode: a later task finds the host as if they had.

Each module returns what it would do as ``foretold``, together with what it was given of that. The tasks of the role
pass it on. In a run it is empty.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from .mngr_ansible_portable import versions
from .mngr_ansible_portable.checks import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .mngr_packages_queries import Checked
    from .mngr_packages_repositories import Repository

_APART = ("distutils", "ensurepip", "idlelib", "lib2to3", "test", "tkinter", "turtle", "turtledemo", "venv")
"""Modules of Python's library that distributions have in packages of their own."""
HIDDEN = "********"
"""What Ansible shows of a login or a query in an address."""


class Sources(NamedTuple):
    """Repositories that would have been added for one manager.

    Attributes:
        files: by their path in the directory of a rehearsal, their texts.
        hidden: the names of those whose address holds a login or a query, which no result shows.
    """

    files: dict[str, str]
    hidden: set[str]


class Foretold:
    """What would have happened before, and what this module adds to it."""

    def __init__(self, given: Sequence[Mapping[str, Any]]) -> None:
        self._entries = [dict(each) for each in given]

    @property
    def entries(self) -> list[dict[str, Any]]:
        """All of it, as the module returns it, each once."""
        return [each for position, each in enumerate(self._entries) if each not in self._entries[:position]]

    def add_package(self, checked: Checked, manager: str, packages: Sequence[str], version: str | None) -> None:
        """Note that this requirement would be installed, in this version if that is known."""
        self._entries.append(
            {
                "kind": "package",
                "id": checked.id,
                "checks": _commands(checked),
                "manager": manager,
                "packages": list(packages),
                "version": version,
            }
        )

    def add_offer(self, manager: str, packages: Sequence[str], version: str | None) -> None:
        """Note what new lists of packages offer, which a run would have fetched; None for nothing."""
        self._entries.append({"kind": "offer", "manager": manager, "packages": list(packages), "version": version})

    def offer(self, manager: str, packages: Sequence[str]) -> dict[str, Any] | None:
        """What was noted last of these packages; None where nothing was."""
        noted = (each for each in reversed(self._entries) if each.get("kind") == "offer")
        wanted = {"manager": manager, "packages": list(packages)}
        return next((each for each in noted if {key: each.get(key) for key in wanted} == wanted), None)

    def add_repository(self, repository: Repository, key: str) -> None:
        """Note that this repository would be added."""
        self._entries.append(
            {
                "kind": "repository",
                "manager": repository["manager"],
                "name": repository["name"],
                "path": repository["path"],
                "key_path": repository["key_path"],
                "text": repository["text"],
                "key": key,
            }
        )

    def applied(self, found: Sequence[Checked]) -> list[Checked]:
        """What would be found after all that: what an earlier task would install is there, in its version."""
        return [self._applied(each) for each in found]

    def _applied(self, checked: Checked) -> Checked:
        if checked.finding.status not in ("missing", "too-old"):
            return checked
        for each in reversed(self._entries):
            if each.get("kind") != "package":
                continue
            if _is_in_pythons_library(each, checked):
                return checked._replace(finding=Finding(checked.id, "ok", None, "python3, by an earlier task", ""))
            if self._is_same(each, checked):
                if not any(map(_shows_version, checked.requirement["checks"])):
                    return _without_version(checked)
                version = each.get("version")
                status = versions.Range.parse(checked.requirement["version"]).judge(version) if version else "ok"
                wanted = checked.requirement["version"]
                reason = "" if status == "ok" else f"found {version}, needed {wanted}"
                where = f"{each.get('manager')}, by an earlier task of this play"
                return checked._replace(finding=Finding(checked.id, status, version, where, reason))
        return checked

    @staticmethod
    def _is_same(entry: Mapping[str, Any], checked: Checked) -> bool:
        """Whether what was installed is what this requirement looks for: its package, or its command."""
        packages = checked.requirement["packages"].get(str(entry.get("manager")), ())
        has_command = not set(entry.get("checks") or ()).isdisjoint(_commands(checked))
        return has_command or not set(entry.get("packages") or ()).isdisjoint(packages)

    def has_repository(self, repository: Repository) -> bool:
        """Whether an earlier task would have added this repository, as it is."""
        return any(
            each.get("kind") == "repository"
            and each.get("path") == repository["path"]
            and each.get("text") == repository["text"]
            for each in self._entries
        )

    def sources(self, manager: str, directory: str) -> Sources:
        """The repositories of a manager that are not on the host yet, for a rehearsal in that directory."""
        files: dict[str, str] = {}
        hidden: set[str] = set()
        for each in self._entries:
            if each.get("kind") != "repository" or each.get("manager") != manager:
                continue
            name, text, key_path = str(each["name"]), str(each["text"]), str(each["key_path"])
            if HIDDEN in text:
                hidden.add(name)
                continue
            key = f"{name}.asc"
            suffix = "sources" if manager == "apt" else "repo"
            files[f"sources/{name}.{suffix}"] = text.replace(key_path, f"{directory}/{key}")
            files[key] = str(each["key"])
        return Sources(files, hidden)


def _is_in_pythons_library(entry: Mapping[str, Any], checked: Checked) -> bool:
    """Whether a requirement of any version looks for a module that comes with the python3 that would be installed.

    Told by this process's own Python: on a host without one, that is the controller's.
    """
    if "python3" not in (entry.get("checks") or ()) or checked.requirement["version"]:
        return False
    modules = [check["value"] for check in checked.requirement["checks"] if check["kind"] == "python_module"]
    return any(_is_standard(each) for each in modules)


def _is_standard(module: str) -> bool:
    top = module.partition(".")[0]
    if top not in getattr(sys, "stdlib_module_names", ()) or top in _APART:
        return False
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _shows_version(check: Mapping[str, Any]) -> bool:
    """Whether a check may show a version: that of a file without a pattern only shows that it is there."""
    return check["kind"] != "file" or bool(check["pattern"])


def _without_version(checked: Checked) -> Checked:
    """What is found of a requirement whose file an earlier task would have installed."""
    where, wanted = checked.requirement["checks"][0]["value"], checked.requirement["version"]
    if not wanted:
        return checked._replace(finding=Finding(checked.id, "ok", None, where, ""))
    reason = f"{where} prints no readable version, needed {wanted}"
    return checked._replace(finding=Finding(checked.id, "unknown", None, where, reason))


def _commands(checked: Checked) -> list[str]:
    """The commands by which a requirement is found."""
    return [check["value"] for check in checked.requirement["checks"] if check["kind"] == "command"]
