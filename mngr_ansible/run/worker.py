"""A worker: another machine, which reaches the hosts in our place, behind a command that ends in an ``ansible-runner
worker``."""

import shlex

from mngr_ansible.errors import UsageError
from mngr_ansible.values import frozen

EXAMPLE = "ssh bastion ansible-runner worker"
"""What such a command looks like."""


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
