"""A local apt repository of tiny packages, so that installing is real and needs no mirror."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tests.support.hosts.repository import Repository, write_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SCRIPTS = ("preinst", "postinst", "prerm", "postrm")


class AptRepository(Repository):
    """A flat repository in a directory, which a host has as ``/srv/apt``. Packages are for every architecture."""

    place: ClassVar = "/srv/apt"
    # "copy:", not "file:": apt then keeps lists of its own, which can be stale, as with a mirror.
    sources: ClassVar = {"/etc/apt/sources.list.d/tests.list": "deb [trusted=yes] copy:/srv/apt ./\n"}
    refresh: ClassVar = "apt-get update -qq"
    lists: ClassVar = ("/var/lib/apt",)

    def adopt(self, debs: Iterable[Path]) -> None:
        """Offer packages that exist as files, such as ``offered_packages("bare")``; they are copied."""
        for deb in debs:
            self._offer(Path(shutil.copy(deb, self.path / deb.name.replace("%3a", "+"))))
        self._write_index()

    def _build(
        self,
        tree: Path,
        name: str,
        version: str,
        parts: Mapping[str, str],
        architecture: str = "all",
        fields: Mapping[str, str] | None = None,
    ) -> Path:
        control = {"Package": name, "Version": version, "Architecture": architecture, "Maintainer": "T <t@invalid>"}
        control |= {key.title(): text for key, text in parts.items() if key not in _SCRIPTS}
        control |= {**(fields or {}), "Description": f"{name} for tests"}
        write_file(tree / "DEBIAN/control", "".join(f"{key}: {text}\n" for key, text in control.items()))
        for script in _SCRIPTS:
            if script in parts:
                write_file(tree / "DEBIAN" / script, f"#!/bin/sh\nset -e\n{parts[script]}\n", mode=0o755)
        deb = self.path / f"{name}_{version.replace(':', '+')}_{architecture}.deb"
        build = ["dpkg-deb", "-Znone", "--root-owner-group", "--build", str(tree), str(deb)]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        self._offer(deb)
        return deb

    def _offer(self, deb: Path) -> None:
        control = subprocess.run(["dpkg-deb", "--field", deb], check=True, text=True, capture_output=True).stdout
        content = deb.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        self._entries[deb.name] = f"{control}Filename: ./{deb.name}\nSize: {len(content)}\nSHA256: {digest}\n"

    def _write_index(self) -> None:
        (self.path / "Packages").write_text("\n".join(self._entries.values()))
