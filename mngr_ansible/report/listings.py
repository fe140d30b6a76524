"""What the verbs that list show: ``catalog`` and ``plugins``."""

from collections.abc import Iterator, Sequence

from mngr_ansible.report.page import Note, Page, Pairs, Section
from mngr_ansible.report.report import PluginRow, Report, ToolRow


def catalog_page(report: Report, *, is_whole: bool) -> Page:
    """A line for every tool: its name and what it is; with ``is_whole`` everything that is known about each."""
    tools: Sequence[ToolRow] = report.extra["tools"]
    if not is_whole:
        return (Pairs(tuple((each["name"], each["summary"]) for each in tools)),)
    return tuple(Section(each["name"], each["summary"], tuple(_tool_lines(each))) for each in tools)


def _tool_lines(tool: ToolRow) -> Iterator[tuple[str, str]]:
    yield "", tool["homepage"]
    if tool["note"]:
        yield "", tool["note"]
    for check in tool["checks"]:
        yield "found by", check
    for source in tool["sources"]:
        needs = f", needs {', '.join(source['requires'])}" if source["requires"] else ""
        scope = " for the remote user" if source["scope"] == "user" else ""
        where = f", only on {', '.join(source['only_on'])}" if source["only_on"] else ""
        proof = "tested" if source["is_proven"] else "not tested"
        words = " ".join([*source["packages"], *([source["version"]] if source["version"] else [])])
        yield "from", f"{source['source']}: {words}{scope}{needs}{where} ({proof})"


def plugins_page(report: Report, *, add: str = "Add one with --plugin") -> Page:
    """One section a plugin, lowest precedence first; ``add``: how a plugin is added where none asks for anything."""
    plugins: Sequence[PluginRow] = report.extra["plugins"]
    if not plugins:
        return (Note(f"No installed plugin asks for anything. {add}, or give a manifest, files or packages."),)
    return tuple(
        Section(
            each["name"],
            lines=(*(("hook ", hook) for hook in each["hooks"]), *(("needs", step) for step in each["contributed"])),
        )
        for each in plugins
    )
