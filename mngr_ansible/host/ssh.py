"""A host behind the user's own OpenSSH: its address, its options, and the sockets of its shared connections.

A *master* is the ssh process that keeps one connection open for others. Source: ssh_config(5), "ControlMaster".
"""

import contextlib
import math
import os
import re
import shlex
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mngr_ansible.errors import HostError, UsageError
from mngr_ansible.host.connection import FirstShell, ShellResult, answer_too_long, decoded, no_answer, stopped
from mngr_ansible.host.inventory_variables import portable_variables
from mngr_ansible.host.login_shell import OWN_COMMAND, has_begun, run_proven
from mngr_ansible.host.ssh_errors import FailedConnection, connection_error, is_of_proxy
from mngr_ansible.host.ssh_settings import CONNECT_SECONDS, SshSettings, ask_settings
from mngr_ansible.portable import sh
from mngr_ansible.system.homes import entry_home
from mngr_ansible.system.names import as_bytes
from mngr_ansible.system.processes import StoppedError, TooLongError, WaitingProgram, find_program, run_bounded
from mngr_ansible.values import field, frozen

OPTIONS = {"BatchMode": "yes", "ServerAliveInterval": "5", "ServerAliveCountMax": "3"}
"""The options of every connection, ours and Ansible's: no questions, and about 20 s at most without an answer. How long
connecting may take is a matter of each host. Source: ssh_config(5)."""

PERSIST_SECONDS = 600
"""How long an unused master stays open: other hosts may have their turn until this one has its own, and a package
manager may take minutes on one of them. At the end of the command all are closed."""

_SYSTEM_CONFIGURATION = "/etc/ssh/ssh_config"
_AGAIN_SECONDS = 5.0
_CONNECTION_FAILED = 255  # ssh(1), "EXIT STATUS"


@frozen
class Address:
    """The value of ``--host``: ``[USER@]ADDR[:PORT]``; ADDR may be an alias of ``~/.ssh/config``."""

    typed: str
    name: str
    user: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read an address; an IPv6 address with a port is written ``[::1]:22``. A user may have ``@`` in the name.

        Raises:
            UsageError: it is not an address.
        """
        match = re.fullmatch(
            r"(?:(?P<user>[^@\s-]\S*)@)?(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\]|(?P<name>[^\s@:,\[\]-][^\s@:,\[\]]*|"
            r"(?=[^\s@\[\]]*:[^\s@\[\]]*:)[0-9A-Fa-f:]+))(?::(?P<port>\d{1,5}))?",
            text,
        )
        port = int(match["port"]) if match and match["port"] else None
        if match is None or "://" in text or not text.isprintable() or (port is not None and not 0 < port < 65536):
            remedy = "Write [USER@]ADDR[:PORT], or [USER@][IPV6]:PORT."
            if "://" in text:
                remedy = "Leave the scheme out: [USER@]ADDR[:PORT]."
            elif "," in text:
                each = sh.join(word for part in text.split(",") if part.strip() for word in ("--host", part.strip()))
                remedy = f"Give each host an option of its own: {each}. Or name an inventory: --inventory FILE."
            raise UsageError(f"--host {text!r} is not an address", remedy=remedy)
        return cls(text, match["six"] or match["name"], match["user"], port)

    @property
    def destination(self) -> str:
        """The words that lead a person's ssh there: ``-p 2222 dev@build-1``."""
        port = "" if self.port is None else f"-p {self.port} "
        return port + sh.quote(self.name if self.user is None else f"{self.user}@{self.name}")


@frozen
class OwnArguments:
    """What an inventory of Ansible says of one host, beside its address.

    Attributes:
        common: words for ssh, and for what copies files through it. They come before ours, so that they count.
        extra: words for ssh alone.
        key: a private key, as ssh takes it in quotes; it is tried before others. Empty: none.
        python: the interpreter for Ansible's modules; empty: the one that is found.
    """

    common: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    key: str = ""
    python: str = ""

    @property
    def mark(self) -> str:
        """Differs where other words lead to the host; empty where there are none."""
        words = (self.key, *self.common, *self.extra)
        return f"{zlib.crc32(repr(words).encode()):08x}-" if any(words) else ""


