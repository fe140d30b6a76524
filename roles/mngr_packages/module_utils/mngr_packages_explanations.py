# SPDX-License-Identifier: GPL-3.0-or-later
"""What the output of a package manager means: one sentence for the cause, one for what to do."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from .mngr_ansible_portable.addresses import redacted
from .mngr_ansible_portable.text import clause

if TYPE_CHECKING:
    from collections.abc import Sequence

_AGAIN = "Run again when it is free. Finished steps are skipped."
_CONFIGURE = "Finish it on the host with: {sudo}dpkg --configure -a. Then run again."
_FAILED_SCRIPT = r"scriptlet failed|Error in \w+ scriptlet|command failed to execute correctly"


class _Cause(NamedTuple):
    """A cause of failures: patterns of which one is in the output, and what to say.

    Named groups of the patterns can be used in the sentences, and ``manager``, ``names`` (of packages), ``try_it`` (a
    command without effect) and ``sudo`` (empty, or a prefix) too.
    """

    patterns: tuple[str, ...]
    sentences: str


_CAUSES = (
    _Cause(
        (
            r"is held by process (?P<pid>\d+)(?: \((?P<holder>[^)]*)\))?",
            r"locked by the application with pid (?P<pid>\d+) \((?P<holder>[^)]*)\)",
            r"[Ww]aiting for process with pid (?P<pid>\d+)",
            r"already locked by (?P<pid>\d+)\s+The application with PID \d+ is: (?P<holder>\S+)",
            r"already locked by (?P<pid>\d+)",
            r"other process has PID (?P<pid>\d+)",
        ),
        "The package manager is locked by {holder} (pid {pid}). " + _AGAIN,
    ),
    _Cause(
        (r"unable to lock database",),
        "The package manager is locked by {holder}. "
        + _AGAIN
        + " If no pacman is running on the host, an earlier one was killed: remove /var/lib/pacman/db.lck.",
    ),
    _Cause(
        (
            r"Could not get lock",
            r"Unable to acquire the dpkg frontend lock",
            r"Unable to lock (?:directory|database)",
            r"System management is locked",
            r"can't create transaction lock",
        ),
        "The package manager is locked by another program. " + _AGAIN,
    ),
    _Cause((r"dpkg was interrupted",), "An earlier installation on this host was interrupted. " + _CONFIGURE),
    _Cause(
        (r"Held packages were changed",),
        "A package is on hold, or needs one that is. Find it on the host with: apt-mark showhold. Then release it.",
    ),
    _Cause(
        (r"remove is disabled",),
        "apt would have to remove other packages, which is never done. See on the host: apt-get -s install {names}.",
    ),
    _Cause(
        (r"remove lock to allow", r"filtered out by exclude filtering"),
        "A package is on hold on the host (zypper locks, dnf's excludes or versionlock). Release it there.",
    ),
    _Cause(
        (
            r"[Uu]nmet dependencies|held broken packages",
            r"nothing provides",
            r"(?:unable to|could not) satisfy dependenc",
            r"No solution found",
            r"ResolutionImpossible",
        ),
        "{manager} cannot satisfy what the packages depend on; something may be on hold. See on the host: {try_it}.",
    ),
    _Cause(
        (
            r"conflicts with",
            r"are in conflict",
            r"unresolvable package conflicts",
            r"conflicting requests",
            r"deinstallation of",
        ),
        "Other packages on the host are in the way, and nothing is ever removed. See on the host: {try_it}.",
    ),
    _Cause(
        (r"[Nn]o space left on device", r"don't have enough free space", r"not enough free (?:disk )?space", r"ENOSPC"),
        "The host's disk is full. Free some space and run again.",
    ),
    _Cause(
        (r"Errors were encountered while processing:\n(?P<broken>(?: \S+\n?)+)",),
        "The package {broken} could not be set up: its own script failed. " + _CONFIGURE,
    ),
    _Cause(
        (_FAILED_SCRIPT,),
        "A package's own script failed. Read its output, fix it on the host, and run again.",
    ),
    _Cause(
        (
            r"Unable to locate package (?P<broken>\S+)",
            r"Package '?(?P<broken>[^ ']+)'? has no installation candidate",
            r"No match for argument: (?P<broken>\S+)",
            r"'(?P<broken>\S+)' not found in package names",
            r"target not found: (?P<broken>\S+)",
            r"No provider of '\+?(?P<broken>[^']+)'",
            r"E404.*'(?P<broken>[^']+)'",
        ),
        "{manager} does not know the package {broken}. Check its name and the host's package sources.",
    ),
    _Cause(
        (r"EACCES", r"[Pp]ermission denied"),
        "The remote user may not write where {manager} installs. Use a source of another scope, or give permission.",
    ),
    _Cause(
        (r"is not valid yet \(invalid for another (?P<behind>[^)]+)\)",),
        "The host's clock is {behind} behind: its package sources are not valid yet. Set the clock and run again.",
    ),
    _Cause(
        (r"is expired \(invalid since (?P<since>[^)]+)\)",),
        "The host's package sources expired {since} ago, or its clock is ahead. Fix them and run again.",
    ),
    _Cause(
        (
            r"Failed to fetch",
            r"Unable to fetch",
            r"Temporary failure resolving",
            r"Could not (?:resolve|connect)",
            r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED",
            r"[Ff]ailed to (?:download|retrieve)",
            r"Cannot download",
            r"Failed to connect|Connection refused",
            r"Valid metadata not found",
            r"could not find database",
        ),
        "{manager} could not fetch what it needs. Check the host's network and package sources, and run again.",
    ),
    _Cause(
        (r"externally-managed-environment",),
        "The host's Python belongs to its distribution, and pip must not change it. Use pipx, uv or a system package.",
    ),
    _Cause(
        (r"a password is required", r"a terminal is required", r"Authentication required"),
        "The remote user can no longer become root without a password. Allow it, or run as root: {try_it}.",
    ),
)
"""The first one that is found counts."""
_DRY_RUNS = {
    "apt": "apt-get -s install",
    "dnf": "dnf install --assumeno",
    "zypper": "zypper install --dry-run",
    "pacman": "pacman -Sp",
    "apk": "apk add --simulate",
    "brew": "brew install --dry-run",
    "npm": "npm install -g --dry-run",
    "pip": "pip install --dry-run",
    "uv": "uv tool install",
}
_ERROR = re.compile(r"(?i)(?:E:|error(?=[:\s])|problem(?=[:\s])|npm err(?:or|!)):?\s*(?P<words>.*)")
"""A line in which a tool says what is wrong."""
_NO_REASON = re.compile(
    r"(?i)(?:code|errno|syscall|path|command|cwd|signal|dest)\b.{0,80}|.*(?:complete log|debug\.log|\.log\b).*|\W*"
)
"""What stands in such lines and is no reason: npm's fields, and where a log is."""
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
    sudo = f"{privilege} " if privilege in ("sudo", "doas") else ""
    if code in _KILLED:
        remedy = "Find out on the host what does not end, and run again."
        if manager == "apt":
            remedy = _CONFIGURE.format(sudo=sudo)
        return f"{manager} did not end within {seconds} s and was stopped. {remedy}"
    if not re.search(r"E: (?:Could not get lock|Unable to acquire)", output):
        output = re.sub(r"Waiting for cache lock: [^\r\n]*", "", output)  # it got the lock in the end
    try_it = " ".join([_DRY_RUNS.get(manager, f"{manager} install"), *packages])
    for cause in _CAUSES:
        match = next(filter(None, (re.search(pattern, output) for pattern in cause.patterns)), None)
        if match:
            found = {key: value for key, value in match.groupdict().items() if value}
            if "broken" in found:
                found["broken"] = " and ".join(found["broken"].split())
            found.setdefault("holder", lock_holder(manager, found.get("pid")))
            return cause.sentences.format(sudo=sudo, names=" ".join(packages), manager=manager, try_it=try_it, **found)
    why = clause(redacted(_reason(manager, output))) or "it gave no reason"
    return f"{manager} failed with exit status {code}: {why}. Read its output, fix the cause, and run again."


def _reason(manager: str, output: str) -> str:
    """The line of an output that says why: npm's first one, every other tool's last one."""
    lines = [line.strip() for line in output.splitlines()]
    errors = [
        match["words"] for match in map(_ERROR.match, lines) if match and not _NO_REASON.fullmatch(match["words"])
    ]
    if errors:
        return errors[0 if manager == "npm" else -1]
    return next((line for line in reversed(lines) if not _NO_REASON.fullmatch(line)), "")


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
