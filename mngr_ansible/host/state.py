"""What is true on a host now, read strictly from the probe's answer: every line must be one that we asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mngr_ansible.portable import checks, managers

Privilege = Literal["root", "sudo", "doas", "password", "none"]
"""How the login becomes root there: it is, or without a question, or by sudo's password that we were given."""


_OBSTACLES = {
    "tty": "its sudo wants a terminal: requiretty",
    "slow": "its sudo does not answer within 10 s",
    "rs": "its sudo is sudo-rs, whose question for a password Ansible does not understand",
}


@dataclass(frozen=True, slots=True)
class FileState:
    """What stands at a destination. ``kind``: file, directory, link, other, missing, unreadable (a file)."""

    kind: str
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    size: int | None = None
    sha256: str | None = None
    """Of a file's content, where it matters; of a link, of its target and a newline."""


MISSING = FileState("missing")


@dataclass(frozen=True, slots=True)
class HostState:
    """What is true on a host now."""

    home: str
    work_dir: str
    user: str
    uid: int
    system: str = "Linux"
    os: Mapping[str, str] = field(default_factory=dict)
    privilege: Privilege = "none"
    obstacle: str = ""
    """What is against sudo there besides a password, or against its use: a key of ``_OBSTACLES``, or empty."""
    python: str | None = None
    """Where a Python is that Ansible can use."""
    python_version: str | None = None
    old_python: str | None = None
    managers: tuple[str, ...] = ()
    """The package managers that it has, by their names in ``managers``."""
    programs: tuple[str, ...] = ()
    """Of the programs that printed commands need, those that it has."""
    files: Mapping[str, FileState] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    """Of every destination's directory: ``w`` there and writable, ``r`` not writable; ``W``, ``R`` the same of the
    nearest directory above one that is missing; ``x`` something else stands in the way."""
    parents_as_root: Mapping[str, str] = field(default_factory=dict)
    """The same for root, of what needs root."""
    real: Mapping[str, str] = field(default_factory=dict)
    """Directories of destinations that are others in truth, behind links."""
    real_home: str = ""
    real_work_dir: str = ""
    """What home and work_dir are in truth; empty where they are not there."""
    listings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What a mirrored destination holds: path below it → ``directory`` or ``file`` (anything else)."""
    tmp: str = ""
    """A directory for temporary ones where the login may write; empty where there is none."""
    groups: tuple[int, ...] = ()
    """The login's groups, its own first."""
    numbers: Mapping[tuple[str, str], int | None] = field(default_factory=dict)
    """The numbers of the users and groups that were asked for (``("user", "agent")``); None where there is none."""
    findings: Mapping[str, checks.Finding] = field(default_factory=dict)

    @property
    def os_name(self) -> str:
        return self.os.get("PRETTY_NAME") or self.system

    @property
    def ids(self) -> tuple[str, ...]:
        """What its system is called: os-release's ``ID`` and ``ID_LIKE``, and ``linux`` or ``macos``."""
        kernel = self.system.partition(" ")[0]
        names = f"{self.os.get('ID', '')} {self.os.get('ID_LIKE', '')}".split()
        return (*names, {"Darwin": "macos"}.get(kernel, kernel.lower()))

    @property
    def privilege_problem(self) -> str:
        """Why the login cannot become root there, in words."""
        why = f" ({self.sudo_obstacle})" if self.sudo_obstacle else ""
        return f"{self.user} is not root and has no sudo without a password{why}"

    @property
    def sudo_obstacle(self) -> str:
        """The hindrance in words; empty where there is none."""
        return _OBSTACLES.get(self.obstacle, "")

    @property
    def release(self) -> str:
        """Its system's ``VERSION_ID``; empty where it has none."""
        return self.os.get("VERSION_ID", "")

    @property
    def arch(self) -> str:
        """Its machine, as ``uname -m`` says it."""
        return self.system.partition(" ")[2]

    @property
    def manager(self) -> str | None:
        """The manager that its system installs with."""
        return managers.of_host(self.ids, self.managers)
