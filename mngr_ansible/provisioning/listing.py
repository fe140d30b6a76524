"""The verbs that list: ``plugins`` (hooks and needs), ``catalog`` (the known tools) and ``content`` (the roles)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mngr_ansible.errors import InputError, UsageError
from mngr_ansible.portable.text import printable
from mngr_ansible.report.report import PluginRow, Report, ToolRow

if TYPE_CHECKING:
    from mngr_ansible.catalog.lookup import Tool
    from mngr_ansible.inputs.hooks import Hook
    from mngr_ansible.provisioning.request import Prepared, Request, Target


def plugins_report(request: "Request", targets: Sequence["Target"]) -> Report:
    """Ask the plugins about the first host, without contacting it."""
    from mngr_ansible.provisioning.gathering import gather

    gathered = gather(targets, request)
    return Report("plugins", notices=gathered[0].plan.all_notices, extra={"plugins": _rows(request, gathered[0])})


def catalog_report(name: str | None = None) -> Report:
    """What is known about common tools, or about one of them.

    Raises:
        InputError: the catalog has no tool of that name.
    """
    from mngr_ansible.catalog.lookup import find_tool, tool_names
    from mngr_ansible.spec.validation import nearest

    tool = find_tool(name) if name is not None else None
    if name is not None and tool is None:
        known = tool_names()
        raise InputError(
            f"the catalog does not contain {name!r}{nearest(name, known)}",
            remedy="List the known tools: mngr-ansible catalog",
        )
    tools = [tool] if tool else [each for each in map(find_tool, tool_names()) if each is not None]
    return Report("catalog", extra={"tools": [_tool(each) for each in tools]})


def content_report(copy: Path | None = None, collection: Path | None = None) -> Report:
    """Where the roles and playbooks are; with a directory, copies of them or the collection are put there first.

    Args:
        copy: the directory that gets copies; its path is reported.
        collection: the directory in which the collection is built; the path of its tarball is reported.

    Raises:
        InputError: the directory has such content already, or cannot be written.
        RunError: the roles are missing in this installation.
        UsageError: both are given.
    """
    if copy is not None and collection is not None:
        raise UsageError("--copy and --collection are two results of one command", remedy="Give one of them.")
    if copy is not None:
        from mngr_ansible.content.copies import copy_content

        copy_content(copy)
        path = copy.absolute()
    elif collection is not None:
        from mngr_ansible.content.collection import write_collection

        path = write_collection(collection).absolute()
    else:
        from mngr_ansible.content.location import content_directory

        path = content_directory()
    return Report("content", extra={"path": str(path)})


def _tool(tool: "Tool") -> ToolRow:
    return {
        "name": tool.name,
        "summary": tool.summary,
        "homepage": tool.homepage,
        "checks": [f"{each.kind}: {each.value}" for each in tool.checks],
        "sources": [
            {
                "source": each.label,
                "packages": list(each.packages or ([tool.name] if each.manager != "installer" else [])),
                "version": each.version,
                "scope": each.scope,
                "only_on": [*each.when.os, *filter(None, [each.when.release]), *each.when.arch] if each.when else [],
                "requires": list(each.requires),
                "is_proven": each.label in tool.proven,
            }
            for each in tool.sources
        ],
        "note": tool.note,
    }


def _rows(request: "Request", gathered: "Prepared") -> list[PluginRow]:
    found = request.hooks()
    hooks: dict[str, list[str]] = {}
    for name, implementations in found.items():
        for hook in implementations:
            hooks.setdefault(hook.plugin, []).append(name)
    contributed: dict[str, list[str]] = {}
    for each in gathered.contributions:
        steps = contributed.setdefault(each.plugin, [])
        steps += [f"file:{printable(str(spec.remote_path))}" for spec in each.transfers]
        steps += [f"package:{requirement}" for requirement in each.requirements]
    own = [each.plugin for each in gathered.target.own]
    ordered = list(dict.fromkeys([*own, *_in_order(found, request.settings.precedence), *contributed]))
    return [{"name": n, "hooks": hooks.get(n, []), "contributed": contributed.get(n, [])} for n in ordered]


def _in_order(found: Mapping[str, Sequence["Hook"]], precedence: Sequence[str]) -> list[str]:
    """The plugins, lowest precedence first; one whose hooks have several ranks stands where its first one does."""
    from mngr_ansible.inputs.hooks import sort_key

    implementations = [each for hook in found.values() for each in hook]
    return list(
        dict.fromkeys(each.plugin for each in sorted(implementations, key=lambda hook: sort_key(hook, precedence)))
    )
