# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a run of a playbook of the user's own. On this machine ``../own_playbook.py`` has read them from a pipe;
on a worker, whose ansible-core may be any from 2.16, they are a JSON document in the private directory of the job.

Ansible takes the values as they are, not as templates: plugins of ansible-core 2.19 and later mark what they trust, and
this one trusts only what the user's inventory has as a template; before, what is no template is marked. Source:
ansible-core, ``BaseInventoryPlugin.trusted_by_default``, ``ansible.utils.unsafe_proxy``.
"""

from __future__ import annotations

import json
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.vars.plugins import get_vars_from_path

import __main__

try:
    from ansible.template import trust_as_template
except ImportError:  # before 2.19 a text is a template unless it is marked
    from ansible.utils.unsafe_proxy import wrap_var as as_data

    def trust_as_template(text: str) -> str:
        """The same."""
        return text

else:

    def as_data(value: Any) -> Any:
        """The same."""
        return value


class InventoryModule(BaseInventoryPlugin):
    """Fills Ansible's inventory with the hosts of ``__main__.job``, in their order."""

    NAME = "mngr_ansible_memory"

    def verify_file(self, path: str) -> bool:
        """Every source is ours: the run has one."""
        return super().verify_file(path)

    def parse(self, inventory, loader, path, cache=True):  # type: ignore[no-untyped-def]
        """Add each host with its groups and variables."""
        super().parse(inventory, loader, path, cache)
        count_what_was_left()
        job = getattr(__main__, "job", None) or json.loads(Path(path).read_text("utf-8"))
        hosts, directory = job["hosts"], str(Path(path).parent / job["directory"])
        known = {host["name"] for host in hosts}
        for name, members in job["groups"].items():  # "all" is the first one
            inventory.add_group(name)
            for member in (each for each in members if each in known):
                inventory.add_host(member)
                if name not in ("all", "ungrouped"):
                    inventory.add_child(name, member)
        for host in hosts:
            inventory.add_host(host["name"])
            for group in host["groups"]:
                inventory.add_child(inventory.add_group(group), host["name"])
        for group, number in priorities(hosts).items():
            inventory.set_variable(group, "ansible_group_priority", number)
        beside = {
            name: set(get_vars_from_path(loader, directory, [group], "all")) for name, group in inventory.groups.items()
        }
        for host in hosts:
            templates = {name: trusted(value) for name, value in host["templates"].items()}
            values = {name: as_data(value) for name, value in host["variables"].items()}
            for name, value in {**values, **templates}.items():
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
    """The same with each text in it as a template, but for those that are marked as Ansible's own JSON marks them."""
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        if set(value) == {"__ansible_unsafe"}:
            return as_data(value["__ansible_unsafe"])
        return {key: trusted(each) for key, each in value.items()}
    return [trusted(each) for each in value] if isinstance(value, list) else value


def name_delegate(result: Any) -> None:
    """Have Ansible say which other host it was that a task could not reach, as it does where a task fails."""
    task = getattr(result, "task", None) or result._task  # noqa: SLF001
    if not task.delegate_to:
        return
    is_template = "{" in str(task.delegate_to)
    told = {"ansible_delegated_host": "the host of delegate_to" if is_template else str(task.delegate_to)}
    if hasattr(result, "utr"):  # ansible-core 2.21
        if result.utr.callback_delegated_vars_subset is None:
            result.utr.callback_delegated_vars_subset = told
        return
    for data in (getattr(result, "_return_data", None), getattr(result, "_result", None)):
        if isinstance(data, dict):
            data.setdefault("_ansible_delegated_vars", told)
            return


def count_what_was_left() -> None:
    """Have Ansible count a host as failed for which the playbook ended early, because it failed on others.

    Ansible itself counts the tasks that were run: with ``any_errors_fatal``, or where all hosts of a play failed, its
    counters say of the others that all is well. Source: ansible-core 2.21, ``PlaybookExecutor.run``.
    """
    from ansible.executor.task_queue_manager import TaskQueueManager
    from ansible.playbook import Playbook

    if hasattr(TaskQueueManager, "mngr_counts"):  # the inventory is read again: "meta: refresh_inventory"
        return
    TaskQueueManager.mngr_counts = True
    load, run, send = Playbook.load, TaskQueueManager.run, TaskQueueManager.send_callback
    books: list[Any] = []
    begun: set[tuple[str, str]] = set()

    def kept(*words: Any, **named: Any) -> Any:
        books.append(load(*words, **named))
        return books[-1]

    def noted(queue: Any, play: Any) -> Any:
        begun.update((play._uuid, host.name) for host in queue._inventory.get_hosts(play.hosts))  # noqa: SLF001
        return run(queue, play)

    def counted(queue: Any, name: str, *words: Any, **named: Any) -> Any:
        stats = queue._stats  # noqa: SLF001
        if name == "v2_playbook_on_stats" and (stats.failures or stats.dark):
            for host in {*queue._failed_hosts, *left(queue)}:  # noqa: SLF001
                if not stats.failures.get(host) and not stats.dark.get(host):
                    stats.increment("failures", host)
        if name == "v2_runner_on_unreachable":
            name_delegate(words[0])
        return send(queue, name, *words, **named)

    def left(queue: Any) -> set[str]:
        queue._inventory.remove_restriction()  # noqa: SLF001
        plays = [play for book in books for play in book.get_plays() if isinstance(play.hosts, (str, list))]
        return {
            host.name
            for play in plays
            for host in queue._inventory.get_hosts(play.hosts)  # noqa: SLF001
            if (play._uuid, host.name) not in begun  # noqa: SLF001
        }

    Playbook.load = staticmethod(kept)
    TaskQueueManager.run = noted
    TaskQueueManager.send_callback = counted
