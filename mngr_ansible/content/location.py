"""Where the Ansible content of this package is: ``roles/`` and ``playbooks/``, in a wheel or in a checkout."""

from collections.abc import Iterator
from pathlib import Path

from mngr_ansible.errors import RunError

ROLES = ("mngr_bootstrap", "mngr_files", "mngr_packages")
_CACHES = frozenset({"__pycache__", ".ansible", ".cache", ".mypy_cache", ".ruff_cache"})


def content_directory() -> Path:
    """The directory that holds ``roles/``, ``playbooks/`` and ``collection/`` (what only the collection has).

    A wheel has them in ``mngr_ansible/share``, a checkout (and an editable install) beside the package.

    Raises:
        RunError: they are in neither place; the installation is broken.
    """
    package = Path(__file__).resolve().parents[1]
    for directory in (package / "share", package.parent):
        if (directory / "roles" / "mngr_files").is_dir():
            return directory
    raise RunError(
        "the roles of mngr-ansible are missing in its installation",
        remedy="Install it again: pip install --force-reinstall mngr-ansible",
    )


def shipped_files(directory: Path) -> Iterator[tuple[Path, str]]:
    """The files below a directory in the order of their names, each with its path in it; without what programs cache.

    A checkout in which something was run has such caches.
    """
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        if path.is_file() and not _CACHES.intersection(relative.parts):
            yield path, relative.as_posix()
