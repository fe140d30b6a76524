"""What each package manager is called with: its names, its commands, how long they may take, what a person would type.

Shared with the roles (Python 3.9, standard library only). Every command is an argv list. Why no manager is driven
through Ansible's own modules: ``docs/decisions.md``. What they answer is read in ``candidates``.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

LOCK_SECONDS = 60  # that a manager waits for another one to let go of its lock
_GRACE_SECONDS = 30


class Manager(NamedTuple):
    """One package manager.

    Attributes:
        program: what is looked for on the host. ``name``: what a package's plain name looks like.
        install: the command; names follow. ``short``: the same as a person types it; ``user``: for the login alone.
        offers: asks what would be installed, without a change and without the network where the manager has a store of
            its own; names follow. Empty: it cannot be asked.
        refresh, short_refresh: fetches the lists of packages; empty: it does so itself.
        kind: ``system``, ``language`` (asked and pinned package by package), or ``brew``, which never needs root.
        environment: variables that every command gets: no questions, English messages.
        wait: an option to wait so many ``{seconds}`` for a lock; empty: it waits, or fails at once, by itself.
        locked: what it says when another one holds its lock.
    """

    program: str
    name: re.Pattern[str]
    install: tuple[str, ...]
    short: tuple[str, ...]
    offers: tuple[str, ...] = ()
    refresh: tuple[str, ...] = ()
    short_refresh: tuple[str, ...] = ()
    kind: str = "system"
    environment: tuple[tuple[str, str], ...] = (("LC_ALL", "C"),)
    wait: str = ""
    locked: str = ""
    user: tuple[str, ...] = ()


_APT_SETTINGS = ("Dpkg::Use-Pty=0", "Acquire::Retries=1", "Acquire::http::Timeout=20", "Acquire::https::Timeout=20")
_APT_OPTIONS = tuple(word for setting in _APT_SETTINGS for word in ("-o", setting))
_APT_ENVIRONMENT = (
    *(("APT_LISTCHANGES_FRONTEND", "none"), ("DEBIAN_FRONTEND", "noninteractive")),
    *(("LC_ALL", "C"), ("NEEDRESTART_MODE", "l")),
)
_DNF = ("dnf", "-y", "--setopt=*.skip_if_unavailable=True", "--setopt=exit_on_lock=True")
_ZYPPER = ("zypper", "--non-interactive", "--no-refresh")
_RPM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_PIP_OFFERS = """\
python3 -c 'import os, sys, sysconfig
marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
sys.exit(sys.prefix == sys.base_prefix and os.path.exists(marker))' || { echo externally-managed-environment; exit; }
pip3 install --user --no-input --disable-pip-version-check -q --dry-run --no-deps --ignore-installed --report - -- "$1"
"""
_PYTHON_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")

TABLE: dict[str, Manager] = {
    "apt": Manager(
        program="apt-get",
        name=re.compile(r"[a-z0-9][a-z0-9.+-]*(?:[a-z0-9.]|\+\+)"),
        install=(
            *("apt-get", "-y", "--no-install-recommends", "--no-remove", *_APT_OPTIONS),
            *("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold", "install", "--"),
        ),
        short=("apt-get", "install", "-y"),
        offers=("apt-cache", "policy", "--"),
        refresh=("apt-get", *_APT_OPTIONS, "update"),
        short_refresh=("apt-get", "update"),
        environment=_APT_ENVIRONMENT,
        wait="--option=DPkg::Lock::Timeout={seconds}",
        locked=r"Could not get lock",
    ),
    "dnf": Manager(
        program="dnf",
        name=_RPM_NAME,
        install=(*_DNF, "--setopt=install_weak_deps=False", "--setopt=best=True", "install"),
        short=("dnf", "install", "-y", "--best"),
        offers=(*_DNF, "-q", "-C", "repoquery", "--latest-limit=1", "--qf=%{name}|%{epoch}:%{version}-%{release}\\n"),
        refresh=(*_DNF, "makecache", "--refresh"),
        short_refresh=("dnf", "makecache", "--refresh"),
        locked=r"already locked by|can't create transaction lock",
    ),
    "zypper": Manager(
        program="zypper",
        name=_RPM_NAME,
        install=(*_ZYPPER, "install", "--no-recommends", "--no-force-resolution", "--"),
        short=("zypper", "--non-interactive", "install"),
        offers=(*_ZYPPER, "--xmlout", "search", "-s", "--match-exact", "-t", "package"),
        refresh=("zypper", "--non-interactive", "refresh"),
        short_refresh=("zypper", "--non-interactive", "refresh"),
        locked=r"System management is locked",
    ),
    "pacman": Manager(
        program="pacman",
        name=re.compile(r"[A-Za-z0-9_+][A-Za-z0-9@._+-]*"),
        install=("pacman", "--sync", "--needed", "--noconfirm", "--noprogressbar", "--"),
        short=("pacman", "-S", "--needed", "--noconfirm"),
        offers=("pacman", "--sync", "--info", "--"),
        refresh=("pacman", "--sync", "--refresh", "--noconfirm"),
        short_refresh=("pacman", "-Sy", "--noconfirm"),
        locked=r"unable to lock database",
    ),
    "apk": Manager(
        program="apk",
        name=re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*"),
        install=("apk", "add", "--no-interactive", "--upgrade", "--wait", str(LOCK_SECONDS)),
        short=("apk", "add", "--upgrade"),
        offers=("apk", "policy"),
        refresh=("apk", "update"),
        short_refresh=("apk", "update"),
        locked=r"Unable to lock database",
    ),
    "brew": Manager(
        program="brew",
        name=re.compile(r"[a-z0-9][a-z0-9._+@-]*"),
        install=("brew", "install", "--formula", "--quiet"),
        short=("brew", "install"),
        offers=("brew", "info", "--json=v2", "--formula"),
        kind="brew",
        environment=(("HOMEBREW_NO_AUTO_UPDATE", "1"), ("HOMEBREW_NO_ENV_HINTS", "1"), ("NONINTERACTIVE", "1")),
        locked=r"has already locked|already running",
    ),
    "npm": Manager(
        program="npm",
        name=re.compile(r"(?:@[a-z0-9~][a-z0-9._~-]*/)?[a-z0-9~][a-z0-9._~-]*"),
        install=("npm", "install", "--global", "--no-fund", "--no-audit", "--no-update-notifier", "--"),
        short=("npm", "install", "-g"),
        offers=("npm", "view", "--json", "--", "{}", "version"),
        kind="language",
        user=("--prefix", "{home}/.local"),
    ),
    "uv": Manager(
        program="uv",
        name=_PYTHON_NAME,
        install=("uv", "tool", "install", "--no-progress", "--"),
        short=("uv", "tool", "install"),
        offers=(
            *("sh", "-c", 'printf "%s\\n" "$1" | uv pip compile -q --no-deps --no-header --no-annotate -', "sh", "{}"),
        ),
        kind="language",
    ),
    "pipx": Manager(
        program="pipx",
        name=_PYTHON_NAME,
        install=("pipx", "install", "--force", "--"),
        short=("pipx", "install", "--force"),
        kind="language",
    ),
    "pip": Manager(
        program="pip3",
        name=_PYTHON_NAME,
        install=("pip3", "install", "--user", "--upgrade", "--no-input", "--disable-pip-version-check", "--"),
        short=("pip3", "install", "--user", "--upgrade"),
        offers=("sh", "-c", _PIP_OFFERS, "sh", "{}"),
        kind="language",
    ),
}
"""All managers that are programs of the host, those of systems first."""

SYSTEM = tuple(name for name, row in TABLE.items() if row.kind == "system")
LANGUAGES = tuple(name for name, row in TABLE.items() if row.kind == "language")

_FAMILIES = {
    **dict.fromkeys(("debian", "ubuntu"), "apt"),
    **dict.fromkeys(("fedora", "rhel", "centos"), "dnf"),
    **dict.fromkeys(("suse", "opensuse"), "zypper"),
    **dict.fromkeys(("arch", "archlinux"), "pacman"),
    "alpine": "apk",
    "macos": "brew",
}

PROGRAM_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")  # of a program inside an archive


def of_host(ids: Sequence[str], present: Collection[str]) -> str | None:
    """The system manager of a host: that of its family where it is there, else the first that is there.

    Args:
        ids: os-release's ``ID``, then the words of its ``ID_LIKE``; ``macos`` for a Mac.
        present: the managers whose program the host has.
    """
    for each in ids:
        family = next((manager for name, manager in _FAMILIES.items() if each.split("-")[0] == name), None)
        if family in present:
            return family
    return next((manager for manager in (*SYSTEM, "brew") if manager in present), None)


def needs_root(manager: str, scope: str) -> bool:
    """Whether installing needs root: a system's manager always, npm for everybody; brew and Python's tools never."""
    return manager in SYSTEM or (manager in ("npm", "installer", "archive") and scope != "user")


def valid_name(manager: str, name: str) -> str | None:
    """Why this is not the plain name of a package for this manager; None when it is.

    Refused: options, patterns, groups, lists, paths, addresses, pinned versions, and signs, which mean "remove" to apt
    (``name-``) and zypper (``-name``).
    """
    pattern = TABLE[manager].name if manager in TABLE else PROGRAM_NAME
    if pattern.fullmatch(name):
        return None
    if name != name.strip() or re.search(r"[\s,]", name) or not name:
        return "one name is wanted, without blanks or commas"
    if re.search(r"[*?\[\]^$]", name):
        return "a pattern could install anything"
    if "://" in name or "/" in name:
        return "a path or an address is no name"
    if name.startswith("@"):
        return "a group is not one package"
    if name.startswith(("-", "+", "!", "~")) or name.endswith(("-", "+")):
        return "a sign at its start or end would be an instruction"
    if re.search(r"[=<>:@]", name):
        return "the version and the architecture do not belong to the name"
    if pattern.fullmatch(name.lower()):
        return f"its names are lower case, such as {name.lower()}"
    return "a name has letters, digits and . _ + - in it, as that manager allows them"


def specified(manager: str, name: str, wanted: str, exact: str | None = None) -> str:
    """A package as a language's manager is told of it, with the versions that will do: ``ruff>=0.5,<1``.

    Args:
        wanted: the range in its normal form; ``!=`` cannot be said to npm, and is left to the check afterwards.
        exact: one version instead.
    """
    if manager == "npm":
        clauses = [clause.replace("==", "") for clause in wanted.split(",") if clause and not clause.startswith("!=")]
        return f"{name}@{exact}" if exact else f"{name}@{' '.join(clauses)}" if clauses else name
    if manager in LANGUAGES:
        return f"{name}=={exact}" if exact else f"{name}{wanted}"
    return name


def install(manager: str, names: Sequence[str], scope: str, home: str) -> list[str]:
    """The command that installs, or brings up to date, these packages, for everybody or for the login alone."""
    row = TABLE[manager]
    own = [word.format(home=home) for word in row.user] if scope == "user" else []
    command = list(row.install)
    end = len(command) - (command[-1] == "--")
    return [*command[:end], *own, *command[end:], *names]


def queries(manager: str, names: Sequence[str]) -> list[list[str]]:
    """The commands that ask what would be installed: one for all, or one for each where a manager wants it so."""
    row = TABLE[manager]
    if "{}" in row.offers:
        return [[name if word == "{}" else word for word in row.offers] for name in names]
    return [[*row.offers, *names]] if row.offers and names else []


def command_line(manager: str, names: Sequence[str], privilege: str, scope: str = "system") -> str:
    """What a person types to install these packages: ``sudo apt-get install -y git``.

    Args:
        privilege: ``root`` and ``none`` need no prefix, or have none; else ``sudo`` or ``doas``.
    """
    row = TABLE[manager]
    prefix = [privilege] if privilege in ("sudo", "doas") and needs_root(manager, scope) else []
    own = "".join(" " + word.replace("{home}", '"$HOME"') for word in row.user) if scope == "user" else ""
    return f"{shlex.join([*prefix, *row.short])}{own} {shlex.join(names)}"


def refresh_line(manager: str, privilege: str) -> str:
    """What a person types to fetch the lists of packages; empty where the manager does so by itself."""
    prefix = [privilege] if privilege in ("sudo", "doas") else []
    command = TABLE[manager].short_refresh
    return shlex.join([*prefix, *command]) if command else ""


def privileged(argv: Sequence[str], privilege: str) -> list[str]:
    """The command run as root without a question: ``sudo -n …``, ``doas -n …``, or as it is."""
    return [*([privilege, "-n"] if privilege in ("sudo", "doas") else []), *argv]


def bounded(argv: Sequence[str], seconds: int) -> list[str]:
    """The command in a session of its own, ended with all its children after so many seconds (killed 30 s later).

    Source: docs/decisions.md "Package managers": with less, a dpkg survived and kept its lock.
    """
    return ["setsid", "-w", "timeout", "-k", str(_GRACE_SECONDS), str(seconds), *argv]


def waiting(manager: str, argv: Sequence[str], seconds: int) -> list[str]:
    """The command told to wait so many seconds for a lock that another program holds, if it can be told."""
    option = TABLE[manager].wait.format(seconds=seconds)
    return [argv[0], *([option] if option else []), *argv[1:]]


def with_environment(manager: str, argv: Sequence[str], more: Mapping[str, str] | None = None) -> list[str]:
    """The command with the manager's variables, which sudo would otherwise drop."""
    variables = {**dict(TABLE[manager].environment), **(more or {})}
    return ["env", *(f"{name}={value}" for name, value in variables.items()), *argv]
