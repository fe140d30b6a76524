"""The tarball of a collection, as ``ansible-galaxy collection build`` makes it, and the same bytes each time.

``MANIFEST.json`` has what ``galaxy.yml`` says and the sha256 of ``FILES.json``, which has the sha256 of every file.
Source: Ansible's "Distributing collections" and "Collection Galaxy metadata structure".
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_FORMAT = 1
_OPTIONAL = ("readme", "tags", "description", "license_file", "repository", "documentation", "homepage", "issues")
_TIME = 315532800
"""The time of every file in it, 1980-01-01: the oldest that a zip archive can have too."""


def write_artifact(tree: Path, files: Mapping[str, bytes], galaxy: Mapping[str, Any]) -> Path:
    """Write the tarball of a collection into a directory, and return its path.

    Args:
        tree: the directory to write into.
        files: the content of each file of the collection, by its path; without ``galaxy.yml``.
        galaxy: what ``galaxy.yml`` says.
    """
    listing = _json({"files": _listed(files), "format": _FORMAT})
    manifest = {
        "collection_info": {
            "namespace": galaxy["namespace"],
            "name": galaxy["name"],
            "version": galaxy["version"],
            "authors": galaxy["authors"],
            "license": galaxy.get("license", []),
            "dependencies": galaxy.get("dependencies", {}),
            **{key: galaxy.get(key) for key in _OPTIONAL},
        },
        "file_manifest_file": {"name": "FILES.json", "ftype": "file", **_checksum(listing)},
        "format": _FORMAT,
    }
    path = tree / f"{galaxy['namespace']}-{galaxy['name']}-{galaxy['version']}.tar.gz"
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        _add(archive, "MANIFEST.json", _json(manifest))
        _add(archive, "FILES.json", listing)
        for entry in _listed(files)[1:]:
            _add(archive, entry["name"], files.get(entry["name"]))
    return path


def _listed(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """The entries of ``FILES.json``: the collection itself, and each directory before what is in it."""
    directories = {parent.as_posix() for name in files for parent in Path(name).parents} - {"."}
    nothing = {"chksum_type": None, "chksum_sha256": None, "format": _FORMAT}
    entries: list[dict[str, Any]] = [{"name": ".", "ftype": "dir", **nothing}]
    for name in sorted({*files, *directories}):
        is_file = name in files
        entries.append(
            {"name": name, "ftype": "file", **_checksum(files[name])}
            if is_file
            else {"name": name, "ftype": "dir", **nothing}
        )
    return entries


def _checksum(content: bytes) -> dict[str, Any]:
    return {"chksum_type": "sha256", "chksum_sha256": hashlib.sha256(content).hexdigest(), "format": _FORMAT}


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=True).encode()


def _add(archive: tarfile.TarFile, name: str, content: bytes | None) -> None:
    """Add a file, or a directory where there is no content; it belongs to root, at the same time each time."""
    member = tarfile.TarInfo(name)
    member.mtime = _TIME
    member.mode = 0o644 if content is not None else 0o755
    member.type = tarfile.REGTYPE if content is not None else tarfile.DIRTYPE
    member.size = len(content or b"")
    archive.addfile(member, io.BytesIO(content or b""))
