"""``Connection``: run a script on a host, and reach the same host with Ansible; and the connection to this machine.

The two others are ``ssh.OpenSsh`` and ``mngr.connection.MngrConnection``.
"""

import sys
from collections.abc import Mapping
from typing import Any, Protocol

from mngr_ansible.errors import HostError
from mngr_ansible.system.names import as_bytes
from mngr_ansible.system.processes import LONGEST, TooLongError, run_bounded
from mngr_ansible.values import frozen


@frozen
class ShellResult:
    """What a script printed, and its exit code."""

    stdout: str
    stderr: str
    code: int
    noise: int = 0
    """Characters that the login shell printed before the script began; they are not in ``stdout``."""


class HostStoppedError(HostError):
    """We stopped the script that ran on the host; nothing is wrong with the host."""


class Connection(Protocol):
    """A way to reach a host."""

    @property
    def is_local(self) -> bool:
        """Whether the host is this machine."""

    def holds(self, script: str) -> bool:
        """Whether the connection can send this script in one piece."""

    @property
    def variables(self) -> Mapping[str, Any]:
        """The inventory variables by which Ansible reaches the host."""

    @property
    def portable_variables(self) -> Mapping[str, Any]:
        """The inventory variables by which any Ansible reaches the host, also one on another machine."""

    @property
    def patience(self) -> float:
        """Seconds that the first answer may take longer than that of other hosts, since connecting takes so long."""

    def run(self, script: str, timeout: float) -> ShellResult:
        """Run a POSIX sh script; ``timeout`` in seconds.

        Raises:
            HostError: the host does not answer, does not let us in, or has another host key than before.
        """

    def stop(self) -> None:
        """End the script that is running; called from another thread."""


@frozen
class LocalShell:
    """This machine.

    Scripts run in ``/``. In the caller's directory, which may be a stranger's repository, tools read files of it, or
    run them, even to print their version: ``.yarnrc.yml``, ``rust-toolchain.toml``, ``.npmrc``.
    """

    is_local: bool = True
    patience: float = 0
    python: str | None = None
    """The interpreter for Ansible's modules that an inventory names; None: our own."""

    @property
    def variables(self) -> Mapping[str, Any]:
        return {"ansible_connection": "local", "ansible_python_interpreter": self.python or sys.executable}

    @property
    def portable_variables(self) -> Mapping[str, Any]:
        own = {} if self.python is None else {"ansible_python_interpreter": self.python}
        return {"ansible_connection": "local", **own}

    def holds(self, script: str) -> bool:  # noqa: ARG002
        return True  # it is sent through stdin, which has no limit

    def run(self, script: str, timeout: float) -> ShellResult:
        try:
            done = run_bounded(["/bin/sh"], as_bytes(script), seconds=timeout, cwd="/")
        except TimeoutError:
            raise HostError(
                f"checking this machine took longer than {max(1, round(timeout))} s",
                remedy="Give more time with --timeout, or find the tool that hangs when it is asked for its version.",
                host="localhost",
            ) from None
        except TooLongError:
            raise answer_too_long("localhost") from None
        return ShellResult(decoded(done.stdout), decoded(done.stderr), done.code)

    def stop(self) -> None:
        pass


def stopped(host: str) -> HostStoppedError:
    """The error of a host whose script we stopped."""
    return HostStoppedError("stopped", remedy="Run again.", host=host)


def no_answer(seconds: float, host: str) -> HostError:
    """The error of a host that did not answer in this time."""
    return HostError(
        f"no answer within {max(1, round(seconds))} s",
        remedy="Check that it is up and what slows it (start-up files, a package manager), or give more time with "
        "--timeout.",
        host=host,
    )


def answer_too_long(host: str | None = None) -> HostError:
    """The error of a host whose answer is longer than :data:`LONGEST`."""
    return HostError(
        f"its answer is longer than {LONGEST >> 20} MiB",
        remedy="Transfer fewer files at once, or mirror a smaller directory. Check what its login shell prints.",
        host=host,
    )


def decoded(data: bytes) -> str:
    """A program's output as text."""
    return data.decode("utf-8", "replace")
