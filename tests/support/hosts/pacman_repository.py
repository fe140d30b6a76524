"""A local pacman repository of tiny packages, written by hand: a package is a tar, and so is the index."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
import time
from typing import TYPE_CHECKING, ClassVar

from tests.support.hosts.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_RELATIONS = {"depends": "depend", "conflicts": "conflict", "provides": "provides", "replaces": "replaces"}
_SCRIPTS = {
    "preinst": ("pre_install", "pre_upgrade"),
    "postinst": ("post_install", "post_upgrade"),
    "prerm": ("pre_remove",),
    "postrm": ("post_remove",),
}


class PacmanRepository(Repository):
    """A repository in a directory, which a host has as ``/srv/pacman`` and sees anew when it refreshes its lists."""

    place: ClassVar = "/srv/pacman"
    sources: ClassVar = {"/etc/pacman.d/tests.conf": "[tests]\nSigLevel = Never\nServer = file:///srv/pacman\n"}
    refresh: ClassVar = "pacman -Sy --noconfirm >/dev/null"
    lists: ClassVar = ("/var/lib/pacman/sync",)
    _time = 0

    def _build(self, tree: Path, name: str, version: str, parts: Mapping[str, str]) -> Path:
        full = version if "-" in version else f"{version}-1"
        relations = [
            (key, re.sub(r"\s", "", one)) for key in _RELATIONS for one in parts.get(key, "").split(",") if one.strip()
        ]
        info = [("pkgname", name), ("pkgbase", name), ("pkgver", full), ("pkgdesc", f"{name} for tests")]
        info += [("packager", "T <t@invalid>"), ("builddate", "1700000000"), ("size", "1"), ("arch", "any")]
        info += [(_RELATIONS[key], one) for key, one in relations]
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
        self._entries = {file: entry for file, entry in self._entries.items() if f"%NAME%\n{name}\n" not in entry}
        self._entries[package.name] = "".join(f"%{key}%\n{value}\n\n" for key, value in fields)
        return package

    def _write_index(self) -> None:
        written = self.path / "tests.db.part"
        with tarfile.open(written, "w:gz") as tar:
            for desc in self._entries.values():
                name, version = (re.search(f"%{field}%\n(.*)\n", desc)[1] for field in ("NAME", "VERSION"))
                member = tarfile.TarInfo(f"{name}-{version}/desc")
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
