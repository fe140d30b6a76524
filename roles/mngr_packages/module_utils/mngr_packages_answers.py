# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of this role give, each key with its kind (see ``answers``). Runs on the controller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .mngr_ansible_portable import answers, managers
from .mngr_ansible_portable.answers import SHOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

_STEPS = [
    {
        "id": str,
        "status": ("ok", "changed", "failed"),
        "current": (SHOWN, None),
        "reason": SHOWN,
        "is_of_source?": bool,
    }
]
_VERSION = (str, None)
_DIFF = {"before_header": SHOWN, "before": SHOWN, "after_header": SHOWN, "after": SHOWN}
_COMMON: dict[str, Any] = {
    "mngr_steps": _STEPS,
    "chosen?": {str: {"manager": str, "source": int}},
    "output?": SHOWN,
    "diff?": (_DIFF, [_DIFF]),
    "foretold?": [
        (
            {
                "kind": "package",
                "id": str,
                "checks": [str],
                "manager": str,
                "packages": [str],
                "version": _VERSION,
            },
            {"kind": "offer", "manager": str, "packages": [str], "version": _VERSION},
            {
                "kind": "repository",
                "manager": str,
                "name": str,
                "path": str,
                "key_path": str,
                "text": str,
                "key": str,
            },
        )
    ],
}
_INSTALLING: dict[str, Any] = {
    **_COMMON,
    "installed": [str],
    "changes?": [{"id": str, "name": str, "manager": str, "from": (SHOWN, None), "to": (SHOWN, None)}],
    "found?": [{"id": str, "status": ("ok", "missing", "too-old", "too-new", "unknown"), "current": (SHOWN, None)}],
}
KINDS: dict[str, dict[str, Any]] = {
    "repository": {**_COMMON, "added": [str], "new": [{"name": str, "paths": [str], "fingerprint": str}]},
    "install": _INSTALLING,
    "fetch": _INSTALLING,
    "assert": {"mngr_steps": _STEPS, "foretold?": _COMMON["foretold?"]},
}
"""By the last word of a module's name."""


def checked(module: str, answer: dict[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The answer; a failed result where it says nothing of what the module was asked for, or something of what not.

    Args:
        module: the last word of the module's name.
        answer: what was taken of it.
        arguments: what the module was given.
    """
    if answer.get("failed"):
        return answer
    said = {step["id"] for step in answer["mngr_steps"]}
    if module == "repository":
        wanted = {f"repository:{each.get('name')}" for each in _mappings(arguments.get("repositories"))}
        return answers.refused("the outcome of a repository") if wanted - said else answer
    asked = _ids(arguments.get("requirements"))
    if asked is None:
        return answer
    wanted = set(asked)
    if module == "fetch":  # one with sources may have been installed with a package manager
        wanted = {each for each, has_sources in asked.items() if not has_sources}
    if module == "install":  # what is to be downloaded is left to that
        chosen = answer.get("chosen") or {}
        wanted -= {each for each, source in chosen.items() if source["manager"] in managers.DOWNLOADS}
    is_odd = module == "assert" and said - wanted
    return answers.refused("the outcome of a requirement") if wanted - said or is_odd else answer


def _mappings(given: Any) -> list[Mapping[str, Any]]:
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []


def _ids(requirements: Any) -> dict[str, bool] | None:
    """The ids of requirements, and whether each has sources; None where the module reads them in a way of its own."""
    if not isinstance(requirements, list):
        return None
    found = {}
    for each in requirements:
        name, given = each, each if isinstance(each, dict) else {}
        if isinstance(each, str):
            from .mngr_ansible_portable.requirements import read_text

            try:
                name = read_text(each)[0]
            except ValueError:
                return None
        found[str(given.get("id") or f"package:{given.get('name', name)}")] = bool(given.get("sources"))
    return found
