# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two modules of this role ask the host they run on: what it has, what apt offers, who may become root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time

from ansible.module_utils import mngr_ansible_checks as checks
from ansible.module_utils import mngr_ansible_managers as managers
from ansible.module_utils import mngr_ansible_versions as versions

_CHECK_SECONDS = 120
_OUTPUT_BYTES = 4096


def complete(module):
    """The module's requirements with everything spelt out; fails for what cannot be asked or installed."""
    try:
        requirements = [checks.complete(given, "apt") for given in module.params["requirements"]]
        for requirement in requirements:
            versions.Range.parse(requirement["version"])
            for package in requirement["packages"].get("apt", ()):
                refused = managers.valid_name("apt", package)
                if refused:
                    raise ValueError(f"{requirement['name']}: {package!r} is no name of a package: {refused}")
    except ValueError as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")
    return requirements


def ask(module, requirements):
    """Each requirement with what the host has of it, as :class:`checks.Finding`; read-only."""
    try:
        answer = subprocess.run(
            ["/bin/sh"],
            input=checks.script(requirements),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            timeout=_CHECK_SECONDS,
        )
        findings = checks.read(answer.stdout.split("\n"), requirements, versions)
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


def step(requirement, finding, status, reason=""):
    """The outcome of one requirement, as ``mngr_steps`` has it."""
    return {"id": requirement["id"], "status": status, "current": finding.current, "reason": reason}


class Apt:
    """apt on this host, within a number of seconds for everything that it is asked to change."""

    def __init__(self, module):
        self._directory = module.tmpdir
        self._deadline = time.monotonic() + module.params.get("timeout", 0)
        self.is_there = bool(shutil.which("apt-get") and shutil.which("apt-cache"))
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

    def offers(self, requirements):
        """The version that apt would install of each requirement's packages, by package."""
        names = sorted({name for requirement in requirements for name in requirement["packages"].get("apt", ())})
        row = managers.TABLE["apt"]
        if not names or not self.is_there:
            return {}
        return row.read_offers(_run(managers.with_environment("apt", [*row.offers, *names]), self._directory)[1])

    def refresh(self, privilege):
        """Fetch the lists of packages; the exit status."""
        return self._change(managers.TABLE["apt"].refresh, privilege)

    def install(self, names, privilege):
        """Install or upgrade these packages in one transaction; the exit status."""
        return self._change([*managers.TABLE["apt"].install, *names], privilege)

    def _change(self, argv, privilege):
        """Run apt as root; wait for the locks that it does not wait for by itself, such as the one of its lists."""
        give_up = min(time.monotonic() + managers.LOCK_SECONDS, self._deadline)
        while True:
            seconds = max(1, int(self._deadline - time.monotonic()))
            patient = managers.waiting("apt", argv, min(managers.LOCK_SECONDS, seconds // 2))
            bounded = managers.bounded(managers.with_environment("apt", patient), seconds)
            code, self.output = _run(managers.privileged(bounded, privilege), self._directory)
            is_locked = code and "Could not get lock" in self.output and "Waiting for" not in self.output
            if not is_locked or time.monotonic() > give_up:
                return code
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
