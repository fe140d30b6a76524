#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install with apt what is missing or too old, in one transaction, and nothing else."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mngr_packages_apt
short_description: Install with apt what is missing or too old
description:
  - Looks at the host first; where every requirement is satisfied, apt is not called.
  - Fetches the lists of packages once, and only when they do not offer what is wanted.
  - Never downgrades, removes or releases a held package. All that is required goes into one transaction.
  - Becomes root with C(sudo -n) or C(doas -n) by itself. Needs no python3-apt.
options:
  requirements:
    description: What the host must have; see the role's argument_specs.
    type: list
    elements: dict
    required: true
  install:
    description: C(print) changes nothing and fails with the command that a person would run.
    type: str
    choices: [auto, print]
    default: auto
  timeout:
    description: Seconds after which apt is stopped on the host.
    type: int
    default: 900
author: [mngr-ansible]
"""

EXAMPLES = r"""
- name: Install packages with apt
  mngr_packages_apt:
    requirements: [{name: git, version: ">=2.39"}]
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
  description: The last lines that apt said.
  type: str
  returned: when apt was asked to change something
"""

from ansible.module_utils import mngr_ansible_managers as managers  # noqa: E402
from ansible.module_utils import mngr_ansible_versions as versions  # noqa: E402
from ansible.module_utils import mngr_packages_host as host  # noqa: E402
from ansible.module_utils import mngr_packages_trouble as trouble  # noqa: E402
from ansible.module_utils.basic import AnsibleModule  # noqa: E402


class Installation:
    """One run of the module: what is due on this host, and how it gets there."""

    def __init__(self, module):
        self.module = module
        self.apt = host.Apt(module)
        self.privilege = "root"
        self.is_refreshed = False
        self.installed = []

    def run(self):
        rows = host.ask(self.module, host.complete(self.module))
        self.refuse([row for row in rows if row[1].status in ("too-new", "unknown")], "It is never installed over")
        due = [row for row in rows if row[1].status in ("missing", "too-old")]
        if due:
            due = self.installable(due)
        if self.module.check_mode:
            self.end(changed=bool(due), installed=[requirement["id"] for requirement, _ in due])
        due = self.offered(due)
        for is_required in (True, False):
            self.install([row for row in due if row[0]["is_required"] is is_required], is_required)
        self.end(changed=bool(self.installed), installed=self.installed)

    def installable(self, due):
        """Leave what this login may install on this host; fail when that is not all that is required."""
        self.privilege = self.apt.privilege()
        nameless = [row for row in due if not row[0]["packages"].get("apt")]
        self.refuse(nameless, "No package of apt is known for it; install it by hand")
        due = [row for row in due if row not in nameless]
        names = _names(due)
        command = managers.command_line("apt", names, "sudo" if self.privilege == "none" else self.privilege)
        remedy = ""
        if not self.apt.is_there:
            remedy = "This host has no apt; install it by hand"
        elif self.module.params["install"] == "print":
            remedy = f"To install it, run: {command}"
        elif self.privilege == "none":
            remedy = f"The login is not root, and has no sudo without a password; an administrator must run: {command}"
        if remedy:
            self.refuse(due, remedy)
            return []
        return due

    def offered(self, due):
        """Leave what apt can satisfy, after one refresh of its lists where they do not; fail for what is required."""
        offers = self.apt.offers([requirement for requirement, _ in due])
        if any(_refusal(requirement, offers) for requirement, _ in due):
            self.refresh()
            offers = self.apt.offers([requirement for requirement, _ in due])
        lacking = [row for row in due if _refusal(row[0], offers)]
        self.refuse(lacking, "Add a package source that has it, or relax the range", offers)
        return [row for row in due if row not in lacking]

    def refresh(self):
        """Fetch the lists once. A source that is dead stops nothing: another one may offer what is wanted."""
        self.is_refreshed = True
        code = self.apt.refresh(self.privilege)
        if code:
            why = trouble.explain(code, self.apt.output, [], self.privilege, self.module.params["timeout"])
            self.module.warn(f"The lists of packages could not be refreshed entirely. {why}")

    def install(self, due, is_required):
        """Install these in one transaction, and look again where it failed: some may be there all the same."""
        names = _names(due)
        if not names:
            return
        code = self.apt.install(names, self.privilege)
        if code and not self.is_refreshed and trouble.is_stale(self.apt.output):
            self.refresh()
            code = self.apt.install(names, self.privilege)
        broken = trouble.broken(self.apt.output) if code else set()
        found = host.ask(self.module, [requirement for requirement, _ in due]) if code else []
        failed = [row for row in found if row[1].status != "ok" or broken.intersection(row[0]["packages"]["apt"])]
        lost = {row[0]["id"] for row in failed}
        self.installed += [requirement["id"] for requirement, _ in due if requirement["id"] not in lost]
        if not code:
            return
        why = trouble.explain(code, self.apt.output, names, self.privilege, self.module.params["timeout"])
        if not is_required or not failed:
            self.module.warn(f"{', '.join(names)}: {why}")
            return
        steps = [host.step(*row, "failed", why) if row in failed else host.step(*row, "changed") for row in found]
        self.end(failed=True, msg=why, steps=steps, changed=len(failed) < len(found))

    def refuse(self, rows, remedy, offers=None):
        """Fail before anything changes when one of these is required; warn of the optional ones."""
        told = {row[0]["id"]: host.tell(*row) + _offer(row[0], offers) for row in rows}
        required = [row for row in rows if row[0]["is_required"]]
        if required:
            steps = [host.step(*row, "failed", f"{told[row[0]['id']]}. {remedy}") for row in required]
            problem = "; ".join(told[row[0]["id"]] for row in required)
            self.end(failed=True, msg=f"{problem}. {remedy}. No package was changed.", steps=steps)
        for text in told.values():
            self.module.warn(f"{text}. {remedy}.")

    def end(self, *, failed=False, changed=False, installed=(), steps=(), **more):
        result = {"changed": changed, "installed": list(installed), "mngr_steps": list(steps), **more}
        if self.apt.output:
            result["output"] = host.last_lines(self.apt.output)
        (self.module.fail_json if failed else self.module.exit_json)(**result)


def _names(rows):
    """The packages of these requirements, each once, in their order."""
    return list(dict.fromkeys(name for requirement, _ in rows for name in requirement["packages"]["apt"]))


def _refusal(requirement, offers):
    """Whether what apt offers does not satisfy this: a package is unknown, or the first one's version does not fit."""
    names = requirement["packages"]["apt"]
    fits = all(name in offers for name in names)
    wanted = versions.Range.parse(requirement["version"])
    return not fits or wanted.judge(versions.upstream(offers[names[0]])) != "ok"


def _offer(requirement, offers):
    """What apt has of it, as the end of a sentence."""
    if offers is None:
        return ""
    lacking = [name for name in requirement["packages"]["apt"] if name not in offers]
    if lacking:
        return f", apt offers no package {', '.join(lacking)}"
    return f", apt offers {versions.upstream(offers[requirement['packages']['apt'][0]])}"


def main():
    module = AnsibleModule(
        argument_spec={
            "requirements": {"type": "list", "elements": "dict", "required": True},
            "install": {"type": "str", "choices": ["auto", "print"], "default": "auto"},
            "timeout": {"type": "int", "default": 900},
        },
        supports_check_mode=True,
    )
    Installation(module).run()


if __name__ == "__main__":
    main()
