"""The table of package managers: what their packages are called, and the commands that ask, install and refresh.

Shared with the roles (Python 3.9, standard library only). Every command that we run is an argv list; lines for people
are text. Why managers are not run through Ansible's own modules: docs/decisions.md "Package managers". What they print
about packages is read in ``offers``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from . import sh
from .regular_expressions import regex

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

LOCK_SECONDS = 60
"""How long a manager waits while another program holds its lock."""
_GRACE_SECONDS = 30
"""How long a command that is out of time has to end before it is killed."""


# BusyBox's setsid knows no -w, and does not wait where it is the first of its group; in a subshell it never is. Where
# there is no setsid (macOS), the command stays in the session of whoever runs it.
_SESSION = '(if command -v setsid >/dev/null 2>&1; then exec setsid "$@"; else exec "$@"; fi); exit $?'
# BusyBox's timeout signals only the program itself, and ends with 143: the rest of the session is ended here. An old
# one knows no -k; some systems have none.
_BOUND = """\
seconds=$1
shift
if timeout -k {grace} 9 true 2>/dev/null; then set -- timeout -k {grace} "$seconds" "$@"
elif timeout 9 true 2>/dev/null; then set -- timeout "$seconds" "$@"; fi
"$@"
code=$?
if [ "$code" = 143 ] && command -v setsid >/dev/null 2>&1; then
  trap '' TERM
  kill -s TERM 0
  code=124
fi
exit "$code"
"""


class Manager(NamedTuple):
    """One package manager.

    Attributes:
        program: the program by which a host has this manager.
        name: what the plain name of a package looks like.
        install: installs or upgrades; names follow.
        short: the same as a person types it.
        simulate: options of ``install`` with which it only finds out whether it could; empty: there are none.
        foretell: options of ``install`` with which it says what it would do, downloads no package and changes nothing;
            empty: there are none.
        foretold: matches what it prints then if it could, where its exit status does not say so.
        user: options of ``install`` and ``short`` to install for the remote user alone; empty: none are needed.
        offers: prints what would be installed, and changes nothing. It does not use the network if the manager has
            lists of packages. Names follow, or one stands for ``{}``. Empty: this manager cannot be asked.
        refresh: fetches the lists of packages; empty: the manager does so by itself.
        short_refresh: the same as a person types it.
        short_with_refresh: ``short`` and the refresh in one, where newer lists are only for a whole newer system.
        kind: ``system``, ``language`` (asked about each package separately), or ``brew``, which never needs root.
        environment: variables for every command: no questions, English messages.
        wait: the option to wait so many ``{seconds}`` for a lock; empty: there is none.
        locked: matches its message when another program holds its lock; the script of ``offers`` gives it to grep -E.
    """

    program: str
    name: re.Pattern[str]
    install: tuple[str, ...]
    short: tuple[str, ...]
    offers: tuple[str, ...] = ()
    refresh: tuple[str, ...] = ()
    short_refresh: tuple[str, ...] = ()
    short_with_refresh: tuple[str, ...] = ()
    kind: str = "system"
    environment: tuple[tuple[str, str], ...] = (("LC_ALL", "C"),)
    wait: str = ""
    locked: str = ""
    user: tuple[str, ...] = ()
    simulate: tuple[str, ...] = ()
    foretell: tuple[str, ...] = ()
    foretold: str = ""


_APT_SETTINGS = ("Dpkg::Use-Pty=0", "Acquire::Retries=1", "Acquire::http::Timeout=20", "Acquire::https::Timeout=20")
_APT_OPTIONS = tuple(word for setting in _APT_SETTINGS for word in ("-o", setting))
_APT_ENVIRONMENT = (
    ("APT_LISTBUGS_FRONTEND", "none"),
    ("APT_LISTCHANGES_FRONTEND", "none"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("LC_ALL", "C"),
    ("NEEDRESTART_MODE", "l"),
)
_APT_INSTALL_OPTIONS = ("-y", "--no-install-recommends", "--no-remove")
_KEEP_CONFIGURATION = ("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold")
"""Configuration files that were changed on the host stay as they are. Source: dpkg(1)."""
_DNF = ("dnf", "-y", "--setopt=*.skip_if_unavailable=True", "--setopt=exit_on_lock=True")
_ZYPPER = ("zypper", "--non-interactive", "--no-refresh")
_RPM_NAME = regex(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_UV_OFFERS = 'printf "%s\\n" "$1" | UV_HTTP_RETRIES=1 uv pip compile -q --no-deps --no-header --no-annotate -'
_PIP_OFFERS = """\
python3 -c 'import os, sys, sysconfig
marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
sys.exit(sys.prefix == sys.base_prefix and os.path.exists(marker))' || { echo externally-managed-environment; exit; }
set -- --no-deps --ignore-installed --report - -- "$1"
pip3 install --user --no-input --disable-pip-version-check --retries 1 -q --dry-run "$@"
"""
_NPM_PATIENCE = ("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000", "--fetch-timeout=60000")
_NPM_HASTE = ("--fetch-retries=1", "--fetch-retry-mintimeout=500", "--fetch-timeout=10000")
"""Without these, npm says after 135 s (30 s for a question) that a registry cannot be reached. Source: npm-config(7).

