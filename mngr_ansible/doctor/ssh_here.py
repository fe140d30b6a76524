"""ssh on this machine: its version, its configuration, and the file of host keys."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mngr_ansible.doctor.checks import HERE, finding
from mngr_ansible.doctor.programs import Programs
from mngr_ansible.errors import HostError
from mngr_ansible.host.ssh import Address, OpenSsh
from mngr_ansible.host.ssh_settings import SshSettings
from mngr_ansible.portable.text import printable
from mngr_ansible.report.findings import Finding
from mngr_ansible.system.descriptors import open_at_once
from mngr_ansible.system.homes import ssh_expanded
from mngr_ansible.system.owners import is_shared_group
from mngr_ansible.system.processes import find_program

_LEAST_VERSION = (6, 8)
"""The first that has ``ssh -G``. Source: OpenSSH's release notes."""
_HELPERS = ("ssh-keygen", "ssh-add", "ssh-keyscan")
_USUAL = "~/.ssh/known_hosts"
_KEY_LINE = re.compile(rb"\s*(@\S+\s+)?\S+\s+[a-z][\w@.-]*\s+[A-Za-z0-9+/]+=*(\s|$)")
"""A line with a key. Source: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"."""
_NOBODY = "mngr-ansible.invalid"
"""A name of no host: what the configuration says of it, it says of every host."""


def about_ssh(programs: Programs, key: str | None, known_hosts: str | None) -> tuple[list[Finding], SshSettings]:
    """Findings about the program and its configuration, and what that says of every host.

    ``key``, ``known_hosts``: those that are named for all hosts.
    """
    ssh = find_program("ssh")
    if ssh is None:
        remedy = "Install OpenSSH's client (Debian: openssh-client)"
        return [finding(HERE, "ssh", "problem", "this machine has no ssh, so no other host can be reached", remedy)], (
            SshSettings()
        )
    told = programs.ask([ssh, "-V"])
    version = printable((told.err or told.out).strip().partition(",")[0])[:60]
    missing = [each for each in _HELPERS if find_program(each) is None]
    try:
        settings = OpenSsh(Address(_NOBODY, _NOBODY), Path(os.devnull), key, known_hosts).settings
    except HostError as error:
        return [finding(HERE, "ssh", "problem", error.problem, error.remedy)], SshSettings()
    number = re.search(r"OpenSSH\D*(\d+)\.(\d+)", version)
    if number is None or (int(number[1]), int(number[2])) < _LEAST_VERSION:
        text = f"{version or 'this ssh'} is not OpenSSH 6.8 or newer: it cannot say what its configuration means"
        return [finding(HERE, "ssh", "warning", text, "Install a newer OpenSSH client")], settings
    if missing:
        text = f"{version}, {printable(ssh)}; {', '.join(missing)} is missing, which remedies name"
        return [finding(HERE, "ssh", "warning", text, "Install the whole OpenSSH client")], settings
    return [finding(HERE, "ssh", "ok", f"{version}, {printable(ssh)}; its configuration can be read")], settings


def about_known_hosts(files: Iterable[str]) -> Iterator[Finding]:
    """A finding about each file of host keys that ssh would use."""
    names = list(dict.fromkeys(files)) or [_USUAL]
    there = [each for each in names if ssh_expanded(each).exists()] or names[:1]
    for name in there:
        yield _known_hosts(name, str(ssh_expanded(name)), printable(name) if len(there) > 1 else "")


def _known_hosts(name: str, path: str, of: str) -> Finding:
    shown = printable(name)
    if name in ("none", os.devnull):
        text = f"your ssh configuration keeps no host keys (UserKnownHostsFile {shown}), so every host is unknown"
        remedy = "Give a file with the keys: --known-hosts ~/.ssh/known_hosts"
        return finding(HERE, "known_hosts", "warning", text, remedy, of)
    try:
        with open_at_once(path) as file:
            status = os.fstat(file.fileno())
            lines = file.read().splitlines() if stat.S_ISREG(status.st_mode) else []
    except FileNotFoundError:
        usual = ssh_expanded(_USUAL)
        if Path(path) == usual:
            text = f"{shown} does not exist yet; the first login by hand makes it"
            return finding(HERE, "known_hosts", "ok", text, of=of)
        text = f"{shown} does not exist, so every host is unknown; a login by hand writes to {printable(str(usual))}"
        remedy = f"Name the file that has the keys: --known-hosts {printable(str(usual))}"
        return finding(HERE, "known_hosts", "warning", text, remedy, of)
    except OSError as error:
        text = f"{shown} cannot be read: {error.strerror}, so every host is unknown"
        return finding(HERE, "known_hosts", "problem", text, "Correct its owner and its permissions", of)
    if not stat.S_ISREG(status.st_mode):
        text = f"{shown} is no file, so every host is unknown"
        return finding(HERE, "known_hosts", "problem", text, "Put a file there, or name one: --known-hosts FILE", of)
    is_open = status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and is_shared_group(status.st_gid))
    if is_open:
        text = f"other users can write {shown}, so they can make you trust another host"
        return finding(HERE, "known_hosts", "warning", text, f"Let only your user write it: chmod 600 {shown}", of)
    written = [line for line in lines if line.strip() and not line.lstrip().startswith(b"#")]
    count = sum(1 for line in written if _KEY_LINE.match(line))
    keys = f"{shown} has {count} {'key' if count == 1 else 'keys'}"
    if count < len(written):
        left = len(written) - count
        text = f"{keys}, and {left} {'line' if left == 1 else 'lines'} that ssh does not understand"
        return finding(HERE, "known_hosts", "warning", text, "Correct or remove them: NAME TYPE KEY", of)
    return finding(HERE, "known_hosts", "ok", keys, of=of)


def about_host_key(programs: Programs, place: str, settings: SshSettings, files: Sequence[str], scan: str) -> Finding:
    """Whether the host is in one of these files. ``scan``: the command that shows its key, or how to log in by hand."""
    name = settings.known_host
    keygen = find_program("ssh-keygen")
    if keygen is None or not name:
        return finding(place, "host key", "ok", "not looked up: this machine has no ssh-keygen")
    found: list[tuple[str, str]] = []
    for each in files:
        path = ssh_expanded(each)
        if path.is_file():
            out = programs.ask([keygen, "-F", name, "-f", str(path)]).out
            found += [(each, line) for line in out.splitlines() if line and not line.startswith("#")]
    if any(line.startswith("@revoked") for _, line in found):
        text = f"its key is marked as revoked in {printable(found[0][0])}"
        return finding(place, "host key", "problem", text, "Ask who runs the host for its new key")
    if not found:
        if settings.values.get("knownhostscommand", "none") != "none":
            return finding(place, "host key", "ok", "left to the KnownHostsCommand of your ssh configuration")
        text = f"{printable(name)} is not in {printable(files[0]) if files else 'known_hosts'}"
        return finding(place, "host key", "problem", text, scan)
    kinds = dict.fromkeys(re.findall(r"\b(?:ssh|ecdsa|sk)-[a-z0-9@.-]+", " ".join(line for _, line in found)))
    return finding(place, "host key", "ok", f"{', '.join(kinds) or 'known'} in {printable(found[0][0])}")
