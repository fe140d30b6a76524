"""Ask the person in front of the terminal for a password: sudo's on the hosts, or a vault's."""

import sys

from mngr_ansible.errors import InputError, UsageError
from mngr_ansible.system.signals import question_asked


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
        with question_asked():
            return getpass.getpass("Password for sudo on the hosts: ")
    except EOFError:
        raise UsageError("no password was typed", remedy="Type it, or allow sudo without a password.") from None


def ask_vault_password(label: str) -> str:
    """The password of a vault with this label, as it was typed; it is not shown.

    Raises:
        InputError: there is no terminal, or nothing was typed.
    """
    import getpass

    if not (sys.stdin and sys.stdin.isatty()):
        raise InputError(
            "a vault password has to be typed, and there is no terminal",
            remedy=f"Give a file or a program that has it: --vault-id {label}@FILE.",
        )
    try:
        with question_asked():
            return getpass.getpass(f"Vault password ({label}): ")
    except EOFError:
        raise InputError("no password was typed", remedy=f"Type it, or give --vault-id {label}@FILE.") from None
