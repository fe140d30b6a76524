#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install with one package manager what is missing or too old, in one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mngr_packages_install
short_description: Install with package managers what is missing or too old
description:
  - Checks the host first. If every requirement is satisfied, the package manager is not called.
  - Refreshes the lists of packages once, and only if they do not offer what is needed.
  - Never downgrades or removes a package, and never releases a hold. All required packages are one transaction.
  - A requirement with C(sources) is installed with the manager of the first source that fits; one transaction for each
    manager. What is to be downloaded is left to C(mngr_packages_fetch).
  - Becomes root with C(sudo -n) or C(doas -n) by itself if the manager needs root. Needs no python3-apt or the like.
options:
  requirements:
    description: What the host must have. Texts such as C(git>=2.39), or mappings; see the role's argument_specs.
    type: list
    elements: raw
    required: true
  manager:
    description: The package manager of requirements without C(sources). Empty means the one of the host's system.
    type: str
    choices: ["", apt, dnf, zypper, pacman, apk, brew, npm, uv, pipx, pip]
    default: ""
  install:
    description: C(print) changes nothing, and fails with the command to run.
    type: str
    choices: [auto, print]
    default: auto
  timeout:
    description: Seconds after which the manager is stopped on the host.
    type: int
    default: 900
  lock_timeout:
    description: Seconds to wait while another program holds the manager's lock, within the time of C(timeout).
    type: int
    default: 60
  repositories:
    description:
      - What C(mngr_packages_repository) returned, for requirements with a C(repository). One of them whose repository
        could not be added is reported as failed, and stops no other. A repository that was just added is removed again
        if nothing could be installed from it.
    type: dict
    default: {}
  foretold:
    description:
      - For check mode, what earlier tasks of the play would have done, as their results have it in C(foretold).
    type: list
    elements: dict
    default: []
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
- name: Install packages with the host's manager
  mngr_packages_install:
    requirements:
      - name: git
        version: ">=2.39"
      - name: fd
        checks: [fd, fdfind]
        packages:
          apt: [fd-find]
      - name: ripgrep
        checks: [rg]
        is_required: false

- name: Install a program with npm, for the remote user alone
  mngr_packages_install:
    manager: npm
    requirements:
      - name: prettier
        version: ">=3,<4"
        packages:
          npm: [prettier]
        scope: user

- name: Install from the first source that the host can use
  mngr_packages_install:
    requirements:
      - git>=2.39
      - name: prettier
        version: ">=3,<4"
        sources:
          - manager: apt
            when:
              os: [debian, ubuntu]
          - manager: npm
            scope: user
"""

RETURN = r"""
chosen:
  description:
    - Where there are C(sources), by id, the source that was chosen for a requirement that the host does not have as
      wanted. C(source) is its position, from 1.
  type: dict
  returned: where requirements have sources
  sample:
    package:fd:
      manager: apt
      source: 2
installed:
  description: The ids of the requirements that were installed; in check mode, of those that would be.
  type: list
  elements: str
  returned: always
  sample: ["package:git"]
changes:
  description: What was installed, or would be in check mode, from which version to which.
  type: list
  elements: dict
  returned: always
  contains:
    id:
      description: The C(id) of the requirement.
      type: str
      returned: always
      sample: package:git
    name:
      description: Its name.
      type: str
      returned: always
      sample: git
    manager:
      description: What installs it.
      type: str
      returned: always
      sample: apt
    from:
      description: The upstream version before; null if there was none.
      type: str
      returned: always
      sample: "2.30.2"
    to:
      description: The upstream version that the manager offers; null if that is not known before the installation.
      type: str
      returned: always
      sample: "2.39.5"
found:
  description: What the host has at the end of the task, of each requirement in their order.
  type: list
  elements: dict
  returned: on success, but not in check mode
  contains:
    id:
      description: The C(id) of the requirement.
      type: str
      returned: always
      sample: package:git
    status:
      description: C(ok), C(missing), C(too-old), C(too-new) or C(unknown).
      type: str
      returned: always
      sample: ok
    current:
      description: The upstream version; null if there is none, or if it is not known.
      type: str
      returned: always
      sample: "2.39.5"
foretold:
  description: What later tasks of the play have to know, for their argument of this name.
  type: list
  elements: dict
  returned: in check mode
mngr_steps:
  description: The outcome of every requirement; if the module fails, of those that it fails for.
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
output:
  description: The last lines that the package manager printed.
  type: str
  returned: when it was called to change something
  sample: Setting up git (1:2.39.5-0+deb12u2) ...
"""

from ansible.module_utils import mngr_packages_arguments as arguments  # noqa: E402
from ansible.module_utils import mngr_packages_parts as parts  # noqa: E402
from ansible.module_utils.mngr_packages_installation import Installation  # noqa: E402


def main() -> None:
    """Run the module."""
    parts.install(arguments.module("install"), Installation)


if __name__ == "__main__":
    main()
