"""stdout holds the result of a command alone: what else is printed goes to stderr."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO

from mngr_ansible.system.stderr import lasting_stderr


@contextmanager
def printed_to_stderr() -> Iterator[TextIO]:
    """Inside, what is printed goes to stderr, also by programs that are started. The value is the stream of the result.

    A plugin's hook may print, or start a program that does. Where nobody reads stderr any more, nothing is raised.
    """
    result = sys.stdout
    saved = _moved()
    try:
        if saved is not None:
            result = os.fdopen(os.dup(saved), "w", encoding=result.encoding, errors=result.errors)
        with lasting_stderr(), redirect_stdout(sys.stderr):
            yield result
    finally:
        if saved is not None:
            result.close()
            os.dup2(saved, 1)
            os.close(saved)


def _moved() -> int | None:
    """Let file descriptor 1 lead where 2 leads; a copy of the old one. None where stdout is not descriptor 1."""
    try:
        if sys.stdout.fileno() != 1:
            return None
        sys.stdout.flush()
        saved = os.dup(1)
    except (OSError, ValueError, AttributeError):  # it is closed, or a test has put something else in its place
        return None
    try:
        os.dup2(2, 1)
    except OSError:  # stderr is closed
        os.close(saved)
        return None
    return saved
