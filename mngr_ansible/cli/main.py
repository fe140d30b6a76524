"""The command ``mngr-ansible``. This file imports only what answers a signal during the other imports, and what has
Ansible start meanwhile."""

import atexit
import gc
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NoReturn, TextIO

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


def command() -> NoReturn:
    """The program ``mngr-ansible``: :func:`main`, without what an interpreter does for a process that goes on for long.

    It collects garbage rarely, and ends as soon as everything is written: to take down every module and every object
    costs a seventh of a command that changes nothing.
    """
    gc.set_threshold(100_000)
    code = main()
    if threading.active_count() == 1 and _are_written(sys.stdout, sys.stderr):
        atexit._run_exitfuncs()  # noqa: SLF001 - as the interpreter's end does
        os._exit(code)
    sys.exit(code)


def _are_written(*streams: TextIO | None) -> bool:
    """Whether everything is written; where it cannot be, the interpreter says so at its end."""
    try:
        for stream in streams:
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return False
    return True
