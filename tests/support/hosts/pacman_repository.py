"""A local pacman repository of tiny packages, written by hand: a package is a tar, and so is the index."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tests.support.hosts.package_tree import plant_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

_RELATIONS = {"depends": "depend", "conflicts": "conflict", "provides": "provides", "replaces": "replaces"}
_SCRIPTS = {
    "preinst": ("pre_install", "pre_upgrade"),
    "postinst": ("post_install", "post_upgrade"),
    "prerm": ("pre_remove",),
    "postrm": ("post_remove",),
}


class PacmanRepository:
    """A repository in a directory: packages are added or removed at any time, hosts see it at their next refresh.

    A host that gets it has it as ``/srv/pacman`` and as its only source, named ``tests``.
    """

    place: ClassVar = "/srv/pacman"
    sources: ClassVar = {"/etc/pacman.d/tests.conf": "[tests]\nSigLevel = Never\nServer = file:///srv/pacman\n"}
    refresh: ClassVar = "pacman -Sy --noconfirm >/dev/null"
    lists: ClassVar = ("/var/lib/pacman/sync",)

    def __init__(self, path: Path) -> None:
        """Begin an empty repository in ``path``, which is made if needed and has to be readable by everyone."""
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
        self._entries: dict[str, tuple[str, str]] = {}
        self._time = 0
        self._write_index()

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
            parts: ``depends``, ``conflicts``, ``provides``, ``replaces``, separated by commas, and the scripts
                ``preinst``, ``postinst``, ``prerm``, ``postrm`` as sh code.

        Returns:
            The package's file.
        """
        full = version if "-" in version else f"{version}-1"
        relations = [
            (key, re.sub(r"\s", "", one)) for key in _RELATIONS for one in parts.get(key, "").split(",") if one.strip()
        ]
        info = [("pkgname", name), ("pkgbase", name), ("pkgver", full), ("pkgdesc", f"{name} for tests")]
        info += [("packager", "T <t@invalid>"), ("builddate", "1700000000"), ("size", "1"), ("arch", "any")]
        info += [(_RELATIONS[key], one) for key, one in relations]
        with tempfile.TemporaryDirectory() as directory:
            tree = Path(directory)
            plant_tree(tree, files, commands)
            (tree / ".PKGINFO").write_text("".join(f"{key} = {value}\n" for key, value in info))
            functions = [
                f"{function}() {{\nset -e\n{code}\n}}\n"
                for key, code in parts.items()
                for function in _SCRIPTS.get(key, ())
            ]
            if functions:
                (tree / ".INSTALL").write_text("".join(functions))
            package = self.path / f"{name}-{full.replace(':', '+')}-any.pkg.tar"
            with tarfile.open(package, "w") as tar:
                for path in sorted(tree.iterdir()):
                    tar.add(path, path.name, filter=_owned_by_root)
        content = package.read_bytes()
        fields = [("FILENAME", package.name), ("NAME", name), ("BASE", name), ("VERSION", full), ("ARCH", "any")]
        fields += [("DESC", f"{name} for tests"), ("CSIZE", str(len(content))), ("ISIZE", "1")]
        fields += [("SHA256SUM", hashlib.sha256(content).hexdigest())]
        for key in _RELATIONS:
            if named := [one for other, one in relations if other == key]:
                fields.append((key.upper(), "\n".join(named)))
        # As with repo-add, a newer package of the same name takes the place of the old one.
        self._entries[name] = (f"{name}-{full}", "".join(f"%{key}%\n{value}\n\n" for key, value in fields))
        self._write_index()
        return package

    def remove(self, package: Path) -> None:
        """Take a package away, as a mirror does with an old version."""
        package.unlink()
        line = f"%FILENAME%\n{package.name}\n"
        self._entries = {name: entry for name, entry in self._entries.items() if line not in entry[1]}
        self._write_index()

    def _write_index(self) -> None:
        written = self.path / "tests.db.part"
        with tarfile.open(written, "w:gz") as tar:
            for directory, desc in self._entries.values():
                member = tarfile.TarInfo(f"{directory}/desc")
                member.size = len(desc.encode())
                tar.addfile(member, io.BytesIO(desc.encode()))
        # pacman fetches an index that is newer by at least a second; a test does not wait for that.
        self._time = max(int(time.time()), self._time + 1)
        os.utime(written, (self._time, self._time))
        written.rename(self.path / "tests.db")


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member
