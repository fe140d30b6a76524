# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of the modules of this role, as Ansible's ``argument_spec`` describes them."""

from __future__ import annotations

from typing import Any

from .mngr_ansible_portable import managers

Options = dict[str, dict[str, Any]]

_LIST: dict[str, Any] = {"type": "list", "elements": "raw", "required": True}
"""Requirements are texts or mappings."""
_IDS: dict[str, Any] = {"type": "list", "elements": "str", "default": []}
_FORETOLD: dict[str, Any] = {"type": "list", "elements": "dict", "default": []}
_INSTALLING: Options = {
    "install": {"type": "str", "choices": ["auto", "print"], "default": "auto"},
    "timeout": {"type": "int", "default": 900},
}

OPTIONS: dict[str, Options] = {
    "repository": {
        **_INSTALLING,
        "repositories": {"type": "list", "elements": "dict", "required": True},
        "requirements": {"type": "list", "elements": "raw", "default": []},
        "foretold": _FORETOLD,
    },
    "install": {
        **_INSTALLING,
        "requirements": _LIST,
        "manager": {"type": "str", "choices": ["", *managers.TABLE], "default": ""},
        "lock_timeout": {"type": "int", "default": managers.LOCK_SECONDS},
        "repositories": {"type": "dict", "default": {}},
        "foretold": _FORETOLD,
    },
    "fetch": {**_INSTALLING, "requirements": _LIST, "chosen": {"type": "dict"}, "foretold": _FORETOLD},
    "assert": {
        "requirements": _LIST,
        "installed": _IDS,
        "failed": _IDS,
        "foretold": _FORETOLD,
        "use_reports": {"type": "bool", "default": False},  # the action reads it
    },
}
"""By the last word of a module's name."""
