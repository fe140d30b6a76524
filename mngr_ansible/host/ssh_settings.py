"""What the user's own ssh configuration says about a host: the answer of ``ssh -G``. Source: ssh(1), ssh_config(5)."""

import os
import threading
from collections.abc import Mapping, Sequence

from mngr_ansible.errors import HostError
from mngr_ansible.host.connection import stopped
from mngr_ansible.portable.text import printable
from mngr_ansible.system.homes import ssh_expanded
from mngr_ansible.system.processes import StoppedError, TooLongError, run_bounded
from mngr_ansible.values import field, frozen

CONNECT_SECONDS = 10
"""How long a host may take to accept a connection, where ssh's configuration says nothing."""

PROXY_CONNECT_SECONDS = 60
"""The same behind a ProxyCommand or a jump host: they may start a tunnel or a machine first."""

NO_LIMIT_SECONDS = 3600
"""The same where ssh's configuration sets no limit (``ConnectTimeout 0``): the time of the whole run is the limit."""

FOR_COMMANDS: Mapping[str, str] = {
    "RequestTTY": "no",
    "RemoteCommand": "none",
    "SessionType": "default",
    "StdinNull": "no",
    "ForkAfterAuthentication": "no",
    "PermitLocalCommand": "no",
    "Tunnel": "no",
    "VisualHostKey": "no",
    "LogLevel": "INFO",
    "LogVerbose": "none",
    "ChannelTimeout": "none",
}
"""Options that people set for their own sessions, with the value that a command needs which nobody looks at."""

_ANSWER_SECONDS = 10
"""How long ``ssh -G`` may take: it may run programs of the configuration (``Match exec``) and look up names."""

_PORT = "22"


@frozen
class SshSettings:
    """What ssh will do for one host, as ``ssh -G`` prints it."""

    values: Mapping[str, str] = field(default_factory=dict)
    """Option in lower case → its value; only ``identity_files`` is given more than once."""
    identity_files: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "SshSettings":
        """Read the output of ``ssh -G``."""
        values: dict[str, str] = {}
        identities = []
        for line in text.splitlines():
            name, _, value = line.partition(" ")
            if name == "identityfile":
                identities.append(str(ssh_expanded(value)) if value.startswith("~/") else value)
            values.setdefault(name.lower(), value)
        return cls(values, tuple(identities))

    @property
    def connect_seconds(self) -> int:
        """How long a connection may take: what the configuration says where that is longer than what we would wait."""
        default = PROXY_CONNECT_SECONDS if self.proxy else CONNECT_SECONDS
        text = self.values.get("connecttimeout", "none")
        if not text.isdigit():
            return default
        return max(int(text), default) if int(text) else NO_LIMIT_SECONDS

    @property
    def proxy(self) -> str:
        """The option by which ssh reaches the host, and its value: ``ProxyJump a,b``; empty for a direct connection."""
        for option in ("ProxyJump", "ProxyCommand"):
            value = self.values.get(option.lower(), "none")
            if value != "none":
                return f"{option} {value}"
        return ""

    @property
    def known_host(self) -> str:
        """The name of the host in ``known_hosts``. Source: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"."""
        alias = self.values.get("hostkeyalias", "none")
        if alias != "none":
            return alias
        name, port = self.values.get("hostname", ""), self.values.get("port", _PORT)
        return name if port == _PORT else f"[{name}]:{port}"

    @property
    def known_hosts(self) -> str:
        """The first file of known host keys of the user, as ssh names it; empty if ssh does not say."""
        return self.values.get("userknownhostsfile", "").partition(" ")[0]

    def differences(self) -> dict[str, str]:
        """Those of :data:`FOR_COMMANDS` that are set otherwise. An option that this ssh does not know is not among
        them: it would be an error."""
        found = {name: self.values.get(name.lower()) for name in FOR_COMMANDS}
        return {
            name: FOR_COMMANDS[name]
            for name, value in found.items()
            if value is not None and value.lower() not in (FOR_COMMANDS[name].lower(), _AS_GOOD.get(name))
        }


_AS_GOOD = {"RequestTTY": "auto", "Tunnel": "false"}
"""Values in the output of ``ssh -G`` that mean the same for a command."""


def ask_settings(command: Sequence[str], host: str, stop: threading.Event) -> SshSettings:
    """What ssh says about a host; nothing where it does not answer in time, or is too old for ``-G`` (6.8).

    Args:
        command: ssh with the options and the host of the connection.
        host: the host as the user typed it.
        stop: set by another thread when nobody needs the answer any more.

    Raises:
        HostError: ssh cannot read its configuration, or was stopped.
    """
    program, *words = command
    try:
        done = run_bounded([program, "-G", *words], b"", seconds=_ANSWER_SECONDS, stop=stop)
        if (
            b"without a command" in done.stderr
        ):  # ForkAfterAuthentication; where there is RemoteCommand, none may be given
            done = run_bounded([program, "-G", *words, "true"], b"", seconds=_ANSWER_SECONDS, stop=stop)
    except (TimeoutError, TooLongError):
        return SshSettings()
    except StoppedError:
        raise stopped(host) from None
    if done.code == 0:
        return SshSettings.parse(os.fsdecode(done.stdout))
    lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines or any("option -- G" in line for line in lines):
        return SshSettings()
    if any(line.startswith("No user exists for uid") for line in lines):
        raise HostError(
            f"ssh does not work for a user without a name: {printable(lines[0])}",
            remedy="Give this user an entry in /etc/passwd, or run as another user.",
            host=host,
        )
    if any("contains invalid characters" in line for line in lines):
        raise HostError(
            f"ssh does not accept this address: {printable(lines[0])}",
            remedy="Correct the name of the host or the user.",
            host=host,
        )
    told = [line for line in lines if "terminating," not in line] or lines
    raise configuration_error(told, host)


def configuration_error(lines: Sequence[str], host: str) -> HostError:
    """The error of an ssh that cannot read its configuration, from its own lines."""
    shown = "; ".join(line.rstrip(".") for line in lines[:3])
    return HostError(
        f"ssh cannot use its configuration: {printable(shown)}",
        remedy="Correct that in your ssh configuration. Nothing was sent to the host.",
        host=host,
    )
