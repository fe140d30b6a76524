"""``HostState``: what is true on a host now, as the probe found it. Values only; ``probe_answer`` builds them."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Literal, NamedTuple

from mngr_ansible.portable import checks, managers
from mngr_ansible.portable.offers import ManagerOffers
from mngr_ansible.values import field, frozen, replace

Privilege = Literal["root", "sudo", "doas", "password", "none"]
"""How the remote user can become root: is root, by sudo or doas without a password, by sudo with the password that we
were given, or not at all."""

_SUDO_OBSTACLES = {
    "tty": "its sudo needs a terminal: requiretty",
    "slow": "its sudo does not answer within {} s",
    "rs": "its sudo is sudo-rs, whose password prompt Ansible does not understand",
}
"""What can prevent the use of sudo besides a password, by the probe's word for it."""


@frozen
class FileState:
    """What is at a destination now."""

    kind: str
    """``file``, ``directory``, ``link``, ``other``, ``missing`` or ``unreadable`` (a file)."""
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    size: int | None = None
    """Bytes."""
    sha256: str | None = None
    """Of a file's content, where it is compared; of a link: of its target and a newline."""
    leads_to_directory: bool = False
    """Whether it is a link to a directory."""


MISSING = FileState("missing")


class PathNode(NamedTuple):
    """What is on the way to a destination: a directory, or a link that leads somewhere else.

    ``kind``: ``directory``, ``link`` or ``other``. ``name``: of the owner; ``UNKNOWN`` where the host has
    none.
    """

    kind: str
    mode: int
    uid: int
    name: str = ""
    target: str = ""


@frozen
class Login:
    """The remote user, and what this user may do."""

    user: str
    uid: int
    home: str
    real_home: str = ""
    """The home directory with all symbolic links resolved; empty where it was not asked for or does not exist."""
    groups: tuple[int, ...] = ()
    """The numbers of the user's groups, the primary group first."""
    privilege: Privilege = "none"
    obstacle: str = ""
    """What prevents the use of sudo besides a password: a key of ``_SUDO_OBSTACLES``, with the number that some
    of them need; or empty."""
    sudo_seconds: int = 0
    """How long sudo, or doas, took, where that was 5 s or more."""
    is_name_unknown: bool = False
    """Whether sudo took so long because it could not resolve the host's own name."""

    @property
    def sudo_obstacle(self) -> str:
        """What prevents the use of sudo besides a password, in words; empty if nothing is known."""
        word, _, number = self.obstacle.partition(" ")
        return _SUDO_OBSTACLES.get(word, "").format(number if re.fullmatch(r"\d{1,4}", number) else "60")

    @property
    def sudo_notice(self) -> str:
        """What people should know about a sudo that is slow; empty if it is not."""
        if not self.sudo_seconds:
            return ""
        why = (
            ": it cannot resolve the host's own name. Add that name to /etc/hosts there" if self.is_name_unknown else ""
        )
        return f"sudo takes {self.sudo_seconds} s each time on this host{why}"

    @property
    def privilege_problem(self) -> str:
        """Why the remote user cannot become root, in words."""
        why = f" ({self.sudo_obstacle})" if self.sudo_obstacle else ""
        return f"{self.user} is not root and has no sudo without a password{why}"


@frozen
class System:
    """The operating system, its package managers and its Python."""

    kernel: str = "Linux"
    """As ``uname -s`` prints it."""
    arch: str = ""
    """Of its programs, as ``uname -m`` would name it; see ``portable.userland``."""
    os_release: Mapping[str, str] = field(default_factory=dict)
    """``ID``, ``ID_LIKE``, ``NAME``, ``VERSION_ID`` and ``PRETTY_NAME``. Source: os-release(5)."""
    managers: tuple[str, ...] = ()
    """The installed package managers, by their names in ``portable.managers``."""
    programs: tuple[str, ...] = ()
    """Those of the programs that printed commands use (``curl``, ``gpg``) that are installed."""
    python: str | None = None
    """Path of a Python that Ansible can use (3.9 or newer)."""
    python_version: str | None = None
    old_python: str | None = None
    """The version of a Python that is too old for Ansible."""
    python_variables: tuple[str, ...] = ()
    """The variables of the login's environment with which no Python of the host starts."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Managers, and ``python3``, that root does not run, and why."""

    @property
    def name(self) -> str:
        """The system's name for people, such as ``Debian GNU/Linux 13 (trixie)``."""
        return self.os_release.get("PRETTY_NAME") or f"{self.kernel} {self.arch}".strip()

    @property
    def ids(self) -> tuple[str, ...]:
        """The names that ``when`` of a source is compared with: ``ID`` and ``ID_LIKE``, ``linux`` or ``macos``."""
        names = f"{self.os_release.get('ID', '')} {self.os_release.get('ID_LIKE', '')}".split()
        return (*names, {"Darwin": "macos"}.get(self.kernel, self.kernel.lower()))

    @property
    def release(self) -> str:
        """The system's ``VERSION_ID``; empty where it has none."""
        return self.os_release.get("VERSION_ID", "")

    @property
    def manager(self) -> str | None:
        """The package manager of the system itself; None where we know none."""
        return managers.of_host(self.ids, self.managers)


