"""The files by which apt, dnf and zypper know a third party's package repository: their paths and their text.

Shared with the roles (Python 3.9, standard library only). The role ``mngr_packages`` writes these files, and the
commands that we print for an administrator write the same ones.
"""

from __future__ import annotations

from typing import NamedTuple

MARK = "# Written by mngr-ansible"
"""The first line of every file that we write for a repository. A file without it is never overwritten."""

MANAGERS = ("apt", "dnf", "zypper")
"""The package managers to which repositories can be added."""

_APT_TEXT = """\
Types: deb
URIs: {url}
Suites: {suite}
{components}Signed-By: {key_path}
"""

_DNF_TEXT = """\
[{name}]
name={name}
baseurl={url}
enabled=1
gpgcheck=1
repo_gpgcheck=0
gpgkey=file://{key_path}
skip_if_unavailable=1
"""

# With gpgcheck=1 alone, zypper does not check packages where the metadata are signed, and asks a question where they
# are not.
_ZYPPER_TEXT = """\
[{name}]
name={name}
baseurl={url}
enabled=1
autorefresh=1
gpgcheck=1
repo_gpgcheck=0
pkg_gpgcheck=1
gpgkey=file://{key_path}
"""


class _Layout(NamedTuple):
    """Where one manager has its files for a repository ``{name}``, and the text of the one that lists it."""

    key_path: str
    path: str
    text: str


_LAYOUTS = {
    "apt": _Layout("/etc/apt/keyrings/{name}.asc", "/etc/apt/sources.list.d/{name}.sources", _APT_TEXT),
    "dnf": _Layout("/etc/pki/rpm-gpg/RPM-GPG-KEY-{name}", "/etc/yum.repos.d/{name}.repo", _DNF_TEXT),
    "zypper": _Layout("/etc/pki/rpm-gpg/RPM-GPG-KEY-{name}", "/etc/zypp/repos.d/{name}.repo", _ZYPPER_TEXT),
}


class RepositoryFiles(NamedTuple):
    """The two files of one repository on a host.

    Attributes:
        key_path: the file with the armored signing key; its content is :func:`marked` too.
        path: the file that lists the repository.
        text: the whole content of ``path``, with the mark.
    """

    key_path: str
    path: str
    text: str


def files(manager: str, name: str, url: str, suite: str = "", component: str = "") -> RepositoryFiles:
    """The files of a repository for one of :data:`MANAGERS`.

    Args:
        name: names the files, and for dnf and zypper also the repository.
        suite: apt only; without one, a flat repository in the directory ``./``.
        component: apt only; one or more words with a blank between them, empty for a flat repository.

    Source: sources.list(5), dnf.conf(5); zypper takes the format of dnf.
    """
    layout = _LAYOUTS[manager]
    key_path = layout.key_path.format(name=name)
    text = layout.text.format(
        name=name,
        url=url,
        suite=suite or "./",
        components=f"Components: {component}\n" if component else "",
        key_path=key_path,
    )
    return RepositoryFiles(key_path, layout.path.format(name=name), marked(text))


def marked(text: str) -> str:
    """The text of a file with :data:`MARK` as its first line."""
    return f"{MARK}\n{text}"
