"""ssh's output when it could not connect → a problem and a remedy."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from mngr_ansible.errors import HostError
from mngr_ansible.portable import sh

_SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class FailedConnection:
    """One attempt of ssh to connect that ended with its exit code for failures, 255."""

    output: str
    """Its stderr."""
    host: str
    """The host as the user typed it."""
    name: str
    """Its name or address alone."""
    port: int | None = None
    key: str | None = None
    """The private key that ``--key`` names."""

    @property
    def lines(self) -> list[str]:
        """The output without empty lines and without the frame of a warning (``@@@@@``)."""
        return [line.strip() for line in self.output.splitlines() if line.strip() and not line.startswith("@")]

    @property
    def has_key(self) -> bool:
        """Whether ``--key`` names a key."""
        return self.key is not None

    @property
    def has_passphrase(self) -> bool:
        """Whether the key of ``--key`` is encrypted: ssh-keygen cannot read it with an empty passphrase."""
        if self.key is None:
            return False
        argv = ["ssh-keygen", "-y", "-P", "", "-f", self.key]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
        return "passphrase" in done.stderr

    def words(self) -> dict[str, str]:
        """What the texts of :class:`_Cause` may name in braces; words of commands are quoted."""
        is_default = self.port in (None, _SSH_PORT)
        return {
            "last_line": self.lines[-1] if self.lines else "",
            "host": sh.quote(self.host),
            "key": self.key or "",
            "quoted_key": sh.quote(self.key or ""),
            "known_host": sh.quote(self.name if is_default else f"[{self.name}]:{self.port}"),
            "scan": f"ssh-keyscan {'' if is_default else f'-p {self.port} '}{sh.quote(self.name)}",
        }


@dataclass(frozen=True, slots=True)
class _Cause:
    """One cause of failure: what ssh prints for it, and what we report."""

    pattern: str
    """A regular expression that is searched in ssh's output."""
    problem: str
    remedy: str
    """Both may name :meth:`FailedConnection.words` in braces."""
    only_if: Callable[[FailedConnection], bool] = lambda _failed: True
    """What else must be true."""


_LOST = ("the connection was lost during the check", "Nothing was changed. Run again.")

_CAUSES = (
    _Cause(
        r"IDENTIFICATION HAS CHANGED",
        "its host key is not the one in known_hosts",
        "If the host was rebuilt, remove the old key: ssh-keygen -R {known_host}. Nothing was sent.",
    ),
    _Cause(
        r"Host key verification failed|host key is known",
        "its host key is not known",
        "Log in once by hand and compare the key, or add the output of this command to known_hosts: {scan}",
    ),
    _Cause(
        r"UNPROTECTED PRIVATE KEY FILE",
        "other users can read the key {key}, so ssh does not use it",
        "Make it readable for you only: chmod 600 {quoted_key}",
        only_if=lambda failed: failed.has_key,
    ),
    _Cause(
        r"UNPROTECTED PRIVATE KEY FILE",
        "other users can read the key, so ssh does not use it",
        "Make it readable for you only: chmod 600 FILE",
    ),
    _Cause(
        r"Permission denied",
        "the key {key} has a passphrase, and mngr-ansible does not ask for one",
        "Load it into your ssh agent (ssh-add {quoted_key}), and leave out --key.",
        only_if=lambda failed: failed.has_passphrase,
    ),
    _Cause(
        r"Permission denied",
        "it does not accept this user and key ({last_line})",
        "Give the right user and key: --host USER@ADDR --key FILE, or load the key into your ssh agent.",
    ),
    _Cause(
        r"Could not resolve hostname",
        "its name cannot be resolved",
        "Correct the name, or add it to ~/.ssh/config.",
    ),
    _Cause(
        r"Connection refused",
        "no ssh server listens on this port",
        "Start its ssh server, or give the right port: --host ADDR:PORT.",
    ),
    _Cause(r"closed by remote host|Connection reset|Broken pipe|not responding", *_LOST),
    _Cause(r"", *_LOST, only_if=lambda failed: not failed.lines),
    _Cause(
        r"timed out|No route|unreachable",
        "it does not answer",
        "Check that it is up and that this machine can reach it.",
    ),
    _Cause(r"", "ssh cannot connect: {last_line}", "Try it by hand: ssh {host}"),
)
"""In this order; the first that fits is reported. The later ones are less precise: "Permission denied" also follows a
warning about an unprotected key."""


def connection_error(failed: FailedConnection) -> HostError:
    """The error to report for an attempt that failed."""
    cause = next(each for each in _CAUSES if re.search(each.pattern, failed.output) and each.only_if(failed))
    words = failed.words()
    return HostError(cause.problem.format_map(words), remedy=cause.remedy.format_map(words), host=failed.host)
