"""Home directories: the one that ``HOME`` names, and the one that ssh looks in, which is that of the user's entry."""

import os
import pwd
from pathlib import Path


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with ``~`` replaced by the home; as it is where the user has none (no ``HOME`` and no entry)."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises where there is no home


def entry_home() -> str:
    """The home of the user's entry in the password database; empty where the user has no entry."""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def ssh_expanded(path: str) -> Path:
    """The path as ssh reads it: ``~`` is the home of the user's entry, whatever ``HOME`` says.

    Source: ssh_config(5), "TOKENS"; OpenSSH's ``tilde_expand_filename``.
    """
    home = entry_home()
    return Path(home, path[2:]) if home and path.startswith("~/") else expanded(path)
