# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions of this role do on the controller, each for the module of its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import mngr_packages_bare_host as bare_host
from . import mngr_packages_carried as carried
from .mngr_ansible_portable import marked_text
from .mngr_packages_reports import Reports

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
    module = task.action.rpartition("mngr_packages_")[2]
    result: dict[str, Any]
    try:
        given = {**task.args, **{key: marked_text.load(task.args[key]) for key in _LISTS if key in task.args}}
    except ValueError as error:
        return {"failed": True, "changed": False, "msg": f"Nothing was changed: {error}."}
    if not task.check_mode:
        return _run(action, module, given, task_vars, directory)
    place = directory, str(task.delegate_to or task_vars.get("inventory_hostname"))
    given = carried.arguments(given, *place)
    if bare_host.is_one(task_vars):

        def answered(line: str) -> tuple[int, str]:
            ran = action._low_level_execute_command(line, executable="/bin/sh")
            return ran["rc"], ran["stdout"]

        result, warnings = bare_host.look(module, given, answered, has_diff=task.diff)
        for each in warnings:
            warn(each)
    else:
        result = _executed(action, given, task_vars)
    carried.keep(result, *place)
    return result


def _run(
    action: Any, module: str, given: Mapping[str, Any], task_vars: Mapping[str, Any], directory: str
) -> dict[str, Any]:
    """Run the module; where earlier tasks found all that it would ask for, the host is not asked."""
    requirements = given.get("requirements")
    if action._task.delegate_to or module == "repository" or not isinstance(requirements, list):
        return _executed(action, given, task_vars)
    reports = Reports(directory, str(task_vars.get("inventory_hostname")), _viewer(action))
    if module == "assert":
        steps = reports.steps(requirements, given.get("installed") or ()) if _may_use_reports(given) else None
        return _executed(action, given, task_vars) if steps is None else {"changed": False, "mngr_steps": steps}
    known = reports.take()
    result = _executed(action, given, task_vars)
    reports.keep(known, requirements, result)
    return result


def _executed(action: Any, arguments: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = action._execute_module(module_args=dict(arguments), task_vars=task_vars)
    return result


def _may_use_reports(arguments: Mapping[str, Any]) -> bool:
    """Whether the task says that nothing else has changed the host since the tasks before it."""
    return str(arguments.get("use_reports")).lower() in ("true", "yes", "1")


def _viewer(action: Any) -> list[str]:
    """Who looks at the host, and with which environment."""
    become = action._connection.become
    who = [str(become.name), str(become.get_option("become_user"))] if become is not None else []
    return [str(action._play_context.remote_user), *who, str(action._compute_environment_string())]
