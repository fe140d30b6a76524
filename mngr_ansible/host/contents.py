"""Ask a host what files hold, to show people what would change: one round trip, read-only, limited in size."""

import posixpath
import re
import secrets
import shlex
from collections.abc import Mapping, Sequence

from mngr_ansible.errors import HostError
from mngr_ansible.host.connection import Connection
from mngr_ansible.host.templates import render
from mngr_ansible.portable import trusted_programs
from mngr_ansible.portable.sh import without_comments

LARGEST = 256 * 1024
"""Bytes of a file that is asked for; people do not read larger ones."""
LARGEST_ANSWER = 4 * 1024 * 1024
"""Bytes of all files together that callers should ask for."""
MOST = 50
"""How many files are asked for."""


def fetch_contents(
    connection: Connection,
    paths: Sequence[str],
    *,
    as_root: bool,
    real_paths: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> dict[str, bytes]:
    """What these files hold now: a file's content, or ``b"-> target"`` of a link.

    Left out is what not every user of the host may read, what is too large, and what is not any more where it was: the
    decision is made on the very descriptor from which a file is read. At most :data:`MOST` files of at most
    :data:`LARGEST` bytes.

    Args:
        connection: to the host.
        paths: absolute.
        as_root: by sudo, unless the remote user is root.
        real_paths: those of the paths on whose way are links, without these.
        timeout: in seconds.

    Raises:
        HostError: the host does not answer, or not in the expected form.
    """
    asked = list(paths)[:MOST]
    if not asked:
        return {}
    nonce = secrets.token_hex(8)
    words = shlex.join(word for path in asked for word in posixpath.split((real_paths or {}).get(path, path)))
    trusted = without_comments(trusted_programs.SCRIPT)
    values = {"LARGEST": str(LARGEST), "NONCE": nonce, "PATHS": words, "TRUSTED_PROGRAMS": trusted}
    script = render("contents.sh", values)
    if as_root:
        login = f"printf %s {shlex.quote(script)} | sudo -n /bin/sh"
        script = f'if [ "$(PATH=/usr/bin:/bin:$PATH id -u)" = 0 ]; then\n{script}\nelse {login}\nfi\n'
    answer = connection.run(script, timeout)
    lines = [line.split(" ", 2) for line in answer.stdout.splitlines() if line.startswith(f"{nonce} ")]
    if len(lines) != len(asked):
        raise HostError(
            "it did not print the content of its files",
            remedy="Run again without --diff; something on the host may have changed during the check.",
        )
    found = {}
    for path, (_, kind, *rest) in zip(asked, lines, strict=True):
        data = rest[0] if rest else ""
        if kind in ("file", "link") and re.fullmatch(r"([0-9a-f]{2})*", data) and len(data) <= 2 * LARGEST:
            found[path] = (b"-> " if kind == "link" else b"") + bytes.fromhex(data)
    return found
