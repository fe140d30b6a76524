#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add third parties' package repositories to apt, dnf or zypper, each with the one key that is named."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mngr_packages_repository
short_description: Add third parties' package repositories, each with its key
description:
  - The fingerprint of the key is computed on the host and compared before anything is written; no gpg is needed.
    Other keys that come with it are left out. Signatures are always checked.
  - A file of that name which this module did not write is never overwritten. A repository that the host has already,
    in another file, is left as it is.
options:
  repositories:
    description:
      - Each has C(manager) (apt, dnf, zypper), C(name) (of its files), C(url), C(key) (armored text, or its https
        address), C(fingerprint) (40 hexadecimal digits of the primary key), and for apt C(suite) and C(component).
    type: list
    elements: dict
    required: true
  install:
    description: C(print) changes nothing and fails with what a person would write.
    type: str
    choices: [auto, print]
    default: auto
  timeout:
    description: Seconds that each download may take.
    type: int
    default: 900
author: [mngr-ansible]
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
added:
  description: The names of the repositories that were added or brought up to date; in check mode, that would be.
  type: list
  returned: always
mngr_steps:
  description: The outcome of every repository, as C(repository:) and its name.
  type: list
  returned: always
"""

import os  # noqa: E402
import tempfile  # noqa: E402

from ansible.module_utils import mngr_packages_download as download  # noqa: E402
from ansible.module_utils import mngr_packages_executor as root  # noqa: E402
from ansible.module_utils import mngr_packages_keys as keys  # noqa: E402
from ansible.module_utils import mngr_packages_queries as host  # noqa: E402
from ansible.module_utils import mngr_packages_repositories as lists  # noqa: E402
from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.mngr_ansible_portable import repositories  # noqa: E402

_KEY_BYTES = 1 << 20
_RPM_SECONDS = 60


class TroubleError(Exception):
    """Why a repository cannot be added, as a sentence without a full stop."""


class Addition:
    """One run of the module: each repository in its turn; nothing is written before all are known to be right."""

    def __init__(self, module):
        self.module = module
        self.steps = []

    def run(self):
        due, failed = [], []
        for given in self.module.params["repositories"]:
            try:
                repository = lists.complete(given)
                contents = self.contents(repository)
            except (TroubleError, lists.ListError) as error:
                failed.append(f"{given.get('name')}: {error}")
                self.step(given, "failed", failed[-1])
                continue
            if contents:
                due.append((repository, contents))
            else:
                self.step(repository, "ok")
        if failed:
            self.end(msg=f"{'; '.join(failed)}. Nothing was written.")
        if self.module.check_mode or not due:
            self.end(added=[repository["name"] for repository, _ in due])
        hand = root.Hand(self.module, "system")
        self.refuse(due, hand)
        self.write(due, hand)

    def contents(self, repository):
        """The files of a repository with what is to be in them; empty where nothing has to change."""
        wanted = repository["text"]
        known = lists.elsewhere(repository)
        if known:
            self.module.warn(f"{repository['name']}: the host has it already, in {known}; it was left as it is.")
            return {}
        for path in (repository["key_path"], repository["path"]):
            if _read(path) is not None and not _read(path).startswith(repositories.MARK.encode()):
                raise TroubleError(f"{path} was not written by mngr-ansible, and is never overwritten")
        contents = {repository["key_path"]: self.key(repository), repository["path"]: wanted.encode()}
        is_same = all(_read(path) == content for path, content in contents.items())
        is_known = repository["manager"] != "zypper" or lists.is_imported(repository["fingerprint"])
        return {} if is_same and is_known else contents

    def key(self, repository):
        """The text of the key file; where it is there already from an address, that is not asked again."""
        content, fingerprint = repository["key"].encode(), repository["fingerprint"]
        try:
            if not download.is_address(repository["key"]):
                return _marked(keys.only(content, fingerprint))
            self.module.no_log_values.update(download.secrets(repository["key"]))
            present = _read(repository["key_path"])
            if present and _is_key(present, fingerprint):
                return present
            path = os.path.join(tempfile.mkdtemp(dir=host.own_directory(self.module)), "key")
            download.fetch(repository["key"], path, _KEY_BYTES, self.module.params["timeout"])
            return _marked(keys.only(_read(path), fingerprint))
        except (download.DownloadError, keys.KeyTroubleError) as error:
            raise TroubleError(f"its key cannot be trusted: {error}") from None

    def refuse(self, due, hand):
        """Fail where nothing may be written: by the user's choice, or since the login is not root."""
        paths = [path for _, contents in due for path in contents]
        why = ""
        if self.module.params["install"] == "print":
            why = "To add them, write as root"
        elif hand.privilege == "none":
            why = "The login is not root, and has no sudo without a password; an administrator must write"
        if why:
            for repository, _ in due:
                self.step(repository, "failed", why)
            names = ", ".join(repository["name"] for repository, _ in due)
            texts = "\n".join(repository["text"] for repository, _ in due)
            self.end(msg=f"Package repositories are missing: {names}. {why} {', '.join(paths)}.", output=texts)

    def write(self, due, hand):
        """Write all that is due; what failed is told, and the others are there."""
        failed, added = [], []
        for repository, contents in due:
            why = hand.place(contents, "0644")
            if not why and repository["manager"] == "zypper":
                code = hand.run(["rpm", "--import", repository["key_path"]], _RPM_SECONDS)
                why = f"rpm did not take its key: {host.last_lines(hand.output).strip()}" if code else ""
            self.step(repository, "failed" if why else "changed", why)
            if why:
                failed.append(f"{repository['name']}: {why}")
            else:
                added.append(repository["name"])
        if failed:
            self.end(msg=f"{'; '.join(failed)}. Put it right on the host, and run again.", added=added)
        self.end(added=added)

    def step(self, repository, status, reason=""):
        step = {"id": f"repository:{repository.get('name')}", "status": status, "current": None, "reason": reason}
        self.steps.append(step)

    def end(self, *, added=(), **more):
        result = {"changed": bool(added), "added": list(added), "mngr_steps": self.steps, **more}
        (self.module.fail_json if "msg" in more else self.module.exit_json)(**result)


def _read(path):
    """The content of a file; None where there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TroubleError(f"{path} cannot be read: {error.strerror}") from None


def _marked(text):
    return repositories.marked(text).encode()


def _is_key(content, fingerprint):
    try:
        return _marked(keys.only(content, fingerprint)) == content
    except keys.KeyTroubleError:
        return False


def main():
    module = AnsibleModule(
        argument_spec={
            "repositories": {"type": "list", "elements": "dict", "required": True},
            "install": {"type": "str", "choices": ["auto", "print"], "default": "auto"},
            "timeout": {"type": "int", "default": 900},
        },
        supports_check_mode=True,
    )
    Addition(module).run()


if __name__ == "__main__":
    main()
