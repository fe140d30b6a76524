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
import tempfile
import zlib

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mngr_files_apply import Settler
from ansible.module_utils.mngr_files_bundle import Bundle
from ansible.module_utils.mngr_files_paths import Abandoned
from ansible.module_utils.mngr_files_temporaries import UPLOAD, forget, sweep_uploads

DOCUMENTATION = r"""
module: mngr_files_copy
short_description: Write files, directories and links, all in one execution
description:
  - The host's half of the action of the same name, which packs the bundle. Use the role C(mngr_files).
author: mngr-ansible
options:
  bundle:
    description: What is wanted, and the small contents, as base64.
    type: str
  part:
    description:
      - The next part of the large contents, as base64, for a user to whom no upload can be given.
      - It is only collected; the answer says in C(bundle_path) where.
    type: str
  bundle_path:
    description: Where the large contents lie on this host. The file is removed as soon as it is open.
    type: str
"""

REASONS = 200000
"""Characters for all reasons together: ansible-runner throws a result above 700,000 away."""


def prepared(steps, home):
    """Make paths absolute bytes, and let the later win.

    Where two entries want one path, the later counts: of files and links it alone stays, of directories its mode.
    """
    last = {}
    for step in steps:
        step["mirror"] = None if step["mirror"] is None else absolute(step["mirror"], home)
        for entry in step["entries"]:
            entry["path"] = absolute(entry["path"], home)
            entry["target"] = None if entry["target"] is None else as_bytes(entry["target"])
            last[entry["path"]] = entry
    for step in steps:
        for entry in step["entries"]:
            entry["mode"] = last[entry["path"]]["mode"] if entry["kind"] == "directory" else entry["mode"]
        step["entries"] = [e for e in step["entries"] if e["kind"] == "directory" or last[e["path"]] is e]
    return steps


def home_directory():
    """The home of the user that this runs as."""
    home = os.environ.get("HOME", "")
    return as_bytes((home if os.path.isabs(home) else pwd.getpwuid(os.geteuid()).pw_dir).rstrip("/") or "/")


def absolute(path, home):
    """A path as bytes; a leading tilde is the home."""
    return home.rstrip(b"/") + as_bytes(path[1:]) or b"/" if path.startswith("~") else as_bytes(path)


def as_bytes(text):
    """The bytes of a name, whatever the locale of this host."""
    return (text or "").encode("utf-8", "surrogateescape")


def abandon(_signal, _frame):
    """Leave as soon as a signal says so, by way of the removal of temporary files."""
    raise Abandoned


def main():
    """Settle every step of the bundle, whatever became of the others, and say what became of each."""
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
    remote_tmp = os.path.expanduser(os.path.expandvars(module._remote_tmp))
    if module.params["part"] is not None:
        module.exit_json(changed=False, bundle_path=collect(remote_tmp, module.params))
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, abandon)
    umask = os.umask(0)
    try:
        settler, outcomes = settle(module, umask)
    except (OSError, zlib.error, ValueError) as error:
        module.fail_json(msg="What was sent to this host can not be read: %s. Run again." % error)
    except Abandoned:
        sys.exit(1)
    finally:
        os.umask(umask)
    sweep_uploads(remote_tmp)
    forget(remote_tmp)
    for outcome in outcomes:
        if "reason" in outcome:
            outcome["reason"] = outcome["reason"][: max(80, REASONS // len(outcomes))]
    is_changed = any(outcome["files_changed"] or outcome["status"] == "changed" for outcome in outcomes)
    looker = settler.looker
    told = {"wanting": looker.wanting, "befores": looker.befores, "differences": looker.differences}
    module.exit_json(changed=is_changed, mngr_steps=outcomes, **told)


def settle(module, umask):
    """Read the bundle and do what it says."""
    inline = io.BytesIO(base64.b64decode(module.params["bundle"], validate=True))
    path, file = module.params["bundle_path"], None
    if path is not None:
        file = open(path, "rb")
        remove_upload(path)
    try:
        bundle = Bundle(inline, file)
        home = home_directory()
        settler = Settler(bundle, is_dry=bundle.is_dry or module.check_mode, umask=umask, home=home)
        return settler, settler.settle(prepared(bundle.steps, home))
    finally:
        if file is not None:
            file.close()


def collect(remote_tmp, parameters):
    """Put a part of what is sent at the end of a file that only this user can read; where that is."""
    path = parameters["bundle_path"]
    if path is None:
        os.makedirs(remote_tmp, mode=0o700, exist_ok=True)
        path = os.path.join(tempfile.mkdtemp(prefix="ansible-tmp-", dir=remote_tmp), UPLOAD)
    with open(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "ab"
    ) as file:
        file.write(base64.b64decode(parameters["part"], validate=True))
    return path


def remove_upload(path):
    """Take away the name of what was sent, and its directory where that held nothing else."""
    os.unlink(path)
    try:
        os.rmdir(os.path.dirname(path))
    except OSError:
        pass  # Ansible's own, which it removes itself


if __name__ == "__main__":
    main()
