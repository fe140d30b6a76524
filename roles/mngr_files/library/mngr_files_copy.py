#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""The half of ``mngr_files_copy`` that runs on the host: bring paths to what a bundle says. Python 3.9."""

from __future__ import annotations

import base64
import io
import os
import pwd
import signal
import sys
import zlib

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mngr_files_bundle import Bundle
from ansible.module_utils.mngr_files_settling import Abandoned, Settler

DOCUMENTATION = r"""
module: mngr_files_copy
short_description: Write files, directories and links, all in one execution
description:
  - The host's half of the action of the same name, which packs the bundle. Use the role C(mngr_files).
author: mngr-ansible
options:
  bundle:
    description: The bundle, as base64.
    type: str
  bundle_path:
    description: Where the bundle lies on this host.
    type: str
"""

REASONS = 200000
"""Characters for all reasons together: ansible-runner throws a result above 700,000 away."""


def prepared(steps):
    """Number the entries, find each content's place in the bundle, make paths absolute bytes, and let the later win.

    Where two entries want one path, the later counts: of files and links it alone stays, of directories its mode.
    """
    home = os.environ.get("HOME", "")
    home = (home if os.path.isabs(home) else pwd.getpwuid(os.geteuid()).pw_dir).rstrip("/")
    offset, last = 0, {}
    for index, entry in enumerate(entry for step in steps for entry in step["entries"]):
        path = home + entry["path"][1:] if entry["path"].startswith("~") else entry["path"]
        entry.update(index=index, offset=offset, path=as_bytes(path or "/"), target=as_bytes(entry["target"]))
        offset += entry["size"] if entry["packed"] else 0
        last[entry["path"]] = entry
    for step in steps:
        for entry in step["entries"]:
            entry["mode"] = last[entry["path"]]["mode"] if entry["kind"] == "directory" else entry["mode"]
        step["entries"] = [e for e in step["entries"] if e["kind"] == "directory" or last[e["path"]] is e]
    return steps


def as_bytes(text):
    """The bytes of a name, whatever the locale of this host."""
    return (text or "").encode("utf-8", "surrogateescape")


def abandon(_signal, _frame):
    """Leave as soon as a signal says so, by way of the removal of temporary files."""
    raise Abandoned


def main():
    """Settle every step of the bundle, whatever became of the others, and say what became of each."""
    module = AnsibleModule(
        argument_spec={"bundle": {"type": "str", "no_log": True}, "bundle_path": {"type": "str"}},
        required_one_of=[("bundle", "bundle_path")],
        mutually_exclusive=[("bundle", "bundle_path")],
        supports_check_mode=True,
    )
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, abandon)
    try:
        with bundle_stream(module.params) as stream:
            bundle = Bundle(stream)
            settler = Settler(bundle, is_dry=bundle.is_dry or module.check_mode)
            outcomes = [settler.settle(step) for step in prepared(bundle.steps)]
        settler.sync()
    except (OSError, zlib.error, ValueError) as error:
        module.fail_json(msg="What was sent to this host can not be read: %s. Run again." % error)
    except Abandoned:
        sys.exit(1)
    for outcome in outcomes:
        if "reason" in outcome:
            outcome["reason"] = outcome["reason"][: max(80, REASONS // len(outcomes))]
    is_changed = any(outcome["files_changed"] or outcome["status"] == "changed" for outcome in outcomes)
    module.exit_json(changed=is_changed, mngr_steps=outcomes, wanting=settler.wanting)


def bundle_stream(parameters):
    """The bundle, from the argument or from the file."""
    if parameters["bundle"] is not None:
        return io.BytesIO(base64.b64decode(parameters["bundle"], validate=True))
    return open(parameters["bundle_path"], "rb")


if __name__ == "__main__":
    main()
