"""A local rpm repository of tiny packages, for dnf and for zypper."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tests.support.hosts import layers
from tests.support.hosts.package_tree import plant_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

_IN_LAYER = """\
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" layer "$1/root"
mount -t proc proc "$1/root/proc"
mount --bind "$1/build" "$1/root/mnt"
mount --bind "$3" "$1/root/srv"
exec chroot "$1/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root sh -euc "$4"
"""
_BUILD = """\
rpmbuild -bb --quiet --define '_topdir /mnt' --define '_rpmdir /srv' /mnt/spec
"""
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


class RpmRepository:
    """A repository in a directory: packages are added or removed at any time, hosts see it at their next refresh.

    A host that gets it has it as ``/srv/rpm`` and as its only source, named ``tests``. Packages are built in the layer
    ``dnf``, so that this machine needs no tool of rpm.
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

    def __init__(self, path: Path) -> None:
        """Begin an empty repository in ``path``, which is made if needed and has to be readable by everyone."""
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
        self._in_layer(_INDEX)

    def add(
        self,
        name: str,
        version: str = "1.0",
        *,
        commands: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        **parts: str,
    ) -> Path:
        """Build a package and offer it.

        Args:
            name: the package's name.
            version: ``[EPOCH:]VERSION[-RELEASE]``.
            commands: command name to the sh code that it runs; installed in ``/usr/bin``.
            files: absolute path on the host to content.
            parts: ``depends``, ``conflicts``, ``provides``, ``obsoletes``, separated by commas, and the scripts
                ``preinst``, ``postinst``, ``prerm``, ``postrm`` as sh code.

        Returns:
            The ``.rpm`` file.
        """
        epoch, _, number = version.rpartition(":")
        upstream, _, release = number.partition("-")
        release = release or "1"
        file = f"{name}-{version.replace(':', '+')}.rpm"
        tags = [f"Epoch: {epoch}"] if epoch else []
        tags += [f"{_TAGS.get(key, key.title())}: {text}" for key, text in parts.items() if key not in _SCRIPTS]
        scripts = [f"%{_SCRIPTS[key]}\nset -e\n{code}" for key, code in parts.items() if key in _SCRIPTS]
        owned = [*(files or {}), *(f"/usr/bin/{command}" for command in commands or {})]
        with tempfile.TemporaryDirectory() as directory:
            build = Path(directory, "build")
            (build / "tree").mkdir(parents=True)
            plant_tree(build / "tree", files, commands)
            (build / "spec").write_text(
                _SPEC.format(
                    name=name, version=upstream, release=release, file=file,
                    tags="\n".join(tags), files="\n".join(owned), scripts="\n".join(scripts),
                )
            )  # fmt: skip
            self._in_layer(_BUILD + _INDEX, directory)
        return self.path / file

    def remove(self, rpm: Path) -> None:
        """Take a package away, as a mirror does with an old version."""
        rpm.unlink()
        self._in_layer(_INDEX)

    def _in_layer(self, code: str, directory: str | None = None) -> None:
        """Run sh code in a throw-away copy of the layer, with the repository as ``/srv`` and the build as ``/mnt``."""
        if directory is None:
            with tempfile.TemporaryDirectory() as empty:
                Path(empty, "build").mkdir()
                self._in_layer(code, empty)
            return
        lower = str(layers.layer_root("dnf"))
        command = ["unshare", "--mount", "sh", "-euc", _IN_LAYER, "sh", directory, lower, str(self.path), code]
        done = subprocess.run(command, text=True, capture_output=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise RuntimeError(f"the repository could not be made:\n{done.stdout}{done.stderr}")
