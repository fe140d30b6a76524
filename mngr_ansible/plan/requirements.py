"""The tools that all plugins need, merged: one requirement a tool, with the versions that suit every plugin."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from mngr_ansible.catalog.lookup import find_tool
from mngr_ansible.errors import ConflictError
from mngr_ansible.inputs.contribution import conflict_remedy
from mngr_ansible.portable import checks
from mngr_ansible.portable.shapes import CompleteRequirement
from mngr_ansible.portable.versions import Range
from mngr_ansible.spec.packages import Check, Install, PackageRequirement
from mngr_ansible.spec.sources import Source
from mngr_ansible.values import frozen, replace


@frozen
class PackageRequest:
    """One plugin's requirement, and the user's ``install`` setting for that plugin.

    ``install`` is None if neither the plugin's table nor the command line sets it; then packages are installed on
    remote hosts and only printed for this machine. ``origin`` names the plugin for people. ``is_strange``: the settings
    of a repository say it that the user does not trust.
    """

    plugin: str
    requirement: PackageRequirement
    install: Install | None
    origin: str = ""
    is_strange: bool = False

    def summary(self, name: str) -> str:
        """Its versions of the tool of that name; with its own name where the plugin calls the tool otherwise."""
        own = "" if self.requirement.name == name else self.requirement.name
        return f"{own}{self.requirement.version}"

    @property
    def range(self) -> Range:
        """The versions that the plugin accepts."""
        return Range.parse(self.requirement.version)


@frozen
class Requirement:
    """One step of kind ``package``: what all plugins together need of one tool.

    ``is_printed``: someone set ``install = "print"``, so that it is never installed. ``is_installed_locally``: the
    user set ``install = "auto"`` for every plugin that needs it, so that it is installed on this machine too.
    ``step``: the id where it is not ``package:NAME``, for what only a source of another requirement needs.
    ``has_strange_sources``: its sources are words of a repository that the user does not trust.
    """

    name: str
    range: Range
    checks: tuple[Check, ...]
    sources: tuple[Source, ...]
    is_required: bool
    is_printed: bool
    is_installed_locally: bool
    purposes: tuple[str, ...]
    plugins: tuple[str, ...]
    step: str = ""
    has_strange_sources: bool = False

    @property
    def id(self) -> str:
        """The id of its step."""
        return self.step or f"package:{self.name}"

    @property
    def who(self) -> str:
        """The plugins that need it, with the purpose if they give one: ``codex: runs the agent``."""
        return "; ".join(self.purposes) or ", ".join(self.plugins)

    def resolved(self) -> CompleteRequirement:
        """The complete form that :mod:`~mngr_ansible.portable.checks` reads; see the README of ``mngr_packages``."""
        packages: dict[str, list[str]] = {}
        for source in self.sources:
            packages.setdefault(source.manager, list(source.packages) or [self.name])
        own_checks = [
            {"kind": check.kind, "value": check.value, "args": list(check.args), "pattern": check.pattern}
            for check in self.checks
        ]
        return checks.complete(
            {
                "id": self.id,
                "name": self.name,
                "version": str(self.range),
                "is_required": self.is_required,
                "packages": packages,
                "checks": own_checks,
            }
        )


@frozen
class SourcePolicy:
    """The sources that the user allows. ``scope="user"``: only those that install for the remote user alone."""

    allow_installers: bool = True
    allow_third_party_repositories: bool = True
    scope: Literal["system", "user"] = "system"


def merge(requests: Sequence[PackageRequest]) -> tuple[Requirement, ...]:
    """One requirement a tool, in the order in which the tools first appear; lowest precedence first.

    Other names of a tool in the catalog are the same tool (``nodejs`` and ``node``). Its name is the one that all
    plugins use if they agree, else the catalog's. The ranges are intersected and the purposes joined. Checks and
    sources are those of the last plugin that gives any, else the catalog's. If anyone sets ``print``, the requirement
    is printed.

    Raises:
        ConflictError: two ranges have no version in common; names the plugins and their ranges.
    """
    by_tool: dict[str, list[PackageRequest]] = {}
    for request in requests:
        by_tool.setdefault(tool_name(request.requirement.name), []).append(request)
    return tuple(_merged(_common_name(tool, group), group) for tool, group in by_tool.items())


def tool_name(name: str) -> str:
    """The catalog's name of a tool, which a plugin may call otherwise (``node`` for ``nodejs``); else the same name."""
    tool = find_tool(name)
    return name if tool is None else tool.name


