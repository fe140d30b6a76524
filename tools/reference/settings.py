"""The page of the settings, from ``mngr_ansible/inputs/settings.py``."""

import json
from collections.abc import Iterator
from typing import Any

from mngr_ansible.inputs.settings import KEYS, PluginSettings, Settings
from tools.reference.markdown import code, head, table


def page() -> str:
    """Both tables of settings: each key with its default and what it does."""
    lines = head(
        "Settings",
        "`mngr_ansible/inputs/settings.py`",
        "The keys of `[plugins.ansible]` in mngr's settings (`mngr config edit`), and of the mapping that the "
        "[Python API](../python-api.md) takes as `settings`. The stand-alone command reads no settings. "
        "How they work together: [For users](../users.md#settings). What a repository's settings may not say: "
        "[Contract](../contract.md#trust).",
    )
    columns = ("key", "default", "value", "what it does")
    lines += ["## `[plugins.ansible]`", "", *table(columns, _rows(Settings, Settings()))]
    lines += ["## `[plugins.ansible.plugins.NAME]`", "", "For what the plugin of that name needs.", ""]
    return "\n".join([*lines, *table(columns, _rows(PluginSettings, PluginSettings()))])


def _rows(of: type, defaults: Any) -> Iterator[tuple[str, ...]]:
    for key, accepted in KEYS[of].items():
        example = f", such as {code(accepted.example)}" if "list" in accepted.expected else ""
        yield code(key), _default(getattr(defaults, key)), f"{accepted.expected}{example}", accepted.means


def _default(value: object) -> str:
    """A default as TOML; nothing where the key has none."""
    return "" if value is None else code(json.dumps(value))
