#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of ``mngr_files_copy``: the action plugin of that name does the work, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mngr_files_copy
short_description: Copy files and directories to a host, all in one task
description:
  - Copies the files, directories and links of O(transfers) in one task, however many they are.
  - What is equal already is not touched. A second run changes nothing.
  - The role C(mngr_files) runs it with the variable C(mngr_files_transfers), and registers C(mngr_files_result).
options:
  transfers:
    description:
      - What to copy. A transfer has a O(transfers[].remote_path), and a O(transfers[].local_path) or
        O(transfers[].content). A program may give O(transfers[].entries) instead.
      - Paths are names, never patterns or templates. C($) and C(~) have no special meaning, except a leading C(~/).
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: The id of its outcome. By default C(file:) and the remote path.
        type: str
      id_b64:
        description: The same as base64, for a name that is not UTF-8.
        type: str
      local_path:
        description:
          - The file or directory on the controller. A leading C(~/) is the home of the user who runs Ansible.
          - A relative one is looked for as M(ansible.builtin.copy) does, in C(files/) of the role that includes
            C(mngr_files) and of those around it, then beside the playbook. The first that exists is taken.
          - The contents of a directory are copied into the remote path; links inside it stay links.
        type: path
      content:
        description:
          - The content of one file, instead of O(transfers[].local_path). A dictionary or list is written as JSON.
          - The file gets the mode V(0644), or V(0600) if it is a secret, unless O(transfers[].mode) is given.
        type: raw
      template:
        description:
          - Whether the source is a template. It is rendered as M(ansible.builtin.template) does, and is looked for in
            C(templates/) before C(files/). Of a directory, every file is rendered and keeps its name.
        type: bool
        default: false
      decrypt:
        description:
          - Whether what Ansible Vault has encrypted is decrypted on the controller. It is a secret then.
        type: bool
        default: true
      remote_path:
        description: Where it goes on the host. Absolute, or beginning with C(~/) for the home of the task's user.
        type: str
      mode:
        description:
          - The mode of every file, such as V("0644"), at most 0777. By default the mode of the source, or for a secret
            V(0600) (V(0700) for a program).
        type: str
      directory_mode:
        description:
          - The mode of every directory of the transfer, and of missing parents. By default the mode of the source
            (V(0700) for a secret), and V(0755) less the umask for parents.
        type: str
      is_secret:
        description:
          - Whether all of it is secret. A diff does not show a secret, and only its owner can read it on the host.
          - A file that only its owner may read is always a secret, and so is what was encrypted with Ansible Vault.
          - Without it, O(transfers[].content) and templates are secret if a value that Ansible Vault has encrypted is
            in them, as it is in its variable. With V(false) they are not.
        type: bool
      is_required:
        description: Whether a missing source is an error. Otherwise the transfer is skipped.
        type: bool
        default: true
      owner:
        description:
          - The owner of the files, the directories and missing parents, a name or number of the host; needs root.
            By default the task's user; a file that root replaces keeps its owner.
        type: str
      group:
        description: The group, in the same way.
        type: str
      symlinks:
        description:
          - What happens to links inside a directory. V(keep) copies links that are relative and stay inside it, and
            fails for others; V(follow) copies what they lead to; V(refuse) fails.
        type: str
        choices: [keep, follow, refuse]
        default: keep
      if_exists:
        description:
          - What happens to what exists. V(keep) leaves it as it is. V(backup) keeps the replaced file under a second
            name, which ends in C(.mngr-backup-) and the time.
        type: str
        choices: [replace, keep, backup]
        default: replace
      mirror:
        description:
          - Whether files on the host that are not in the source directory are deleted. With O(transfers[].if_exists)
            V(backup) they are renamed to backups.
        type: bool
        default: false
      may_be_empty:
        description:
          - Whether O(transfers[].mirror) may delete everything on the host because the source directory has no file.
            Otherwise that fails, since such a source is mostly a mount that is not there.
        type: bool
        default: false
      is_due:
        description: With O(transfers[].entries), whether the host is known to need all of them. It is not asked again.
        type: bool
        default: false
      entries:
        description: Every single path, given by a program; the README of the role C(mngr_files) says how.
        type: list
        elements: dict
attributes:
  check_mode:
    description: Can run in check mode, and then reports what a run would do, also on a host without Python.
    support: full
  diff_mode:
    description: Shows text that changes, and describes everything else; never shows a secret.
    support: full
  action:
    description: Has an action plugin, which reads the sources on the controller.
    support: full
notes:
  - The host needs Python 3.9 or newer, and nothing else.
author: ["mngr-ansible (!UNKNOWN)"]
seealso:
  - module: ansible.builtin.copy
  - module: ansible.builtin.template
"""

EXAMPLES = r"""
- name: Copy a file, a directory and a secret
  mngr_files_copy:
    transfers:
      - {local_path: motd, remote_path: /etc/motd, mode: "0644"}
      - {local_path: skel, remote_path: ~/.config/agent}
      - {local_path: npmrc.vault, remote_path: ~/.npmrc} # decrypted; the mode is 0600

- name: Write a secret of a variable, and a file from a template
  mngr_files_copy:
    transfers:
      - content: "{{ agent_token }}"
        remote_path: ~/.config/agent/token
        is_secret: true
      - local_path: agent.conf.j2
        remote_path: /etc/agent.conf
        template: true
        mode: "0644"
  become: true
  notify: Restart the agent
"""

RETURN = r"""
mngr_steps:
  description: The outcome of each transfer, in the order of O(transfers). It never contains content.
  type: list
  elements: dict
  returned: always
  contains:
    id:
      description: The id of the transfer; by default C(file:) and the remote path.
      type: str
      returned: always
      sample: file:/etc/motd
    status:
      description: V(ok), V(changed), V(skipped) or V(failed); in check mode what a run would report.
      type: str
      returned: always
      sample: changed
    files_changed:
      description: How many files and links were written, changed or deleted.
      type: int
      returned: always
      sample: 1
    reason:
      description: What there is to explain, without a full stop.
      type: str
      returned: if there is something to explain
      sample: the optional source motd does not exist
msg:
  description: Why the task failed, and what to do.
  type: str
  returned: on failure
  sample: "The transfer failed: /etc: is a directory; give the full file name, such as /etc/motd. Run again."
"""