def _common_name(tool: str, requests: Sequence[PackageRequest]) -> str:
    names = {request.requirement.name for request in requests}
    return names.pop() if len(names) == 1 else tool


def _merged(name: str, requests: Sequence[PackageRequest]) -> Requirement:
    requirements = [request.requirement for request in requests]
    checks = _last_given(each.checks for each in requirements)
    sources = _last_given(each.sources for each in requirements)
    tool = find_tool(name)
    if tool is not None:
        checks, sources = checks or tool.checks, sources or tool.sources
    purposes = [f"{each.plugin}: {each.requirement.purpose}" for each in requests if each.requirement.purpose]
    last = next((request for request in reversed(requests) if request.requirement.sources), None)
    return Requirement(
        name=name,
        range=_common_range(name, requests),
        checks=checks,
        sources=sources,
        is_required=any(each.is_required for each in requirements),
        is_printed=any("print" in (each.install, each.requirement.install) for each in requests),
        is_installed_locally=all(each.install == "auto" for each in requests),
        purposes=tuple(dict.fromkeys(purposes)),
        plugins=tuple(dict.fromkeys(each.plugin for each in requests)),
        has_strange_sources=last is not None and last.is_strange,
    )


def _last_given[T](values: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    """The last tuple that is not empty; the later plugin has precedence."""
    given = [each for each in values if each]
    return given[-1] if given else ()


def _common_range(name: str, requests: Sequence[PackageRequest]) -> Range:
    common = Range.parse("")
    for index, request in enumerate(requests):
        common = common.intersect(request.range)
        if common.is_empty:
            raise _conflict(name, requests[:index], request)
    return common


def _conflict(name: str, earlier: Sequence[PackageRequest], last: PackageRequest) -> ConflictError:
    """The error for a range that leaves no common version: names the earlier range that excludes it, or all of them."""
    others = [each for each in earlier if last.range.intersect(each.range).is_empty][:1]
    if not others:
        others = [each for each in earlier if each.requirement.version]
    by_origin: dict[str, list[str]] = {}
    for each in (*others, last):
        by_origin.setdefault(each.origin or each.plugin, []).append(each.summary(name))
    ranges = ", ".join(f"{origin} needs {' and '.join(versions)}" for origin, versions in by_origin.items())
    plugins = [each.plugin for each in (*others, last)]
    return ConflictError(
        f"{name}: {ranges}: no version satisfies {'both' if len(others) == 1 else 'all'}",
        remedy=conflict_remedy("Change one of the ranges", plugins if len(set(plugins)) > 1 else ()),
    )


def implied(requirements: Sequence[Requirement]) -> dict[str, Requirement]:
    """What the sources of these requirements need first (``requires``), and what that needs in turn.

    The keys are the texts of ``requires``, such as ``node>=20``; the id of each is ``needs:TEXT``. What only optional
    requirements need is optional too.
    """
    plugins_own = {tool_name(each.name): each for each in requirements}
    found: dict[str, Requirement] = {}
    for is_required in (True, False):
        queue = deque(each for each in requirements if each.is_required is is_required)
        while queue:
            parent = queue.popleft()
            for text in [text for source in parent.sources for text in source.requires]:
                if text not in found:
                    found[text] = _prerequisite(text, parent, plugins_own)
                    queue.append(found[text])
    return found


def _prerequisite(text: str, parent: Requirement, plugins_own: Mapping[str, Requirement]) -> Requirement:
    """The requirement of one ``requires`` text, as far as possible like the plugins' own of that tool."""
    parsed = PackageRequirement.parse(text)
    needed = _merged(parsed.name, [PackageRequest(plugin, parsed, None) for plugin in parent.plugins])
    own = plugins_own.get(tool_name(parsed.name))
    if own is not None:
        common = needed.range.intersect(own.range)
        versions = needed.range if common.is_empty else common
        needed = replace(needed, name=own.name, checks=own.checks, sources=own.sources, range=versions)
    purposes = (f"needed by {parent.name}",)
    return replace(needed, step=f"needs:{text}", purposes=purposes, is_required=parent.is_required)
