"""A test host: a Debian of its own with a real sshd on the loopback, started in a tenth of a second.

It needs root on a Linux machine, and no container runtime. Its files are an overlay over a cached layer, its processes
live in a pid namespace that ends with the process that started it, and it leaves nothing behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tests.support.hosts import layers, seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psutil

    from tests.support.hosts.repository import Repository

_BOOT = Path(__file__).with_name("boot")
_START_SECONDS = 60


class HostStartError(Exception):
    """A host did not start; the message ends with the output of its boot script and sshd."""


@dataclass(frozen=True)
class SshHost:
    """A running host, and the user that connects to it."""

    name: str
    port: int
    directory: Path
    """Keys, ``known_hosts`` and ``log`` (the output of sshd); nothing else of the host is on disk."""
    user: str = "root"
    hostname: str = "127.0.0.1"

    @property
    def address(self) -> str:
        """As a person types it: ``root@127.0.0.1:2301``."""
        return f"{self.user}@{self.hostname}:{self.port}"

    @property
    def key(self) -> Path:
        """The private key that every user of the host accepts."""
        return self.directory / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """A ``known_hosts`` file with the host's key, and nothing else."""
        return self.directory / "known_hosts"

    @property
    def pid(self) -> int:
        """The host's pid 1, as this machine numbers it."""
        return int((self.directory / "pid").read_text())

    @property
    def root_path(self) -> Path:
        """The host's root directory as seen from here. Absolute symlinks in it lead into *this* machine."""
        return Path(f"/proc/{self.pid}/root")

    @property
    def is_running(self) -> bool:
        """Whether any process of the host still lives."""
        return (self.directory / "lock").exists() and not _is_free(self.directory)

    def as_user(self, user: str) -> SshHost:
        """The same host, with another user that connects to it."""
        return replace(self, user=user)

    def run(
        self, command: str, *, user: str | None = None, stdin: str = "", check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run sh code on the host without ssh, as root or another user: to prepare it, and to inspect it.

        Raises:
            subprocess.CalledProcessError: it failed and ``check`` is set; its notes hold the output.
        """
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--uts", "--ipc", "--root", "--wd=/"]
        login = ["runuser", "-u", user, "--"] if user else []
        home = ["HOME=/root"] if not user else [f"HOME=/home/{user}"]
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return _run([*enter, "env", "-i", path, *home, *login, "sh", "-c", command], stdin, check, timeout)

    def ssh(
        self, command: str, *, stdin: str = "", check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command over real ssh as ``user``; errors as in ``run``."""
        return _run([*self.ssh_argv(), "--", command], stdin, check, timeout)

    def ssh_argv(self) -> list[str]:
        """The ssh command line up to, and without, the remote command; it reads no configuration of the user."""
        options = [f"-o{option}" for option in self._ssh_options()]
        return ["ssh", "-F", "none", "-p", str(self.port), "-oBatchMode=yes", *options, f"{self.user}@{self.hostname}"]

    def ssh_config_entry(self) -> str:
        """The ``Host`` block for an ssh configuration file that makes ``ssh NAME`` reach the host."""
        lines = [f"HostName {self.hostname}", f"Port {self.port}", f"User {self.user}"]
        lines += [option.replace("=", " ", 1) for option in self._ssh_options()]
        return "\n    ".join([f"Host {self.name}", *lines]) + "\n"

    def ansible_variables(self) -> dict[str, str | int]:
        """The connection variables of an Ansible inventory."""
        return {
            "ansible_host": self.hostname,
            "ansible_port": self.port,
            "ansible_user": self.user,
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={self.known_hosts} -o StrictHostKeyChecking=yes",
        }

    def _ssh_options(self) -> list[str]:
        return [
            f"IdentityFile={self.key}",
            "IdentitiesOnly=yes",
            f"UserKnownHostsFile={self.known_hosts}",
            "GlobalKnownHostsFile=none",
            "StrictHostKeyChecking=yes",
        ]

    def signal_connections(self, number: int = signal.SIGKILL) -> int:
        """Signal the sshd of every open connection: kill it, as if the host died, or stop it (SIGSTOP).

        The programs that the connections started on the host keep running.

        Returns:
            How many processes were signalled.
        """
        import psutil

        listeners = [child for child in _below(self.pid) if _name_of(child).startswith("sshd")]
        below = [child for listener in listeners for child in _below(listener.pid, recursive=True)]
        sessions = [process for process in below if _name_of(process).startswith("sshd")]
        for process in sessions:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        return len(sessions)

    def restart(self) -> None:
        """Kill every process but the host's first and its listening sshd, as a restart does."""
        import psutil

        children = _below(self.pid)
        kept = {child.pid for child in children if _name_of(child) in ("sshd", "sh", "cat")}
        kept |= {each.pid for child in children if _name_of(child) == "sh" for each in _below(child.pid)}
        for process in _below(self.pid, recursive=True):
            if process.pid not in kept:
                with suppress(psutil.NoSuchProcess):
                    process.kill()

    def reload(self) -> None:
        """Have sshd read its configuration anew; it listens again afterwards."""
        log = self.directory / "log"
        before = log.read_text(errors="replace").count("Server listening on")
        self.run("kill -HUP $(pgrep -o sshd)")
        limit = time.monotonic() + _START_SECONDS
        while log.read_text(errors="replace").count("Server listening on") == before:
            if time.monotonic() > limit:
                raise HostStartError(f"{self.name}: sshd did not come back")
            time.sleep(0.01)

    def stop(self) -> None:
        """End every process of the host, and remove its directory. Stopping twice is fine."""
        if self.is_running:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        _remove(self.directory)


@contextmanager
def running(
    *,
    layer: str = "python",
    users: tuple[seed.User, ...] = (),
    repository: Repository | None = None,
    lists: Literal["empty", "fresh", "stale"] = "empty",
    has_mirror: bool = False,
    key_exchange: str = seed.CHEAP_KEY_EXCHANGE,
    network: str = "",
    name: str = "host",
) -> Iterator[SshHost]:
    """A host for the length of a ``with`` block; it ends with this process, however that ends.

    Args:
        layer: one of ``layers.LAYERS``.
        users: the host's users beside root.
        repository: the host's only source of packages, for the package manager of the layer; none: it has no source.
        lists: what the manager knows of the source: ``empty`` as on docker's images, which is nothing; ``fresh`` after
            it was refreshed (``apt-get update``); ``stale`` after it was refreshed long ago.
        has_mirror: keep Debian's own sources too, and resolve names.
        key_exchange: the algorithms that sshd offers; "": all that OpenSSH has, as on people's hosts.
        network: the network namespace (``ip netns``) in which alone sshd can be reached; "": that of this machine.
        name: the host's name.
    """
    top = Path(tempfile.gettempdir(), "mngr-ansible-hosts")
    top.mkdir(mode=0o700, exist_ok=True)
    sweep(top)
    directory = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=top))
    reading, writing = os.pipe()
    try:
        setting = seed.Setting(name, users, repository, lists, has_mirror, key_exchange, network)
        host = start(directory, setting, layer=layer, lifeline=reading)
        os.close(reading)
        reading = -1
        try:
            yield host
        finally:
            host.stop()
    finally:
        os.close(writing)
        if reading >= 0:
            os.close(reading)
        _remove(directory)


