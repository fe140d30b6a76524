# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions of this role do on the controller, each for the module of its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import mngr_packages_bare_host as bare_host
from . import mngr_packages_carried as carried
from .mngr_ansible_portable import marked_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LISTS = ("requirements", "repositories")
"""The arguments that may be one text each, where mngr-ansible made the playbook."""


def run(action: Any, task_vars: Mapping[str, Any], directory: str, warn: Callable[[str], object]) -> dict[str, Any]:
    """Run the module of an action on the host; in check mode look in sh where the host would only get its Python.

    Args:
        action: Ansible's ``ActionBase``.
        task_vars: the variables of the task.
        directory: what Ansible made for this run on the controller, and removes at its end.
        warn: shows a warning.
    """
    task = action._task
    result: dict[str, Any]
    try:
        given = {**task.args, **{key: marked_text.load(task.args[key]) for key in _LISTS if key in task.args}}
    except ValueError as error:
        return {"failed": True, "changed": False, "msg": f"Nothing was changed: {error}."}
    if not task.check_mode:
        result = action._execute_module(module_args=given, task_vars=task_vars)
        return result
    place = directory, str(task.delegate_to or task_vars.get("inventory_hostname"))
    given = carried.arguments(given, *place)
    if bare_host.is_one(task_vars):

        def answered(line: str) -> tuple[int, str]:
            ran = action._low_level_execute_command(line, executable="/bin/sh")
            return ran["rc"], ran["stdout"]

        module = task.action.rpartition("mngr_packages_")[2]
        result, warnings = bare_host.look(module, given, answered, has_diff=task.diff)
        for each in warnings:
            warn(each)
    else:
        result = action._execute_module(module_args=given, task_vars=task_vars)
    carried.keep(result, *place)
    return result
