#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install what is missing or too old from installers and archives, after comparing their checksums."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mngr_packages_fetch
short_description: Install what is missing or too old from installers and archives
description:
  - Checks the host first. If every requirement is satisfied, nothing is downloaded.
  - Downloads only over https. Nothing is run or unpacked before all downloads are complete and have the right SHA-256.
  - An installer runs without a terminal and without input. If it fails or is stopped, all its processes are ended.
  - Only the named programs are taken out of an archive. The requirement's own checks decide about success.
options:
  requirements:
    description:
      - What the host must have; see the role's argument_specs. Each has C(url), C(sha256), C(scope), and in
        C(packages) either C(archive) with the programs to take, or C(installer). Of those with C(sources), it fetches
        what comes from a download.
    type: list
    elements: raw
    required: true
  chosen:
    description: What C(mngr_packages_install) chose, so that it need not be found out again.
    type: dict
  install:
    description: C(print) changes nothing, and fails with what to do by hand.
    type: str
    choices: [auto, print]
    default: auto
  timeout:
    description: Seconds that all downloads, and then all installations, may take on the host.
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
- name: Install from installers and archives
  mngr_packages_fetch:
    requirements:
      - name: fd
        version: ">=10"
        url: https://example.com/fd-10.2.0.tar.gz
        sha256: "{{ sha256_of_fd }}"
        packages: {archive: [fd]}
        scope: user
"""

RETURN = r"""
installed:
  description: The ids of the requirements that were installed; in check mode, of those that would be.
  type: list
  elements: str
  returned: always
  sample: ["package:fd"]
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
      sample: archive
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
  description: The last lines that the last installer printed.
  type: str
  returned: when an installer was run
  sample: fd 10.2.0 was installed
"""

from ansible.module_utils import mngr_packages_arguments as arguments  # noqa: E402
from ansible.module_utils import mngr_packages_parts as parts  # noqa: E402
from ansible.module_utils.mngr_packages_fetching import Fetching  # noqa: E402


def main() -> None:
    """Run the module."""
    parts.fetch(arguments.module("fetch"), Fetching)


if __name__ == "__main__":
    main()