@frozen
class OpenSsh:
    """A connection through the user's own ssh, with its configuration, jump hosts and agent.

    :meth:`run` opens one master, which Ansible uses too; ``masters.control_sockets`` ends it. Host keys are always
    checked.
    """

    address: Address
    sockets: Path
    """The directory of the masters' sockets; the same for all hosts of a run."""
    key: str | None = None
    """The private key; None: as ssh's configuration and agent decide."""
    known_hosts: str | None = None
    """A file that replaces the user's known_hosts."""
    own: OwnArguments = field(default_factory=OwnArguments)
    """What an inventory says of this host."""
    is_local: bool = False
    _stopped: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)
    _asked: list[SshSettings] = field(default_factory=list, repr=False, compare=False)
    _asking: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _first: FirstShell = field(default_factory=FirstShell, repr=False, compare=False)

    @property
    def settings(self) -> SshSettings:
        """What the user's ssh configuration says about the host; ssh is asked once, whichever thread asks first.

        Raises:
            HostError: this machine has no ssh, or ssh cannot read its configuration; or the connection was stopped.
        """
        with self._asking:
            if not self._asked:
                config = _own_configuration()
                words = [] if config is None else ["-F", str(config)]
                asked = [*self.own.common, *self.own.extra, *as_arguments(self._identity())]
                command = [self._program(), *words, *asked, *self._destination()]
                self._asked.append(ask_settings(command, self.address.typed, self._stopped))
        return self._asked[0]

    @property
    def patience(self) -> float:
        """Seconds that connecting may take longer than usual, because ssh's configuration says so."""
        return self.settings.connect_seconds - CONNECT_SECONDS

    @property
    def control_path(self) -> str:
        """ssh's ControlPath; ``%C`` stands for the host. Source: ssh_config(5), "TOKENS".

        An address that other words lead to may be another host: behind two jump hosts there may be two 10.0.0.5.
        """
        return f"{self.sockets}/{self.own.mark}%C"

    def holds(self, script: str) -> bool:  # noqa: ARG002
        return True  # it is sent through stdin, which has no limit

    def arguments(self) -> list[str]:
        """The arguments of ssh for our probe and for Ansible, without those of :func:`master_options`.

        What the user's configuration says is kept, except for what is meant for a person at a terminal.

        Raises:
            HostError: as :attr:`settings`.
        """
        options = {
            "StrictHostKeyChecking": "yes",
            "UpdateHostKeys": "no",
            "ForwardAgent": "no",
            "ForwardX11": "no",
            "ClearAllForwardings": "yes",
            **self.settings.differences(),
            **self._identity(),
        }
        # Of an option that is given twice the first value counts. Source: ssh_config(5).
        return [*self._configuration(), *as_arguments(OPTIONS), *self.own.common, *as_arguments(options)]

    def _configuration(self) -> list[str]:
        """The words that name the configuration where ssh would not find it: ssh itself does not look at HOME."""
        config = _own_configuration()
        return [] if config is None else ["-F", self._plain(config)]

    def _plain(self, path: Path) -> str:
        """The path, or a link to it: ssh starts a jump host's ssh with the path of ``-F`` unquoted, in a shell."""
        if re.fullmatch(r"[A-Za-z0-9/._+,:@=-]+", str(path)) or not self.sockets.is_absolute():
            return str(path)
        link = self.sockets / "config"
        with contextlib.suppress(OSError):  # another host of this run made it
            link.symlink_to(path)
        return str(link if link.is_symlink() else path)

    def _identity(self) -> dict[str, str]:
        """The options that name the key and the file of known host keys."""
        options = {}
        home = os.environ.get("HOME", "")
        if home and home != entry_home() and _own_configuration() is None:
            options["UserKnownHostsFile"] = _quoted(Path(home, ".ssh", "known_hosts"))
        if self.own.key:  # as Ansible has it: the agent and other keys are tried too
            options["IdentityFile"] = f'"{self.own.key}"'
        elif self.key is not None:
            options |= {"IdentityFile": _quoted(self.key), "IdentitiesOnly": "yes", "IdentityAgent": "none"}
        if self.known_hosts is not None:
            options["UserKnownHostsFile"] = _quoted(self.known_hosts)
        return options

    @property
    def variables(self) -> Mapping[str, Any]:
        variables: dict[str, Any] = {
            "ansible_connection": "ssh",
            "ansible_host": self.address.name,
            "ansible_ssh_common_args": shlex.join(self.arguments()),
        }
        if self.own.extra:
            variables["ansible_ssh_extra_args"] = shlex.join(self.own.extra)
        if self.own.python:
            variables["ansible_python_interpreter"] = self.own.python
        if self.own.mark:
            variables["ansible_ssh_args"] = shlex.join(as_arguments({**OPTIONS, **master_options(self.control_path)}))
        if self.settings.connect_seconds != CONNECT_SECONDS:
            variables["ansible_ssh_timeout"] = self.settings.connect_seconds
        if self.address.user is not None:
            variables["ansible_user"] = self.address.user
        if self.address.port is not None:
            variables["ansible_port"] = self.address.port
        return variables

    @property
    def portable_variables(self) -> Mapping[str, Any]:
        address = self.address
        system = _SYSTEM_CONFIGURATION if Path(_SYSTEM_CONFIGURATION).is_file() else "none"
        own = [*self.own.common, *self.own.extra]
        plain = ask_settings([self._program(), "-F", system, *own, *self._destination()], address.typed, self._stopped)
        variables = portable_variables(
            address.name,
            address.user,
            address.port,
            self.settings,
            plain,
            key=self.own.key or self.key,
            known_hosts=self.known_hosts,
            login_home=entry_home(),
        )
        if self.own.common:
            ours = variables["ansible_ssh_common_args"]
            variables["ansible_ssh_common_args"] = f"{shlex.join(self.own.common)} {ours}"
        if self.own.extra:
            variables["ansible_ssh_extra_args"] = shlex.join(self.own.extra)
        if self.own.python:
            variables["ansible_python_interpreter"] = self.own.python
        return variables

    def _program(self) -> str:
        ssh = find_program("ssh")
        if ssh is None:
            raise HostError(
                "this machine has no ssh",
                remedy="Install OpenSSH's client (Debian: openssh-client).",
                host=self.address.typed,
            )
        return ssh

    def _destination(self) -> list[str]:
        words = []
        if self.address.user is not None:
            words += ["-o", f'User="{self.address.user}"']
        if self.address.port is not None:
            words += ["-o", f"Port={self.address.port}"]
        return [*words, "--", self.address.name]

    def _command(self, *extra: str, is_shared: bool = True) -> list[str]:
        """ssh with all its options and the host; ``is_shared``: over the shared connection, which it opens."""
        options = {"ConnectTimeout": str(self.settings.connect_seconds)}
        options |= master_options(self.control_path) if is_shared else {"ControlMaster": "no", "ControlPath": "none"}
        words = [*as_arguments(options), *self.arguments(), *self.own.extra]
        return [self._program(), "-T", *extra, *words, *self._destination()]

    def command_beside(self, *extra: str) -> list[str]:
        """ssh with all its options and the host, to look at the shared connection; what is ``extra`` comes before."""
        options = {"ControlMaster": "no", "ControlPath": f'"{self.control_path}"'}
        words = [*extra, *as_arguments(options), *self.arguments(), *self.own.extra]
        return [self._program(), "-T", *words, *self._destination()]

    def _shell_command(self, seconds: float) -> list[str]:
        """ssh, and the shell that it starts on the host, which is ended after so many seconds."""
        return [*self._command(), bounded_shell(math.ceil(seconds) + 1)]

    def begin(self, seconds: float) -> None:
        """Begin to connect, and have a shell wait on the host for a first script of so many seconds.

        Called at most once, before :meth:`run`, which raises what goes wrong; :meth:`close` ends it.
        """

        def command() -> tuple[Sequence[str], float]:
            most = seconds + self.patience
            return self._shell_command(most), time.monotonic() + most

        self._first.begin(command)

    def run(self, script: str, timeout: float) -> ShellResult:
        return run_proven(self._run, script, timeout)

    def _run(self, script: str, timeout: float) -> ShellResult:
        """What a script prints, whoever reads it."""
        started = time.monotonic()
        try:
            shell = self._first.take(started + timeout)
            if shell is None:
                shell = WaitingProgram(self._shell_command(timeout))
            done = shell.finish(as_bytes(script), seconds=timeout, stop=self._stopped)
        except TimeoutError:
            raise no_answer(timeout, self.address.typed) from None
        except TooLongError:
            raise answer_too_long(self.address.typed) from None
        except StoppedError:
            raise stopped(self.address.typed) from None
        stderr = decoded(done.stderr)
        if done.code == _CONNECTION_FAILED:
            stdout, left = decoded(done.stdout), timeout - (time.monotonic() - started)
            is_silent = not stderr.strip() and not has_begun(stdout)
            if is_of_proxy(stderr) and self.settings.proxy:
                stderr = self._words_of_proxy(left) or stderr
            config = _own_configuration()
            words = [] if config is None else ["-F", str(config)]
            words += [*self.own.common, *self.own.extra, *(("-i", self.own.key) if self.own.key else ())]
            by_hand = f"{sh.join(words)} {self.address.destination}".lstrip()
            raise connection_error(
                FailedConnection(
                    stderr,
                    self.address.typed,
                    by_hand,
                    self.settings,
                    self.key,
                    has_begun=has_begun(stdout),
                    is_ended_by_shell=is_silent and self._ends_silently(left),
                    name=self.address.name,
                )
            )
        return ShellResult(decoded(done.stdout), stderr, done.code)

    def _ends_silently(self, timeout: float) -> bool:
        """Whether a connection of its own ends without a word too: then the login shell ended, not the connection."""
        command = [*self._command(is_shared=False), "true"]
        try:
            done = run_bounded(command, b"", seconds=max(1.0, min(_AGAIN_SECONDS, timeout)), stop=self._stopped)
        except (TimeoutError, TooLongError, StoppedError):
            return False
        return done.code == _CONNECTION_FAILED and not done.stderr.strip()

    def _words_of_proxy(self, timeout: float) -> str:
        """What a jump host's ssh or a ProxyCommand says when it fails once more; empty if it does not fail.

        ssh throws their words away where it opens a connection that is shared, unless it is asked to explain what it
        does, which it tells the ssh of a jump host too.
        """
        command = [*self._command("-v", is_shared=False), "true"]
        try:
            done = run_bounded(command, b"", seconds=max(1.0, timeout), stop=self._stopped)
        except (TimeoutError, TooLongError, StoppedError):
            return ""
        return decoded(done.stderr) if done.code == _CONNECTION_FAILED else ""

    def stop(self) -> None:
        self._stopped.set()
        self._first.end()

    def close(self) -> None:
        """End what :meth:`begin` has started; no script runs any more, and none is run later."""
        self.stop()
        self._first.close()


