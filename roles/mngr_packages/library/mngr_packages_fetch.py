#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install what is missing or too old from installers and archives, each held to its checksum."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mngr_packages_fetch
short_description: Install what is missing or too old from installers and archives
description:
  - Looks at the host first; where every requirement is satisfied, nothing is downloaded.
  - Downloads over https alone. Nothing is run or unpacked before everything is here and has the right SHA-256.
  - An installer runs without a terminal and without input, and when it fails or is stopped no process of it is left.
  - Of an archive only the named programs are taken. The requirement's own checks decide about success.
options:
  requirements:
    description:
      - What the host must have; see the role's argument_specs. Each has C(url), C(sha256), C(scope), and in
        C(packages) either C(archive) with the programs to take, or C(installer).
    type: list
    elements: dict
    required: true
  install:
    description: C(print) changes nothing and fails with what a person would do.
    type: str
    choices: [auto, print]
    default: auto
  timeout:
    description: Seconds that all downloads, and then all installations, may take on the host.
    type: int
    default: 900
author: [mngr-ansible]
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
  returned: always
mngr_steps:
  description: The outcome of requirements that failed here.
  type: list
  returned: always
output:
  description: The last lines that the last installer said.
  type: str
  returned: when an installer was run
"""

import hmac  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402

from ansible.module_utils import mngr_packages_archives as archives  # noqa: E402
from ansible.module_utils import mngr_packages_download as download  # noqa: E402
from ansible.module_utils import mngr_packages_executor as root  # noqa: E402
from ansible.module_utils import mngr_packages_queries as host  # noqa: E402
from ansible.module_utils.basic import AnsibleModule  # noqa: E402

_LIMIT = 1 << 30


class Fetching:
    """One run of the module: what is due on this host, and how it gets there."""

    def __init__(self, module):
        self.module = module
        self.hands = {}
        self.files = {}
        self.output = ""
        self.is_changed = False
        self._restart()

    def run(self):
        rows = host.ask(self.module, self.complete())
        self.refuse({row[0]["id"]: (row, "It is never installed over") for row in rows if _is_foreign(row)})
        due = [row for row in rows if row[1].status in ("missing", "too-old")]
        due = self.allowed(due) if due else due
        if self.module.check_mode:
            self.end(changed=bool(due), installed=[requirement["id"] for requirement, _ in due])
        due = self.fetched(due)
        self._restart()
        troubles = {requirement["id"]: self.install(requirement) for requirement, _ in due}
        self.judge(host.ask(self.module, [requirement for requirement, _ in due]) if due else [], troubles)

    def complete(self):
        """The requirements with everything spelt out; fails for what cannot be fetched safely."""
        made = host.complete(self.module)
        for requirement, given in zip(made, self.module.params["requirements"]):  # noqa: B905 - Python 3.9
            for key in ("url", "sha256", "scope"):
                requirement[key] = given.get(key) or ("system" if key == "scope" else "")
            self.module.no_log_values.update(download.secrets(str(requirement["url"])))
            why = _unsafe(requirement)
            if why:
                self.module.fail_json(msg=f"{requirement['name']}: {why}. Nothing was changed.")
        return made

    def allowed(self, due):
        """Leave what this login may install on this host; fail when that is not all that is required."""
        for scope in sorted({requirement["scope"] for requirement, _ in due}):
            self.hands[scope] = root.Hand(self.module, scope)
        refused = {}
        for row in due:
            by_hand = _by_hand(row[0])
            if self.module.params["install"] == "print":
                refused[row[0]["id"]] = (row, f"To install it, {by_hand}")
            elif self.hands[row[0]["scope"]].privilege == "none":
                lacks = "The login is not root, and has no sudo without a password; an administrator must"
                refused[row[0]["id"]] = (row, f"{lacks} {by_hand}")
        self.refuse(refused)
        return [row for row in due if row[0]["id"] not in refused]

    def fetched(self, due):
        """Leave what could be downloaded and has the right checksum; fail when that is not all that is required."""
        refused = {}
        for row in due:
            requirement = row[0]
            path = os.path.join(tempfile.mkdtemp(dir=host.own_directory(self.module)), "download")
            try:
                found = download.fetch(requirement["url"], path, _LIMIT, self.seconds)
            except download.DownloadError as error:
                refused[requirement["id"]] = (row, str(error))
                continue
            if hmac.compare_digest(found, requirement["sha256"].lower()):
                self.files[requirement["id"]] = path
                continue
            os.unlink(path)
            url = download.shown(requirement["url"])
            sums = f"has the SHA-256 {found}, wanted {requirement['sha256'].lower()}"
            refused[requirement["id"]] = (row, f"{url} {sums}; nothing of it was run, and it was removed")
        self.refuse(refused)
        return [row for row in due if row[0]["id"] not in refused]

    def install(self, requirement):
        """Install one; why that did not work, as a clause, empty when it did."""
        if "installer" in requirement["packages"]:
            return self.run_installer(requirement)
        hand, path = self.hands[requirement["scope"]], self.files[requirement["id"]]
        names = list(dict.fromkeys(requirement["packages"]["archive"]))
        place = "/usr/local/bin" if requirement["scope"] == "system" else f"{hand.home}/.local/bin"
        try:
            with download.within(self.seconds):
                found = archives.take(path, names, tempfile.mkdtemp(dir=host.own_directory(self.module)), _LIMIT)
        except (archives.ArchiveError, download.DownloadError) as error:
            return f"{download.shown(requirement['url'])}: {error}"
        except OSError as error:
            return f"it could not be unpacked: {error.strerror}"
        why = hand.place({f"{place}/{os.path.basename(each)}": each for each in found}, "0755")
        self.is_changed = self.is_changed or not why
        return f"it could not be put into {place}: {why}" if why else ""

    def run_installer(self, requirement):
        hand, path, seconds = self.hands[requirement["scope"]], self.files[requirement["id"]], round(self.seconds)
        self.is_changed = True
        code = hand.run([*_interpreter(path), path], seconds)
        self.output = hand.output
        if code in (124, 137):
            return f"its installer did not end within {seconds} s and was stopped"
        return f"its installer ended with status {code}" if code else ""

    def judge(self, rows, troubles):
        """Tell the outcome: the requirements' own checks decide, whatever an installer said of itself."""
        lacking = {row[0]["id"]: row for row in rows if row[1].status != "ok"}
        installed = [row[0]["id"] for row in rows if row[0]["id"] not in lacking]
        told = {}
        for requirement, finding in rows:
            why = troubles[requirement["id"]]
            if requirement["id"] in lacking:
                came = f" after {download.shown(requirement['url'])} was installed" if not why else ""
                told[requirement["id"]] = host.tell(requirement, finding) + came + (f"; {why}" if why else "")
            elif why:
                self.module.warn(f"{requirement['name']} is there, but {why}.")
        required = [told[key] for key, row in lacking.items() if row[0]["is_required"]]
        for key, row in lacking.items():
            if not row[0]["is_required"]:
                self.module.warn(f"{told[key]}. It is optional.")
        if not required:
            self.end(changed=self.is_changed, installed=installed)
        steps = [_step(row, told.get(row[0]["id"])) for row in rows]
        remedy = "Check the url and what the installer said, or relax the range"
        msg = f"{'; '.join(required)}. {remedy}."
        self.end(failed=True, msg=msg, steps=steps, changed=self.is_changed, installed=installed)

    def refuse(self, refused):
        """Fail before anything changes when one of these is required; warn of the optional ones."""
        told = {key: f"{host.tell(*row)}. {remedy}" for key, (row, remedy) in refused.items()}
        required = [key for key, (row, _) in refused.items() if row[0]["is_required"]]
        if required:
            steps = [host.step(*refused[key][0], "failed", told[key]) for key in required]
            self.end(failed=True, msg=f"{'. '.join(told[key] for key in required)}. Nothing was changed.", steps=steps)
        for text in told.values():
            self.module.warn(f"{text}. It is optional.")

    def end(self, *, failed=False, changed=False, installed=(), steps=(), **more):
        result = {"changed": changed, "installed": list(installed), "mngr_steps": list(steps), **more}
        if self.output:
            result["output"] = host.last_lines(self.output)
        (self.module.fail_json if failed else self.module.exit_json)(**result)

    def _restart(self):
        self._deadline = time.monotonic() + self.module.params["timeout"]

    @property
    def seconds(self):
        """How much of the time is left."""
        return max(1.0, self._deadline - time.monotonic())


