"""Where the directory of a run is: in the user's state directory, beside the failed runs that are kept."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mngr_ansible.errors import InputError
from mngr_ansible.system.state_directory import state_directory
from mngr_ansible.system.tempdirs import private_directory, temporary_parent


@contextmanager
def temporary_run_directory() -> Iterator[Path]:
    """Make a private directory for one run. It is removed afterwards, unless
    :func:`mngr_ansible.run.archive.keep_failed_run` kept a part of it.

    It is in the user's state directory, or in the temporary directory where that is impossible.

    Raises:
        InputError: neither directory can be written.
    """
    with ExitStack() as directories:
        try:
            try:
                directory = directories.enter_context(private_directory(state_directory("runs"), "run-"))
            except OSError:
                temporary = private_directory(temporary_parent(), "mngr-ansible-run-")
                directory = directories.enter_context(temporary)
        except OSError as error:
            raise InputError(
                f"a run directory cannot be made: {error}",
                remedy="Free disk space in your state directory (XDG_STATE_HOME) or the temporary directory (TMPDIR), "
                "then run again.",
            ) from error
        yield directory
