"""A worker: another machine, which reaches the hosts in our place, behind a command that ends in an ``ansible-runner
worker``."""

import shlex
import threading
from collections.abc import Sequence

from mngr_ansible.errors import UsageError
from mngr_ansible.values import frozen

EXAMPLE = "ssh bastion ansible-runner worker"
"""What such a command looks like."""

_DIRECTORY_OPTION = "--private-data-dir"
_turns: dict[tuple[str, ...], threading.Lock] = {}


@frozen
class Worker:
    """One worker.

    Attributes:
        name: the command as it was typed; people know the worker by it.
        words: the words of the command, which is started without a shell.
    """

    name: str
    words: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Worker":
        """Read the value of ``--worker``: words as sh splits them.

        Raises:
            UsageError: it has no word, or a quotation mark that is not closed.
        """
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise UsageError(
                f"--worker {text!r} cannot be split into words: {str(error).lower()}",
                remedy="Close each quotation mark, and put a backslash before one that is meant as itself.",
            ) from None
        if not words or not words[0]:
            raise UsageError(f"--worker {text!r} names no command", remedy=f"Give one, such as --worker '{EXAMPLE}'.")
        return cls(text, tuple(words))


def directory_turn(words: Sequence[str]) -> "threading.Lock | None":
    """The lock of a command that names one directory for all its jobs (``--private-data-dir``): they come one after
    another there. None where each job has a directory of its own, as ansible-runner makes it."""
    if not any(each.partition("=")[0] == _DIRECTORY_OPTION for each in words):
        return None
    return _turns.setdefault(tuple(words), threading.Lock())