def start(directory: Path, setting: seed.Setting, *, layer: str, lifeline: int) -> SshHost:
    """Start a host that lives until it is stopped, or until ``lifeline``, a file descriptor, is at its end.

    Args:
        directory: the host's own, empty; its path has no comma and no colon.
        setting: what is special about the host.
        layer: one of ``layers.LAYERS``.
        lifeline: see above.

    Raises:
        HostStartError: it does not come up.
    """
    lower = layers.layer_root(layer)
    (directory / "mount").mkdir()
    seed.write_keys(directory)
    deadline = time.monotonic() + _START_SECONDS
    while True:
        port = seed.plant(directory, setting)
        host = SshHost(setting.name, port, directory)
        log = _boot(host, lower, setting, lifeline, deadline)
        if "Server listening on" in log:
            return host
        if "Cannot bind any address" not in log or time.monotonic() > deadline:
            raise HostStartError(f"the test host {setting.name} did not start:\n{log[-3000:]}")


def _boot(host: SshHost, lower: Path, setting: seed.Setting, lifeline: int, deadline: float) -> str:
    """Boot a host and wait for its sshd; returns the log."""
    log = host.directory / "log"
    repository = [str(setting.repository.path), setting.repository.place] if setting.repository else []
    namespaces = ["--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
    boot = ["sh", str(_BOOT), str(host.directory), str(lower), *repository]
    network = ["ip", "netns", "exec", setting.network] if setting.network else []
    command = ["setsid", "--fork", *network, "unshare", *namespaces, *boot]
    with log.open("wb") as out, (host.directory / "lock.new").open("w") as lock:
        # The lock belongs to every process of the host, and to no other: it is free when all of them have ended.
        # It gets its name when it is held: `sweep` in another process would take a free lock for that of a dead host.
        fcntl.flock(lock, fcntl.LOCK_SH)
        (host.directory / "lock.new").rename(host.directory / "lock")
        subprocess.run(command, stdin=lifeline, stdout=out, stderr=out, pass_fds=[lock.fileno()], check=True)
    while True:
        has_ended = not host.is_running
        output = log.read_text(errors="replace")
        if has_ended or "Server listening on" in output:
            return output
        if time.monotonic() > deadline:
            host.stop()
            return f"{output}\nnot up after {_START_SECONDS} s"
        time.sleep(0.005)


def sweep(top: Path) -> None:
    """Remove the directories of hosts whose starting process was killed."""
    for directory in top.iterdir():
        with suppress(FileNotFoundError):  # another process swept it
            # A host that is being made has no lock yet; it gets an hour.
            is_new = not (directory / "lock").exists() and time.time() - directory.stat().st_mtime < 3600
            if not is_new and _is_free(directory):
                shutil.rmtree(directory, ignore_errors=True)


def _below(pid: int, *, recursive: bool = False) -> list[psutil.Process]:
    """The children of a process; none if it has ended, or one of them just when psutil looks at it."""
    import psutil

    for _ in range(5):
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(pid).children(recursive=recursive)
    return []


def _name_of(process: psutil.Process) -> str:
    """The program's name, "" when it has ended by now."""
    import psutil

    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def _is_free(directory: Path) -> bool:
    """Whether nobody holds the lock of a host's directory."""
    try:
        with (directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def _remove(directory: Path) -> None:
    """Remove a host's directory once its last process has ended."""
    if (directory / "lock").exists():
        with (directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
    shutil.rmtree(directory, ignore_errors=True)


def _run(argv: list[str], stdin: str, check: bool, timeout: float) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(argv, input=stdin, text=True, capture_output=True, timeout=timeout)
    if check and done.returncode:
        error = subprocess.CalledProcessError(done.returncode, argv[-1], done.stdout, done.stderr)
        error.add_note(f"stdout: {done.stdout}\nstderr: {done.stderr}")
        raise error
    return done
