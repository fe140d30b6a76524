"""The page of the settings: what each accepts, from the code that checks it, and what it means, from its help topic."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mngr_ansible.inputs.settings import KEYS, PluginSettings, Settings
from tools.generated import ROOT
from tools.reference.markdown import code, head, table

_TOPIC = ROOT / "docs" / "help" / "settings.md"
"""What ``mngr-ansible help settings`` shows: a table of what each key means, then one for the keys of a plugin."""


def page() -> str:
    """Both tables of settings: each key with its default, what it accepts, and what it means."""
    lines = head(
        "Settings",
        "`mngr_ansible/inputs/settings.py` and `docs/help/settings.md`",
        "The keys of `[plugins.ansible]` in mngr's settings (`mngr config edit`), and of the mapping that the "
        "[Python API](../python-api.md) takes as `settings`. The stand-alone command reads no settings. "
        "How they work together: [For users](../users.md#settings). What a repository's settings may not say: "
        "[Contract](../contract.md#trust).",
    )
    columns = ("key", "value", "means")
    of_all, of_plugin = _meanings()
    lines += ["## `[plugins.ansible]`", "", *table(columns, _rows(Settings, Settings(), of_all))]
    lines += ["## `[plugins.ansible.plugins.NAME]`", "", "For what the plugin of that name needs.", ""]
    lines += table(columns, _rows(PluginSettings, PluginSettings(), of_plugin))
    return "\n".join(lines).rstrip() + "\n"


def _meanings() -> list[dict[str, str]]:
    """Key → what it means, for each table of the topic."""
    tables = re.findall(r"^\|---.*\n((?:\|.*\n)+)", _TOPIC.read_text("utf-8"), re.MULTILINE)
    return [dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", each, re.MULTILINE)) for each in tables]


def _rows(of: type, defaults: Any, meanings: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for key, accepted in KEYS[of].items():
        example = f", such as {code(accepted.example)}" if "list" in accepted.expected else ""
        default = getattr(defaults, key)
        ending = "" if default in (None, ()) else f"; default {code(json.dumps(default))}"
        yield code(key), f"{accepted.expected}{example}{ending}", meanings[key]
