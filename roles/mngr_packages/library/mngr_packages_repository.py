#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add third parties' package repositories to apt, dnf or zypper, each with its one signing key."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mngr_packages_repository
short_description: Add third parties' package repositories, each with its key
description:
  - The fingerprint of the key is computed on the host and compared before anything is written; no gpg is needed.
    Other keys that come with it are left out. Signatures are always checked.
  - A file of that name that this module did not write is never overwritten. A repository that the host already has
    in another file is left as it is.
options:
  repositories:
    description:
      - Each has C(manager) (apt, dnf, zypper), C(name) (of its files), C(url), C(key) (armored text, or its https
        address), C(fingerprint) (40 hexadecimal digits of the primary key), and for apt C(suite) and C(component).
        With C(is_required) false, one that cannot be added is only reported as failed.
    type: list
    elements: dict
    required: true
  requirements:
    description:
      - What the host must have; see the role's argument_specs. Where one has C(sources), and the first that fits has a
        C(repository), that is added too.
    type: list
    elements: raw
    default: []
  install:
    description: C(print) changes nothing, and fails with what to write by hand.
    type: str
    choices: [auto, print]
    default: auto
  timeout:
    description: Seconds that each download may take.
    type: int
    default: 900
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
- name: Add package repositories
  mngr_packages_repository:
    repositories:
      - manager: apt
        name: nodesource
        url: https://deb.nodesource.com/node_22.x
        suite: nodistro
        component: main
        key: https://deb.nodesource.com/gpgkey/nodesource-repo.gpg.key
        fingerprint: 6F71F525282841EEDAF851B42F59B5F99B1BE0B4
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
added:
  description: The names of the repositories that were added or brought up to date; in check mode, that would be.
  type: list
  elements: str
  returned: always
  sample: [nodesource]
foretold:
  description: What later tasks of the play have to know, for their argument of this name.
  type: list
  elements: dict
  returned: in check mode
mngr_steps:
  description: The outcome of every repository, as C(repository:) and its name.
  type: list
  elements: dict
  returned: always
  contains:
    id:
      description: C(repository:) and the name
      type: str
      returned: always
      sample: repository:nodesource
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
new:
  description:
    - The repositories of which the host had nothing before. C(mngr_packages_install) removes one again if nothing can
      be installed from it.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The name of its files.
      type: str
      returned: always
      sample: nodesource
    paths:
      description: Its files on the host, the key first.
      type: list
      elements: str
      returned: always
      sample: [/etc/apt/keyrings/nodesource.asc, /etc/apt/sources.list.d/nodesource.sources]
    fingerprint:
      description: Of the key that only this repository brought into rpm's database; empty for none.
      type: str
      returned: always
      sample: ""
"""

from ansible.module_utils import mngr_packages_arguments as arguments  # noqa: E402
from ansible.module_utils import mngr_packages_parts as parts  # noqa: E402
from ansible.module_utils.mngr_packages_additions import Additions  # noqa: E402


def main() -> None:
    """Run the module."""
    parts.add_repositories(arguments.module("repository"), Additions)


if __name__ == "__main__":
    main()
