"""Many hosts that are light: the users of one test host, each with its own home, connection and master.

Each can be told how to behave in one of its sessions, through its login shell: the first session is the probe's, the
second is that of the task. A session that waits does so until the gate of the fleet is opened, and nothing else ends
its wait: what is done meanwhile is not held up by it, however long that takes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
from typing import TYPE_CHECKING, Literal

from tests.support.command_line import argv
from tests.support.hosts import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.hosts import SshHost

Session = Literal["probe", "task"]
Manner = Literal["waits", "lies", "endless"]

LIE = '{"changed": true, "mngr_steps": [], "ansible_facts": {"owned": 1}, "add_host": {"host_name": "owned"}}'
"""What a host that lies prints, in the probe and for a task: it does nothing else."""

_SHELL = f"""#!/bin/sh
me=$(id -un)
read -r session manner </srv/manner/$me || session=
number=$(cat /srv/sessions/$me 2>/dev/null || echo 0)
number=$((number + 1))
echo $number >/srv/sessions/$me
case $session in probe) at=1 ;; task) at=2 ;; *) at=0 ;; esac
if [ $number = $at ]; then
  case $manner in
    waits) touch /srv/waiting/$me; flock --shared /srv/gate true; rm /srv/waiting/$me ;;
    lies) echo {shlex.quote(LIE)}; exit 0 ;;
    endless) exec yes {shlex.quote(LIE)} ;;
  esac
fi
exec /bin/sh "$@"
"""
_USERS = """
mkdir -p /srv/manner /srv/sessions /srv/waiting; chmod 1777 /srv/sessions /srv/waiting; touch /srv/gate
cat >/srv/shell; chmod 755 /srv/shell
for n in $(seq {count}); do
  echo "u$n:x:$((20000+n)):100::/home/u$n:/srv/shell" >>/etc/passwd; echo "u$n:*:19000:0:99999:7:::" >>/etc/shadow
  mkdir /home/u$n; chown u$n:100 /home/u$n; : >/srv/manner/u$n
done
"""


class Fleet:
    """The users ``u1``, ``u2``, … of a host as hosts."""

    def __init__(self, host: SshHost, count: int) -> None:
        self.host, self.count = host, count

    def address(self, number: int) -> str:
        return self.host.as_user(f"u{number}").address

    def words(self, *words: object, count: int | None = None) -> list[str]:
        """The command line of a run on the first so many of them; by default on all."""
        hosts = [word for n in range(1, (count or self.count) + 1) for word in ("--host", self.address(n))]
        identity = ["--key", str(self.host.key), "--known-hosts", str(self.host.known_hosts)]
        return argv(*words, *hosts, *identity)

    def behave(self, manners: dict[int, tuple[Session, Manner]] | None = None) -> None:
        """From now on these behave in this manner in this session, and all others well; sessions count anew."""
        lines = [f"echo {' '.join(how)} >/srv/manner/u{number}" for number, how in (manners or {}).items()]
        self.host.run("\n".join(["for each in /srv/manner/*; do : >$each; done; rm -f /srv/sessions/*", *lines]))

    def empty(self) -> None:
        """Remove every file from the homes."""
        self.host.run("find /home/u* -mindepth 1 -delete")

    @contextlib.contextmanager
    def closed_gate(self) -> Iterator[None]:
        """Who waits at the gate waits until the block ends."""
        with (self.host.root_path / "srv/gate").open() as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            yield

    def waiting(self) -> set[int]:
        """The numbers of those that wait at the gate."""
        return {int(name[1:]) for name in os.listdir(self.host.root_path / "srv/waiting")}

    def with_file(self, name: str, size: int) -> set[int]:
        """The numbers of those that have a file of this name and size."""
        found = set()
        for number in range(1, self.count + 1):
            with contextlib.suppress(FileNotFoundError):
                if (self.host.root_path / f"home/u{number}" / name).stat().st_size == size:
                    found.add(number)
        return found

    def cut(self, number: int) -> None:
        """Kill the sshd of the connections of one of them, as if it died."""
        self.host.run(f"pkill -9 -u u{number} sshd", check=False)

    @property
    def connections(self) -> int:
        """How many connections the host has accepted."""
        return self._count("Accepted publickey")

    @property
    def sessions(self) -> int:
        """How many sessions they have begun."""
        return self._count("Starting session: ")

    def _count(self, words: str) -> int:
        return (self.host.directory / "log").read_text(errors="replace").count(words)


@contextlib.contextmanager
def running_fleet(count: int) -> Iterator[Fleet]:
    """A host with so many users for the length of a ``with`` block."""
    with running(name="fleet") as host:
        host.run("echo LogLevel VERBOSE >>/etc/ssh/sshd_config")
        host.reload()
        host.run(_USERS.format(count=count), stdin=_SHELL)
        yield Fleet(host, count)
