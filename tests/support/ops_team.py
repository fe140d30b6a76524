"""An ops team: a directory of its own, an inventory, an ansible-core, and nothing of this project but what it takes."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests.support.cores import NotHere, interpreter
from tests.support.hosts import AptRepository, RpmRepository, User, running
from tests.support.role_playbook import ROLES, control_sockets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.support.cores import Core
    from tests.support.hosts import SshHost

PYTHON = {"ansible_python_interpreter": "/usr/bin/python3"}


@dataclass(frozen=True)
class Played:
    """What a command of the team printed, and its exit code."""

    code: int
    text: str

    def count(self, what: str) -> dict[str, int]:
        """A number of the recap, such as ``changed``, by host."""
        recap = self.text.rpartition("PLAY RECAP")[2]
        return {name: int(count) for name, count in re.findall(rf"^(\S+)\s+:.*\b{what}=(\d+)", recap, re.MULTILINE)}

    @property
    def changed(self) -> dict[str, int]:
        return self.count("changed")


@dataclass(frozen=True)
class OpsTeam:
    """A team's directory, in which it runs the programs of one ansible-core."""

    directory: Path
    core: Core

    def inventory(self, hosts: Mapping[str, SshHost], **variables: object) -> None:
        """Write ``inventory.yml`` with these hosts, and variables for all of them."""
        entries = {name: host.ansible_variables() for name, host in hosts.items()}
        self.write("inventory.yml", {"all": {"hosts": entries, "vars": PYTHON | variables}})

    def take_roles(self) -> None:
        """Copy the roles, as ``cp -r`` does, beside the team's playbooks."""
        shutil.copytree(ROLES, self.directory / "roles", ignore=shutil.ignore_patterns("__pycache__"))

    def write(self, name: str, content: object) -> Path:
        """Write a file of the team: text as it is, everything else as YAML."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        return path

    def run(self, program: str, *arguments: str | Path, **environment: str) -> Played:
        """Run a program of ansible-core in the team's directory, in an environment that has nothing of ours."""
        return self._run([self.core.program(program), *map(str, arguments)], environment)

    def sh(self, command: str, **environment: str) -> Played:
        """Run a command of a page, as a shell reads it."""
        return self._run(["sh", "-euc", command], environment)

    def _run(self, argv: Sequence[str], environment: Mapping[str, str]) -> Played:
        clean = {
            "PATH": os.pathsep.join([str(self.core.directory / "bin"), "/usr/bin", "/bin"]),
            "HOME": str(self.directory / "home"),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(control_sockets(self.directory)),
            "COLUMNS": "1000",
        }
        done = subprocess.run(
            argv, cwd=self.directory, env={**clean, **environment}, capture_output=True, text=True, timeout=300
        )
        return Played(done.returncode, done.stdout + done.stderr)

    def play(self, playbook: str | Path, *options: str) -> Played:
        """Run ``ansible-playbook -i inventory.yml`` with a playbook of the team."""
        return self.run("ansible-playbook", "-i", "inventory.yml", *options, playbook)


@dataclass
class Fleet:
    """A team's hosts: ``deb`` with apt and ``fed`` with dnf, both with one key; and the repositories of both."""

    hosts: dict[str, SshHost]
    repositories: tuple[AptRepository, RpmRepository]
    pythons: dict[str, str] = field(default_factory=dict)
    """The Pythons that ``deb`` was given, by version, with their paths."""

    def offer(self, *tools: str) -> None:
        """Offer tools to both hosts, each as version 2.1, before they read a list of what is offered."""
        for tool, repository in itertools.product(tools, self.repositories):
            repository.add(tool, "1:2.1-1", commands={tool: f"echo {tool} 2.1"})

    def python(self, version: str) -> str:
        """The path of a Python of ``deb``, which gets it if it has none of that version.

        Raises:
            NotHere: this machine has no such Python.
        """
        if version not in self.pythons:
            self.pythons[version] = give_python(self.hosts["deb"], version)
        return self.pythons[version]

    def remove(self, tools: str) -> None:
        """Remove the tools whose names match a pattern."""
        self.hosts["deb"].run(f"apt-get remove -qq '{tools}'")
        self.hosts["fed"].run(f"dnf remove -qy '{tools}'")


@contextmanager
def fleet(directory: Path) -> Iterator[Fleet]:
    """Two hosts for the length of a ``with`` block; ``directory`` gets their repositories."""
    directory.chmod(0o755)
    repositories = (AptRepository(directory / "apt"), RpmRepository(directory / "rpm"))
    users = (User("dev", "sudo"),)
    with (
        running(layer="tools", name="deb", repository=repositories[0], users=users) as deb,
        running(layer="dnf", name="fed", repository=repositories[1], users=users) as fed,
    ):
        known = deb.known_hosts.read_text() + fed.known_hosts.read_text()
        for host in (deb, fed):
            host.known_hosts.write_text(known)
        for file in ("id_ed25519", "id_ed25519.pub"):
            (fed.directory / file).write_bytes((deb.directory / file).read_bytes())
        (fed.root_path / "etc/ssh/authorized_keys").write_bytes((deb.directory / "id_ed25519.pub").read_bytes())
        yield Fleet({"deb": deb, "fed": fed}, repositories)


def commands(page: Path, containing: str) -> list[str]:
    """The commands of the first block of sh in a page that contains a word."""
    blocks: list[str] = re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return next(block for block in blocks if containing in block).splitlines()


def give_python(host: SshHost, version: str) -> str:
    """Put a Python of this machine on a host, at the same place, and return its path.

    Raises:
        NotHere: this machine has no Python of that version.
    """
    python = interpreter(version).resolve()
    prefix = python.parents[1]
    if prefix == Path("/usr"):
        if not (host.root_path / python.relative_to("/")).exists():
            raise NotHere(f"The Python {version} of this machine is that of its system, which the host has not.")
        return str(python)
    with tempfile.TemporaryFile() as packed:
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(python, str(python.relative_to("/")))
            for library in (*prefix.glob("lib/libpython*.so*"), prefix / f"lib/python{version}"):
                archive.add(library, str(library.relative_to("/")), filter=_is_needed)
        packed.seek(0)
        with tarfile.open(fileobj=packed) as archive:
            archive.extractall(host.root_path, filter="tar")
    return str(python)


def _is_needed(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = set(Path(member.name).parts)
    return None if parts & {"test", "tests", "site-packages", "idlelib", "ensurepip", "tkinter", "lib2to3"} else member
