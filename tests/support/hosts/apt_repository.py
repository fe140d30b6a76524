"""A local apt repository of tiny packages, so that installing is real and needs no mirror."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tests.support.hosts.package_tree import plant_file, plant_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SCRIPTS = ("preinst", "postinst", "prerm", "postrm")


class AptRepository:
    """A flat repository in a directory: packages are added or removed at any time, hosts see it at once.

    A host that gets it has it as ``/srv/apt`` and as its only source.
    """

    place: ClassVar = "/srv/apt"
    # "copy:", not "file:": apt then keeps lists of its own, which can be stale, as with a mirror.
    sources: ClassVar = {"/etc/apt/sources.list.d/tests.list": "deb [trusted=yes] copy:/srv/apt ./\n"}
    refresh: ClassVar = "apt-get update -qq"
    lists: ClassVar = ("/var/lib/apt",)

    def __init__(self, path: Path) -> None:
        """Begin an empty repository in ``path``, which is made if needed and has to be readable by everyone."""
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
        self._stanzas: dict[str, str] = {}
        self._write_index()

    def add(
        self,
        name: str,
        version: str = "1.0",
        *,
        commands: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        architecture: str = "all",
        fields: Mapping[str, str] | None = None,
        **parts: str,
    ) -> Path:
        """Build a package and offer it.

        Args:
            name: the package's name.
            version: Debian's version, with epoch and revision where the test is about them.
            commands: command name to the sh code that it runs; installed in ``/usr/bin``.
            files: absolute path on the host to content.
            architecture: ``all`` or the host's.
            fields: more control fields by their own names, such as ``{"Pre-Depends": "..."}``.
            parts: ``depends``, ``conflicts``, ``provides`` and other control fields of one word, and the
                maintainer scripts ``preinst``, ``postinst``, ``prerm``, ``postrm`` as sh code.

        Returns:
            The ``.deb`` file.
        """
        control = {"Package": name, "Version": version, "Architecture": architecture, "Maintainer": "T <t@invalid>"}
        control |= {key.title(): text for key, text in parts.items() if key not in _SCRIPTS}
        control |= {**(fields or {}), "Description": f"{name} for tests"}
        deb = self.path / f"{name}_{version.replace(':', '+')}_{architecture}.deb"
        with tempfile.TemporaryDirectory() as directory:
            tree = Path(directory, "tree")
            plant_tree(tree, files, commands)
            plant_file(tree / "DEBIAN/control", "".join(f"{key}: {text}\n" for key, text in control.items()))
            for script in _SCRIPTS:
                if script in parts:
                    plant_file(tree / "DEBIAN" / script, f"#!/bin/sh\nset -e\n{parts[script]}\n", mode=0o755)
            build = ["dpkg-deb", "-Znone", "--root-owner-group", "--build", str(tree), str(deb)]
            subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        self._offer(deb)
        return deb

    def adopt(self, debs: Iterable[Path]) -> None:
        """Offer packages that exist as files, such as ``offered_packages("bare")``; they are copied."""
        for deb in debs:
            self._offer(Path(shutil.copy(deb, self.path / deb.name.replace("%3a", "+"))))

    def remove(self, deb: Path) -> None:
        """Take a package away, as a mirror does with an old version."""
        deb.unlink()
        del self._stanzas[deb.name]
        self._write_index()

    def _offer(self, deb: Path) -> None:
        control = subprocess.run(["dpkg-deb", "--field", deb], check=True, text=True, capture_output=True).stdout
        content = deb.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        self._stanzas[deb.name] = f"{control}Filename: ./{deb.name}\nSize: {len(content)}\nSHA256: {digest}\n"
        self._write_index()

    def _write_index(self) -> None:
        (self.path / "Packages").write_text("\n".join(self._stanzas.values()))
