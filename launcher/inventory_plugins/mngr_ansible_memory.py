# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a run as an inventory that is in no file: ``../own_playbook.py`` has read them from a pipe.

Ansible takes the values as they are, not as templates: plugins of ansible-core 2.19 and later mark what they trust, and
this one trusts only what the user's inventory has as a template. Source: ansible-core,
``BaseInventoryPlugin.trusted_by_default``.
"""

from __future__ import annotations

from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.template import trust_as_template

import __main__


class InventoryModule(BaseInventoryPlugin):
    """Fills Ansible's inventory with the hosts of ``__main__.job``, in their order."""

    NAME = "mngr_ansible_memory"

    def verify_file(self, path: str) -> bool:
        """Every source is ours: the run has one."""
        return super().verify_file(path)

    def parse(self, inventory, loader, path, cache=True):  # type: ignore[no-untyped-def]
        """Add each host with its groups and variables."""
        super().parse(inventory, loader, path, cache)
        for host in __main__.job["hosts"]:
            name = inventory.add_host(host["name"])
            for group in host["groups"]:
                inventory.add_child(inventory.add_group(group), name)
            for variable, value in host["variables"].items():
                inventory.set_variable(name, variable, value)
            for variable, value in host["templates"].items():
                inventory.set_variable(name, variable, trusted(value))


def trusted(value):  # type: ignore[no-untyped-def]
    """The same with each text in it as a template."""
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        return {key: trusted(each) for key, each in value.items()}
    return [trusted(each) for each in value] if isinstance(value, list) else value
