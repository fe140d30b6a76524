"""What a worker is sent: the directory of one run, as ``ansible-runner transmit`` sends it.

It is packed into memory, or into a file without a name where it is large: after a kill nothing of it is left on this
machine. Our own environment of a run goes with it, as does the shell script that starts Ansible there
(``worker.sh``), so a worker needs ansible-core and ansible-runner, and nothing of ours.
Source: ansible-runner's documentation, "Remote jobs".
"""

import json
import os
import stat
import tempfile
import time
import zipfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from mngr_ansible.content.location import content_directory, shipped_files
from mngr_ansible.portable.sh import without_comments
from mngr_ansible.run.environment import configuration, environment, ssh_arguments

if TYPE_CHECKING:
    from mngr_ansible.run.own_playbook import OwnPlaybookRun

PLAYBOOK = "provision.yml"
_IN_MEMORY = 256 << 20
"""Bytes of sources with which the job is kept in memory."""
_PRIVATE, _SOCKETS = "@PRIVATE@", "@SOCKETS@"
"""What stands for directories of the worker in the environment."""
ROOT = f"/{_PRIVATE}"
"""The root of a job's files, in the settings and words of a playbook of the user's own."""
_OWN = ("ANSIBLE_CALLBACK_PLUGINS", "ANSIBLE_HOME")
"""What ansible-runner, or ``worker.sh``, sets on the worker."""
_SCRIPT = Path(__file__).with_name("worker.sh")


class Job(AbstractContextManager["Job"]):
    """The files of one run on a worker.

    Attributes:
        kwargs: how ansible-runner is to run it; no word of a host, a plugin or the user is in it.
        file: the zip archive; complete after :meth:`finish`.
    """

    kwargs: dict[str, Any]

    def __init__(
        self,
        hosts: int,
        seconds: float,
        *,
        size: int = 0,
        own: "OwnPlaybookRun | None" = None,
        words: Sequence[str] = (),
    ) -> None:
        """Begin it.

        Args:
            hosts: how many hosts it has.
            seconds: after which the worker ends it, even if it is cut off from us.
            size: about how many bytes its files have.
            own: a playbook of the user's own in ``playbook/``, with which Ansible is started there.
            words: the arguments of ``ansible-playbook`` for that; the script has them.

        Raises:
            OSError: no file could be made.
        """
        self.kwargs = {
            "ident": "mngr",
            "binary": "/bin/sh",  # not `playbook`: which ansible-playbook is found by the script
            "cmdline": f"run.sh {PLAYBOOK}",
            "fact_cache_type": "none",
        }
        self.file = unnamed_file(size)
        self._zip = zipfile.ZipFile(self.file, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False)
        self.add("mngr-ansible-worker", "")  # the first: by it, the next job knows what a killed one has left of this
        settings = {"suppress_ansible_output": True, "suppress_output_file": True, "job_timeout": int(seconds) + 1}
        self.add("env/settings", json.dumps(settings))
        self.add("ansible.cfg", configuration(hosts))
        script = without_comments(_SCRIPT.read_text(encoding="utf-8"))
        lines = _environment(hosts, own)
        if own is not None:
            lines += f"\nset -- {' '.join(map(_shell_text, words))}\ncd {_shell_text(f'{ROOT}/playbook')} || exit"
        self.add("project/run.sh", script.replace(": @ENVIRONMENT@", lines))

    def add(self, name: str, content: str | bytes) -> None:
        """Add a file, which only its owner can read."""
        with self.open(name) as file:
            file.write(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)

    def add_directory(self, name: str) -> None:
        """Add an empty directory; its name ends with a slash."""
        info = zipfile.ZipInfo(name, time.localtime()[:6])
        info.external_attr = (stat.S_IFDIR | 0o700) << 16
        self._zip.writestr(info, b"")

    def open(self, name: str, mode: int = 0o600) -> IO[bytes]:
        """A new file to write to, with these permissions in the private directory of the job; the next one is begun
        when it is closed."""
        info = zipfile.ZipInfo(name, time.localtime()[:6])
        info.external_attr = (stat.S_IFREG | stat.S_IRUSR | mode) << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        return self._zip.open(info, "w", force_zip64=True)

    def add_role(self, name: str) -> None:
        """Add one of our roles beside the playbook."""
        for path, relative in shipped_files(content_directory() / "roles" / name):
            self.add(f"project/roles/{name}/{relative}", path.read_bytes())

    def finish(self) -> None:
        """Nothing is added any more."""
        self._zip.close()
        self.file.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing of it is left afterwards."""
        with self.file:  # the end of the archive may find no space
            self._zip.close()


def unnamed_file(size: int) -> IO[bytes]:
    """A file for about so many bytes, of which nothing is left when it is closed, or when this process is killed."""
    if size <= _IN_MEMORY and hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("mngr-ansible-job", os.MFD_CLOEXEC), "w+b")
    return tempfile.TemporaryFile()  # the caller closes it


def _environment(hosts: int, own: "OwnPlaybookRun | None") -> str:
    """Lines of shell that set Ansible's environment on the worker, in the script that starts it."""
    private = Path(ROOT)
    made = environment(private, Path("/", _SOCKETS), ssh_arguments(f"{_SOCKETS}/%C"), "~/.ansible/tmp", hosts)
    if own is not None:
        made = own.environment(made, private / "inventory_plugins")
    names = [name for name in made if name.startswith("ANSIBLE_") or name in ("LC_ALL", "MAX_EVENT_RES")]
    return "\n".join(f"export {name}={_shell_text(made[name])}" for name in names if name not in _OWN)


def _shell_text(value: str) -> str:
    """The value as one word of shell, with the directories of the worker in it."""
    quoted = "'" + value.replace("'", "'\\''") + "'"
    for place, variable in ((f"/{_PRIVATE}", "private"), (f"/{_SOCKETS}", "sockets"), (_SOCKETS, "sockets")):
        quoted = quoted.replace(place, f"'\"${variable}\"'")
    return quoted