def _is_foreign(row):
    return row[1].status in ("too-new", "unknown")


def _step(row, reason):
    if reason is None:
        return host.step(*row, "changed")
    return host.step(*row, "failed", reason)


def _unsafe(requirement):
    """Why this may not be fetched; None when it may."""
    kinds = [kind for kind in ("archive", "installer") if kind in requirement["packages"]]
    if len(kinds) != 1:
        return "packages must say either archive or installer"
    if not isinstance(requirement["url"], str) or not download.is_address(requirement["url"]):
        return "its url is no https address"
    if not isinstance(requirement["sha256"], str) or not re.fullmatch(r"[0-9a-fA-F]{64}", requirement["sha256"]):
        return f"an {kinds[0]} without a SHA-256 of 64 hexadecimal digits is never fetched"
    if requirement["scope"] not in ("system", "user"):
        return "its scope is neither system nor user"
    if kinds == ["archive"] and not requirement["packages"]["archive"]:
        return "archive must name the programs that are taken out of it"
    return None


def _by_hand(requirement):
    """What a person would do, as the end of a sentence."""
    who = "as root" if requirement["scope"] == "system" else "as the login"
    url, checksum = download.shown(requirement["url"]), requirement["sha256"].lower()
    what = f"download {url}, see that its SHA-256 is {checksum}, and"
    if "installer" in requirement["packages"]:
        return f"{what} run it {who}"
    place = "/usr/local/bin" if requirement["scope"] == "system" else "~/.local/bin"
    return f"{what} put {', '.join(requirement['packages']['archive'])} from it into {place} {who}"


def _interpreter(path):
    """What runs a file: the interpreter of its first line, nothing for a binary program, else sh."""
    with open(path, "rb") as file:
        first = file.readline(256)
    if first.startswith((b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")):
        os.chmod(path, 0o700)
        return []
    words = first[2:].decode("utf-8", "replace").strip().split(None, 1) if first.startswith(b"#!") else []
    return words or ["/bin/sh"]


def main():
    module = AnsibleModule(
        argument_spec={
            "requirements": {"type": "list", "elements": "dict", "required": True},
            "install": {"type": "str", "choices": ["auto", "print"], "default": "auto"},
            "timeout": {"type": "int", "default": 900},
        },
        supports_check_mode=True,
    )
    Fetching(module).run()


if __name__ == "__main__":
    main()
