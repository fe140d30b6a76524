"""OpenPGP keys made by gpg on this machine, and an apt repository whose Release they sign."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.hosts import AptRepository


@dataclass(frozen=True)
class Key:
    """A key without a passphrase.

    Attributes:
        fingerprint: of the primary key, 40 hexadecimal digits.
        subkeys: fingerprints of its subkeys.
        text: the public key, armored.
        content: the public key as bytes.
    """

    home: Path
    fingerprint: str
    subkeys: tuple[str, ...]
    text: str
    content: bytes


class Gpg:
    """gpg with a home of its own."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What gpg answers."""
        argv = ["gpg", "--homedir", str(self._home), "--batch", "--quiet", "--yes", "--passphrase", "", *arguments]
        return subprocess.run(argv, input=stdin, check=True, capture_output=True).stdout

    def key(self, name: str = "tests", algorithm: str = "ed25519", subkey: str = "") -> Key:
        """A new key that may sign, and perhaps a subkey that may too."""
        self.run("--quick-generate-key", f"{name} <{name}@invalid>", algorithm, "sign", "never")
        fingerprint = self._fingerprints(name)[0]
        if subkey:
            self.run("--quick-add-key", fingerprint, subkey, "sign", "never")
        return self.exported(fingerprint)

    def expired(self, name: str) -> Key:
        """A key whose time was over years ago."""
        past = ["--faked-system-time", "20200101T000000!"]
        self.run(*past, "--quick-generate-key", f"{name} <{name}@invalid>", "ed25519", "sign", "1d")
        return self.exported(self._fingerprints(name)[0])

    def revoked(self, name: str) -> Key:
        """A key that its owner has revoked."""
        key = self.key(name)
        prepared = (self._home / "openpgp-revocs.d" / f"{key.fingerprint}.rev").read_text()
        self.run("--import", stdin=prepared.replace("\n:-----", "\n-----").encode())
        return self.exported(key.fingerprint)

    def exported(self, fingerprint: str) -> Key:
        """A key as it is now."""
        text = self.run("--armor", "--export", fingerprint).decode()
        content = self.run("--export", fingerprint)
        return Key(self._home, fingerprint, tuple(self._fingerprints(fingerprint)[1:]), text, content)

    def _fingerprints(self, name: str) -> list[str]:
        listed = self.run("--with-colons", "--fingerprint", "--fingerprint", "--list-keys", name).decode()
        return [line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:")]


@contextmanager
def gpg() -> Iterator[Gpg]:
    """A gpg for the length of a ``with`` block; its agent ends with it. Its home has a short path for its sockets."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as directory:
        Path(directory).chmod(0o700)
        try:
            yield Gpg(Path(directory))
        finally:
            subprocess.run(["gpgconf", "--homedir", directory, "--kill", "all"], capture_output=True)


def sign_rpm(package: Path, key: Key) -> None:
    """Sign a package in its place; the repository's index does not know yet."""
    macros = {"__gpg": "/usr/bin/gpg", "_gpg_name": key.fingerprint, "_gpg_path": str(key.home)}
    defined = [word for name, value in macros.items() for word in ("--define", f"{name} {value}")]
    subprocess.run(["rpmsign", *defined, "--addsign", str(package)], check=True, capture_output=True)


def sign(repository: AptRepository, key: Key, gpg: Gpg) -> None:
    """Write a flat repository's ``InRelease``, and once more as the suite ``stable`` with the component ``main``."""
    top = repository.path
    packages = (top / "Packages").read_bytes()
    suite = top / "dists/stable"
    for place in ("main/binary-all", "main/binary-amd64", "main/binary-arm64"):
        (suite / place).mkdir(parents=True, exist_ok=True)
        (suite / place / "Packages").write_bytes(packages)
    for directory in (top, suite):
        listed = sorted(directory.rglob("Packages")) if directory == suite else [top / "Packages"]
        rows = [(hashlib.sha256(packages).hexdigest(), each.relative_to(directory)) for each in listed]
        lines = ["Origin: Tests", "Suite: stable", "Codename: stable", "Architectures: all amd64 arm64"]
        lines += ["Components: main", "Date: Mon, 05 Jan 2026 00:00:00 UTC", "SHA256:"]
        lines += [f" {digest} {len(packages)} {name}" for digest, name in rows]
        release = "\n".join(lines).encode() + b"\n"
        (directory / "InRelease").write_bytes(gpg.run("-u", key.fingerprint, "--clearsign", stdin=release))
