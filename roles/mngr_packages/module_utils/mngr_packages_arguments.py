# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments that the modules of this role have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

if TYPE_CHECKING:
    from collections.abc import Mapping

    Argument = Mapping[str, Any]
    """One argument as Ansible's ``argument_spec`` describes it."""

_ITEMS: Argument = {"type": "list", "elements": "dict", "required": True}
_INSTALL: Argument = {"type": "str", "choices": ["auto", "print"], "default": "auto"}
_TIMEOUT: Argument = {"type": "int", "default": 900}


class UnloggedModule(AnsibleModule):
    """A module that writes nothing to the host's log: an address among its arguments may hold a password.

    Whoever uses the role sets ``no_target_syslog`` as they like, and Ansible logs all arguments without it.
    """

    def log(self, msg: Any, log_args: Any = None) -> None:
        """Log nothing."""


def reading_module(items: str, **more: Argument) -> AnsibleModule:
    """The module with its arguments read: a required list of dictionaries called ``items``, and ``more``.

    Fails the module if its arguments are wrong.
    """
    return UnloggedModule(argument_spec={items: _ITEMS, **more}, supports_check_mode=True)


def installing_module(items: str, **more: Argument) -> AnsibleModule:
    """The same for a module that changes the host: ``install`` and ``timeout`` too."""
    return reading_module(items, install=_INSTALL, timeout=_TIMEOUT, **more)
