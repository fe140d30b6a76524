"""The roles of the first release, which the molecule scenario ``upgrade`` runs before today's.

They are an archive in the repository, since a shallow clone has no history to take them from.

    python -m tools.first_release DIR        unpack them in DIR, after their checksum was compared
    python -m tools.first_release --write    make the archive from the history; it prints the checksum
"""

from __future__ import annotations

import gzip
import hashlib
import io
import posixpath
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
ARCHIVE = ROOT / "molecule/upgrade/first_release.tar.gz"
COMMIT = "5ff7d4507df445aa139b3c243292f12f955a7dec"
SHA256 = "401f1a3480ffc8df2470172e78631d9f7af3a71d320c39c971132cdec6427630"
"""Of the archive without its compression, which differs between versions of zlib."""


def main() -> int:
    """Run one of the two commands; returns the exit code."""
    match sys.argv[1:]:
        case ["--write"]:
            tar = from_history()
            ARCHIVE.write_bytes(gzip.compress(tar, 9, mtime=0))
            sys.stdout.write(hashlib.sha256(tar).hexdigest() + "\n")
        case [directory] if not directory.startswith("-"):
            unpack(Path(directory))
        case _:
            sys.stderr.write(__doc__ or "")
            return 64
    return 0


def unpack(directory: Path) -> None:
    """Write ``roles/`` and ``playbooks/`` of the first release into a directory.

    Raises:
        SystemExit: the archive is not the one that was made.
    """
    tar = gzip.decompress(ARCHIVE.read_bytes())
    if hashlib.sha256(tar).hexdigest() != SHA256:
        sys.exit(f"{ARCHIVE} is damaged: its checksum is not that of the first release. Check it out again.")
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        archive.extractall(directory, filter="data")


def from_history() -> bytes:
    """The archive as this repository's history gives it: every file with its content, a link with its target's.

    Raises:
        subprocess.CalledProcessError: the history does not have the commit, as in a shallow clone.
    """
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for line in _git("ls-tree", "-r", COMMIT, "roles", "playbooks").decode().splitlines():
            mode, path = line.split()[0], line.split("\t")[1]
            content = _git("show", f"{COMMIT}:{path}")
            if mode == "120000":
                target = posixpath.normpath(posixpath.join(posixpath.dirname(path), content.decode()))
                content = _git("show", f"{COMMIT}:{target}")
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


def _git(*words: str) -> bytes:
    git = shutil.which("git") or "git"
    return subprocess.run([git, *words], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    sys.exit(main())
