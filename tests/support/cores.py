"""The versions that are tested, each ansible-core in an environment of its own, and the Pythons of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TESTED: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mngr-ansible"]["tested"]
"""``ansible-core``: each version, oldest first, with the Pythons that it runs with; ``hosts``: the Pythons of hosts."""

CORES: dict[str, list[str]] = TESTED["ansible-core"]
HOST_PYTHONS: list[str] = TESTED["hosts"]
OLDEST, *_, NEWEST = CORES

_NEWEST_HOST_PYTHON = {"2.16": "3.12", "2.17": "3.12"}
"""The newest Python of a host that an ansible-core works with, by its release notes; all others work with all."""


class NotHere(Exception):
    """This machine cannot make what a test needs; the message says why, and what would help."""


@dataclass(frozen=True)
class Core:
    """An ansible-core alone in a virtual environment: neither our package nor any collection is in it."""

    version: str
    directory: Path

    def program(self, name: str) -> str:
        """The path of one of its programs, such as ``ansible-playbook``."""
        return str(self.directory / "bin" / name)

    @property
    def host_pythons(self) -> list[str]:
        """The Pythons of hosts that are tested with it."""
        newest = _NEWEST_HOST_PYTHON.get(self.version)
        return HOST_PYTHONS[: HOST_PYTHONS.index(newest) + 1 if newest else None]


def make_core(version: str, python: str, directory: Path) -> Core:
    """Install an ansible-core (``2.16``: the newest 2.16.x) for a Python (``3.12``) into ``directory``.

    Raises:
        NotHere: no uv, no such Python, or the package cannot be had.
    """
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if uv is None:
        raise NotHere("uv, which installs ansible-core, is not on this machine: pip install uv.")
    subprocess.run([uv, "venv", "-q", "--python", str(interpreter(python)), str(directory)], check=True)
    wanted = f"ansible-core=={version}.*"
    install = [uv, "pip", "install", "-q", "--python", str(directory / "bin/python"), wanted]
    for _ in range(3):  # a package index may fail once
        done = subprocess.run(install, capture_output=True, text=True)
        if not done.returncode:
            return Core(version, directory)
    raise NotHere(f"{wanted} cannot be installed: {done.stderr.strip()[-200:]}")


@cache
def interpreter(version: str) -> Path:
    """A Python of that version, of this machine, that can run Ansible's modules.

    Raises:
        NotHere: there is none.
    """
    wanted = tuple(int(part) for part in version.split("."))
    asked = f"import ssl, sys, zlib; print(sys.version_info[:2] == {wanted}, sys.executable)"
    for candidate in _candidates(version):
        try:
            done = subprocess.run([candidate, "-c", asked], capture_output=True, text=True)
        except OSError:
            continue
        if done.stdout.startswith("True "):
            return Path(done.stdout.split(" ", 1)[1].strip())
    raise NotHere(f"There is no Python {version} on this machine; `uv python install {version}` makes one.")


def _candidates(version: str) -> list[str]:
    """Where a Python of that version may be: this one, pyenv's, uv's, that of the ``PATH``."""
    pyenv = os.environ.get("PYENV_ROOT") or _output("pyenv", "root")
    of_pyenv = sorted(Path(pyenv).glob(f"versions/{version}.*/bin/python")) if pyenv else []
    found = _output("uv", "python", "find", "--no-project", "--no-python-downloads", version)
    return [sys.executable, *map(str, of_pyenv), *filter(None, [found, shutil.which(f"python{version}")])]


def _output(program: str, *options: str) -> str:
    found = shutil.which(program)
    return subprocess.run([found, *options], capture_output=True, text=True).stdout.strip() if found else ""
