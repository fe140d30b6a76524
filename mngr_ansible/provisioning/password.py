"""Ask the person in front of the terminal for sudo's password on the hosts (``--ask-become-pass``)."""

import sys

from mngr_ansible.errors import UsageError


def ask_become_password() -> str:
    """The password as it was typed; it is not shown.

    Raises:
        UsageError: there is no terminal, or nothing was typed.
    """
    import getpass

    if not (sys.stdin and sys.stdin.isatty()):
        raise UsageError(
            "--ask-become-pass needs a terminal", remedy="Run it in a terminal, or allow sudo without a password."
        )
    try:
        return getpass.getpass("Password for sudo on the hosts: ")
    except EOFError:
        raise UsageError("no password was typed", remedy="Type it, or allow sudo without a password.") from None
