"""The command ``mngr-ansible``. This file imports only what it needs to answer a signal during the other imports."""

import sys
from collections.abc import Sequence

from mngr_ansible.system.signals import Terminated, signals_ignored, terminate_gracefully


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the value is the exit code (see ``docs/contract.md`` "Commands")."""
    words = list(sys.argv[1:] if argv is None else argv)
    with terminate_gracefully():
        try:
            from mngr_ansible.cli import invocation
        except (KeyboardInterrupt, Terminated) as stop:
            with signals_ignored():
                from mngr_ansible.cli import invocation

                return invocation.stopped_at_start(words, stop)
        return invocation.run(words)
