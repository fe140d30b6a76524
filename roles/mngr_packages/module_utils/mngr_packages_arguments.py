# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of the modules of this role, and the module that has read its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from .mngr_ansible_portable.addresses import secrets
from .mngr_packages_options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator


class DiscreetModule(AnsibleModule):
    """A module that tells nobody the login or query of an address among its arguments.

    It writes nothing to the host's log: whoever uses the role sets ``no_target_syslog`` as they like, and Ansible logs
    all arguments without it. Ansible hides the parts in its result, which holds the arguments too, also if it is wrong.
    """

    def log(self, msg: Any, log_args: Any = None) -> None:
        """Log nothing."""

    def _return_formatted(self, kwargs: Any) -> None:
        """Print the result, as Ansible does at every end of a module."""
        for text in _texts(self.params):
            self.no_log_values.update(secrets(text))
        super()._return_formatted(kwargs)  # type: ignore[misc]  # the stubs do not have it


def _texts(value: object) -> Iterator[str]:
    """All texts in a value that may be addresses."""
    if isinstance(value, str):
        if "://" in value:
            yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def module(name: str) -> AnsibleModule:
    """A module of this role with its arguments read; fails if they are wrong. ``name``: a key of ``OPTIONS``."""
    return DiscreetModule(argument_spec=OPTIONS[name], supports_check_mode=True)