@frozen
class Paths:
    """The file system, as far as the plan's transfers need it. All keys are absolute paths, except in ``owner_ids``."""

    work_dir: str
    real_work_dir: str = ""
    """``work_dir`` with all symbolic links resolved; empty where it was not asked for or does not exist."""
    files: Mapping[str, FileState] = field(default_factory=dict)
    """What is at every destination."""
    parents: Mapping[str, str] = field(default_factory=dict)
    """The directory of every destination, as the remote user sees it: ``w`` exists and is writable, ``r`` exists and is
    not writable; ``W``, ``R``: it is missing, and the nearest directory above it is writable or not; ``x``: something
    that is not a directory is in its way."""
    parents_as_root: Mapping[str, str] = field(default_factory=dict)
    """The same as root sees it, for destinations that need root."""
    real: Mapping[str, str] = field(default_factory=dict)
    """Directories of destinations → the same with all symbolic links resolved, where that is another path."""
    path_nodes: Mapping[str, PathNode] = field(default_factory=dict)
    """What is on the ways to destinations, as the remote user sees it: by path, and for everything to which a link on
    the way leads by real path."""
    path_nodes_as_root: Mapping[str, PathNode] = field(default_factory=dict)
    """The same as root sees it, for destinations that need root."""
    mounted: AbstractSet[str] = frozenset()
    """The real paths of files that are mounted in directories of destinations, and of all mounts below a mirror."""
    protected: Mapping[str, str] = field(default_factory=dict)
    """Destinations that are files and that chattr(1) protects: ``i`` is immutable, ``a`` append-only."""
    read_only: AbstractSet[str] = frozenset()
    """The real paths of directories of destinations (of missing ones: the nearest above) that nobody can write."""
    listings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What a mirrored destination holds: path below it → ``directory`` or ``file`` (anything else)."""
    identities: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The device and inode of each of these, as ``8:1234``; empty where the host's find cannot print them."""
    tmp: str = ""
    """A directory in which the remote user may make temporary directories; empty where there is none."""
    owner_ids: Mapping[tuple[str, str], int | None] = field(default_factory=dict)
    """The numbers of the users and groups of the plan, such as ``("user", "agent")``; None for an unknown name."""

    def merged_with(self, other: "Paths") -> "Paths":
        """Both, where one probe needed two scripts; what is not about single paths is taken from the first."""
        return replace(
            self,
            files={**self.files, **other.files},
            parents={**self.parents, **other.parents},
            parents_as_root={**self.parents_as_root, **other.parents_as_root},
            real={**self.real, **other.real},
            path_nodes={**self.path_nodes, **other.path_nodes},
            path_nodes_as_root={**self.path_nodes_as_root, **other.path_nodes_as_root},
            mounted=self.mounted | other.mounted,
            protected={**self.protected, **other.protected},
            read_only=self.read_only | other.read_only,
            listings={**self.listings, **other.listings},
            identities={**self.identities, **other.identities},
        )


@frozen
class HostState:
    """What is true on a host now."""

    login: Login
    system: System
    paths: Paths
    findings: Mapping[str, checks.Finding] = field(default_factory=dict)
    """What is installed of every requirement, by its id."""
    offers: Mapping[str, ManagerOffers] = field(default_factory=dict)
    """What managers have offered already, where the host seems to miss a tool."""
