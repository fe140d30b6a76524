"""What is known about common tools: how to find them, and where they come from. Data: one YAML file a tool.

A file's name is the tool's; ``tools.schema.json`` says what is in it. Only the files that are asked for are read.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mngr_ansible.errors import InputError
from mngr_ansible.spec.packages import Check
from mngr_ansible.spec.sources import Source
from mngr_ansible.spec.validation import check_name

_DIRECTORY = Path(__file__).with_name("tools")


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. ``proven``: the labels of the sources that a test installs it from, on a real host."""

    name: str
    summary: str
    homepage: str
    checks: tuple[Check, ...]
    sources: tuple[Source, ...]
    proven: tuple[str, ...] = ()
    note: str = ""


@cache
def find(name: str) -> Tool | None:
    """What is known about a tool, by its name or another name of it; None where nothing is.

    Raises:
        InputError: its file is broken, which is a mistake of this package.
    """
    try:
        check_name(Tool, "name", name)
    except InputError:
        return None
    file = _DIRECTORY / f"{name}.yml"
    if not file.is_file():
        return None
    content = _read(file)
    if "is" in content:
        return find(str(content["is"]))
    try:
        return Tool(
            name,
            content["summary"],
            content["homepage"],
            tuple(map(Check.from_value, content["checks"])),
            tuple(map(Source.from_value, content["sources"])),
            tuple(content.get("proven", ())),
            content.get("note", ""),
        )
    except (InputError, KeyError, TypeError) as error:
        raise InputError(
            f"{file.name} of the catalog is broken: {getattr(error, 'problem', error)}",
            remedy="This is a mistake in mngr-ansible: please report it. Until then, give the requirement its sources.",
        ) from error


def names() -> tuple[str, ...]:
    """The names of all tools, sorted; other names of one are left out."""
    return tuple(sorted(file.stem for file in _DIRECTORY.glob("*.yml") if "is" not in _read(file)))


def _read(file: Path) -> dict[str, Any]:
    import yaml

    content = yaml.load(file.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    return content if isinstance(content, dict) else {}
