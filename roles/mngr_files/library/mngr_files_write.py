#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The half of ``mngr_files_copy`` that runs on the host: change paths to what a bundle says. Python 3.9."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mngr_files_write
short_description: The half of mngr_files_copy that runs on the host
description:
  - M(mngr_files_copy) packs files on the controller, and runs this module on the host, which writes them.
  - It is not for playbooks. Use the role C(mngr_files) or M(mngr_files_copy).
options:
  bundle:
    description: The transfers, and the contents that travel with them, as base64.
    type: str
  part:
    description:
      - The next part of the large contents, as base64, for a remote user to whom no upload can be given.
      - It is only appended to a file; the result says in RV(bundle_path) to which.
    type: str
  bundle_path:
    description: The file of this host with the large contents. It is removed as soon as it is open.
    type: str
attributes:
  check_mode:
    description: Can run in check mode, and then reports what a run would do.
    support: full
  diff_mode:
    description: Returns what M(mngr_files_copy) needs to show a diff.
    support: full
author: ["mngr-ansible (!UNKNOWN)"]
seealso:
  - module: mngr_files_copy
"""

EXAMPLES = r"""
- name: Copy a file, which runs this module on the host
  mngr_files_copy:
    transfers:
      - {local_path: motd, remote_path: /etc/motd, mode: "0644"}
"""

RETURN = r"""
mngr_steps:
  description: The outcome of each transfer, as M(mngr_files_copy) returns it.
  type: list
  elements: dict
  returned: with O(bundle)
content_needed:
  description: The numbers of the entries whose content the host does not have.
  type: list
  elements: int
  returned: with O(bundle)
  sample: [0]
previous_contents:
  description: For a diff, by number of the entry, the content that is replaced, as base64.
  type: dict
  returned: with O(bundle)
differences:
  description: For a diff, other changes in words.
  type: list
  elements: dict
  returned: with O(bundle)
bundle_path:
  description: The file to which a part was appended.
  type: str
  returned: with O(part)
"""

import os  # noqa: E402
import resource  # noqa: E402
import signal  # noqa: E402
import zlib  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

from ansible.module_utils import mngr_files_uploads as uploads  # noqa: E402
from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.mngr_files_apply import Applier  # noqa: E402
from ansible.module_utils.mngr_files_bundle import Bundle  # noqa: E402
from ansible.module_utils.mngr_files_directories import MissingError  # noqa: E402
from ansible.module_utils.mngr_files_paths import CancelledError, RefusedError, failure_reason  # noqa: E402
from ansible.module_utils.mngr_files_steps import home_directory, host_steps  # noqa: E402

if TYPE_CHECKING:
    from types import FrameType

    from ansible.module_utils.mngr_files_protocol import Comparison, StepOutcome

MOST_REASONS = 200000
"""Characters of all reasons together: ansible-runner drops a result of more than 700,000."""
MOST_OPEN_FILES = 4096


def main() -> None:
    """Apply every step of the bundle, also after one has failed, and report the outcome of each."""
    module = AnsibleModule(
        argument_spec={
            "bundle": {"type": "str", "no_log": True},
            "part": {"type": "str", "no_log": True},
            "bundle_path": {"type": "str"},
        },
        required_one_of=[("bundle", "part")],
        mutually_exclusive=[("bundle", "part")],
        supports_check_mode=True,
    )
    remote_tmp = uploads.temporary_directory(module._remote_tmp)
    if module.params["part"] is not None:
        try:
            path = uploads.append_part(remote_tmp, module.params["bundle_path"], module.params["part"])
        except RefusedError as error:
            module.fail_json(msg="%s. Run again." % failure_reason(error, b""))
        module.exit_json(changed=False, bundle_path=path)
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, cancel)
    open_more_files()
    umask = os.umask(0)
    try:
        outcomes, comparison = apply(module, umask)
    except RefusedError as error:
        module.fail_json(msg="The files that were sent to this host are not read: %s." % failure_reason(error, b""))
    except MissingError:
        module.fail_json(msg="The files that were sent to this host were removed there meanwhile. Run again.")
    except (OSError, zlib.error, ValueError) as error:
        module.fail_json(msg="The files that were sent to this host cannot be read: %s. Run again." % error)
    except CancelledError:
        raise SystemExit(1) from None  # nobody reads an answer
    finally:
        os.umask(umask)
    uploads.sweep(remote_tmp)
    for outcome in outcomes:
        if "reason" in outcome:
            outcome["reason"] = outcome["reason"][: max(80, MOST_REASONS // len(outcomes))]
    is_changed = any(outcome["files_changed"] or outcome["status"] == "changed" for outcome in outcomes)
    module.exit_json(changed=is_changed, mngr_steps=outcomes, **comparison)


def open_more_files() -> None:
    """Allow this process as many open files as its user may allow it: a batch has hundreds, and their directories."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def cancel(_signal: int, _frame: FrameType | None) -> None:
    """Stop as soon as a signal asks for it; temporary files are removed on the way out."""
    raise CancelledError


def apply(module: AnsibleModule, umask: int) -> tuple[list[StepOutcome], Comparison]:
    """Read the bundle and apply it.

    Raises:
        OSError, zlib.error, ValueError, RefusedError, MissingError: it cannot be read.
        CancelledError: the connection is gone.
    """
    inline = getattr(module, "payload", None)
    if inline is None:
        import base64
        import io

        inline = io.BytesIO(base64.b64decode(module.params["bundle"], validate=True))
    path = module.params["bundle_path"]
    file = None if path is None else uploads.take(path)
    try:
        bundle = Bundle(inline, file)
        home = home_directory()
        applier = Applier(bundle, is_dry_run=bundle.is_dry_run or module.check_mode, umask=umask, home=home)
        return applier.apply(host_steps(bundle.steps, home)), applier.comparison
    finally:
        if file is not None:
            file.close()


if __name__ == "__main__":
    main()
