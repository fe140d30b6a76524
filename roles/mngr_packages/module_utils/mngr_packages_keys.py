# SPDX-License-Identifier: GPL-3.0-or-later
"""The one signing key of a repository: read by us, and by the host's gpg where it has one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile

from .mngr_ansible_portable.openpgp import KeyFileError, armored, fingerprints, only
from .mngr_ansible_portable.trusted_programs import SYSTEM_PATH, is_trusted

__all__ = ["KeyFileError", "armored", "exported", "fingerprints", "only"]

_SECONDS = 60
_UNUSABLE = {"e": "has expired", "r": "is revoked", "i": "is invalid", "d": "is disabled"}
"""The second field of gpg's line for a key. Source: doc/DETAILS of GnuPG, "Format of the colon listings"."""


def exported(key: str, fingerprint: str, directory: str) -> str:
    """The key as the host's gpg exports it by its full fingerprint; as it is if the host has no gpg that takes it.

    gpg leaves out signatures and subkeys that are not valid, which we cannot find out. Its answer is read by the same
    strict rules again, so that it can only take something away.

    Args:
        key: armored, what :func:`only` gave.
        fingerprint: of its primary key.
        directory: where gpg gets a home of its own.

    Raises:
        KeyFileError: gpg says that the key has expired or is revoked.
    """
    program = shutil.which("gpg", path=SYSTEM_PATH)
    if program is None or (os.geteuid() == 0 and not is_trusted(program)):
        return key
    with tempfile.TemporaryDirectory(dir=directory) as home:
        command = [program, "--homedir", home, "--no-options", "--batch", "--no-tty", "--quiet", "--no-autostart"]
        imported = _run([*command, "--import"], home, key.encode())
        listed = _run([*command, "--with-colons", "--list-keys", fingerprint], home)
        found = _run([*command, "--armor", "--export", fingerprint], home)
    if imported is None or listed is None or not found:
        return key
    for line in listed.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if fields[0] == "pub" and fields[1] in _UNUSABLE:
            raise KeyFileError(f"the key {fingerprint} {_UNUSABLE[fields[1]]}")
    return only(found, fingerprint)


def _run(command: list[str], home: str, stdin: bytes = b"") -> bytes | None:
    """What a program prints; None if it fails or does not end."""
    environment = {"PATH": SYSTEM_PATH, "HOME": home, "LC_ALL": "C", "GNUPGHOME": home}
    try:
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            command,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=home,
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
