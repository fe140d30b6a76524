"""The page of the roles, from their ``argument_specs``."""

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from tools.generated import ROOT
from tools.reference.markdown import code, head, table

_NAMES = ("mngr_files", "mngr_packages", "mngr_bootstrap")
type _Options = Mapping[str, Mapping[str, Any]]


def page() -> str:
    """Every role, entry point and variable; the keys of a list's entries come in a table of their own."""
    lines = head(
        "Variables of the roles",
        "`roles/*/meta/argument_specs.yml`",
        "`ansible-doc -t role mngr_files` shows the same. Examples, results and tags are on each role's own page: "
        "[mngr_files](../../roles/mngr_files/README.md), [mngr_packages](../../roles/mngr_packages/README.md), "
        "[mngr_bootstrap](../../roles/mngr_bootstrap/README.md). You use `main`; the other entry points are for "
        "playbooks that mngr-ansible writes.",
    )
    for role in _NAMES:
        specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text("utf-8"))
        lines += [f"## {role}", ""]
        shown: dict[str, Any] = {}
        for name, point in specs["argument_specs"].items():
            if name != "main":
                lines += [f"### {role}: {name}", ""]
            lines += [_stop(point["short_description"]), "", *_prose(point.get("description", []))]
            lines += _tables(point.get("options", {}), "", shown)
    return "\n".join(lines).rstrip() + "\n"


def _tables(options: _Options, path: str, shown: dict[str, Any]) -> list[str]:
    """The table of some options, then those of their keys. ``shown``: the variables that the page has already."""
    rows, keys = [], []
    for name, option in options.items():
        is_repeated = not path and shown.get(name) == option
        rows.append((code(name), _value(option), "As in `main`." if is_repeated else _meaning(option)))
        if "options" in option and not is_repeated:
            inside = f"{path}{name}{'[]' if option['type'] == 'list' else ''}"
            alike = [known for known, each in shown.items() if each == option["options"]]
            keys += [f"**Keys of `{inside}`**", ""]
            keys += [f"The same as of `{alike[0]}`.", ""] if alike else _tables(option["options"], f"{inside}.", shown)
            shown[inside] = option["options"]
        if not path:
            shown[name] = option
    return [*table(("key" if path else "variable", "value", "meaning"), rows), *keys]


def _value(option: Mapping[str, Any]) -> str:
    """Its type, and whether it is required or has a default."""
    kind = str(option.get("type", "str"))
    kind = f"{kind} of {option['elements']}" if "elements" in option else kind
    default = option.get("default")
    if option.get("required"):
        return f"{kind}; required"
    return kind if default in (None, "", []) else f"{kind}; default {code(json.dumps(default))}"


def _meaning(option: Mapping[str, Any]) -> str:
    choices = option.get("choices")
    said = f"One of {', '.join(code(str(each)) for each in choices)}. " if choices else ""
    return said + " ".join(map(_markup, _list(option.get("description", []))))


def _prose(paragraphs: object) -> list[str]:
    return [line for each in _list(paragraphs) for line in (_markup(each), "")]


def _list(value: object) -> list[str]:
    return [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]


def _markup(text: str) -> str:
    """Ansible's markup of documentation as Markdown; of the path of a key only the key."""
    text = re.sub(r"\bO\([^()]*\.(\w+)\)", r"`\1`", text)
    text = re.sub(r"\b[CVOM]\(((?:[^()\\]|\\.|\([^()]*\))*)\)", lambda found: code(found[1]), text)
    return re.sub(r"\b[IB]\(([^()]*)\)", r"*\1*", text)


def _stop(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
