"""Where the directory of a run is: in the user's state directory, beside the failed runs that are kept."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from mngr_ansible.errors import InputError
from mngr_ansible.system.state_directory import find_state_directory, remove_unfinished, state_directory
from mngr_ansible.system.tempdirs import private_directory, remove_abandoned, socket_parent, temporary_parent

_RUNS = "runs"
_LEAST_BYTES = 1 << 20
"""What a run directory without large data needs."""

_RUN, _TEMPORARY_RUN, _SOCKETS = "run-", "mngr-ansible-run-", "mngr-ansible-"
"""How the names of a run's directories begin: in the state directory, in the temporary one, and that of its sockets."""


@contextmanager
def temporary_run_directory() -> Iterator[Path]:
    """Make a private directory for one run. It is removed afterwards, unless
    :func:`mngr_ansible.run.archive.keep_failed_run` kept a part of it.

    It is in the user's state directory, or in the temporary directory where that is impossible or its disk is full.

    Raises:
        InputError: neither directory can be written.
    """
    with ExitStack() as directories:
        try:
            try:
                directory = directories.enter_context(private_directory(_with_room(state_directory(_RUNS)), _RUN))
            except OSError:
                temporary = private_directory(temporary_parent(), _TEMPORARY_RUN)
                directory = directories.enter_context(temporary)
        except OSError as error:
            raise InputError(
                f"a run directory cannot be made: {error}",
                remedy="Free disk space in your state directory (XDG_STATE_HOME) or the temporary directory (TMPDIR), "
                "then run again.",
            ) from error
        yield directory


def _with_room(parent: Path) -> Path:
    if shutil.disk_usage(parent).free < _LEAST_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(parent))
    return parent


def is_in_state_directory(directory: Path) -> bool:
    """Whether such a directory is in the state directory, where failed runs are kept."""
    return directory.parent.name == _RUNS


def remove_what_killed_runs_left() -> None:
    """Remove what killed commands left on this machine, after a minute: also where this one makes no run directory."""
    for name in ("settled", "hashes"):
        with suppress(OSError):
            remove_unfinished(find_state_directory(name))
    with suppress(OSError):
        remove_abandoned(find_state_directory(_RUNS), _RUN)
    with suppress(OSError):
        remove_abandoned(temporary_parent(), _TEMPORARY_RUN)
    with suppress(OSError):
        remove_abandoned(socket_parent(), _SOCKETS)
