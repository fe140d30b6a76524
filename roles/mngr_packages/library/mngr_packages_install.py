#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install with one package manager what is missing or too old, in one transaction, and nothing else."""

from __future__ import annotations

from fnmatch import fnmatch

DOCUMENTATION = r"""
module: mngr_packages_install
short_description: Install with one package manager what is missing or too old
description:
  - Looks at the host first; where every requirement is satisfied, the manager is not called.
  - Fetches the lists of packages once, and only when they do not offer what is wanted.
  - Never downgrades, removes or releases a held package. All that is required goes into one transaction.
  - Becomes root with C(sudo -n) or C(doas -n) by itself where the manager needs it. Needs no python3-apt or the like.
options:
  requirements:
    description: What the host must have; see the role's argument_specs.
    type: list
    elements: dict
    required: true
  manager:
    description: The package manager; empty means that of the host's system.
    type: str
    choices: ["", apt, dnf, zypper, pacman, apk, brew, npm, uv, pipx, pip]
    default: ""
  install:
    description: C(print) changes nothing and fails with the command that a person would run.
    type: str
    choices: [auto, print]
    default: auto
  timeout:
    description: Seconds after which the manager is stopped on the host.
    type: int
    default: 900
author: [mngr-ansible]
"""

EXAMPLES = r"""
- name: Install packages with the host's manager
  mngr_packages_install:
    requirements: [{name: git, version: ">=2.39"}]
"""

RETURN = r"""
installed:
  description: The ids of the requirements that were installed; in check mode, of those that would be.
  type: list
  returned: always
mngr_steps:
  description: The outcome of requirements that were installed here, or failed.
  type: list
  returned: always
output:
  description: The last lines that the manager said.
  type: str
  returned: when it was asked to change something
"""

from ansible.module_utils import mngr_packages_explanations as trouble  # noqa: E402
from ansible.module_utils import mngr_packages_queries as host  # noqa: E402
from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.mngr_ansible_portable import managers  # noqa: E402