A question has ``--global`` because an installation has it: else npm reads the .npmrc of the current directory too."""
_PYTHON_NAME = regex(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")

TABLE: dict[str, Manager] = {
    "apt": Manager(
        program="apt-get",
        name=regex(r"[a-z0-9][a-z0-9.+-]*(?:[a-z0-9.]|\+\+)"),
        install=("apt-get", *_APT_INSTALL_OPTIONS, *_APT_OPTIONS, *_KEEP_CONFIGURATION, "install", "--"),
        short=("apt-get", "install", "-y"),
        offers=("apt-cache", "policy", "--"),
        refresh=("apt-get", *_APT_OPTIONS, "update"),
        short_refresh=("apt-get", "update"),
        environment=_APT_ENVIRONMENT,
        wait="--option=DPkg::Lock::Timeout={seconds}",
        locked=r"Could not get lock",
        simulate=("--simulate",),
        foretell=("--simulate",),
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
        simulate=("--setopt=tsflags=test",),
        foretell=("--assumeno",),
        foretold=r"Operation aborted",
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
        simulate=("--dry-run",),
        foretell=("--dry-run",),
    ),
    "pacman": Manager(
        program="pacman",
        name=regex(r"[A-Za-z0-9_+][A-Za-z0-9@._+-]*"),
        install=("pacman", "--sync", "--needed", "--noconfirm", "--noprogressbar", "--"),
        short=("pacman", "-S", "--needed", "--noconfirm"),
        offers=("pacman", "--sync", "--info", "--"),
        refresh=("pacman", "--sync", "--refresh", "--noconfirm"),
        short_with_refresh=("pacman", "-Syu", "--needed", "--noconfirm"),
        locked=r"unable to lock database",
        simulate=("--print",),
        foretell=("--confirm",),
        foretold=r"Proceed with \w+\?",
    ),
    "apk": Manager(
        program="apk",
        name=regex(r"[A-Za-z0-9_][A-Za-z0-9._+-]*"),
        install=("apk", "add", "--no-interactive", "--upgrade", "--wait", str(LOCK_SECONDS)),
        short=("apk", "add", "--upgrade"),
        offers=("apk", "policy"),
        refresh=("apk", "update"),
        short_refresh=("apk", "update"),
        locked=r"Unable to lock database",
    ),
    "brew": Manager(
        program="brew",
        name=regex(r"[a-z0-9][a-z0-9._+@-]*"),
        install=("brew", "install", "--formula", "--quiet"),
        short=("brew", "install"),
        offers=("brew", "info", "--json=v2", "--formula"),
        kind="brew",
        environment=(("HOMEBREW_NO_AUTO_UPDATE", "1"), ("HOMEBREW_NO_ENV_HINTS", "1"), ("NONINTERACTIVE", "1")),
        locked=r"has already locked|already running",
    ),
    "npm": Manager(
        program="npm",
        name=regex(r"(?:@[a-z0-9~][a-z0-9._~-]*/)?[a-z0-9~][a-z0-9._~-]*"),
        install=("npm", "install", "--global", "--no-fund", "--no-audit", "--no-update-notifier", *_NPM_PATIENCE, "--"),
        short=("npm", "install", "-g"),
        offers=("npm", "view", "--json", "--global", *_NPM_HASTE, "--", "{}", "version"),
        kind="language",
        user=("--prefix", "{home}/.local"),
        foretell=("--dry-run",),
    ),
    "uv": Manager(
        program="uv",
        name=_PYTHON_NAME,
        install=("uv", "tool", "install", "--no-progress", "--"),
        short=("uv", "tool", "install"),
        offers=("sh", "-c", _UV_OFFERS, "sh", "{}"),
        kind="language",
    ),
    "pipx": Manager(
        program="pipx",
        name=_PYTHON_NAME,
        install=("pipx", "install", "--"),
        short=("pipx", "install"),
        kind="language",
    ),
    "pip": Manager(
        program="pip3",
        name=_PYTHON_NAME,
        install=("pip3", "install", "--user", "--upgrade", "--no-input", "--disable-pip-version-check", "--"),
        short=("pip3", "install", "--user", "--upgrade"),
        offers=("sh", "-c", _PIP_OFFERS, "sh", "{}"),
        kind="language",
        foretell=("--dry-run",),
    ),
}
"""All managers that are programs on the host, those of systems first."""

SYSTEM = tuple(name for name, row in TABLE.items() if row.kind == "system")
LANGUAGES = tuple(name for name, row in TABLE.items() if row.kind == "language")

DOWNLOADS = ("installer", "archive")
"""The managers of sources that are no programs on the host: these are downloaded from an address."""

_FAMILIES = {
    **dict.fromkeys(("debian", "ubuntu"), "apt"),
    **dict.fromkeys(("fedora", "rhel", "centos"), "dnf"),
    **dict.fromkeys(("suse", "opensuse"), "zypper"),
    **dict.fromkeys(("arch", "archlinux"), "pacman"),
    "alpine": "apk",
    "macos": "brew",
}

PROGRAM_NAME = regex(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
"""What the name of a program inside an archive looks like."""


def of_host(ids: Sequence[str], present: Collection[str]) -> str | None:
    """The manager of a host's system: that of its family if the host has it, else the first one that it has.

    Args:
        ids: os-release's ``ID``, then the words of its ``ID_LIKE``; ``macos`` for a Mac.
        present: the managers that the host has.

    Returns:
        None if it has none.
    """
    for each in ids:
        family = next((manager for name, manager in _FAMILIES.items() if each.split("-")[0] == name), None)
        if family in present:
            return family
    return next((manager for manager in (*SYSTEM, "brew") if manager in present), None)


def needs_root(manager: str, scope: str) -> bool:
    """Whether installing needs root: always for a system's manager, never for brew and Python's tools.

    For npm and for downloads it depends on the scope: ``system`` (all users) or ``user`` (the remote user alone).
    """
    return manager in SYSTEM or (manager in ("npm", *DOWNLOADS) and scope != "user")


def name_problem(manager: str, name: str) -> str | None:
    """Why this is not the plain name of a package of this manager, as a clause; None if it is one.

    Refused: options, patterns, groups, lists, paths, addresses, pinned versions, and signs at the ends, which mean
    "remove" to apt (``name-``) and zypper (``-name``).
    """
    pattern = TABLE[manager].name if manager in TABLE else PROGRAM_NAME
    if pattern.fullmatch(name):
        return None
    if name != name.strip() or re.search(r"[\s,]", name) or not name:
        return "it must be one name, without blanks or commas"
    if re.search(r"[*?\[\]^$]", name):
        return "a pattern could install anything"
    if "://" in name or "/" in name:
        return "a path or an address is not a name"
    if name.startswith("@"):
        return "a group is not one package"
    if name.startswith(("-", "+", "!", "~")) or name.endswith(("-", "+")):
        return "a sign at its start or end would be an instruction to the manager"
    if re.search(r"[=<>:@]", name):
        return "a version or an architecture is not part of the name"
    if pattern.fullmatch(name.lower()):
        return f"its names are lower case, such as {name.lower()}"
    if len(name) == 1 and pattern.fullmatch(name.lower() * 2):
        return "it is too short: its names have at least two characters"
    return "it has characters that this manager does not allow in a name"


def specified(manager: str, name: str, accepted: str, exact: str | None = None) -> str:
    """A package as an argument for its manager; for a language's with the accepted versions: ``ruff>=0.5,<1``.

    Args:
        accepted: the range in its normal form. npm has no ``!=``: that is left to the check after the installation.
        exact: one version instead.
    """
    if manager == "npm":
        clauses = [clause.replace("==", "") for clause in accepted.split(",") if clause and not clause.startswith("!=")]
        versions = exact or " ".join(clauses)
        return f"{name}@{versions}" if versions else name
    if manager in LANGUAGES:
        return f"{name}=={exact}" if exact else f"{name}{accepted}"
    return name


def install(
    manager: str, names: Sequence[str], scope: str, home: str, *, is_simulated: bool = False, is_foretold: bool = False
) -> list[str]:
    """The command that installs or upgrades these packages.

    Args:
        names: the packages, as :func:`specified` gives them.
        scope: ``system`` for all users, ``user`` for the remote user alone.
        home: the remote user's home directory.
        is_simulated: nothing is changed; for a manager that has ``simulate``.
        is_foretold: the same without a download; for a manager that has ``foretell``.
    """
    row = TABLE[manager]
    options = [word.format(home=home) for word in row.user] if scope == "user" else []
    options += row.simulate if is_simulated else ()
    options += row.foretell if is_foretold else ()
    command = list(row.install)
    end_of_options = [command.pop()] if command[-1] == "--" else []
    return [*command, *options, *end_of_options, *names]


def queries(manager: str, names: Sequence[str]) -> list[list[str]]:
    """The commands that ask what would be installed: one for all packages, or one for each if the manager needs it."""
    row = TABLE[manager]
    if "{}" in row.offers:
        return [[name if word == "{}" else word for word in row.offers] for name in names]
    return [[*row.offers, *names]] if row.offers and names else []


def command_line(
    manager: str, names: Sequence[str], privilege: str, scope: str = "system", *, is_refreshing: bool = False
) -> str:
    """What a person types to install these packages: ``sudo apt-get install -y git``.

    Args:
        privilege: how the person becomes root: ``sudo`` or ``doas``; with ``root`` and ``none`` there is no prefix.
        is_refreshing: the lists are fetched with it, if this manager wants both in one command.
    """
    row = TABLE[manager]
    short = (row.short_with_refresh if is_refreshing else ()) or row.short
    prefix = [privilege] if privilege in ("sudo", "doas") and needs_root(manager, scope) else []
    options = [word.replace("{home}", '"$HOME"') for word in row.user] if scope == "user" else []
    return " ".join([sh.join([*prefix, *short]), *options, sh.join(names)])


def refresh_line(manager: str, privilege: str) -> str:
    """What a person types to fetch the lists of packages; empty if the manager does so by itself, or in one command."""
    prefix = [privilege] if privilege in ("sudo", "doas") else []
    command = TABLE[manager].short_refresh
    return sh.join([*prefix, *command]) if command else ""


def privileged(argv: Sequence[str], privilege: str) -> list[str]:
    """The command as root, without a question: ``sudo -n …``, ``doas -n …``, or as it is for other privileges."""
    return [privilege, "-n", *argv] if privilege in ("sudo", "doas") else list(argv)


def bounded(argv: Sequence[str], seconds: int) -> list[str]:
    """The command in a session of its own, stopped with all its children after so many seconds (killed 30 s later).

    Its exit status is 124 or 137 if it was stopped. Source: docs/decisions.md "Package managers": with a weaker bound,
    dpkg survived and kept its lock.
    """
    bound = _BOUND.format(grace=_GRACE_SECONDS)
    return ["/bin/sh", "-c", _SESSION, "sh", "/bin/sh", "-c", bound, "sh", str(seconds), *argv]


def waiting(manager: str, argv: Sequence[str], seconds: int) -> list[str]:
    """The command with the option to wait so many seconds while another program holds the lock, if there is one."""
    option = TABLE[manager].wait.format(seconds=seconds)
    return [argv[0], option, *argv[1:]] if option else list(argv)


def with_environment(manager: str, argv: Sequence[str], more: Mapping[str, str] | None = None) -> list[str]:
    """The command with the manager's environment variables and ``more``; sudo would drop them otherwise."""
    variables = {**dict(TABLE[manager].environment), **(more or {})}
    return ["env", *(f"{name}={value}" for name, value in variables.items()), *argv]
