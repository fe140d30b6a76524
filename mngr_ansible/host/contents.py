"""Ask a host what files hold, to show people what would change: one round trip, read-only, limited in size."""

import re
import secrets
import shlex
from collections.abc import Sequence

from mngr_ansible.errors import HostError
from mngr_ansible.host.connection import Connection
from mngr_ansible.host.templates import render

LARGEST = 256 * 1024
"""Bytes of a file that is asked for; people do not read larger ones."""
LARGEST_ANSWER = 4 * 1024 * 1024
"""Bytes of all files together that callers should ask for."""
MOST = 50
"""How many files are asked for."""


def fetch_contents(
    connection: Connection, paths: Sequence[str], *, as_root: bool, timeout: float = 60
) -> dict[str, bytes]:
    """What these absolute paths hold now: a file's content, or ``b"-> target"`` of a link; others are left out.

    At most :data:`MOST` files of at most :data:`LARGEST` bytes. ``as_root``: by sudo, unless the remote user is root.

    Raises:
        HostError: the host does not answer, or not in the expected form.
    """
    asked = list(paths)[:MOST]
    if not asked:
        return {}
    nonce = secrets.token_hex(8)
    words = " ".join(map(shlex.quote, asked))
    script = render("contents.sh", {"LARGEST": str(LARGEST), "NONCE": nonce, "PATHS": words})
    if as_root:
        script = f'if [ "$(id -u)" = 0 ]; then\n{script}\nelse printf %s {shlex.quote(script)} | sudo -n sh\nfi\n'
    answer = connection.run(script, timeout)
    lines = [line.split(" ", 2) for line in answer.stdout.splitlines() if line.startswith(f"{nonce} ")]
    if len(lines) != len(asked):
        raise HostError(
            "it did not print what its files hold",
            remedy="Run again without --diff; something on the host may have changed during the check.",
        )
    found = {}
    for path, (_, kind, *rest) in zip(asked, lines, strict=True):
        data = rest[0] if rest else ""
        if kind in ("file", "link") and re.fullmatch(r"([0-9a-f]{2})*", data) and len(data) <= 2 * LARGEST:
            found[path] = (b"-> " if kind == "link" else b"") + bytes.fromhex(data)
    return found
