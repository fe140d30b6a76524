"""The user's state directory: what is kept between runs. Source: XDG Base Directory Specification."""

import os
from pathlib import Path

from mngr_ansible.system.tempdirs import private_parents


def state_directory(name: str) -> Path:
    """``mngr-ansible/NAME`` in the user's state directory (``~/.local/state``); it is made, for its user alone.

    Raises:
        OSError: it cannot be made, or is another user's.
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path(os.path.expanduser("~/.local/state"))  # noqa: PTH111
    directory = base / "mngr-ansible" / name
    private_parents(directory)
    directory = Path(os.path.realpath(directory.parent), directory.name)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise PermissionError
        os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)
    return directory
