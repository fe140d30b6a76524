# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``mngr_packages_install`` on the host; in check mode look in sh where the host would only get its Python."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

if TYPE_CHECKING:
    from ansible.module_utils import mngr_packages_bare_host as bare_host
else:

    def module_utils_package():
        """The name of a package that holds the role's ``module_utils``.

        Ansible makes those importable for modules, but not for action plugins. The name is made of the path, so that
        two copies of this role do not meet.
        """
        directory = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "module_utils")
        name = f"mngr_packages_{os.fsencode(directory).hex()}"
        if name not in sys.modules:
            spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [directory]
            sys.modules[name] = importlib.util.module_from_spec(spec)
        return name

    bare_host = importlib.import_module(f"{module_utils_package()}.mngr_packages_bare_host")


class ActionModule(ActionBase):
    """The action of the module."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module, or what stands for it."""
        result = super().run(tmp, task_vars)
        if not self._task.check_mode:
            return {**result, **self._execute_module(task_vars=task_vars)}
        place = constants.DEFAULT_LOCAL_TMP, str(self._task.delegate_to or (task_vars or {}).get("inventory_hostname"))
        given = bare_host.carried.arguments(self._task.args, *place)
        if bare_host.is_one(task_vars or {}, is_check_mode=True):
            found, warnings = bare_host.look("install", given, self._answered, has_diff=self._task.diff)
            for each in warnings:
                Display().warning(each)
        else:
            found = self._execute_module(module_args=given, task_vars=task_vars)
        bare_host.carried.keep(found, *place)
        return {**result, **found}

    def _answered(self, line: str) -> tuple[int, str]:
        """Run a line of sh on the host; its exit status and its standard output."""
        ran = self._low_level_execute_command(line, executable="/bin/sh")
        return ran["rc"], ran["stdout"]
