# SPDX-License-Identifier: GPL-3.0-or-later
"""Run programs on the host, bounded and without leaving processes behind, and write files, as root or as the user."""

from __future__ import annotations

import atexit
import os
import pwd
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

from . import mngr_packages_writing
from .mngr_ansible_portable import dead_runs, managers, trusted_programs
from .mngr_ansible_portable.addresses import redacted
from .mngr_ansible_portable.text import clause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from ansible.module_utils.basic import AnsibleModule

_ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_KEPT_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_PR_SET_CHILD_SUBREAPER = 36  # of prctl(2)
_WRITE_SECONDS = 120
_OUTPUT_BYTES = 4096
_OUTPUT = "output-"
"""How the name of a file begins to which a program prints, in the directory of its module: mngr-ansible looks at the
end of it meanwhile, for people who wait."""

NOT_ROOT = "The remote user is not root, and has no sudo without a password; an administrator must"
"""The beginning of a sentence for a user who cannot become root."""

# The environment comes by the input: a proxy's password is in no list of processes and in no log of sudo. What is read
# ends with an empty line; the rest of the input is the program's own.
_WITH_ENVIRONMENT = """\
while IFS= read -r line && [ -n "$line" ]; do export "${line?}"; done
exec "$@"
"""
_WITHOUT_INPUT = _WITH_ENVIRONMENT.replace('"$@"', '"$@" </dev/null')


def private_directory(module: AnsibleModule) -> str:
    """A directory for this module alone. Ansible removes it with the module; we remove the run's own one around it.

    The directories of dead runs beside that are removed first.
    """
    run = os.path.expanduser(os.path.expandvars(module._remote_tmp))
    if dead_runs.is_run_directory(run):
        atexit.register(dead_runs.remove_empty, run)
        dead_runs.sweep(run)
    return module.tmpdir


def run_captured(argv: Sequence[str], directory: str | None) -> tuple[int, str]:
    """Run a program without a terminal and without input; its exit status and its output, both streams together.

    The output goes to a file in ``directory``, not to a pipe: a service that a package starts would keep a pipe open.
    """
    with tempfile.NamedTemporaryFile(prefix=_OUTPUT, dir=directory) as output:
        code = subprocess.run(  # pylint: disable=ansible-bad-function
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False
        ).returncode
        output.seek(0)
        return code, output.read().decode("utf-8", "replace")


def last_lines(output: str) -> str:
    """The end of a program's output: whole lines, at most 4 KiB, and addresses without login and query."""
    end = output[-_OUTPUT_BYTES:]
    return redacted(end if len(end) == len(output) else end.partition("\n")[2])


def privilege() -> str:
    """How this user becomes root without a password: ``root`` (is root), ``sudo``, ``doas`` or ``none``."""
    if os.geteuid() == 0:
        return "root"
    for program in ("sudo", "doas"):
        if shutil.which(program) and not run_captured([program, "-n", "true"], None)[0]:
            return program
    return "none"


