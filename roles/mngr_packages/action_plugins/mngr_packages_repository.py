# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``mngr_packages_repository`` on the host; in check mode look in sh where the host would only get its Python."""

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
    from ansible.module_utils import mngr_packages_action as action
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

    action = importlib.import_module(f"{module_utils_package()}.mngr_packages_action")

action.prepare("mngr_packages_repository")


class ActionModule(ActionBase):
    """The action of the module."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module, or what stands for it."""
        result = super().run(tmp, task_vars)
        caller = action.Caller(self, task_vars or {}, constants, Display().warning)
        return {**result, **action.run(caller)}
