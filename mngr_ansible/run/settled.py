"""What ended as planned the last time: the next time nothing will be due, most likely, so Ansible is not made ready.

It is only a guess: where something is due after all, Ansible is started then. A file in the user's state directory has
digests of command lines and of plans, too short to find out from them what they are of.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from mngr_ansible.system.state_directory import state_directory

MOST = 1000
"""How many digests are remembered; the oldest are forgotten."""
_LENGTH = 10
_NAME = "digests"


def digest(*parts: str) -> str:
    """The digest of these texts, in this order."""
    whole = hashlib.sha256()
    for each in parts:
        data = each.encode("utf-8", "surrogateescape")
        whole.update(b"%d:%b" % (len(data), data))
    return whole.hexdigest()[:_LENGTH]


def is_settled(wanted: str) -> bool:
    """Whether what has this digest ended as planned the last time; False where that is not known."""
    with suppress(OSError):
        return wanted in _read(state_directory("settled"))
    return False


def remember(wanted: str, *, is_settled: bool) -> None:
    """Remember whether what has this digest ended as planned. Where nothing can be written, nothing is remembered."""
    with suppress(OSError):
        directory = state_directory("settled")
        known = _read(directory)
        if (wanted in known) is is_settled:
            return
        kept = [each for each in known if each != wanted] + [wanted] * is_settled
        new = directory / f".{_NAME}-{os.getpid()}-{os.urandom(4).hex()}"
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.writelines(f"{each}\n" for each in kept[-MOST:])
            new.replace(directory / _NAME)
        except BaseException:
            new.unlink(missing_ok=True)
            raise


def _read(directory: Path) -> list[str]:
    """The digests in the file, oldest first; none where there is no such file, or another one."""
    try:
        descriptor = os.open(directory / _NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    with os.fdopen(descriptor, "rb") as file:
        lines = file.read(MOST * (_LENGTH + 1)).decode("ascii", "replace").split("\n")
    return [each for each in lines if len(each) == _LENGTH]
