"""The page of the manifest, from its JSON Schema."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tools.generated import ROOT
from tools.reference.markdown import code, head, table

_SCHEMA = ROOT / "mngr_ansible" / "manifest.schema.json"
_TITLES = {
    "file": "An entry of files",
    "requirement": "An entry of packages",
    "check": "An entry of checks",
    "source": "An entry of sources",
    "repository": "A repository",
    "when": "A condition",
}
"""Definition of the schema → its heading, in the order of the page."""
_TYPES = {"array": "list", "boolean": "true or false", "integer": "number", "null": "", "object": "mapping"}
type _Part = Mapping[str, Any]


def page() -> str:
    """The keys of a manifest, of its entries, and of what is in these.

    Raises:
        ValueError: a part of the schema that has keys is not on the page.
    """
    schema = json.loads(_SCHEMA.read_text("utf-8"))
    parts = {name: _object(part) for name, part in schema["definitions"].items()}
    if missing := {name for name, part in parts.items() if part} - _TITLES.keys():
        raise ValueError(f"no place on the page of the manifest: {missing}")
    lines = head(
        "Manifest",
        "`mngr_ansible/manifest.schema.json`",
        "A manifest is a YAML or TOML file with the files and packages that a host needs. "
        "`mngr-ansible init` writes one with comments, `mngr-ansible check FILE` checks it. Examples: "
        "[Recipes](../recipes.md), [For users](../users.md#a-manifest).",
        "Editors that know JSON Schema complete and check it, where its first line is "
        "`# yaml-language-server: $schema=FILE`; `init` writes that line.",
        "## The document",
    )
    lines += table(("key", "value", "means"), _rows(schema, schema["definitions"]))
    for name, title in _TITLES.items():
        lines += [f"## {title}", "", schema["definitions"][name].get("description", ""), ""]
        lines += table(("key", "value", "means"), _rows(parts[name], schema["definitions"]))
    return "\n".join(lines).rstrip() + "\n"


def _object(part: _Part) -> _Part:
    """The form of a part that is a mapping; empty where it has none."""
    if "properties" in part:
        return part
    return next((each for each in part.get("anyOf", ()) if "properties" in each), {})


def _rows(part: _Part, definitions: _Part) -> Iterator[tuple[str, str, str]]:
    for key, field in part["properties"].items():
        notes = ["required"] if key in part.get("required", ()) else []
        if "default" in field:
            notes.append(f"default {code(json.dumps(field['default']))}")
        value = "; ".join(filter(None, [_value(field, definitions), *notes]))
        examples = ", ".join(code(json.dumps(each)) for each in field.get("examples", ()))
        yield code(key), value, _text(field["description"]) + (f" Such as {examples}." if examples else "")


def _value(field: _Part, definitions: _Part) -> str:
    """What a key accepts, in words; parts with keys of their own are links."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        if name in _TITLES:
            return f"[{name}](#{_anchor(_TITLES[name])})"
        return _value(definitions[name], definitions)
    if "enum" in field:
        return ", ".join(code(each) for each in field["enum"] if each is not None)
    for several in ("allOf", "anyOf"):
        if several in field:
            return " or ".join(dict.fromkeys(filter(None, (_value(each, definitions) for each in field[several]))))
    given = field.get("type", ())
    types = " or ".join(
        filter(None, (_TYPES.get(each, "text") for each in ([given] if isinstance(given, str) else given)))
    )
    return f"{types} of {_value(field['items'], definitions)}" if "items" in field else types


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _text(text: str) -> str:
    """A description as Markdown."""
    return text.replace("*", "\\*").replace("<", "&lt;")
