#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that a host has what is required, and tell the outcome of every requirement."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mngr_packages_assert
short_description: Check that a host has what is required
description:
  - Changes nothing. Fails when a required one is missing, too old, too new, or tells no version where one is wanted.
options:
  requirements:
    description: What the host must have; see the role's argument_specs.
    type: list
    elements: dict
    required: true
  installed:
    description: The ids of the requirements that were just installed; they are told as changed.
    type: list
    elements: str
    default: []
author: [mngr-ansible]
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
  returned: always
"""

from ansible.module_utils import mngr_packages_queries as host  # noqa: E402
from ansible.module_utils.basic import AnsibleModule  # noqa: E402


def main():
    module = AnsibleModule(
        argument_spec={
            "requirements": {"type": "list", "elements": "dict", "required": True},
            "installed": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    rows = host.ask(module, host.complete(module))
    installed = module.params["installed"]
    would_be = installed if module.check_mode else []
    lacking = [row for row in rows if row[1].status != "ok" and row[0]["id"] not in would_be]
    reasons = {}
    for requirement, finding in lacking:
        offer = host.offered(module, requirement)
        hint = "; it was installed, but something else answers" if requirement["id"] in installed else ""
        reasons[requirement["id"]] = host.tell(requirement, finding) + offer + hint
    steps = []
    for requirement, finding in rows:
        reason = reasons.get(requirement["id"], "")
        status = "failed" if reason else "changed" if requirement["id"] in installed else "ok"
        steps.append(host.step(requirement, finding, status, reason))
        if reason and not requirement["is_required"]:
            module.warn(f"{reason}. It is optional.")
    required = [reasons[row[0]["id"]] for row in lacking if row[0]["is_required"]]
    if required:
        remedy = "Install what is wanted, or relax the range."
        module.fail_json(msg=f"{'; '.join(required)}. {remedy}", mngr_steps=steps)
    module.exit_json(changed=False, mngr_steps=steps)


if __name__ == "__main__":
    main()
