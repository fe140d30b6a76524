"""Large contents as they arrive on the host: uploaded as one file, or sent in parts. Python 3.9, standard library only.

An upload lies in a directory ``ansible-tmp-…`` inside Ansible's temporary directory (``remote_tmp``), as everything
that Ansible uploads. It is removed as soon as the module has opened it.
"""

from __future__ import annotations

import binascii
import errno
import os
import stat
from typing import BinaryIO

from .mngr_ansible_portable import dead_runs
from .mngr_files_directories import Directories, Directory, MissingError

UPLOAD = "mngr-ansible-bundle"
"""The name of an uploaded file."""
_TASK = b"ansible-tmp-"
"""How the names of Ansible's temporary directories begin."""
_UPLOAD_SECONDS = 30
"""Age after which an upload that no longer grows belongs to a dead run: a silent connection ends before that."""
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def temporary_directory(remote_tmp: str) -> str:
    """Ansible's temporary directory on this host, from the setting, which may begin with ``~`` or a variable."""
    return os.path.expanduser(os.path.expandvars(remote_tmp))


def append_part(remote_tmp: str, path: str | None, part: str) -> str:
    """Append a part (base64) to an upload that only this user can read, a new one if ``path`` is None; its path.

    Raises:
        RefusedError, OSError, ValueError: it cannot be written, or is not base64.
    """
    directories = Directories()
    if path is None:
        holder = _made(directories, os.fsencode(remote_tmp))
        name = _TASK + os.urandom(8).hex().encode("ascii")
        os.mkdir(name, 0o700, dir_fd=holder.fd)
        directory = directories.open_in(holder, name)
        path = os.path.join(os.fsdecode(directory.path), UPLOAD)
    else:
        directory = directories.open(os.fsencode(os.path.dirname(path)))
    with open(os.open(UPLOAD, _APPEND, 0o600, dir_fd=directory.fd), "ab") as file:
        _require_file(file)
        file.write(binascii.a2b_base64(part))
    return path


def take(path: str) -> BinaryIO:
    """Open an upload and remove it, with its directory if it held nothing else. The open file stays usable.

    Raises:
        RefusedError, MissingError, OSError: it is not there, or is no file.
    """
    directory = Directories().open(os.fsencode(os.path.dirname(path)))
    name = os.path.basename(path)
    file = open(os.open(name, _READ, dir_fd=directory.fd), "rb")
    try:
        _require_file(file)
        os.unlink(name, dir_fd=directory.fd)
    except BaseException:
        file.close()
        raise
    if directory.parent is not None:
        try:
            os.rmdir(directory.name, dir_fd=directory.parent.fd)
        except OSError:
            pass  # a directory that Ansible made is not empty; Ansible removes it
    return file


def _require_file(file: BinaryIO) -> None:
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise OSError(errno.EINVAL, "an upload is not a file", UPLOAD)


def _made(directories: Directories, path: bytes) -> Directory:
    """The directory at a path; what is missing of it is made, for this user alone."""
    while True:
        try:
            return directories.open(path)
        except MissingError as error:
            os.mkdir(error.names[0], 0o700, dir_fd=error.nearest.fd)


def sweep(remote_tmp: str) -> None:
    """Remove the uploads and the temporary directories of dead runs; then this run's own one, if it is empty."""
    dead_runs.sweep(remote_tmp, _remove_dead_uploads)
    if dead_runs.is_run_directory(remote_tmp):
        dead_runs.remove_empty(remote_tmp)


def _remove_dead_uploads(directory: int) -> None:
    """Remove them from the open temporary directory of a run."""
    for name in dead_runs.names(directory):
        if name.startswith(os.fsdecode(_TASK)):
            if dead_runs.age_below(name, UPLOAD, directory) > _UPLOAD_SECONDS:
                dead_runs.remove_tree(name, directory)
            elif dead_runs.age(name, directory) > _UPLOAD_SECONDS:
                dead_runs.remove_empty(name, directory)  # its run was killed before the first byte
