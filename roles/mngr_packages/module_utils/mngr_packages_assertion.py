# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that a host has what is required: one execution of ``mngr_packages_assert``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from .mngr_packages_foretold import Foretold
from .mngr_packages_outcomes import outcome
from .mngr_packages_queries import check, complete, offered

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


def run(module: AnsibleModule) -> NoReturn:
    """Check every requirement, and fail if a required one is not satisfied."""
    installed = module.params["installed"]
    foretold = Foretold(module.params["foretold"] if module.check_mode else ())
    steps, problems = [], []
    for checked in foretold.applied(check(module, complete(module))):
        is_installed = checked.id in installed
        if checked.finding.status == "ok":
            steps.append(outcome(checked, "changed" if is_installed else "ok"))
            continue
        hint = ""
        if is_installed:
            found = "the check finds something else" if checked.finding.current else "is still not found"
            hint = f"; it was installed, but {found}"
        reason = checked.problem() + offered(module, checked.requirement, foretold) + hint
        steps.append(outcome(checked, "failed", reason))
        if checked.requirement["is_required"]:
            problems.append(reason)
        elif checked.id not in module.params["failed"]:
            module.warn(f"{reason}. It is optional.")
    more = {"foretold": foretold.entries} if module.check_mode else {}
    if problems:
        module.fail_json(
            f"{'; '.join(problems)}. Install a version in the range, or relax the range.", mngr_steps=steps, **more
        )
    module.exit_json(changed=False, mngr_steps=steps, **more)
