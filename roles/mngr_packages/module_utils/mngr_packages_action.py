# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions of this role do on the controller, each for the module of its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from . import mngr_packages_bare_host as bare_host
from . import mngr_packages_carried as carried
from .mngr_ansible_portable import answers, light_program, marked_text
from .mngr_packages_answers import KINDS, checked
from .mngr_packages_options import OPTIONS
from .mngr_packages_reports import Reports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LISTS = ("requirements", "repositories")
"""The arguments that may be one text each, where mngr-ansible made the playbook."""


class Caller(NamedTuple):
    """An action of Ansible that calls this.

    Attributes:
        action: Ansible's ``ActionBase``.
        task_vars: the variables of the task.
        constants: ``ansible.constants``.
        warn: shows a warning.
    """

    action: Any
    task_vars: Mapping[str, Any]
    constants: Any
    warn: Callable[[str], object]

    @property
    def module(self) -> str:
        """The last word of the module's name: ``install``, …"""
        return str(self.action._task.action).rpartition("mngr_packages_")[2]

    @property
    def directory(self) -> str:
        """What Ansible made for this run on the controller, and removes at its end."""
        return str(self.constants.DEFAULT_LOCAL_TMP)

    def execute(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run the module on the host; a failed result where its answer is not about what it was asked."""
        return checked(self.module, self._execute(arguments), arguments)

    def _execute(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run the module on the host: sent as a program where that is possible, else as a module of Ansible.

        So is what has wrong arguments: the module says what is wrong.
        """
        action, module, kinds = self.action, self.action._task.action, KINDS[self.module]
        if light_program.is_possible(action):
            read = ArgumentSpecValidator(OPTIONS[self.module]).validate(dict(arguments))
            if not read.error_messages:
                sent = read.validated_parameters
                return light_program.execute(action, module, sent, self.task_vars, self.constants, self.warn, kinds)
        return light_program.execute_as_module(action, module, arguments, self.task_vars, self.warn, kinds)


def prepare(module: str) -> None:
    """Put the program of a module together, before Ansible starts a process for each host.

    That of the assertion is seldom sent where a task of the role came before it: then whoever sends it makes it.
    """
    if not module.endswith("assert") or not light_program.program.cache_info().currsize:
        light_program.program(module)


def run(caller: Caller) -> dict[str, Any]:
    """Run the module of an action on the host; in check mode look in sh where the host would only get its Python."""
    action, task_vars = caller.action, caller.task_vars
    task = action._task
    result: dict[str, Any]
    try:
        given = {**task.args, **{key: marked_text.load(task.args[key]) for key in _LISTS if key in task.args}}
    except ValueError as error:
        return {"failed": True, "changed": False, "msg": f"Nothing was changed: {error}."}
    if not task.check_mode:
        return _run(caller, given)
    place = caller.directory, str(task.delegate_to or task_vars.get("inventory_hostname"))
    given = carried.arguments(given, *place)
    if bare_host.is_one(task_vars):

        def answered(line: str) -> tuple[int, str]:
            ran = action._low_level_execute_command(line, executable="/bin/sh")
            return ran["rc"], ran["stdout"]

        found, warnings = bare_host.look(caller.module, given, answered, has_diff=task.diff)
        result = answers.taken({**found, "warnings": warnings}, KINDS[caller.module], caller.warn)
    else:
        result = caller.execute(given)
    carried.keep(result, *place)
    return result


def _run(caller: Caller, given: Mapping[str, Any]) -> dict[str, Any]:
    """Run the module; where earlier tasks found all that it would ask for, the host is not asked."""
    requirements = given.get("requirements")
    if caller.action._task.delegate_to or caller.module == "repository" or not isinstance(requirements, list):
        return caller.execute(given)
    host = str(caller.task_vars.get("inventory_hostname"))
    reports = Reports(caller.directory, host, _viewer(caller.action))
    if caller.module == "assert":
        steps = reports.steps(requirements, given.get("installed") or ()) if _may_use_reports(given) else None
        return caller.execute(given) if steps is None else {"changed": False, "mngr_steps": steps}
    known = reports.take()
    result = caller.execute(given)
    reports.keep(known, requirements, result)
    return result


def _may_use_reports(arguments: Mapping[str, Any]) -> bool:
    """Whether the task says that nothing else has changed the host since the tasks before it."""
    return str(arguments.get("use_reports")).lower() in ("true", "yes", "1")


def _viewer(action: Any) -> list[str]:
    """Who looks at the host, and with which environment."""
    become = action._connection.become
    who = [str(become.name), str(become.get_option("become_user"))] if become is not None else []
    return [str(action._play_context.remote_user), *who, str(action._compute_environment_string())]
