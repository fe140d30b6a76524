# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of this role ask the host: what it has of the requirements, and what is offered instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from . import mngr_packages_entries, mngr_packages_host
from .mngr_ansible_portable import check_script, checks, managers
from .mngr_ansible_portable.shapes import CompleteRequirement
from .mngr_packages_host import SilentHostError
from .mngr_packages_manager import PackageManager

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule

    from .mngr_ansible_portable.checks import Finding
    from .mngr_packages_foretold import Foretold
    from .mngr_packages_host import Host


class Requirement(CompleteRequirement):
    """A requirement with everything spelled out, as the modules of this role work with it.

    ``scope`` is ``system`` or ``user``. ``exact`` maps a package manager to the one version that it installs. ``url``
    and ``sha256`` are of a download, and empty for everything else. ``repository``: the name of the third party's
    repository that it comes from; empty for none. ``sources`` are those that it can be installed from, in their order;
    empty where it says itself from where. ``install`` is ``print`` if only the command is wanted; else empty.
    """

    scope: str
    exact: dict[str, str]
    url: str
    sha256: str
    repository: str
    sources: list[dict[str, Any]]
    install: str


class Checked(NamedTuple):
    """A requirement, and what the host has of it."""

    requirement: Requirement
    finding: Finding

    @property
    def id(self) -> str:
        """The id of the step."""
        return self.requirement["id"]

    def problem(self) -> str:
        """What was found and what is needed, as a sentence without a full stop; for one that is not satisfied."""
        name, finding = self.requirement["name"], self.finding
        needed = self.requirement["version"] or "any version"
        if finding.status == "missing":
            return f"{name}: {finding.reason or 'not found'}, needed {needed}"
        if finding.current is None:
            return f"{name}: {finding.reason}"
        return f"{name}: found {finding.current} ({finding.where}), needed {needed}"


def complete(module: AnsibleModule) -> list[Requirement]:
    """The module's requirements with everything spelled out; fails the module if one cannot be checked or installed."""
    try:
        return spelled_out(module.params["requirements"], mngr_packages_host.of(module))
    except ValueError as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")


def spelled_out(given: object, host: Host) -> list[Requirement]:
    """A list of requirements, as people write them, with everything spelled out.

    Raises:
        ValueError: one cannot be checked or installed; sentences without the last full stop.
    """
    return [_complete(each, host) for each in mngr_packages_entries.read(given)]


def _complete(given: Mapping[str, Any], host: Host) -> Requirement:
    """One requirement with everything spelled out.

    Raises:
        ValueError: it cannot be checked or installed; a sentence without a full stop.
    """
    named = {**given, "packages": _named(given)} if given["sources"] else given
    requirement: Requirement = {
        **checks.complete(named),
        "scope": given.get("scope") or "system",
        "exact": given.get("exact") or {},
        "url": given.get("url") or "",
        "sha256": given.get("sha256") or "",
        "repository": given.get("repository") or "",
        "sources": given["sources"],
        "install": given["install"] or "",
    }
    if given.get("packages") is None and not given["sources"]:
        requirement["packages"] = {host.system_manager(): [requirement["name"]]}
    return requirement


def _named(given: Mapping[str, Any]) -> dict[str, list[str]]:
    """The packages of a requirement with sources, by manager, for its checks: those of the first source of each."""
    named: dict[str, list[str]] = {}
    for source in given["sources"]:
        manager = source["manager"]
        names = list(source["packages"]) or [given["name"]]
        if manager in managers.TABLE and not managers.name_problem(manager, names[0]):
            named.setdefault(manager, names)
    return named


def check(module: AnsibleModule, requirements: Sequence[Requirement]) -> list[Checked]:
    """What the host has of each requirement; read-only. Fails the module if the host does not answer."""
    try:
        return look(mngr_packages_host.of(module), requirements)
    except SilentHostError as error:
        module.fail_json(msg=f"{error}.")
    except ValueError as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")


def look(host: Host, requirements: Sequence[Requirement]) -> list[Checked]:
    """What a host has of each requirement; read-only.

    Raises:
        SilentHostError: the host did not answer in time.
        ValueError: its answer is cut off or cannot be read.
    """
    if not requirements:
        return []
    answer = host.answer(check_script.script(requirements))
    findings = checks.read(answer.split("\n"), requirements)
    return [Checked(*pair) for pair in zip(requirements, findings)]  # noqa: B905 - Python 3.9


def offered(module: AnsibleModule, requirement: Requirement, foretold: Foretold) -> str:
    """What the first manager that a requirement names offers of it, as the end of a sentence; empty if unknown.

    In check mode as an earlier task found in new lists, which a run would have fetched.
    """
    name = next((name for name in requirement["packages"] if name in managers.TABLE), None)
    if name is None:
        return ""
    known = foretold.offer(name, requirement["packages"][name])
    if known is not None:
        return f", {name} offers {known['version']}" if known["version"] else ""
    manager = PackageManager(module, name)
    best = manager.best(requirement, manager.offers([requirement]))
    return f", {name} offers {best}" if best else ""
