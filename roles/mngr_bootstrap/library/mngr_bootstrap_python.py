#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of ``mngr_bootstrap_python``, which is an action: the host has no Python for a module."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mngr_bootstrap_python
short_description: Install python3 on a host that has none
description:
  - Runs a script with the host's own C(/bin/sh). The role C(mngr_bootstrap) brings it.
  - Looks for a python3 that Ansible can use. If there is none, the system's package manager installs it.
  - In check mode nothing is changed. The package manager says whether it could install python3; if its lists of
    packages do not offer it, they are fetched into a temporary directory.
options:
  script:
    description: The text of the script.
    type: str
    required: true
  timeout:
    description: Seconds after which a package manager is stopped on the host.
    type: int
    required: true
  lock_timeout:
    description: Seconds to wait while another program holds the package manager's lock.
    type: int
    required: true
attributes:
  check_mode:
    description: Can run in check mode, and then reports what a run would do.
    support: full
  diff_mode:
    description: Shows what changes with C(--diff).
    support: full
author: ["mngr-ansible (!UNKNOWN)"]
"""

EXAMPLES = r"""
- name: Install python3
  ansible.builtin.import_role:
    name: mngr_bootstrap
    tasks_from: python
"""

RETURN = r"""
mngr_steps:
  description: The outcome of the one step, C(bootstrap:python3).
  type: list
  elements: dict
  returned: always
  contains:
    id:
      description: The name of the step.
      type: str
      returned: always
      sample: bootstrap:python3
    status:
      description: C(ok), C(changed) or C(failed); in check mode what a run would report.
      type: str
      returned: always
      sample: changed
    current:
      description: The version on the host; null if there is none.
      type: str
      returned: always
      sample: "3.11.2"
    reason:
      description: Why it failed and what to do, without a full stop. Empty for what did not fail.
      type: str
      returned: always
      sample: ""
foretold:
  description: What later tasks of the play have to know.
  type: list
  elements: dict
  returned: in check mode
stdout:
  description: What the package manager printed; the last line is the outcome in JSON.
  type: str
  returned: always
  sample: '{"mngr_steps": [{"id": "bootstrap:python3", "status": "ok", "current": "3.11.2", "reason": ""}]}'
rc:
  description: The exit status of the script.
  type: int
  returned: always
  sample: 0
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402


def main() -> None:
    """Fail: the action of this name does the work."""
    whole = {"type": "int", "required": True}
    module = AnsibleModule(
        argument_spec={"script": {"type": "str", "required": True}, "timeout": whole, "lock_timeout": whole},
        supports_check_mode=True,
    )
    module.fail_json("The action mngr_bootstrap_python was not found beside its module; install the role as a whole.")


if __name__ == "__main__":
    main()
