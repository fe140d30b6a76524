# SPDX-License-Identifier: GPL-3.0-or-later
"""What apt's words mean: one sentence with the cause, one with what to do."""

from __future__ import annotations

import re

_AGAIN = "Run again when it is free: what is done is not done twice."
_CONFIGURE = "Finish it on the host with: {sudo}dpkg --configure -a. Then run again."
_WORDS = (
    (
        r"is held by process (?P<pid>\d+)(?: \((?P<holder>[^)]*)\))?",
        "The package manager is locked by {holder} (pid {pid}). " + _AGAIN,
    ),
    (
        r"Could not get lock|Unable to acquire the dpkg frontend lock|Unable to lock directory",
        "The package manager is locked by another program. " + _AGAIN,
    ),
    (r"dpkg was interrupted", "An earlier installation on this host was interrupted. " + _CONFIGURE),
    (
        r"Held packages were changed|held broken packages",
        "A package is on hold, or needs one that is. See apt-mark showhold on the host, and release it there.",
    ),
    (
        r"remove is disabled",
        "apt would have to remove other packages, which is never done. See on the host: apt-get -s install {names}.",
    ),
    (
        r"[Nn]o space left on device|don't have enough free space",
        "The host's disk is full. Make room there and run again.",
    ),
    (
        r"Errors were encountered while processing:\n (?P<broken>\S+)",
        "The package {broken} could not be set up: its own script failed. " + _CONFIGURE,
    ),
    (
        r"Unable to locate package (?P<broken>\S+)|Package '?(?P<other>[^ ']+)'? has no installation candidate",
        "apt does not know the package {broken}. Check its name and the host's package sources.",
    ),
    (
        r"Failed to fetch|Unable to fetch|Temporary failure resolving|Could not (?:resolve|connect)",
        "apt could not fetch what it needs. Check the host's network and package sources, and run again.",
    ),
    (
        r"[Uu]nmet dependencies",
        "apt cannot satisfy what the packages depend on. See on the host: apt-get -s install {names}.",
    ),
    (
        r"a password is required|a terminal is required|Authentication required",
        "The login may no longer become root without a password. Allow it, or run as root: apt-get install {names}.",
    ),
)
_KILLED = (124, 137)


def explain(code, output, names, privilege, seconds):
    """Why a transaction failed and what to do, in two sentences."""
    sudo = f"{privilege} " if privilege in ("sudo", "doas") else ""
    if code in _KILLED:
        return f"apt did not end within {seconds} s and was stopped. {_CONFIGURE.format(sudo=sudo)}"
    for pattern, sentence in _WORDS:
        match = re.search(pattern, output)
        if match:
            found = {"holder": "a program", **{key: value for key, value in match.groupdict().items() if value}}
            found.setdefault("broken", found.get("other", ""))
            return sentence.format(sudo=sudo, names=" ".join(names), **found)
    errors = [line[3:] for line in output.splitlines() if line.startswith("E: ")] or ["it gave no reason"]
    return f"apt failed with exit status {code}: {errors[-1]}. See what it said, and run again."


def broken(output):
    """The packages that dpkg could not set up; an earlier failure of one does not spoil the others."""
    _, _, names = output.partition("Errors were encountered while processing:\n")
    return {line.strip().partition(":")[0] for line in names.splitlines() if line.startswith(" ")}


def is_stale(output):
    """Whether the failure may go away when the lists are fetched again: apt asked for what the mirror no longer has."""
    return bool(re.search(r"Failed to fetch|Unable to locate package|has no installation candidate", output))
