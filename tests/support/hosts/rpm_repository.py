"""A local rpm repository of tiny packages, for dnf and for zypper."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tests.support.hosts import layers
from tests.support.hosts.repository import Repository, RepositoryError

if TYPE_CHECKING:
    from collections.abc import Mapping

_IN_LAYER = """\
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" layer "$1/root"
mount -t proc proc "$1/root/proc"
mount --bind "$3" "$1/root/srv"
mount --bind "$4" "$1/root/mnt"
exec chroot "$1/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root sh -euc "$5"
"""
_BUILD = "rpmbuild -bb --quiet --define '_topdir /mnt' --define '_rpmdir /srv' /mnt/spec"
_INDEX = "createrepo_c --quiet --simple-md-filenames /srv"
_SPEC = """\
%define debug_package %{{nil}}
%define __os_install_post %{{nil}}
%define _binary_payload w1.gzdio
%define _rpmfilename {file}
Name: {name}
Version: {version}
Release: {release}
Summary: {name} for tests
License: none
BuildArch: noarch
AutoReqProv: no
{tags}
%description
{name} for tests
%install
cp -a /mnt/tree/. %{{buildroot}}
%files
%defattr(-,root,root)
{files}
{scripts}
"""
_SCRIPTS = {"preinst": "pre", "postinst": "post", "prerm": "preun", "postrm": "postun"}
_TAGS = {"depends": "Requires"}


class RpmRepository(Repository):
    """A repository in a directory, which a host has as ``/srv/rpm`` and sees anew when it refreshes its lists.

    Packages are built in the layer ``dnf``, so that this machine needs no tool of rpm.
    """

    place: ClassVar = "/srv/rpm"
    sources: ClassVar = {
        "/etc/yum.repos.d/tests.repo": "[tests]\nname=tests\nbaseurl=file:///srv/rpm\nenabled=1\ngpgcheck=0\n",
        "/etc/zypp/repos.d/tests.repo": (
            "[tests]\nname=tests\nbaseurl=dir:///srv/rpm\ntype=rpm-md\nenabled=1\nautorefresh=1\ngpgcheck=0\n"
        ),
    }
    refresh: ClassVar = "if command -v dnf; then dnf -q makecache; else zypper -q -n refresh; fi >/dev/null"
    lists: ClassVar = ("/var/cache/dnf", "/var/cache/zypp")

    def _build(self, tree: Path, name: str, version: str, parts: Mapping[str, str]) -> Path:
        epoch, _, number = version.rpartition(":")
        upstream, _, release = number.partition("-")
        file = f"{name}-{version.replace(':', '+')}.rpm"
        tags = [f"Epoch: {epoch}"] if epoch else []
        tags += [f"{_TAGS.get(key, key.title())}: {text}" for key, text in parts.items() if key not in _SCRIPTS]
        scripts = [f"%{_SCRIPTS[key]}\nset -e\n{code}" for key, code in parts.items() if key in _SCRIPTS]
        owned = [f"/{path.relative_to(tree)}" for path in sorted(tree.rglob("*")) if path.is_file()]
        spec = _SPEC.format(
            name=name,
            version=upstream,
            release=release or "1",
            file=file,
            tags="\n".join(tags),
            files="\n".join(owned),
            scripts="\n".join(scripts),
        )
        (tree.parent / "spec").write_text(spec)
        self._in_layer(_BUILD, tree.parent)
        return self.path / file

    def _write_index(self) -> None:
        with tempfile.TemporaryDirectory() as empty:
            self._in_layer(_INDEX, Path(empty))

    def _in_layer(self, code: str, build: Path) -> None:
        """Run sh code in a throw-away copy of the layer, with the repository as ``/srv`` and ``build`` as ``/mnt``."""
        lower = str(layers.layer_root("dnf"))
        with tempfile.TemporaryDirectory() as directory:
            script = ["sh", "-euc", _IN_LAYER, "sh", directory, lower, str(self.path), str(build), code]
            done = subprocess.run(
                ["unshare", "--mount", *script], text=True, capture_output=True, stdin=subprocess.DEVNULL
            )
        if done.returncode:
            raise RepositoryError(f"the repository could not be made:\n{done.stdout}{done.stderr}")
