"""How one host differs from its layer: keys, users, sources of packages. Written as files and one sh script."""

from __future__ import annotations

import random
import shlex
import shutil
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.support.hosts.repository import Repository

CHEAP_KEY_EXCHANGE = "curve25519-sha256,curve25519-sha256@libssh.org"  # the same; mngr's paramiko knows its older name
"""A connection by OpenSSH's own first choice, sntrup761, takes three times the processor's time."""

_SSHD_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM yes
PrintMotd no
MaxStartups 100
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
"""


@dataclass(frozen=True)
class User:
    """A user of a host beside root."""

    name: str = "dev"
    root_by: Literal["nothing", "sudo", "sudo with a password", "doas"] = "nothing"
    """How it becomes root. All but ``nothing`` need the layer ``tools``, which has both programs for everyone."""
    password: str = "let me in"


@dataclass(frozen=True)
class Setting:
    """What is special about a host; see ``ssh_host.running``."""

    name: str
    users: tuple[User, ...] = ()
    repository: Repository | None = None
    lists: Literal["empty", "fresh", "stale"] = "empty"
    has_mirror: bool = False
    key_exchange: str = CHEAP_KEY_EXCHANGE
    network: str = ""


def write_keys(directory: Path) -> None:
    """Make the host's key, and the key that every user accepts."""
    for name in ("ssh_host_ed25519_key", "id_ed25519"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(directory / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def plant(directory: Path, setting: Setting) -> int:
    """Write ``seed/`` (copied over the host's root), ``setup`` (run in the host) and ``known_hosts``.

    Returns:
        The port for sshd: a free one, which another program may take before sshd does.
    """
    port = _free_port()
    ssh = directory / "seed/etc/ssh"
    shutil.rmtree(directory / "seed", ignore_errors=True)
    ssh.mkdir(parents=True)
    shutil.copy(directory / "ssh_host_ed25519_key", ssh)
    shutil.copy(directory / "ssh_host_ed25519_key.pub", ssh)
    shutil.copy(directory / "id_ed25519.pub", ssh / "authorized_keys")
    offered = f"KexAlgorithms {setting.key_exchange}\n" if setting.key_exchange else ""
    (ssh / "sshd_config").write_text(_SSHD_CONFIG.format(port=port) + offered)
    (directory / "seed/etc/hostname").write_text(f"{setting.name}\n")
    (directory / "seed/etc/hosts").write_text(f"127.0.0.1 localhost {setting.name}\n")
    if setting.has_mirror:
        shutil.copy("/etc/resolv.conf", directory / "seed/etc/resolv.conf")
    (directory / "setup").write_text("\n".join([*_logins(setting.users), *_sources(setting)]) + "\n")
    key = " ".join((directory / "ssh_host_ed25519_key.pub").read_text().split()[:2])
    (directory / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}\n")
    return port


def _free_port() -> int:
    """A free port that the kernel gives to no other program by itself.

    sshd closes its port for a moment when it reads its configuration anew; the ports above 32767 are those of
    every outgoing connection and of every server that asks for any port (ip(7), ``ip_local_port_range``).
    """
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _logins(users: tuple[User, ...]) -> list[str]:
    """sh lines that make the users, and let each become root in its way."""
    lines = []
    for user in users:
        lines.append(f"useradd --create-home --shell /bin/bash {user.name}")
        lines.append(f"echo {shlex.quote(f'{user.name}:{user.password}')} | chpasswd")
        if user.root_by.startswith("sudo"):
            tag = "NOPASSWD: " if user.root_by == "sudo" else ""
            lines.append(f"echo '{user.name} ALL=(ALL:ALL) {tag}ALL' >/etc/sudoers.d/{user.name}")
        elif user.root_by == "doas":
            lines.append(f"echo 'permit nopass {user.name}' >>/etc/doas.conf")
    return lines


def _sources(setting: Setting) -> list[str]:
    """sh lines that give the host's package manager its sources and its lists."""
    lines = [] if setting.has_mirror else ["rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*"]
    if repository := setting.repository:
        for file, text in repository.sources.items():
            lines.append(f"mkdir -p {Path(file).parent} && printf %s {shlex.quote(text)} >{file}")
        if setting.lists != "empty":
            lines.append(f"{{ {repository.refresh}; }} </dev/null")
        if setting.lists == "stale":
            lists = " ".join(repository.lists)
            lines.append(
                f"for lists in {lists}; do [ ! -e $lists ] || find $lists -exec touch -d '40 days ago' {{}} +; done"
            )
    return lines
