"""The line by which a person downloads one address: over https only, and without a login or query in it. Pure."""

import re

from mngr_ansible.portable import addresses, sh


def variable(name: str) -> str:
    """The environment variable that stands for the address of that name in printed commands: ``MNGR_URL_FD``."""
    return f"MNGR_URL_{re.sub('[^A-Z0-9]', '_', name.upper())}"


def secret_word(name: str) -> str:
    """The word of a printed command for an address with a login or query, after :func:`demand`."""
    return f'"${variable(name)}"'


def demand(address: str, name: str) -> str:
    """The command that says what the environment variable is for, and stops everything after it if that is unset."""
    about = f"{variable(name)} must be set to the address {addresses.without_secrets(address)} with its login and query"
    return f': {sh.quote(about)} "${{{variable(name)}:?is not set; the line says what to set it to}}"'


def line(address: str, to: str, name: str) -> str:
    """The command that downloads an address.

    An address with a login or query is in no printed line, and in no list of processes either: it comes from an
    environment variable, and curl reads it from its input.

    Args:
        address: https.
        to: the file, as a word of a shell.
        name: what is downloaded, for the name of the environment variable.
    """
    curl = f"curl -fsSLo {to} --proto '=https' --proto-redir '=https'"
    if not addresses.has_secrets(address):
        return f"{curl} {sh.quote(address)}"
    return f"{demand(address, name)} && printf 'url = \"%s\"\\n' {secret_word(name)} | {curl} --config -"
