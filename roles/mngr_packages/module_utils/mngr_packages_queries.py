# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of this role ask the host they run on: what it has, what a manager offers, who may become root."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import tempfile
import time

from ansible.module_utils import mngr_packages_explanations as trouble
from ansible.module_utils.mngr_ansible_portable import check_script, checks, managers, versions
from ansible.module_utils.mngr_ansible_portable import offers as candidates

_CHECK_SECONDS = 120
_RUN = re.compile(r"\.mngr-ansible-[0-9a-f]{16}\Z")
_RUN_LIFE = 24 * 3600
_OUTPUT_BYTES = 4096


def system_manager():
    """The manager that this host's system installs with; None where there is none that we know."""
    present = [name for name, row in managers.TABLE.items() if shutil.which(row.program)]
    words = {}
    if os.path.exists("/etc/os-release"):
        with open("/etc/os-release", encoding="utf-8", errors="replace") as file:
            words = dict(line.rstrip().replace('"', "").split("=", 1) for line in file if "=" in line)
    names = f"{words.get('ID', '')} {words.get('ID_LIKE', '')} {'macos' if os.uname().sysname == 'Darwin' else ''}"
    return managers.of_host(names.split(), present)


def complete(module, given=None):
    """The module's requirements with everything spelt out; fails for what cannot be asked or installed."""
    made = []
    try:
        for each in module.params["requirements"] if given is None else given:
            requirement = checks.complete(each)
            versions.Range.parse(requirement["version"])
            if each.get("packages") is None:
                requirement["packages"] = {system_manager() or "apt": [requirement["name"]]}
            requirement["scope"], requirement["exact"] = each.get("scope") or "system", each.get("exact") or {}
            for manager, package in ((name, one) for name, all_ in requirement["packages"].items() for one in all_):
                refused = managers.valid_name(manager, package)
                if refused:
                    raise ValueError(f"{requirement['name']}: {package!r} is no name of a package: {refused}")
            made.append(requirement)
    except ValueError as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")
    return made


def ask(module, requirements):
    """Each requirement with what the host has of it, as :class:`checks.Finding`; read-only."""
    try:
        answer = subprocess.run(
            ["/bin/sh"],
            input=check_script.script(requirements),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            timeout=_CHECK_SECONDS,
        )
        findings = checks.read(answer.stdout.split("\n"), requirements)
        return list(zip(requirements, findings))  # noqa: B905 - Python 3.9 knows no strict; one finding each
    except subprocess.TimeoutExpired:
        module.fail_json(msg=f"The host did not say within {_CHECK_SECONDS} s which packages it has. Run again.")
    except ValueError as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")


def tell(requirement, finding):
    """One clause about a requirement that is not satisfied: what was found and what is wanted."""
    name, wanted = requirement["name"], requirement["version"] or "any version"
    if finding.status == "missing":
        return f"{name}: {finding.reason or 'not found'}, wanted {wanted}"
    if finding.current is None:
        return f"{name}: {finding.reason}"
    return f"{name}: found {finding.current} ({finding.where}), wanted {wanted}"


def offered(module, requirement):
    """What the first manager that a requirement names has of it, as the end of a sentence."""
    manager = next((name for name in requirement["packages"] if name in managers.TABLE), None)
    if manager is None:
        return ""
    packages = Packages(module, manager)
    best = packages.best(requirement, packages.offers([requirement]))
    return f", {manager} offers {best}" if best else ""


def step(requirement, finding, status, reason=""):
    """The outcome of one requirement, as ``mngr_steps`` has it."""
    return {"id": requirement["id"], "status": status, "current": finding.current, "reason": reason}


def own_directory(module):
    """A directory for this module alone; it goes with the module, and with it the run's own one around it.

    That is called ``.mngr-ansible-`` and 16 digits; a dead run's, in which nothing has changed for a day, goes too.
    """
    run = os.path.expanduser(os.path.expandvars(module._remote_tmp))
    if _RUN.match(os.path.basename(run)):
        atexit.register(_remove_if_empty, run)
        for name in os.listdir(os.path.dirname(run)) if os.path.isdir(os.path.dirname(run)) else ():
            path = os.path.join(os.path.dirname(run), name)
            if _RUN.match(name) and path != run and _is_dead(path):
                shutil.rmtree(path, ignore_errors=True)
    return module.tmpdir


def _remove_if_empty(directory):
    try:
        os.rmdir(directory)
    except OSError:
        pass


def _is_dead(directory):
    try:
        states = [os.lstat(directory), *(os.lstat(os.path.join(directory, name)) for name in os.listdir(directory))]
    except OSError:
        return False
    return all(state.st_uid == os.geteuid() and time.time() - state.st_mtime > _RUN_LIFE for state in states)