class Installation:
    """One run of the module: what is due on this host, and how it gets there."""

    def __init__(self, module):
        self.module = module
        self.packages = host.Packages(module, module.params["manager"] or host.system_manager() or "apt")
        self.manager = self.packages.manager
        self.privilege = "root"
        self.is_refreshed = False
        self.stale = ""
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
            for scope in ("system", "user"):
                group = [row for row in due if row[0]["is_required"] is is_required and row[0]["scope"] == scope]
                self.install(group, scope, is_required=is_required)
        steps = [{"id": each, "status": "changed", "current": None, "reason": ""} for each in self.installed]
        self.end(changed=bool(self.installed), installed=self.installed, steps=steps)

    def installable(self, due):
        """Leave what this login may install on this host; fail when that is not all that is required."""
        nameless = [row for row in due if not row[0]["packages"].get(self.manager)]
        self.refuse(nameless, f"No package of {self.manager} is known for it; install it by hand")
        due = [row for row in due if row not in nameless]
        if any(managers.needs_root(self.manager, requirement["scope"]) for requirement, _ in due):
            self.privilege = self.packages.privilege()
        names, scope = self.names(due), due[0][0]["scope"] if due else "system"
        command = managers.command_line(
            self.manager, names, "sudo" if self.privilege == "none" else self.privilege, scope
        )
        remedy = ""
        if not self.packages.is_there:
            remedy = f"This host has no {self.manager}; install it by hand"
        elif self.module.params["install"] == "print":
            remedy = f"To install it, run: {command}"
        elif self.privilege == "none":
            remedy = f"The login is not root, and has no sudo without a password; an administrator must run: {command}"
        if remedy:
            self.refuse(due, remedy)
            return []
        patterns = self.packages.held()
        held = [row for row in due if any(fnmatch(name, each) for name in self.names([row]) for each in patterns)]
        self.refuse(
            held, "It is on hold on this host (pacman's IgnorePkg, dnf's versionlock), and never released by us"
        )
        return [row for row in due if row not in held]

    def names(self, rows):
        """The packages of these requirements, each once, in their order."""
        return list(dict.fromkeys(name for requirement, _ in rows for name in self.packages.specified(requirement)))

    def offered(self, due):
        """Leave what the manager can satisfy, after one refresh of its lists where they do not; fail for the rest."""
        wanted = [requirement for requirement, _ in due]
        offers = self.packages.offers(wanted, self.privilege)
        is_fetched = self.packages.row.refresh and (self.manager != "pacman" or offers.lists == "empty")
        if is_fetched and any(self.packages.refusal(requirement, offers) for requirement in wanted):
            self.refresh()
            offers = self.packages.offers(wanted, self.privilege)
        lacking = [row for row in due if self.packages.refusal(row[0], offers)]
        remedy = "Add a package source that has it, or relax the range"
        self.refuse(lacking, f"{remedy}. {self.stale}".rstrip(". "), offers)
        return [row for row in due if row not in lacking]

    def refresh(self):
        """Fetch the lists once. A source that is dead stops nothing: another one may offer what is wanted."""
        self.is_refreshed = True
        code = self.packages.refresh(self.privilege)
        if code:
            self.stale = f"The lists of packages could not be refreshed entirely. {self.explain(code, [])}"
            self.module.warn(self.stale)

    def explain(self, code, names):
        return trouble.explain(
            self.manager, code, self.packages.output, names, self.privilege, self.module.params["timeout"]
        )

    def install(self, due, scope, *, is_required):
        """Install these in one transaction, and look again where it failed: some may be there all the same."""
        names = self.names(due)
        if not names:
            return
        code = self.packages.install(names, scope, self.privilege)
        is_fetched = self.packages.row.refresh and self.manager != "pacman" and not self.is_refreshed
        if code and is_fetched and trouble.is_stale(self.packages.output):
            self.refresh()
            code = self.packages.install(names, scope, self.privilege)
        broken = trouble.broken(self.packages.output) if code else set()
        found = host.ask(self.module, [requirement for requirement, _ in due]) if code else []
        failed = [row for row in found if trouble.is_stopped(code) or self.is_lost(row, broken)]
        lost = {row[0]["id"] for row in failed}
        self.installed += [requirement["id"] for requirement, _ in due if requirement["id"] not in lost]
        if not code:
            if trouble.has_failed_script(self.packages.output):
                self.module.warn(f"{', '.join(names)}: {self.explain(code, names)}")
            return
        why = self.explain(code, names)
        if not is_required or not failed:
            self.module.warn(f"{', '.join(names)}: {why}")
            return
        steps = [host.step(*row, "failed", why) if row in failed else host.step(*row, "changed") for row in found]
        self.end(failed=True, msg=why, steps=steps, changed=len(failed) < len(found))

    def is_lost(self, row, broken):
        """Whether a requirement is not satisfied after a transaction that failed."""
        return row[1].status != "ok" or bool(broken.intersection(row[0]["packages"][self.manager]))

    def refuse(self, rows, remedy, offers=None):
        """Fail before anything changes when one of these is required; warn of the optional ones."""
        told = {}
        for row in rows:
            offer = self.packages.refusal(row[0], offers) if offers is not None else ""
            told[row[0]["id"]] = host.tell(*row) + (f", {offer}" if offer else "")
        required = [row for row in rows if row[0]["is_required"]]
        if required:
            steps = [host.step(*row, "failed", f"{told[row[0]['id']]}. {remedy}") for row in required]
            problem = "; ".join(told[row[0]["id"]] for row in required)
            self.end(failed=True, msg=f"{problem}. {remedy}. No package was changed.", steps=steps)
        for text in told.values():
            self.module.warn(f"{text}. {remedy}.")

    def end(self, *, failed=False, changed=False, installed=(), steps=(), **more):
        result = {"changed": changed, "installed": list(installed), "mngr_steps": list(steps), **more}
        if self.packages.output:
            result["output"] = host.last_lines(self.packages.output)
        (self.module.fail_json if failed else self.module.exit_json)(**result)


def main():
    module = AnsibleModule(
        argument_spec={
            "requirements": {"type": "list", "elements": "dict", "required": True},
            "manager": {"type": "str", "choices": ["", *managers.TABLE], "default": ""},
            "install": {"type": "str", "choices": ["auto", "print"], "default": "auto"},
            "timeout": {"type": "int", "default": 900},
        },
        supports_check_mode=True,
    )
    Installation(module).run()


if __name__ == "__main__":
    main()
