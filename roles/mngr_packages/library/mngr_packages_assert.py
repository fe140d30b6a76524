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
  foretold:
    description:
      - For check mode, what earlier tasks of the play would have done, as their results have it in C(foretold).
    type: list
    elements: dict
    default: []
  use_reports:
    description:
      - Whether what C(mngr_packages_install) and C(mngr_packages_fetch) found at their end, earlier in this run, still
        holds because no other task has changed the host since. Then the host is asked only if they did not find every
        requirement satisfied.
    type: bool
    default: false
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
foretold:
  description: What later tasks of the play have to know, for their argument of this name.
  type: list
  elements: dict
  returned: in check mode
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

from ansible.module_utils import mngr_packages_arguments as arguments  # noqa: E402
from ansible.module_utils.mngr_packages_assertion import run  # noqa: E402


def main() -> None:
    """Run the module."""
    run(arguments.module("assert"))


if __name__ == "__main__":
    main()
