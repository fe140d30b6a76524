"""Working copies of the roles and playbooks, for a repository of the user's own."""

import shutil
from pathlib import Path

from mngr_ansible.content.destination import filled
from mngr_ansible.content.location import ROLES, content_directory, shipped_files


def copy_content(directory: Path) -> None:
    """Put ``roles/`` and ``playbooks/`` into a directory, as ``mngr-ansible content --copy DIR`` does.

    The directory may have other roles and playbooks; one with the name of ours is refused.

    Raises:
        InputError: see :func:`mngr_ansible.content.destination.filled`.
        RunError: the roles are missing in this installation.
    """
    source = content_directory()
    playbooks = [f"playbooks/{name}" for _, name in shipped_files(source / "playbooks")]
    paths = [*(f"roles/{role}" for role in ROLES), *playbooks]
    with filled(directory, paths) as work:
        for part in ("roles", "playbooks"):
            for file, name in shipped_files(source / part):
                copy = work / part / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
