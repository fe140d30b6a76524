"""Run one script on a host, and say how Ansible reaches the same host.

A local shell and OpenSSH live here; mngr's open connection is a third, made by ``mngr_plugin``.
"""

import contextlib
import os
import pwd
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mngr_ansible.errors import HostError, UsageError
from mngr_ansible.host.connection import ShellResult, answer_too_long, decoded, no_answer
from mngr_ansible.system.processes import StoppedError, TooLongError, run_bounded
from mngr_ansible.system.tempdirs import socket_directory

_CLOSE_WITHIN = 2
_PERSIST_SECONDS = 30
"""How long an idle ssh master waits for us, which on a slow machine is until Ansible has started."""


@dataclass(frozen=True, slots=True)
class Address:
    """What the user typed after ``--host``: ``[USER@]ADDR[:PORT]``; ADDR may be an alias of ``~/.ssh/config``."""

    typed: str
    name: str
    user: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read an address; an IPv6 address with a port is written ``[::1]:22``.

        Raises:
            UsageError: it is not one.
        """
        match = re.fullmatch(
            r"(?:(?P<user>[^@\s-][^@\s]*)@)?(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\]|(?P<name>[^\s@:\[\]-][^\s@:\[\]]*|"
            r"(?=[^\s@\[\]]*:[^\s@\[\]]*:)[0-9A-Fa-f:]+))(?::(?P<port>\d{1,5}))?",
            text,
        )
        port = int(match["port"]) if match and match["port"] else None
        if match is None or not text.isprintable() or (port is not None and not 0 < port < 65536):
            raise UsageError(
                f"--host {text!r} is not an address", remedy="Write [USER@]ADDR[:PORT], or [USER@][IPV6]:PORT."
            )
        return cls(text, match["six"] or match["name"], match["user"], port)


@dataclass(frozen=True, slots=True)
class OpenSsh:
    """A host behind the user's own ssh, with its configuration, jump hosts and agent.

    Opens one master connection, which Ansible then uses too; :meth:`close` ends it. Host keys are always checked.
    """

    address: Address
    sockets: Path
    """Where the masters' sockets are; one directory serves all hosts of a run."""
    key: str | None = None
    known_hosts: str | None = None
    is_local: bool = False
    _stopped: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)

    @property
    def control_path(self) -> str:
        return f"{self.sockets}/%C"

    def holds(self, script: str) -> bool:  # noqa: ARG002
        return True  # it goes through stdin

    def arguments(self) -> list[str]:
        """The ssh options that our probe and Ansible share, master connection aside."""
        options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=10"]
        options += ["ServerAliveInterval=5", "ServerAliveCountMax=3"]
        options += ["UpdateHostKeys=no", "ForwardAgent=no", "ForwardX11=no", "ClearAllForwardings=yes"]
        arguments = []
        home = os.environ.get("HOME", "")
        if home and home != _home_of_login():
            config, hosts = Path(home, ".ssh", "config"), Path(home, ".ssh", "known_hosts")
            if config.is_file():
                arguments += ["-F", str(config)]
            elif self.known_hosts is None:
                options.append(f"UserKnownHostsFile={_quoted(hosts)}")
        if self.key is not None:
            options += [f"IdentityFile={_quoted(self.key)}", "IdentitiesOnly=yes", "IdentityAgent=none"]
        if self.known_hosts is not None:
            options.append(f"UserKnownHostsFile={_quoted(self.known_hosts)}")
        return arguments + [word for option in options for word in ("-o", option)]

    @property
    def variables(self) -> Mapping[str, Any]:
        facts: dict[str, Any] = {
            "ansible_connection": "ssh",
            "ansible_host": self.address.name,
            "ansible_ssh_common_args": shlex.join(self.arguments()),
        }
        if self.address.user is not None:
            facts["ansible_user"] = self.address.user
        if self.address.port is not None:
            facts["ansible_port"] = self.address.port
        return facts

    def _command(self, *options: str) -> list[str]:
        ssh = shutil.which("ssh")
        if ssh is None:
            raise HostError(
                "there is no ssh on this machine",
                remedy="Install OpenSSH's client (Debian: openssh-client).",
                host=self.address.typed,
            )
        command = [ssh, "-T", *options, "-o", f"ControlPath={self.control_path}", *self.arguments()]
        if self.address.user is not None:
            command += ["-o", f'User="{self.address.user}"']
        if self.address.port is not None:
            command += ["-o", f"Port={self.address.port}"]
        return [*command, "--", self.address.name]

    def run(self, script: str, timeout: float) -> ShellResult:
        command = self._command("-o", "ControlMaster=auto", "-o", f"ControlPersist={_PERSIST_SECONDS}")
        try:
            done = run_bounded([*command, "exec sh"], os.fsencode(script), seconds=timeout, stop=self._stopped)
        except TimeoutError:
            raise no_answer(timeout, self.address.typed) from None
        except TooLongError:
            raise answer_too_long(self.address.typed) from None
        except StoppedError:
            raise HostError("stopped", remedy="Run again.", host=self.address.typed) from None
        said = decoded(done.stderr)
        if done.code == 255:
            raise connection_error(said, self.address.typed, self.address.name, self.address.port, self.key)
        return ShellResult(decoded(done.stdout), said, done.code)

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        """End the master connection, if there is one."""
        if any(self.sockets.glob("*")):
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    self._command("-O", "exit"),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    stdin=subprocess.DEVNULL,
                    timeout=_CLOSE_WITHIN,
                )


