"""What ended as planned the last time: the next time nothing will be due, most likely, so Ansible is not made ready.

It is only a guess: where something is due after all, Ansible is started then. A file in the user's state directory has
digests of command lines and of plans, in which words may be secret. They are made with a random key, which is beside
it: without the key nobody can try out what a digest is of.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from mngr_ansible.system.state_directory import state_directory, write_state_file

MOST = 1000
"""How many digests are remembered; the oldest are forgotten."""
_LENGTH = 10
_NAME = "digests"
_KEY = "key"
_KEY_BYTES = 32


def digest(*parts: str) -> str:
    """The digest of these texts, in this order; empty where there can be no key, and nothing is remembered."""
    try:
        whole = hashlib.blake2b(key=_key(state_directory("settled")), digest_size=_LENGTH // 2)
    except OSError:
        return ""
    for each in parts:
        data = each.encode("utf-8", "surrogateescape")
        whole.update(b"%d:%b" % (len(data), data))
    return whole.hexdigest()


def is_settled(wanted: str) -> bool:
    """Whether what has this digest ended as planned the last time; False where that is not known."""
    with suppress(OSError):
        return wanted in _read(state_directory("settled"))
    return False


def remember(wanted: str, *, is_settled: bool) -> None:
    """Remember whether what has this digest ended as planned. Where nothing can be written, nothing is remembered."""
    if not wanted:
        return
    with suppress(OSError):
        directory = state_directory("settled")
        known = _read(directory)
        if (wanted in known) is is_settled:
            return
        kept = [each for each in known if each != wanted] + [wanted] * is_settled
        write_state_file(directory / _NAME, "".join(f"{each}\n" for each in kept[-MOST:]).encode())


def _read(directory: Path) -> list[str]:
    """The digests in the file, oldest first; none where there is no such file, or another one."""
    lines = _content(directory / _NAME, MOST * (_LENGTH + 1)).decode("ascii", "replace").split("\n")
    return [each for each in lines if len(each) == _LENGTH]


def _key(directory: Path) -> bytes:
    """The key of the digests, made at the first time.

    Raises:
        OSError: it cannot be written.
    """
    if len(key := _content(directory / _KEY, _KEY_BYTES)) != _KEY_BYTES:
        key = os.urandom(_KEY_BYTES)
        write_state_file(directory / _KEY, key)
    return key


def _content(path: Path, most: int) -> bytes:
    """The beginning of a file; nothing where there is no such file, or something else."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return file.read(most) or b""
    except OSError:
        return b""
