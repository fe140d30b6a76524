"""The catalog of common tools: how to find each on a host, and from where to install it.

The data is one YAML file a tool, ``tools/NAME.yml``; ``tools.schema.json`` describes it. ``python -m tools.catalog``
writes them into one JSON file, ``tools.json``, which is read here: it takes a tenth of the time.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mngr_ansible.errors import InputError
from mngr_ansible.portable import requirements
from mngr_ansible.spec.packages import Check
from mngr_ansible.spec.sources import Source
from mngr_ansible.spec.validation import most_similar
from mngr_ansible.values import frozen

_FILE = Path(__file__).with_name("tools.json")

_SIMILAR = 0.8
"""How similar a slip is to the name that is meant, by difflib's ratio."""


@frozen
class Tool:
    """One tool. ``proven``: the labels of the sources from which a test installs it on a real host."""

    name: str
    summary: str
    homepage: str
    checks: tuple[Check, ...]
    sources: tuple[Source, ...]
    proven: tuple[str, ...] = ()
    note: str = ""


@cache
def find_tool(name: str) -> Tool | None:
    """The tool of that name, which may be another name of it (``rg`` for ``ripgrep``); None if there is none.

    Raises:
        InputError: the tool's file is broken, which is a mistake of this package.
    """
    if not requirements.is_name(name):
        return None
    content = _tools().get(name)
    if content is None:
        return None
    if "is" in content:
        return find_tool(str(content["is"]))
    try:
        return Tool(
            name,
            content["summary"],
            content["homepage"],
            tuple(Check.from_value(each) for each in content["checks"]),
            tuple(Source.from_value(each) for each in content["sources"]),
            tuple(content.get("proven", ())),
            content.get("note", ""),
        )
    except (InputError, KeyError, TypeError) as error:
        raise InputError(
            f"{name}.yml of the catalog is broken: {getattr(error, 'problem', error)}",
            remedy="This is a mistake in mngr-ansible: please report it. Until then, give the requirement sources.",
        ) from error


def similar_tool(name: str) -> str | None:
    """The tool of which a name that the catalog does not know may be a slip; None if none is similar enough."""
    return most_similar(name, list(_tools()), _SIMILAR) or None


def tool_names() -> tuple[str, ...]:
    """The names of all tools, sorted; other names of a tool (``is:``) are left out."""
    return tuple(name for name, content in _tools().items() if "is" not in content)


@cache
def _tools() -> Mapping[str, Mapping[str, Any]]:
    """What the catalog says, by name, in the order of the names."""
    import json

    tools: Mapping[str, Mapping[str, Any]] = json.loads(_FILE.read_text("utf-8"))
    return tools
