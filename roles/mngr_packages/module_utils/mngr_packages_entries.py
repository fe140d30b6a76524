# SPDX-License-Identifier: GPL-3.0-or-later
"""The requirements as people write them in the variables of this role: texts, or mappings with a manifest's keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .mngr_ansible_portable import fields, requirements
from .mngr_ansible_portable.fields import SpecificationError
from .mngr_ansible_portable.managers import DOWNLOADS, TABLE
from .mngr_ansible_portable.text import clause
from .mngr_ansible_portable.versions import is_readable

_RESOLVED_KEYS = ("id", "scope", "exact", "repository", "url", "sha256")
"""What only the role's own form has: it says of one source what a manifest says in ``sources``."""
_OF_SOURCE = ("scope", "exact", "repository", "url", "sha256")
_KIND = "PackageRequirement"
_YES = ("y", "yes", "on", "1", "true", "t")
_NO = ("n", "no", "off", "0", "false", "f")


def read(given: object) -> list[dict[str, Any]]:
    """The entries of a list of requirements, each a mapping with the keys that :func:`_read` gives it.

    Raises:
        ValueError: one is wrong; which, why and what to do, as sentences without the last full stop.
    """
    if isinstance(given, (str, Mapping)) or not hasattr(given, "__iter__"):
        raise ValueError(f"requirements: {fields.short_repr(given)} is not a list. Write it as a list, such as [git]")
    made = []
    for number, each in enumerate(given, 1):
        try:
            made.append(_read(each))
        except SpecificationError as wrong:
            raise ValueError(f"entry {number} of requirements: {wrong.problem}. {clause(wrong.remedy)}") from None
    return made


def _read(given: object) -> dict[str, Any]:
    """One requirement: what was written, with ``sources`` and ``checks`` in their normal form.

    Beside the fields of a manifest's requirement it may have those of one source, as the engine gives them.
    """
    if isinstance(given, str):
        name, version = requirements.read_text(given)
        given = {"name": name, "version": version}
    if not isinstance(given, Mapping):
        problem = f"{fields.short_repr(given)} is not a package requirement"
        raise SpecificationError(problem, "Give a string such as 'git>=2.39', or a mapping with name.")
    made = {key: value for key, value in given.items() if value is not None}
    requirements.check_keys(made, (*requirements.KEYS, *_RESOLVED_KEYS))
    _check_name(made)
    _check_version(made)
    made["is_required"] = _is_required(made.get("is_required", True))
    made["install"] = made.get("install") or None
    fields.check_choice(_KIND, "install", made["install"], (None, "auto", "print"))
    _check_resolved(made)
    fields.check_type(_KIND, "purpose", made.get("purpose", ""), (str,))
    checks = made.get("checks") or ()
    made["checks"] = [_check(each) for each in fields.items(_KIND, "checks", checks, '["fd", "fdfind"]')]
    sources = fields.items(_KIND, "sources", made.get("sources") or (), "[{manager: apt, packages: [fd-find]}]")
    made["sources"] = [requirements.read_source(each) for each in sources]
    if made["sources"]:
        _check_nothing_twice(made)
    elif "packages" in made:
        named = requirements.names_by_manager(made["name"], made["packages"], DOWNLOADS)
        made["packages"] = {manager: list(names) for manager, names in named.items()}
    _check_download(made)
    return made


def _check_name(made: Mapping[str, Any]) -> None:
    """Refuse a name that cannot be used: it is also the command and the package where nothing else is named."""
    fields.check_type(_KIND, "name", made["name"], (str,))
    if not made["name"] or "packages" not in made:
        requirements.check_name(made["name"])


def _check_resolved(made: Mapping[str, Any]) -> None:
    """Refuse wrong values of the keys that only the role has."""
    fields.check_choice(_KIND, "scope", made.get("scope") or "system", ("system", "user"))
    for key in ("id", "repository", "url", "sha256"):
        fields.check_type(_KIND, key, made.get(key, ""), (str,))
    exact = made.get("exact", {})
    if not isinstance(exact, Mapping):
        raise fields.error(_KIND, "exact", exact, "is not a mapping", 'Give it by manager: exact: {npm: "3.3.3"}.')
    for manager, version in exact.items():
        fields.check_choice(_KIND, "exact", manager, (*TABLE, *DOWNLOADS))
        fields.check_type(_KIND, f"exact.{manager}", version, (str,))
        if not is_readable(version):
            raise fields.error(_KIND, f"exact.{manager}", version, "is not one version", "Give one, such as '1.7.7'.")


def _check_download(made: Mapping[str, Any]) -> None:
    """Refuse the address of a download where no archive or installer says what is done with it."""
    given = [key for key in ("url", "sha256") if made.get(key)]
    if given and not made["sources"] and not set(DOWNLOADS) & set(made.get("packages") or ()):
        problem = f"{_KIND}: {' and '.join(given)} given, but packages has neither archive nor installer"
        raise SpecificationError(
            problem,
            "Write a download in mngr_packages_downloads, with packages: {archive: [PROGRAM]} or "
            "packages: {installer: []}; or in sources: [{manager: archive, url: …, sha256: …}].",
        )


def _check_version(made: dict[str, Any]) -> None:
    made["version"] = made.get("version", "")
    fields.check_type(_KIND, "version", made["version"], (str,))
    requirements.check_versions(made["version"])


def _is_required(value: object) -> bool:
    """Also from the texts and numbers that Ansible takes for yes and no: templates may give them."""
    if isinstance(value, str) and value.strip().lower() in (*_YES, *_NO):
        return value.strip().lower() in _YES
    if isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    fields.check_type(_KIND, "is_required", value, (bool,))
    return bool(value)


def _check(value: object) -> dict[str, Any]:
    """A check. ``manager`` and ``database`` say of one of kind ``package`` who is asked; the engine gives them."""
    if not isinstance(value, Mapping):
        return {**requirements.read_check(value)}
    more = {key: value[key] for key in ("manager", "database") if value.get(key) is not None}
    plain = {key: each for key, each in value.items() if key not in ("manager", "database")}
    return {**requirements.read_check({key: each for key, each in plain.items() if each is not None}), **more}


def _check_nothing_twice(made: Mapping[str, Any]) -> None:
    """Refuse what belongs into a source beside sources."""
    if made.get("packages"):
        problem = f"{_KIND}: packages and sources are given, and say the same in two ways"
        raise SpecificationError(problem, "Remove one of them: packages is short for sources without other fields.")
    for key in _OF_SOURCE:
        if made.get(key):
            field = "version" if key == "exact" else key
            problem = f"{_KIND}: {key} is given beside sources, where it belongs to one of them"
            raise SpecificationError(problem, f"Write it there: sources: [{{manager: …, {field}: …}}].")
