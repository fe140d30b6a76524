"""Where the Ansible content of this package is: ``roles/`` and ``playbooks/``, in a wheel or in a checkout."""

from pathlib import Path

from mngr_ansible.errors import RunError


def content_directory() -> Path:
    """The directory that holds ``roles/`` and ``playbooks/``.

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
