"""How the program is called inside mngr: what a remedy says to type, in the words of ``mngr ansible``.

The remedies are written for ``mngr-ansible``; all that mngr's users are shown comes through here.
"""

import re

_COMMANDS = (
    (r"init --plugin", "init --new-plugin"),
    (r"plan --manifest (\S+|'[^']*') --host HOST", r"plan AGENT --manifest \1"),
    (r"apply --manifest (\S+|'[^']*') --host HOST", r"apply AGENT --manifest \1"),
    (r"plan --plugin \S+", "plan AGENT"),
    (r"(plan|apply|render|bootstrap|plugins|catalog|content|inventory|doctor|init|check-plugin|check)\b", r"\1"),
)
"""What follows ``mngr-ansible``, and what follows ``mngr ansible`` for the same. The first that fits is taken."""

_SETTINGS = "in [providers.NAME.hosts] of mngr's settings"
_OPTIONS = (
    ("--host USER@ADDR --key FILE", f"user and key_file {_SETTINGS}"),
    ("--host USER@ADDR", f"user {_SETTINGS}"),
    ("--host ADDR:PORT", f"port {_SETTINGS}"),
    ("--key FILE", f"key_file {_SETTINGS}"),
    ("--known-hosts FILE", f"known_hosts_file {_SETTINGS}"),
    ("--known-hosts ~/.ssh/known_hosts", f"known_hosts_file {_SETTINGS}"),
)
"""What leads to a host of mngr, for each option that a remedy may name. Source: mngr 0.3, ``SSHHostConfig``."""


def in_mngr(words: str) -> str:
    """The same words for a user of mngr."""
    for pattern, replacement in _COMMANDS:
        words = re.sub(rf"\bmngr-ansible {pattern}", f"mngr ansible {replacement}", words)
    for option, place in _OPTIONS:
        words = words.replace(option, place)
    return words
