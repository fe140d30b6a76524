"""A rehearsal: a package manager fetches its lists into a directory of its own, and says what it would do with them.

Shared with the roles (Python 3.9, standard library only). Check mode must know what newer lists or a new repository
would offer, and must not change the host. So the manager works with the host's settings, but keeps its lists, its cache
and what else it writes in a private directory: as pacman's own ``checkupdates`` does. Sources: apt.conf(5),
dnf.conf(5), zypper(8), pacman(8).
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OPTIONS = {
    "apt": (
        "--option=Dir::State::lists={0}/lists",
        "--option=Dir::Cache={0}/cache",
        "--option=Dir::Etc::sourceparts={0}/sources",
    ),
    "dnf": (
        "--setopt=cachedir={0}/cache",
        "--setopt=system_cachedir={0}/cache",
        "--setopt=persistdir={0}/state",
        "--setopt=logdir={0}",
        "--setopt=reposdir=/etc/yum.repos.d,/etc/yum/repos.d,/etc/distro.repos.d,{0}/sources",
    ),
    "zypper": ("--cache-dir", "{0}/cache", "--reposd-dir", "{0}/sources"),
    "pacman": ("--dbpath", "{0}/db", "--logfile", "/dev/null"),
}
"""By manager, the options that follow the program's name; ``{0}`` is the private directory."""

# apt runs what its settings name after an update (Post-Invoke), which may change the host: those are left out. The
# settings that are left out can only be named in a file that is read last. apt warns of parts that are missing.
_LAYOUT = {
    "apt": """\
mkdir -p lists/partial cache/archives/partial sources settings
cp -R /etc/apt/sources.list.d/. sources/ 2>/dev/null
cp -R /etc/apt/apt.conf.d/. settings/ 2>/dev/null
cp /etc/apt/apt.conf settings/zzzy-main 2>/dev/null
echo '#clear APT::Update;' >settings/zzzz-rehearsal
printf 'Dir::Etc::parts "%s/settings";\\nDir::Etc::main "/dev/null";\\n' "$PWD" >settings.conf
""",
    "dnf": "mkdir -p cache state sources\n",
    "zypper": "mkdir -p cache sources\ncp /etc/zypp/repos.d/*.repo sources/ 2>/dev/null\n",
    "pacman": "mkdir -p db\nln -s /var/lib/pacman/local db/local\n",
}
_LISTS = {
    "apt": ("/var/lib/apt/lists", "lists"),
    "dnf": ("/var/cache/dnf", "cache"),
    "zypper": ("/var/cache/zypp", "cache"),
    "pacman": ("/var/lib/pacman", "db"),
}
"""By manager, where its lists are on the host, and in the private directory."""

MANAGERS = tuple(_OPTIONS)
"""The managers that can rehearse."""


class Rehearsal(NamedTuple):
    """One rehearsal.

    Attributes:
        manager: one of :data:`MANAGERS`.
        directory: the absolute path of a directory that belongs to it; empty at first.
    """

    manager: str
    directory: str

    def layout(self, files: Mapping[str, str]) -> str:
        """The sh text that fills the directory.

        Args:
            files: more files by their path in it, such as ``sources/NAME.repo`` for a new repository.
        """
        lines = [f"cd {shlex.quote(self.directory)} || exit 1", "umask 022", _LAYOUT[self.manager].rstrip()]
        lines += [f"printf %s {shlex.quote(text)} >{shlex.quote(path)}" for path, text in files.items()]
        return "\n".join([*lines, "true", ""])

    def amended(self, argv: Sequence[str]) -> list[str]:
        """The manager's command, so that it works in the directory."""
        options = [option.format(self.directory) for option in _OPTIONS[self.manager]]
        return [argv[0], *options, *argv[1:]]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that its commands need beside their own."""
        return {"APT_CONFIG": f"{self.directory}/settings.conf"} if self.manager == "apt" else {}

    def lists(self, patterns: str) -> str:
        """Patterns of the files with lists, quoted for sh, there instead of on the host."""
        place, own = _LISTS[self.manager]
        return patterns.replace(place, f"{shlex.quote(self.directory)}/{own}")
