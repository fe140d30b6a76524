"""Where the Ansible content is: ``roles/`` and ``playbooks/``, in a wheel or in a checkout."""

from pathlib import Path

from mngr_ansible.errors import RunError


def content_directory() -> Path:
    """The directory that holds ``roles/`` and ``playbooks/``.

    A wheel carries them in ``mngr_ansible/share``; a checkout (and an editable install) has them beside the package.

    Raises:
        RunError: neither place has them; the installation is broken.
    """
    package = Path(__file__).resolve().parents[1]
    for place in (package / "share", package.parent):
        if (place / "roles" / "mngr_files").is_dir():
            return place
    raise RunError(
        "the roles that belong to mngr-ansible are not beside its package",
        remedy="Install it again: pip install --force-reinstall mngr-ansible",
    )
