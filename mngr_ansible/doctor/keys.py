"""The private keys that ssh would use, and the ssh agent."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mngr_ansible.doctor.checks import HERE, Level, finding
from mngr_ansible.doctor.programs import Programs
from mngr_ansible.host.ssh_settings import SshSettings
from mngr_ansible.portable import sh
from mngr_ansible.portable.text import printable
from mngr_ansible.report.findings import Finding
from mngr_ansible.system.descriptors import open_at_once
from mngr_ansible.system.homes import ssh_expanded
from mngr_ansible.system.processes import find_program
from mngr_ansible.values import frozen

_MOST_KEYS = 20
_MANY_IN_AGENT = 5
"""A server refuses a login after so many keys that it does not accept. Source: sshd_config(5), "MaxAuthTries"."""
_NO_KEYS, _NO_AGENT = 1, 2  # ssh-add(1), "EXIT STATUS"
_OTHERS = 0o077


@frozen
class Agent:
    """The ssh agent. ``state``: ``none``, ``silent`` or ``there``; ``fingerprints``: of the keys that it has."""

    state: str
    fingerprints: tuple[str, ...] = ()


def ask_agent(programs: Programs, settings: SshSettings) -> Agent:
    """Ask the agent that ssh would ask. Source: ssh_config(5), "IdentityAgent"."""
    place = settings.values.get("identityagent", "SSH_AUTH_SOCK")
    socket = os.environ.get("SSH_AUTH_SOCK", "") if place in ("SSH_AUTH_SOCK", "") else os.path.expandvars(place)
    program = find_program("ssh-add")
    if not socket or place == "none" or program is None:
        return Agent("none")
    socket = str(ssh_expanded(socket))
    told = programs.ask([program, "-l"], environment={**os.environ, "SSH_AUTH_SOCK": socket})
    if told.code == 0:
        return Agent("there", tuple(re.findall(r"\bSHA256:\S+|\bMD5:\S+", told.out)))
    return Agent("there" if told.code == _NO_KEYS else "silent")


def about_agent(agent: Agent, *, is_used: bool) -> Finding:
    """``is_used``: no ``--key`` was given, which leaves the agent out."""
    if agent.state == "silent":
        text = "the agent that SSH_AUTH_SOCK names does not answer"
        remedy = 'Start one and load your key: eval "$(ssh-agent)" && ssh-add. Or unset SSH_AUTH_SOCK'
        return finding(HERE, "ssh agent", "warning" if is_used else "ok", text, remedy if is_used else "")
    if agent.state == "none":
        return finding(HERE, "ssh agent", "ok", "none; only keys without a passphrase can be used")
    count = len(agent.fingerprints)
    if count > _MANY_IN_AGENT:
        text = f"it has {count} keys, and a host may refuse a login before the right one is tried"
        remedy = "Name the right key with --key FILE, or with IdentityFile and IdentitiesOnly yes in your ssh "
        return finding(HERE, "ssh agent", "warning", text, f"{remedy}configuration")
    return finding(HERE, "ssh agent", "ok", f"it has {count} {'key' if count == 1 else 'keys'}")


def about_keys(programs: Programs, settings: Sequence[SshSettings], key: str | None, agent: Agent) -> Iterator[Finding]:
    """A finding about each private key. ``settings``: of every host that is asked, or of no host in particular.

    ``key``: the one that ``--key`` names; then no other is used.
    """
    if key is not None:
        yield _key(programs, key, agent, is_only=True)
        return
    usual = _usual(programs)
    named = list(dict.fromkeys(each for one in settings for each in one.identity_files))
    there = [each for each in named if Path(each).exists()][:_MOST_KEYS]
    for each in there:
        yield _key(programs, each, agent, is_only=len(there) == 1)
    for each in named:
        if each not in there and each not in usual and "%" not in each:
            text = f"your ssh configuration names the key {printable(each)}, which does not exist"
            yield finding(
                HERE, "key", "warning", text, "Correct IdentityFile there, or give --key FILE", printable(each)
            )
    if not there and not agent.fingerprints:
        text = "ssh has no key: there is no key file, and no agent with one"
        yield finding(HERE, "key", "warning", text, "Make one with ssh-keygen, or give --key FILE")


def _usual(programs: Programs) -> Iterable[str]:
    """The keys that ssh looks for where its configuration names none."""
    ssh = find_program("ssh")
    if ssh is None:
        return ()
    return SshSettings.parse(programs.ask([ssh, "-F", "none", "-G", "--", "mngr-ansible.invalid"]).out).identity_files


def _key(programs: Programs, path: str, agent: Agent, *, is_only: bool) -> Finding:
    shown, quoted = printable(path), sh.quote(path)
    worst: Level = "problem" if is_only else "warning"
    try:
        with open_at_once(path) as file:
            status = os.fstat(file.fileno())
    except (FileNotFoundError, NotADirectoryError):
        return finding(HERE, "key", worst, "it does not exist", "Check the path", shown)
    except OSError as error:
        remedy = "Give it to your user, or run as the user to whom it belongs"
        return finding(HERE, "key", worst, f"it cannot be read: {error.strerror}", remedy, shown)
    if not stat.S_ISREG(status.st_mode):
        return finding(HERE, "key", worst, "it is no file", "Give a private key: --key FILE", shown)
    if status.st_mode & _OTHERS and status.st_uid == os.geteuid():
        text = "other users can read it, so ssh does not use it"
        return finding(HERE, "key", worst, text, f"Make it readable for you only: chmod 600 {quoted}", shown)
    keygen = find_program("ssh-keygen")
    if keygen is None:
        return finding(HERE, "key", "ok", "it is there; ssh-keygen, which would look at it, is not", of=shown)
    told = programs.ask([keygen, "-y", "-P", "", "-f", path])
    fingerprint = re.search(r"\bSHA256:\S+", programs.ask([keygen, "-l", "-f", path]).out)
    is_in_agent = fingerprint is not None and fingerprint[0] in agent.fingerprints
    if told.code and "passphrase" in told.err:
        if is_in_agent:
            return finding(HERE, "key", "ok", "it has a passphrase, and the ssh agent has it", of=shown)
        text = "it has a passphrase, and mngr-ansible does not ask for one"
        return finding(HERE, "key", worst, text, f"Load it into your ssh agent: ssh-add {quoted}", shown)
    if told.code:
        remedy = f"Give a private key in a format that your ssh knows. See what it says: ssh-keygen -y -f {quoted}"
        return finding(HERE, "key", worst, f"it cannot be used: {told.last}", remedy, shown)
    return finding(HERE, "key", "ok", "no passphrase; only you can read it", of=shown)
