"""Large contents as they arrive on the host: uploaded as one file, or sent in parts. Python 3.9, standard library only.

An upload lies in a directory ``ansible-tmp-…`` inside Ansible's temporary directory (``remote_tmp``), as everything
that Ansible uploads. It is removed as soon as the module has opened it.
"""

from __future__ import annotations

import base64
import os
import shutil
import tempfile

from .mngr_ansible_portable import dead_runs

UPLOAD = "mngr-ansible-bundle"
"""The name of an uploaded file."""
_UPLOAD_SECONDS = 30
"""Age after which an upload that no longer grows belongs to a dead run: a silent connection ends before that."""


def append_part(remote_tmp: str, path: str | None, part: str) -> str:
    """Append a part (base64) to an upload that only this user can read, a new one if ``path`` is None; its path."""
    if path is None:
        os.makedirs(remote_tmp, mode=0o700, exist_ok=True)
        path = os.path.join(tempfile.mkdtemp(prefix="ansible-tmp-", dir=remote_tmp), UPLOAD)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, 0o600), "ab") as file:
        file.write(base64.b64decode(part, validate=True))
    return path


def remove(path: str) -> None:
    """Remove an upload, and its directory if it held nothing else. An open descriptor stays usable."""
    os.unlink(path)
    dead_runs.remove_empty(os.path.dirname(path))  # a directory that Ansible made is not empty; Ansible removes it


def sweep(remote_tmp: str) -> None:
    """Remove the uploads and the temporary directories of dead runs; then this run's own one, if it is empty."""
    dead_runs.sweep(remote_tmp, _remove_dead_uploads)
    if dead_runs.is_run_directory(remote_tmp):
        dead_runs.remove_empty(remote_tmp)


def _remove_dead_uploads(directory: str) -> None:
    for path in dead_runs.children(directory):
        if not os.path.basename(path).startswith("ansible-tmp-"):
            continue
        if dead_runs.age(os.path.join(path, UPLOAD)) > _UPLOAD_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
        elif dead_runs.age(path) > _UPLOAD_SECONDS:
            dead_runs.remove_empty(path)  # its run was killed before the first byte
