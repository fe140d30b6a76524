"""The catalog of common tools: how to find each on a host, and from where to install it.

The data is one YAML file a tool, ``tools/NAME.yml``; ``tools.schema.json`` describes it. A plan reads only the files of
its own requirements.
"""

from functools import cache
from pathlib import Path
from typing import Any

from mngr_ansible.errors import InputError
from mngr_ansible.portable import requirements
from mngr_ansible.spec.packages import Check
from mngr_ansible.spec.sources import Source
from mngr_ansible.spec.validation import most_similar
from mngr_ansible.values import frozen

_DIRECTORY = Path(__file__).with_name("tools")

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
    file = _DIRECTORY / f"{name}.yml"
    if not file.is_file():
        return None
    content = _read(file)
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
            f"{file.name} of the catalog is broken: {getattr(error, 'problem', error)}",
            remedy="This is a mistake in mngr-ansible: please report it. Until then, give the requirement sources.",
        ) from error


def similar_tool(name: str) -> str | None:
    """The tool of which a name that the catalog does not know may be a slip; None if none is similar enough."""
    known = sorted(file.stem for file in _DIRECTORY.glob("*.yml"))
    return most_similar(name, known, _SIMILAR) or None


def tool_names() -> tuple[str, ...]:
    """The names of all tools, sorted; other names of a tool (``is:``) are left out."""
    return tuple(sorted(file.stem for file in _DIRECTORY.glob("*.yml") if "is" not in _read(file)))


def _read(file: Path) -> dict[str, Any]:
    import yaml

    content = yaml.load(file.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    return content if isinstance(content, dict) else {}
