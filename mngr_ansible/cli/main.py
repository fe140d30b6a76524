"""The command ``mngr-ansible``. This file imports only what answers a signal during the other imports, and what has
Ansible start meanwhile."""

import atexit
import gc
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import NoReturn, TextIO

from mngr_ansible.cli.guess import Guess
from mngr_ansible.system.signals import Terminated, signals_ignored, terminate_gracefully


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the value is the exit code (see ``docs/contract.md`` "Commands")."""
    words = list(sys.argv[1:] if argv is None else argv)
    guess, code = Guess(words), None
    try:
        with terminate_gracefully(), ExitStack() as stack:
            try:
                ready = stack.enter_context(guess.ready_ansible())
                from mngr_ansible.cli import invocation
            except (KeyboardInterrupt, Terminated) as stop:
                with signals_ignored():
                    from mngr_ansible.cli import invocation

                    return invocation.stopped_at_start(words, stop)
            code = invocation.run(words, ready)
            with signals_ignored():
                guess.remember(is_settled=code == 0)
    except (KeyboardInterrupt, Terminated):
        if code is None:
            raise
    return code  # of the result that was shown: a signal after that changes nothing


def command() -> NoReturn:
    """The program ``mngr-ansible``: :func:`main`, without what an interpreter does for a process that goes on for long.

    It collects garbage rarely, and ends as soon as everything is written: to take down every module and every object
    costs a seventh of a command that changes nothing. Where a plugin was loaded the interpreter ends as ever: a plugin
    may leave something to that, such as a file that is open.
    """
    _be_utf8()
    if "_ARGCOMPLETE" in os.environ and "COMP_LINE" in os.environ:  # a shell asks what can follow
        from mngr_ansible.cli.completion import complete

        complete()
    gc.set_threshold(100_000)
    code = main()
    has_plugins = any(word.startswith("--plugin") for word in sys.argv[1:])
    if threading.active_count() == 1 and not has_plugins:
        with signals_ignored():
            atexit._run_exitfuncs()  # noqa: SLF001 - as the interpreter's end does
            if _are_written(sys.stdout, sys.stderr):
                os._exit(code)
    sys.exit(code)


def inventory_command() -> NoReturn:
    """The program ``mngr-ansible-inventory``, which ``ansible -i`` takes: ``mngr-ansible inventory``."""
    sys.argv[1:1] = ["inventory"]
    command()


def _be_utf8() -> None:
    """Start again in Python's UTF-8 mode where the locale has another encoding: a name of a file is then what its bytes
    say, here and on a host, and a word of a manifest is the same word everywhere. Words for people keep theirs."""
    if sys.getfilesystemencoding() == "utf-8" or getattr(sys, "frozen", False) or not sys.executable:
        return
    encoding = {} if sys.stdout is None else {"PYTHONIOENCODING": sys.stdout.encoding}
    words = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
    with suppress(OSError):
        os.execve(sys.executable, words, {**encoding, **os.environ})  # noqa: S606 - no shell is wanted


def _are_written(*streams: TextIO | None) -> bool:
    """Whether everything is written; where it cannot be, the interpreter says so at its end."""
    try:
        for stream in streams:
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return False
    return True
