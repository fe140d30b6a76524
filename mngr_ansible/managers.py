"""What each package manager is called with: its names, its commands, how long they may take, what a person would type.

Shared with the roles (Python 3.9, standard library only). One row a manager; today there is apt. Every command is an
argv list. Why no manager is driven through Ansible's own modules: ``docs/decisions.md``.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOCK_SECONDS = 60
"""How long a manager waits for another one to let go of its lock."""

_GRACE_SECONDS = 30


class Manager(NamedTuple):
    """One package manager.

    Attributes:
        program: what is looked for on the host.
        environment: variables that every command gets: no questions, English messages.
        name: what a package's plain name looks like; a name is data, never an option, a pattern or a command.
        refresh, install, offers: the commands; names follow the last two.
        wait: an option of ``refresh`` and ``install``, to wait so many ``{seconds}`` for a lock.
        short: ``install`` as a person types it.
        read_offers: the output of ``offers`` → the version that would be installed, by package.
    """

    program: str
    environment: dict[str, str]
    name: re.Pattern[str]
    refresh: tuple[str, ...]
    install: tuple[str, ...]
    offers: tuple[str, ...]
    wait: str
    short: tuple[str, ...]
    read_offers: Callable[[str], dict[str, str]]


def _read_policy(output: str) -> dict[str, str]:
    """``apt-cache policy``: the candidates; a package without one is left out."""
    offers: dict[str, str] = {}
    package = ""
    for line in output.splitlines():
        if line and not line.startswith(" ") and line.endswith(":"):
            package = line[:-1]
        elif line.startswith("  Candidate: ") and package and "(none)" not in line:
            offers.setdefault(package, line[len("  Candidate: ") :].strip())
    return offers


_APT_OPTIONS = (
    *("-o", "Dpkg::Use-Pty=0", "-o", "Acquire::Retries=1"),
    *("-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20"),
)

TABLE: dict[str, Manager] = {
    "apt": Manager(
        program="apt-get",
        environment={
            "APT_LISTCHANGES_FRONTEND": "none",
            "DEBIAN_FRONTEND": "noninteractive",
            "LC_ALL": "C",
            "NEEDRESTART_MODE": "l",
        },
        name=re.compile(r"[a-z0-9][a-z0-9.+-]*(?:[a-z0-9.]|\+\+)"),
        refresh=("apt-get", *_APT_OPTIONS, "update"),
        install=(
            *("apt-get", "-y", "--no-install-recommends", "--no-remove", *_APT_OPTIONS),
            *("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold", "install", "--"),
        ),
        offers=("apt-cache", "policy", "--"),
        wait="--option=DPkg::Lock::Timeout={seconds}",
        short=("apt-get", "install", "-y"),
        read_offers=_read_policy,
    ),
}

MANAGERS = tuple(TABLE)
"""The managers that we can work with, the preferred first."""


def valid_name(manager: str, name: str) -> str | None:
    """Why this is not the plain name of a package for this manager; None when it is.

    Refused: options, patterns, lists, paths, pinned versions, and names that end in a sign, which for apt means
    "remove" (``name-``) or "install" (``name+``; a double plus is part of names such as ``g++``).
    """
    if TABLE[manager].name.fullmatch(name):
        return None
    if name != name.strip() or re.search(r"[\s,]", name):
        return "one name is wanted, without blanks or commas"
    if re.search(r"[*?\[\]^$]", name):
        return "a pattern could install anything"
    if "/" in name or "://" in name:
        return "a path is no name"
    if name.startswith("-") or name.endswith(("-", "+")):
        return "a sign at its start or end would be an instruction"
    if re.search(r"[=<>:]", name):
        return "the version and the architecture do not belong to the name"
    return "a name has lower-case letters, digits and . + - in it, two characters or more"


def command_line(manager: str, names: Sequence[str], privilege: str) -> str:
    """What a person types to install these packages: ``sudo apt-get install -y git``.

    Args:
        privilege: ``root`` and ``none`` need no prefix, or have none; else ``sudo`` or ``doas``.
    """
    prefix = [privilege] if privilege in ("sudo", "doas") else []
    return shlex.join([*prefix, *TABLE[manager].short, *names])


def privileged(argv: Sequence[str], privilege: str) -> list[str]:
    """The command run as root without a question: ``sudo -n …``, ``doas -n …``, or as it is."""
    return [*([privilege, "-n"] if privilege in ("sudo", "doas") else []), *argv]


def bounded(argv: Sequence[str], seconds: int) -> list[str]:
    """The command in a session of its own, ended with all its children after so many seconds (killed 30 s later).

    Source: DESIGN "Packages go through the manager's own command line": with less, a dpkg survived and kept its lock.
    """
    return ["setsid", "-w", "timeout", "-k", str(_GRACE_SECONDS), str(seconds), *argv]


def waiting(manager: str, argv: Sequence[str], seconds: int) -> list[str]:
    """The command told to wait so many seconds for a lock that another program holds, and to say then who holds it."""
    return [argv[0], TABLE[manager].wait.format(seconds=seconds), *argv[1:]]


def with_environment(manager: str, argv: Sequence[str]) -> list[str]:
    """The command with the manager's variables, which sudo would otherwise drop."""
    return ["env", *(f"{name}={value}" for name, value in TABLE[manager].environment.items()), *argv]
