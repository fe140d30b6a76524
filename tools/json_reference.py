"""Write ``docs/json.md`` from ``mngr_ansible/schema.json``: ``python -m tools.json_reference``.

The schema holds every description, so the page cannot differ from it. A test compares the two
(``tests/docs/test_json_reference.py``), and a pre-commit hook runs this command.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from tools.generated import ROOT, write

SCHEMA = ROOT / "mngr_ansible" / "schema.json"
PAGE = ROOT / "docs" / "json.md"

_HEAD = """\
<!-- Written by `python -m tools.json_reference` from mngr_ansible/schema.json: edit the schema, not this page. -->
# Reference: JSON

With `--json` every command prints one document on stdout, errors included. What plugins print goes to stderr. The
schema is in the package as `mngr_ansible/schema.json`; it is closed, so a document with any other field is not valid.
`schema` stays 1 as long as fields are only added: ignore fields that you do not know. What the statuses mean:
[contract.md](contract.md#json).
"""
_TABLE = ("| field | holds | always there | meaning |", "|---|---|---|---|")
_TYPES = {
    "array": "list",
    "boolean": "true or false",
    "integer": "number",
    "null": "null",
    "object": "object",
    "string": "text",
}


def page(schema: Mapping[str, Any]) -> str:
    """The whole page: a section for the document, then one for each of its parts.

    Raises:
        KeyError: a part or a field has no description.
    """
    sections = [_HEAD, _section("The document", {**schema, "description": f"{schema['title']}."})]
    sections += [_section(name.capitalize(), part) for name, part in schema["$defs"].items()]
    return "\n".join(sections)


def _section(title: str, part: Mapping[str, Any]) -> str:
    lines = [f"## {title}", "", part["description"], "", *_TABLE]
    for name, field in part["properties"].items():
        is_required = "yes" if name in part["required"] else "no"
        lines.append(f"| `{name}` | {_holds(field)} | {is_required} | {field['description']} |".replace("\\", "\\\\"))
    return "\n".join(lines) + "\n"


def _holds(field: Mapping[str, Any]) -> str:
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "enum" in field:
        return "one of " + ", ".join(f"`{json.dumps(each)}`" for each in field["enum"])
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if field["type"] == "array":
        return f"list: {_holds(field['items'])}"
    if field["type"] == "object":
        return "object: " + ", ".join(f"`{name}` ({_holds(each)})" for name, each in field["properties"].items())
    types = [field["type"]] if isinstance(field["type"], str) else field["type"]
    return " or ".join(_TYPES[each] for each in types)


def main() -> int:
    """Write the page if it differs; the exit code is then 1, as pre-commit expects it."""
    return write(PAGE, page(json.loads(SCHEMA.read_text("utf-8"))))


if __name__ == "__main__":
    sys.exit(main())
