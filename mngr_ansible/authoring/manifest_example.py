"""The verb ``init``: a manifest to start from."""

from pathlib import Path


def write_manifest(file: str | None, *, is_asked: bool) -> tuple[Path, str]:
    """Write it."""
    raise NotImplementedError(file, is_asked)
