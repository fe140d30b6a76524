# SPDX-License-Identifier: GPL-3.0-or-later
"""The host whose packages are looked at: the programs that answer there, and how its user becomes root.

A module runs on the host itself: :class:`Host`. A host without Python is asked from the controller, in check mode only:
``mngr_packages_bare_host``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from . import mngr_packages_executor as executor
from .mngr_ansible_portable import managers, trusted_programs, userland

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule

_CHECK_SECONDS = 120


class SilentHostError(Exception):
    """The host did not answer in time; a sentence without a full stop."""


class System(NamedTuple):
    """An operating system: the names of os-release(5), the kernel's name, and for which machines programs are made."""

    words: Mapping[str, str]
    kernel: str
    machine: str


class Host:
    """The host that this process runs on.

    Attributes:
        home: the remote user's home directory.
    """

    def __init__(self, module: AnsibleModule) -> None:
        self.home = os.path.expanduser("~")
        self._module = module
        self._directory = ""

    @property
    def directory(self) -> str:
        """A directory for this module alone, which is removed with it."""
        self._directory = self._directory or executor.private_directory(self._module)
        return self._directory

    def find_programs(self) -> None:
        """From now on, also find the programs that users and administrators have outside of a bare PATH."""
        own = [f"{self.home}/{each}" for each in (".local/bin", ".cargo/bin", ".npm-global/bin")]
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin", *own])
        os.environ["PATH"] = trusted_programs.trusted_path(path)

    def has(self, program: str) -> bool:
        """Whether there is a program of this name that this user may run."""
        found = shutil.which(program)
        return found is not None and (os.geteuid() != 0 or trusted_programs.is_trusted(found))

    def captured(self, argv: Sequence[str]) -> tuple[int, str]:
        """Run a program without input; its exit status and its output, both streams together."""
        return executor.run_captured(argv, self.directory)

    def answer(self, script: str) -> str:
        """What a read-only sh script prints.

        Raises:
            SilentHostError: it did not end in time.
        """
        try:
            return subprocess.run(  # pylint: disable=ansible-bad-function
                ["/bin/sh"],
                input=script,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                errors="replace",
                timeout=_CHECK_SECONDS,
                check=False,
            ).stdout
        except subprocess.TimeoutExpired:
            raise SilentHostError(
                f"The host did not report within {_CHECK_SECONDS} s which packages it has. Run again"
            ) from None

    def new_directory(self) -> str:
        """A new empty directory, which :meth:`remove` takes away."""
        return tempfile.mkdtemp(dir=self.directory)

    def remove(self, directory: str, privilege: str) -> None:
        """Remove a directory, and what a program that ran with this privilege left in it."""
        self.captured(managers.privileged(["rm", "-rf", "--", directory], privilege))

    def privilege(self) -> str:
        """How this user becomes root without a password, see ``mngr_packages_executor.privilege``."""
        return executor.privilege()

    def system_manager(self) -> str:
        """The package manager of the host's system; ``apt`` if there is none that we know."""
        return system_manager()

    def system(self) -> System:
        """The host's operating system."""
        machine = userland.userland_architecture(os.uname().machine, "", "32" if sys.maxsize < 1 << 32 else "64")
        return System(os_release(), os.uname().sysname, machine)


def system_manager() -> str:
    """The package manager of this process's system; ``apt`` if there is none that we know."""
    present = [name for name, row in managers.TABLE.items() if shutil.which(row.program)]
    words = os_release()
    names = f"{words.get('ID', '')} {words.get('ID_LIKE', '')} {'macos' if os.uname().sysname == 'Darwin' else ''}"
    return managers.of_host(names.split(), present) or "apt"


def os_release() -> dict[str, str]:
    """The names of this process's system: ``ID``, ``ID_LIKE``, ``VERSION_ID``, … Source: os-release(5)."""
    if not os.path.exists("/etc/os-release"):
        return {}
    with open("/etc/os-release", encoding="utf-8", errors="replace") as file:
        return read_os_release(file)


def read_os_release(lines: Iterable[str]) -> dict[str, str]:
    """The same, from the lines of ``/etc/os-release``."""
    words: dict[str, str] = {}
    for line in lines:
        key, _, value = line.rstrip().replace('"', "").partition("=")
        words[key] = value.strip("'")
    return words


def of(module: AnsibleModule) -> Host:
    """The host that a module works on: that of the process, unless the module was given another one."""
    return cast("Host", getattr(cast("Any", module), "host", None) or Host(module))
