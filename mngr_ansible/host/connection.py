"""Run one script on a host, and say how Ansible reaches the same host.

A local shell and OpenSSH live here; mngr's open connection is a third, made by ``mngr_plugin``.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mngr_ansible.errors import HostError
from mngr_ansible.system.processes import LONGEST, TooLongError, run_bounded


@dataclass(frozen=True, slots=True)
class ShellResult:
    """What a script said; ``code`` is its exit code, 255 where the connection failed."""

    stdout: str
    stderr: str
    code: int


class Connection(Protocol):
    """A way to a host."""

    @property
    def is_local(self) -> bool:
        """Whether it is this machine."""

    def holds(self, script: str) -> bool:
        """Whether a script of this length can be sent in one piece."""

    @property
    def variables(self) -> Mapping[str, Any]:
        """The inventory's connection facts, for Ansible."""

    def run(self, script: str, timeout: float) -> ShellResult:
        """Run a POSIX sh script; ``timeout`` in seconds.

        Raises:
            HostError: the host does not answer, refuses us or is not the one it was.
        """

    def stop(self) -> None:
        """Give up, from another thread, what is being run."""


@dataclass(frozen=True, slots=True)
class LocalShell:
    """This machine."""

    is_local: bool = True

    @property
    def variables(self) -> Mapping[str, Any]:
        return {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}

    def holds(self, script: str) -> bool:  # noqa: ARG002
        return True  # it goes through stdin

    def run(self, script: str, timeout: float) -> ShellResult:
        try:
            done = run_bounded(["/bin/sh"], os.fsencode(script), seconds=timeout)
        except TimeoutError:
            raise HostError(
                f"looking at this machine took longer than {max(1, round(timeout))} s",
                remedy="Give more time with --timeout, or see which tool hangs when asked for its version.",
                host="localhost",
            ) from None
        except TooLongError:
            raise answer_too_long("localhost") from None
        return ShellResult(decoded(done.stdout), decoded(done.stderr), done.code)

    def stop(self) -> None:
        pass


def no_answer(seconds: float, host: str) -> HostError:
    """The error of a host that said nothing for so long."""
    return HostError(
        f"no answer within {max(1, round(seconds))} s",
        remedy="See whether it is up and what slows it (start-up files, a package manager), or give more time with "
        "--timeout.",
        host=host,
    )


def answer_too_long(host: str) -> HostError:
    return HostError(
        f"its answer is longer than {LONGEST >> 20} MiB",
        remedy="Transfer fewer files at once, or mirror a smaller directory; and see what its login prints.",
        host=host,
    )


def decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")