class Packages:
    """One package manager on this host, within a number of seconds for everything that it is asked to change."""

    def __init__(self, module, manager):
        home = os.path.expanduser("~")
        own = [f"{home}/{each}" for each in (".local/bin", ".cargo/bin", ".npm-global/bin")]
        os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin", *own])
        self.manager, self.row, self.home = manager, managers.TABLE[manager], home
        self._directory = own_directory(module)
        self._deadline = time.monotonic() + module.params.get("timeout", 0)
        self.is_there = bool(shutil.which(self.row.program))
        self.output = ""

    @staticmethod
    def privilege():
        """How this login becomes root without a question: ``root``, ``sudo``, ``doas`` or ``none``."""
        if os.geteuid() == 0:
            return "root"
        for program in ("sudo", "doas"):
            if shutil.which(program) and not _run([program, "-n", "true"], None)[0]:
                return program
        return "none"

    def specified(self, requirement):
        """A requirement's packages as this manager is told of them; none where it has no package for it."""
        names, exact = requirement["packages"].get(self.manager, ()), requirement["exact"].get(self.manager)
        return [managers.specified(self.manager, name, requirement["version"], exact) for name in names]

    def offers(self, requirements, privilege="root"):
        """What this manager offers of these requirements' packages, and how old its lists are."""
        names = list(dict.fromkeys(name for each in requirements for name in self.specified(each)))
        if not names or not self.is_there:
            return candidates.ManagerOffers("own", {})
        asked = {self.manager: names}
        text = candidates.script(asked, privilege)
        return candidates.read(_run(["/bin/sh", "-c", text], self._directory)[1].split("\n"), asked)[self.manager]

    def refusal(self, requirement, offers):
        """Why what is offered does not satisfy this, as the end of a sentence; empty where it does, or nobody knows.

        The first package counts: its version is the requirement's, unless the requirement says which one it gets.
        """
        wanted = versions.Range.parse(requirement["version"])
        for position, spec in enumerate(self.specified(requirement)):
            offer = offers.offers.get(spec)
            if offer is None or not offer.is_known:
                continue
            best = candidates.best(offer)
            if best is None:
                name = requirement["packages"][self.manager][position]
                return offer.why or f"{self.manager} offers no package {name}"
            if position == 0 and not requirement["exact"] and wanted.judge(best) != "ok":
                return f"{self.manager} offers {best}"
        return ""

    def best(self, requirement, offers):
        """The version that is offered of a requirement's first package; None where that is not known."""
        first = next(iter(self.specified(requirement)), None)
        return candidates.best(offers.offers[first]) if first in offers.offers else None

    def refresh(self, privilege):
        """Fetch the lists of packages; the exit status."""
        return self._change(self.row.refresh, privilege)

    def install(self, names, scope, privilege):
        """Install or upgrade these packages in one transaction; the exit status."""
        privilege = privilege if managers.needs_root(self.manager, scope) else "root"
        return self._change(managers.install(self.manager, names, scope, self.home), privilege)

    def held(self):
        """What the host's own configuration holds back, and the manager would not say so: patterns of names.

        pacman asks, and takes a yes; dnf finds nothing to do.
        """
        if self.manager == "pacman":
            groups = _run(["pacman-conf", "IgnoreGroup"], self._directory)[1].split()
            members = _run(["pacman", "--sync", "--groups", "--quiet", *groups], self._directory)[1] if groups else ""
            return {*_run(["pacman-conf", "IgnorePkg"], self._directory)[1].split(), *members.split()}
        if self.manager == "dnf":
            said = _run(["dnf", "-q", "-C", "--setopt=exit_on_lock=True", "versionlock", "list"], self._directory)[1]
            return set(re.findall(r"(?m)^!?([^\s!].*)-\d+:[^-\s]+-[^-\s]+$", said))
        return set()

    def _change(self, argv, privilege):
        """Run the manager; wait for the locks that it does not wait for by itself, such as that of apt's lists."""
        give_up = min(time.monotonic() + managers.LOCK_SECONDS, self._deadline)
        locked = None
        while True:
            seconds = max(1, int(self._deadline - time.monotonic()))
            patient = managers.waiting(self.manager, argv, min(managers.LOCK_SECONDS, seconds // 2))
            bounded = managers.bounded(managers.with_environment(self.manager, patient), seconds)
            code, self.output = _run(managers.privileged(bounded, privilege), self._directory)
            if trouble.is_stopped(code) and locked:  # this try had no time left: what the last one said is why
                code, self.output = locked
                return code
            is_locked = code and self.row.locked and re.search(self.row.locked, self.output)
            if not is_locked or "Waiting for" in self.output or time.monotonic() > give_up:
                return code
            locked = code, self.output
            time.sleep(1)


def _run(argv, directory):
    """Run a command without a terminal and without input; its exit status and all that it said.

    What it says goes to a file, not to a pipe: a service that a package starts would hold a pipe open for ever.
    """
    with tempfile.TemporaryFile(dir=directory) as said:
        code = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT).returncode
        said.seek(0)
        return code, said.read().decode("utf-8", "replace")


def last_lines(output):
    """The end of what a command said, whole lines, at most 4 KiB."""
    end = output[-_OUTPUT_BYTES:]
    return end if len(end) == len(output) else end.partition("\n")[2]