def bounded_shell(seconds: int) -> str:
    """The remote command that runs a script, for any login shell.

    The system's ``timeout``, where there is one, ends it with all that it started: no program stays on the host when we
    are killed. Source: coreutils' manual, "timeout".
    """
    program = 'program=$(PATH=/usr/bin:/bin command -v timeout) && "$program" -s KILL 9 true'  # not in old busybox
    shell = f"/bin/sh -s {OWN_COMMAND}"
    return f"exec /bin/sh -c '{program} && exec \"$program\" -s KILL {seconds} {shell}; exec {shell}'"


def master_options(control_path: str) -> dict[str, str]:
    """The options that open a master at this ControlPath, or use the one that is open already."""
    return {"ControlMaster": "auto", "ControlPersist": str(PERSIST_SECONDS), "ControlPath": f'"{control_path}"'}


def as_arguments(options: Mapping[str, str]) -> list[str]:
    """Options of ssh as the arguments of a command."""
    return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]


def _quoted(path: str | Path) -> str:
    """A path as a literal value of an option of ssh. Source: ssh_config(5), on quoted arguments and "TOKENS"."""
    escaped = str(path).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _own_configuration() -> Path | None:
    """The user's configuration, where HOME is another directory than the one in passwd, and has one."""
    home = os.environ.get("HOME", "")
    config = Path(home, ".ssh", "config")
    return config if home and home != entry_home() and config.is_file() else None