class Executor:
    """Acts on the host in one scope: as root for ``system``, as the remote user for ``user``.

    Attributes:
        privilege: how root is reached, see :func:`privilege`; ``root`` where it is not needed.
        home: the home directory of the acting user.
        output: what the last program printed.
    """

    def __init__(self, module: AnsibleModule, scope: str) -> None:
        self.scope = scope
        self.privilege = privilege() if scope == "system" else "root"
        self.home = pwd.getpwuid(0).pw_dir if scope == "system" else os.path.expanduser("~")
        self.output = ""
        self._directory = private_directory(module)

    def run(self, argv: Sequence[str], seconds: int, text: str | None = None) -> int:
        """Run a program that cannot ask questions; its exit status. If it fails, all that it started is ended.

        Args:
            argv: what everybody on the host may see.
            seconds: that it may take.
            text: its input; None: it has none.
        """
        _adopt_orphans()
        directory = tempfile.mkdtemp(dir=self._directory)
        start = _WITHOUT_INPUT if text is None else _WITH_ENVIRONMENT
        command = managers.privileged(managers.bounded(["/bin/sh", "-c", start, "sh", *argv], seconds), self.privilege)
        with tempfile.NamedTemporaryFile(prefix=_OUTPUT, dir=self._directory) as output:
            given = f"{self._environment()}\n{text or ''}".encode("utf-8", "surrogateescape")
            code = subprocess.run(  # pylint: disable=ansible-bad-function
                command, cwd=directory, input=given, stdout=output, stderr=subprocess.STDOUT, check=False
            ).returncode
            if code:
                self._kill_descendants()
            output.seek(0)
            self.output = output.read().decode("utf-8", "replace")
        remove = managers.privileged(["rm", "-rf", "--", directory], self.privilege)
        subprocess.call(remove)  # pylint: disable=ansible-bad-function
        return code

    def _environment(self) -> str:
        """The variables, a line each."""
        own = trusted_programs.trusted_path(os.environ.get("PATH", os.defpath))
        if self.scope == "system":
            trusted = [each for each in _ROOT_PATH.split(":") if trusted_programs.is_trusted(each)]
            path = ":".join(trusted) or trusted_programs.SYSTEM_PATH
        else:
            path = f"{own}:{_ROOT_PATH}"
        if os.geteuid() != 0 or trusted_programs.is_trusted(self.home):
            path = f"{self.home}/.local/bin:{path}"
        chosen = {"HOME": self.home, "PATH": path, "DEBIAN_FRONTEND": "noninteractive"}
        chosen.update({name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ})
        return "".join(f"{name}={value}\n" for name, value in chosen.items() if "\n" not in value)

    def _kill_descendants(self) -> None:
        """Kill what left the program's session or did not end with it; this process has adopted it."""
        deadline = time.monotonic() + 5
        pids = _descendants()
        while pids and time.monotonic() < deadline:
            kill = ["sh", "-c", "kill -KILL " + shlex.join(map(str, pids)) + " 2>/dev/null"]
            argv = managers.privileged(kill, self.privilege)
            subprocess.call(argv, stdin=subprocess.DEVNULL)  # pylint: disable=ansible-bad-function
            _reap()
            pids = _descendants()

    def write_files(self, contents: Mapping[str, bytes | str], mode: str) -> str:
        """Write all of these files, or none of them.

        Args:
            contents: by absolute path, bytes to write, or the path of a file to move there.
            mode: in octal, of every file.

        Returns:
            Why it could not be done, without a full stop; empty if it was.
        """
        staged = tempfile.mkdtemp(dir=self._directory)
        for number, content in enumerate(contents.values()):
            path = os.path.join(staged, str(number))
            if isinstance(content, bytes):
                with open(path, "wb") as file:
                    file.write(content)
            else:
                os.rename(content, path)
        owner = "root" if self.scope == "system" else ""
        command = [sys.executable, "-I", "-", mode, owner, staged, *contents]
        if self.run(command, _WRITE_SECONDS, _text_of(mngr_packages_writing)):
            return clause(last_lines(self.output)) or "it cannot be written"
        return ""

    def remove_files(self, paths: Sequence[str], mark: str) -> str:
        """Remove those of these files that begin with ``mark``; why it could not be done, empty if it was."""
        command = [sys.executable, "-I", "-", "remove", "", mark, *paths]
        if self.run(command, _WRITE_SECONDS, _text_of(mngr_packages_writing)):
            return clause(last_lines(self.output)) or "it cannot be removed"
        return ""


def _text_of(module: ModuleType) -> str:
    """The text of a module, however it came to this host."""
    loader: Any = module.__loader__
    text: str = loader.get_source(module.__name__)
    return text


def _adopt_orphans() -> None:
    """Have the kernel give us, instead of init, the processes whose parent ends (prctl(2)); only on Linux."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass


def _descendants() -> list[int]:
    """The living processes below this one; none without ``/proc``."""
    parents: dict[int, int] = {}
    for pid in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc/self") else ()):
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                state, parent = file.read().rpartition(b")")[2].split()[:2]
        except OSError:
            continue
        if state != b"Z":
            parents[int(pid)] = int(parent)
    found: set[int] = set()
    new = {os.getpid()}
    while new:
        new = {pid for pid, parent_pid in parents.items() if parent_pid in new} - found
        found |= new
    return sorted(found)


def _reap() -> None:
    """Collect the exit status of adopted processes that have ended, so that they are no zombies."""
    time.sleep(0.05)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
