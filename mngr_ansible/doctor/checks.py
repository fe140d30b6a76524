"""What ``doctor`` checks: the names of all checks, and how a finding of one of them is made."""

from collections.abc import Mapping
from typing import Literal

from mngr_ansible.report.findings import Finding

type Level = Literal["ok", "warning", "problem"]

HERE = "controller"
"""How the names of findings about this machine begin; those about a host begin with the host."""

CONTROLLER: Mapping[str, str] = {
    "python": "the version and the path of the Python that runs mngr-ansible",
    "ansible-core": "its version is one that mngr-ansible works with, and it starts",
    "ansible-runner": "its version is one that mngr-ansible works with, and it starts",
    "libraries": "all other Python packages that mngr-ansible needs, and their versions",
    "ansible settings": "`ansible.cfg` and `ANSIBLE_…` variables: what of them counts here, and what does not",
    "user": "your user has a name, and one home directory",
    "ssh": "OpenSSH's client, its version and its helpers; it can read your configuration",
    "key": "each private key that ssh would use: its permissions, format and passphrase; that there is one",
    "ssh agent": "it answers, and how many keys it has",
    "known_hosts": "the file of host keys can be read, and only you can change it",
    "state directory": "its owner, and whether it can be written and has space and inodes",
    "temporary directory": "TMPDIR can be used, other users cannot change it, and it has space and inodes",
    "open files": "how many files may be open, which limits how many hosts are worked on at once",
    "clock": "it is not years behind, and not off by itself from the clocks of several hosts",
    "locale": "it is installed, and its encoding is UTF-8",
    "proxy": "the proxies of this machine's environment can be read and reached",
    "mngr": "whether mngr is installed, its version, and whether our plugin is enabled in it",
    "mngr plugins": "which are disabled, and whether each can be loaded and its hooks called",
    "inventory": "Ansible can read it, and `--limit` matches a host",
}
"""Name → what is checked on this machine."""

HOST: Mapping[str, str] = {
    "host key": "the host's key is in known_hosts, and is not revoked",
    "ssh": "the host answers, lets us in and runs a script, through which jump host, and how fast",
    "shell": "the login shell, and what its start-up files print",
    "system": "the system and its processor; whether it is read-only",
    "python": "a Python that Ansible can use, whole and not hidden by variables of the login",
    "privilege": "how the login becomes root: sudo or doas, with or without a password, how fast",
    "managers": "the package managers, and whether one is the system's own",
    "locks": "no program holds the lock of a package manager, and the first boot is finished",
    "packages": "no installation was cut off, and which packages are on hold",
    "language tools": "settings of pip, npm and uv that keep packages from being installed",
    "disk": "free space in the home, the temporary directory, the system and the manager's cache",
    "inodes": "free inodes in the same places",
    "memory": "how much is free: a system without memory kills what is being installed",
    "home": "the home directory and the temporary directory can be written",
    "clock": "the host's clock agrees with this machine's",
    "proxy": "the proxies of the login and of apt, and whether root has them too",
    "sources": "the package sources of the host can be read, and there is one",
    "source": "each server of a package source, by its name: the host can reach it",
}
"""Name → what is checked on a host. Findings of ``source`` have the server's name behind it."""


def finding(place: str, check: str, status: Level, text: str, remedy: str = "", of: str = "") -> Finding:
    """A finding of one of these checks; ``of``: what it is about, where a check has several findings."""
    known = CONTROLLER if place == HERE else HOST
    assert check in known, check  # noqa: S101 - a test maps the page of troubles to these names
    return Finding(f"{place}: {check}{f' {of}' if of else ''}", status, text, remedy)


def megabytes(size: int) -> str:
    """A size for people: ``820 kB``, ``1.2 MB``, ``34 GB``."""
    for unit, each in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= each:
            number = size / each
            return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"
    return f"{size} bytes"
