#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that a host has what is required, and report the outcome of every requirement."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mngr_packages_assert
short_description: Check that a host has what is required
description:
  - Changes nothing. Fails if a required one is missing, too old, too new, or of an unknown version when one is needed.
options:
  requirements:
    description: What the host must have; see the role's argument_specs.
    type: list
    elements: raw
    required: true
  installed:
    description: The ids of the requirements that were just installed; they are reported as changed.
    type: list
    elements: str
    default: []
  failed:
    description: The ids of the requirements whose failure was reported already; there is no second warning of them.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Can run in check mode, and then reports what a run would do.
    support: full
  diff_mode:
    description: Shows what changes with C(--diff).
    support: none
author: ["mngr-ansible (!UNKNOWN)"]
"""

EXAMPLES = r"""
- name: Assert versions
  mngr_packages_assert:
    requirements: [{name: git, version: ">=2.39"}]
"""

RETURN = r"""
mngr_steps:
  description: The outcome of every requirement.
  type: list
  elements: dict
  returned: always
  contains:
    id:
      description: The C(id) of the requirement; by default C(package:) and the name
      type: str
      returned: always
      sample: package:git
    status:
      description: C(ok), C(changed) or C(failed); in check mode what a run would report.
      type: str
      returned: always
      sample: changed
    current:
      description: The version on the host before; null if there is none, or if it is not known.
      type: str
      returned: always
      sample: "2.30.2"
    reason:
      description: Why it failed and what to do, without a full stop. Empty for what did not fail.
      type: str
      returned: always
      sample: ""
    is_of_source:
      description: The failure is that of the source alone. Nothing was changed, and another source may succeed.
      type: bool
      returned: for some failures
      sample: true
"""

from ansible.module_utils.mngr_packages_arguments import reading_module  # noqa: E402
from ansible.module_utils.mngr_packages_outcomes import outcome  # noqa: E402
from ansible.module_utils.mngr_packages_queries import check, complete, offered  # noqa: E402


def main() -> None:
    """Check every requirement, and fail if a required one is not satisfied."""
    ids = {"type": "list", "elements": "str", "default": []}
    module = reading_module("requirements", installed=ids, failed=ids)
    installed = module.params["installed"]
    steps, problems = [], []
    for checked in check(module, complete(module)):
        is_installed = checked.id in installed
        if checked.finding.status == "ok" or (is_installed and module.check_mode):
            steps.append(outcome(checked, "changed" if is_installed else "ok"))
            continue
        hint = "; it was installed, but the check finds something else" if is_installed else ""
        reason = checked.problem() + offered(module, checked.requirement) + hint
        steps.append(outcome(checked, "failed", reason))
        if checked.requirement["is_required"]:
            problems.append(reason)
        elif checked.id not in module.params["failed"]:
            module.warn(f"{reason}. It is optional.")
    if problems:
        module.fail_json(
            f"{'; '.join(problems)}. Install a version in the range, or relax the range.", mngr_steps=steps
        )
    module.exit_json(changed=False, mngr_steps=steps)


if __name__ == "__main__":
    main()
