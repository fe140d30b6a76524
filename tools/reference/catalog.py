"""The page of the catalog, from ``mngr_ansible/catalog/``."""

import json
from collections.abc import Iterator

from mngr_ansible.catalog.lookup import Tool, find_tool, tool_names
from mngr_ansible.spec.sources import Source
from tools.generated import ROOT
from tools.reference.markdown import code, head, table


def page() -> str:
    """Every tool: what it is, how it is found, where it comes from."""
    lines = head(
        "Catalog",
        "`mngr_ansible/catalog/tools/`",
        "The tools that a requirement may just name. Sources are tried in this order. One in bold is tested on a real "
        "host; the others follow their vendor's documentation. `mngr-ansible catalog NAME` says more. A name that is "
        "not here means the command and the package of that name in the host's package manager.",
    )
    return "\n".join([*lines, *table(("tool", "what it is", "found by", "comes from"), _rows())])


def _rows() -> Iterator[tuple[str, ...]]:
    others = _other_names()
    for name in tool_names():
        tool = find_tool(name)
        assert tool is not None  # noqa: S101 - it was just listed
        names = "".join(f", {code(each)}" for each in others.get(name, ()))
        note = f" {tool.note}" if tool.note else ""
        found = dict.fromkeys(each.value if each.kind != "shell" else "a command" for each in tool.checks)
        yield (
            f"{code(name)}{names}",
            f"[{tool.summary}]({tool.homepage}){note}",
            ", ".join(code(each) if each != "a command" else "a shell command" for each in found),
            ", ".join(dict.fromkeys(_source(tool, each) for each in tool.sources)),
        )


def _source(tool: Tool, source: Source) -> str:
    name, _, manager = source.label.partition(", ")
    shown = f"{name} ({manager})" if manager else name
    return f"**{shown}**" if source.label in tool.proven else shown


def _other_names() -> dict[str, list[str]]:
    tools = json.loads((ROOT / "mngr_ansible" / "catalog" / "tools.json").read_text("utf-8"))
    others: dict[str, list[str]] = {}
    for name, content in tools.items():
        if "is" in content:
            others.setdefault(content["is"], []).append(name)
    return others
