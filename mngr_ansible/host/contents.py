"""Ask a host what files hold, for people to see what would change: one read-only round trip, bounded."""

import re
import secrets
import shlex
from collections.abc import Sequence

from mngr_ansible.errors import HostError
from mngr_ansible.host.connection import Connection

LARGEST = 256 * 1024
"""Bytes of a file that is asked for; a larger one is none that people read."""
LARGEST_ANSWER = 4 * 1024 * 1024
"""Bytes of all files together that callers should ask for."""
MOST = 50
"""How many files are asked for."""

_SCRIPT = r"""
tell() { for p do
  if [ -f "$p" ] && [ ! -L "$p" ] && [ -r "$p" ] && [ "$(wc -c <"$p")" -le %d ]; then
    printf '%s is '; od -An -v -tx1 <"$p" | tr -d ' \n'; echo
  elif [ -L "$p" ]; then printf '%s to '; readlink "$p" | tr -d '\n' | od -An -v -tx1 | tr -d ' \n'; echo
  else echo '%s no'; fi
done; }
"""


def fetch_contents(
    connection: Connection, paths: Sequence[str], *, as_root: bool, timeout: float = 60
) -> dict[str, bytes]:
    """What these absolute paths hold now: a file's content, or ``b"-> target"`` of a link; others are left out.

    At most :data:`MOST` files of at most :data:`LARGEST` bytes. ``as_root``: through sudo where the login is not root.

    Raises:
        HostError: the host does not answer, or answers what we did not ask.
    """
    asked = list(paths)[:MOST]
    if not asked:
        return {}
    nonce = secrets.token_hex(8)
    script = _SCRIPT % (LARGEST, nonce, nonce, nonce) + f"tell {' '.join(map(shlex.quote, asked))}\n"
    if as_root:
        script = f'if [ "$(id -u)" = 0 ]; then\n{script}\nelse printf %s {shlex.quote(script)} | sudo -n sh\nfi\n'
    answer = connection.run(script, timeout)
    lines = [line.split(" ", 2) for line in answer.stdout.splitlines() if line.startswith(f"{nonce} ")]
    if len(lines) != len(asked):
        raise HostError(
            "it did not say what its files hold",
            remedy="Run again without --diff; something on the host may have changed while we looked.",
        )
    found = {}
    for path, (_, word, *rest) in zip(asked, lines, strict=True):
        data = rest[0] if rest else ""
        if word in ("is", "to") and re.fullmatch(r"([0-9a-f]{2})*", data) and len(data) <= 2 * LARGEST:
            found[path] = (b"-> " if word == "to" else b"") + bytes.fromhex(data)
    return found
