# SPDX-License-Identifier: GPL-3.0-or-later
"""``ansible-playbook`` without what a process for a single playbook need not do: it imports without garbage collection,
and ends as soon as its last output is written.

It imports Ansible, so it stands outside of the package, which only runs Ansible. ``mngr_ansible/run/supervisor.py``
starts it as ``python -P -E ansible_playbook.py ARGUMENTS``. Arguments, output and exit codes are those of
``ansible-playbook``, but for ``--ask-become-pass``: the answer is one line of JSON, each host's name and its password.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import sys
import termios
from contextlib import suppress
from pathlib import Path
from typing import Any

KNOWN = ("2.20.", "2.21.")
"""The versions of ansible-core that this package requires."""
UNKNOWN = 251
"""The exit code where another version is there, and was to wait for its playbook: it is started again, without that."""
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def end_with_parent() -> None:
    """Have the kernel end this process when the process that started it dies; what it starts is not concerned."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def is_held() -> bool:
    """Whether one of the arguments is a fifo, in which Ansible is to wait for its playbook."""
    return any(Path(each).is_fifo() for each in sys.argv[1:])


def is_known() -> bool:
    """Whether this ansible-core is one of which it is known that it reads its playbook last, and once."""
    from ansible.release import __version__

    return __version__.startswith(KNOWN)


def read_passwords() -> dict[str, str]:
    """Each host's password for sudo, from one line of the terminal, which may be longer than a terminal's own lines.

    Source: termios(3), "Canonical and noncanonical mode".
    """
    terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    settings = termios.tcgetattr(terminal)
    settings[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(terminal, termios.TCSANOW, settings)
    os.write(terminal, b"BECOME password: ")
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(terminal, 1 << 16) or sys.exit("there is no password")
    os.close(terminal)
    return dict(json.loads(line))


def with_passwords(command: Any) -> Any:
    """``ansible-playbook`` that knows a password for each host, in memory alone."""

    class Playbook(command):  # type: ignore[misc]
        passwords: dict[str, str]

        def ask_passwords(self) -> tuple[None, None]:  # a static method of Ansible's
            self.passwords = read_passwords()
            return None, None

        def _play_prereqs(self) -> Any:
            loader, inventory, variables = super()._play_prereqs()
            for name, password in self.passwords.items():
                host = inventory.get_host(name)
                if host is not None:
                    host.set_variable("ansible_become_password", password)
            return loader, inventory, variables

    return Playbook


def main() -> int:
    """Run ``ansible-playbook`` with the arguments of this process; the value is its exit code."""
    if is_held() and not is_known():
        return UNKNOWN
    gc.disable()
    from ansible.cli.playbook import PlaybookCLI

    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
    command = with_passwords(PlaybookCLI) if "--ask-become-pass" in sys.argv else PlaybookCLI
    try:
        command.cli_executor(["ansible-playbook", *sys.argv[1:]])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    end_with_parent()
    code = main()
    atexit._run_exitfuncs()  # noqa: SLF001 - as the interpreter's end does
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)
