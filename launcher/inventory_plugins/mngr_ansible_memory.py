# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a run as an inventory that is in no file: ``../own_playbook.py`` has read them from a pipe.

Ansible takes the values as they are, not as templates: plugins of ansible-core 2.19 and later mark what they trust, and
this one trusts only what the user's inventory has as a template. Source: ansible-core,
``BaseInventoryPlugin.trusted_by_default``.
"""

from __future__ import annotations

from graphlib import TopologicalSorter

from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.template import trust_as_template
from ansible.vars.plugins import get_vars_from_path

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
        hosts = __main__.job["hosts"]
        for host in hosts:
            inventory.add_host(host["name"])
            for group in host["groups"]:
                inventory.add_child(inventory.add_group(group), host["name"])
        for group, number in priorities(hosts).items():
            inventory.set_variable(group, "ansible_group_priority", number)
        beside = {
            name: set(get_vars_from_path(loader, __main__.job["directory"], [group], "all"))
            for name, group in inventory.groups.items()
        }
        for host in hosts:
            templates = {name: trusted(value) for name, value in host["templates"].items()}
            for name, value in (host["variables"] | templates).items():
                if not is_hidden(name, host, beside):
                    inventory.set_variable(host["name"], name, value)


def priorities(hosts) -> dict[str, int]:  # type: ignore[no-untyped-def]
    """For each group a number above that of the groups in which it is: each host names its groups in such an order.

    Here all groups are side by side, so only these numbers tell whose ``group_vars`` beside the playbook counts.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for host in hosts:
        for index, group in enumerate(host["groups"]):
            sorter.add(group, *host["groups"][max(0, index - 1) : index])
    return {group: number for number, group in enumerate(sorter.static_order(), 1)}


def is_hidden(variable, host, beside) -> bool:  # type: ignore[no-untyped-def]
    """Whether a ``group_vars`` beside the playbook hides this variable of an inventory's group.

    Here all variables are the host's own, which would hide those. ``beside``: the names that are there, by group.
    Source: Ansible's page "Using variables", on precedence.
    """
    level = host["levels"].get(variable, "all")
    hiding = host["groups"] if level == "group" else ["all", *host["groups"]]
    return level != "host" and any(variable in beside.get(group, ()) for group in hiding)


def trusted(value):  # type: ignore[no-untyped-def]
    """The same with each text in it as a template."""
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        return {key: trusted(each) for key, each in value.items()}
    return [trusted(each) for each in value] if isinstance(value, list) else value
