"""The command ``mngr-ansible``. This file imports only what answers a signal during the other imports, and what has
Ansible start meanwhile."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack

from mngr_ansible.cli.guess import Guess
from mngr_ansible.system.signals import Terminated, signals_ignored, terminate_gracefully


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the value is the exit code (see ``docs/contract.md`` "Commands")."""
    words = list(sys.argv[1:] if argv is None else argv)
    guess = Guess(words)
    with terminate_gracefully(), ExitStack() as stack:
        try:
            ready = stack.enter_context(guess.ready_ansible())
            from mngr_ansible.cli import invocation
        except (KeyboardInterrupt, Terminated) as stop:
            with signals_ignored():
                from mngr_ansible.cli import invocation

                return invocation.stopped_at_start(words, stop)
        code = invocation.run(words, ready)
        guess.remember(is_settled=code == 0)
        return code