def _quoted(path: str | Path) -> str:
    """A path as an option of ssh takes it word for word. Source: ssh_config(5), on quoted arguments and "TOKENS"."""
    escaped = str(path).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _home_of_login() -> str | None:
    """Where OpenSSH looks for the user's files, whatever HOME says; None where the machine does not know the user."""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return None


def connection_error(said: str, host: str, name: str, port: int | None, key: str | None = None) -> HostError:
    """What ssh said when it could not connect, as a problem and a remedy; ``key``: the one that ``--key`` names."""
    place = f"[{name}]:{port}" if port not in (None, 22) else name
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("@")]
    last = lines[-1] if lines else ""
    if "IDENTIFICATION HAS CHANGED" in said:
        problem = "its host key is not the one in known_hosts"
        remedy = f"If the host was rebuilt, remove the old key: ssh-keygen -R {shlex.quote(place)}. Nothing was sent."
    elif "Host key verification failed" in said or "host key is known" in said:
        problem = "its host key is not known"
        scan = f"ssh-keyscan {f'-p {port} ' if port not in (None, 22) else ''}{shlex.quote(name)}"
        remedy = f"Log in once by hand and compare the key, or add what this prints to known_hosts: {scan}"
    elif "UNPROTECTED PRIVATE KEY FILE" in said:
        problem = f"others can read the key{f' {key}' if key else ''}, so ssh does not use it"
        remedy = f"Make it yours alone: chmod 600 {shlex.quote(key) if key else 'FILE'}"
    elif "Permission denied" in said and key is not None and _has_passphrase(key):
        problem = f"the key {key} has a passphrase, and nothing here asks for one"
        remedy = f"Load it into your ssh agent (ssh-add {shlex.quote(key)}), and leave --key out."
    elif "Permission denied" in said:
        problem = f"it refuses the login ({last})"
        remedy = "Give the right user and key: --host USER@ADDR --key FILE, or load the key into your ssh agent."
    elif "Could not resolve hostname" in said:
        problem = "its name cannot be resolved"
        remedy = "Mend the name, or add it to ~/.ssh/config."
    elif "Connection refused" in said:
        problem = "nothing listens for ssh there"
        remedy = "Start its ssh server, or give the right port: --host ADDR:PORT."
    elif not lines or re.search(r"closed by remote host|Connection reset|Broken pipe|not responding", said):
        problem = "the connection was lost while we looked"
        remedy = "Nothing was changed. Run again."
    elif "timed out" in said or "No route" in said or "unreachable" in said:
        problem = "it does not answer"
        remedy = "See whether it is up and can be reached from here."
    else:
        problem = f"ssh cannot connect: {last}"
        remedy = f"Try it by hand: ssh {shlex.quote(host)}"
    return HostError(problem, remedy=remedy, host=host)


def _has_passphrase(key: str) -> bool:
    asked = ["ssh-keygen", "-y", "-P", "", "-f", key]
    done = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    return "passphrase" in done.stderr


_END_MASTERS = """
read -r _
for _ in 1 2 3 4; do
    for socket in "$1"/*; do [ ! -S "$socket" ] || ssh -F none -S "$socket" -O exit there; done
    sleep 0.5
done
"""


@contextmanager
def control_sockets() -> Iterator[Path]:
    """A room for the sockets of ssh's masters, which end with us, even where we are killed.

    A master is nobody's child, and outlives us for as long as something runs at its other end. So a shell waits for us
    to end, and tells it to. Raises as :func:`room` does.
    """
    with socket_directory() as directory:
        command = ["/bin/sh", "-c", _END_MASTERS, "sh", str(directory)]
        watching = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            yield directory
        finally:
            watching.kill()
            watching.communicate()
