# SPDX-License-Identifier: GPL-3.0-or-later
"""What the output of a package manager means: one sentence for the cause, one for what to do.

The table of causes is ``portable/causes``.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from .mngr_ansible_portable import addresses, causes

if TYPE_CHECKING:
    from collections.abc import Sequence

_FAILED_SCRIPT = r"scriptlet failed|Error in \w+ scriptlet|command failed to execute correctly"
_LOG_CHARACTERS = 100_000
_KILLED = (124, 137)
"""Exit statuses of timeout(1) when the time was up."""


def explain(manager: str, code: int, output: str, packages: Sequence[str], privilege: str, seconds: int) -> str:
    """Why a transaction failed and what to do, in two sentences.

    Args:
        code: the exit status.
        packages: what was to be installed.
        privilege: how root was reached, see ``mngr_packages_executor.privilege``.
        seconds: the time that it had.
    """
    return cause(manager, code, output, packages, privilege, seconds).sentences


def cause(
    manager: str, code: int, output: str, packages: Sequence[str], privilege: str, seconds: int
) -> causes.Explanation:
    """The same as a value, which also says whether another source of the package may succeed."""
    if code in _KILLED:
        sudo = f"{privilege} " if privilege in ("sudo", "doas") else ""
        remedy = "Find out on the host what does not end, and run again"
        if manager == "apt":
            remedy = f"Finish it on the host, then run again: {sudo}dpkg --configure -a"
        return causes.Explanation("stopped", f"{manager} did not end within {seconds} s and was stopped", remedy)
    if not re.search(r"E: (?:Could not get lock|Unable to acquire)", output):
        output = re.sub(r"Waiting for cache lock: [^\r\n]*", "", output)  # it got the lock in the end
    if manager == "pipx":
        output = _pips_log(output) + output
    found = causes.explain(manager, code, output, packages, privilege, lambda pid: lock_holder(manager, pid))
    return _with_proxy(found, privilege)


def unfetched(manager: str, code: int, output: str, privilege: str) -> causes.Explanation | None:
    """Why not all lists of packages could be fetched; None if they were. ``code``: the exit status of the refresh."""
    found = causes.unfetched(manager, code, output, privilege)
    return _with_proxy(found, privilege) if found is not None else None


def _pips_log(output: str) -> str:
    """What pip said, if pipx only names the file that has it: pipx leaves out that the network failed."""
    named = re.search(r"Full pip output in file:\s+(/\S+)", output)
    if named is None:
        return ""
    try:
        with open(named[1], encoding="utf-8", errors="replace") as file:
            return file.read(_LOG_CHARACTERS) + "\n"
    except OSError:
        return ""


def _with_proxy(found: causes.Explanation, privilege: str) -> causes.Explanation:
    return causes.with_proxy(found, next((name for name in addresses.PROXIES if os.environ.get(name)), ""), privilege)


def lock_holder(manager: str, pid: str | None) -> str:
    """The name of the program that holds a lock; without a process id (pacman reports none) it is searched for."""
    if pid:
        pids = [pid]
    else:
        pids = sorted(os.listdir("/proc"), key=len) if os.path.isdir("/proc") else []
    for each in pids:
        try:
            with open(f"/proc/{each}/comm", encoding="utf-8", errors="replace") as file:
                name = file.read().strip()
        except OSError:
            continue
        if pid:
            return name
        if each.isdigit() and name in (manager, "packagekitd"):
            return f"{name} (pid {each})"
    return "another program"


def broken_packages(output: str) -> set[str]:
    """The packages that dpkg could not configure; the others of the transaction are installed."""
    _, _, names = output.partition("Errors were encountered while processing:\n")
    return {line.strip().partition(":")[0] for line in names.splitlines() if line.startswith(" ")}


def is_stale(output: str) -> bool:
    """Whether fetching the lists again may help: the manager asked for what the mirror no longer has."""
    words = (
        r"Failed to fetch|Unable to locate package|has no installation candidate|[Ff]ailed to retrieve| 404 |"
        r"not found on medium|incorrect checksum|Status code: 404|All mirrors were tried"
    )
    return bool(re.search(words, output))


def is_stopped(code: int) -> bool:
    """Whether the time was up: then a package may be in the database that is not configured."""
    return code in _KILLED


def has_failed_script(output: str) -> bool:
    """Whether a package's own script failed, which dnf and pacman do not show in their exit status."""
    return bool(re.search(_FAILED_SCRIPT, output))
