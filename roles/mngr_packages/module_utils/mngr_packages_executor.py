# SPDX-License-Identifier: GPL-3.0-or-later
"""Run what is bounded and leaves no process behind, and put files into place, as root or as the login."""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
import tempfile
import time

from ansible.module_utils import mngr_packages_queries as host
from ansible.module_utils.mngr_ansible_portable import managers

_ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_KEPT = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_ADOPT_ORPHANS = 36
_PLACE_SECONDS = 120

# Everything is written beside its place first, then all of it is renamed: a full disk leaves what was there.
_PLACE = """\
set -eu
umask 022
mode=$1 owner=$2 from=$3
shift 3
trap 'for to; do rm -f -- "${to%/*}/.mngr-ansible.$$.${to##*/}"; done' EXIT
number=0
for to; do
  new=${to%/*}/.mngr-ansible.$$.${to##*/}
  [ ! -d "$to" ] || { echo "$to is a directory"; exit 1; }
  mkdir -p -- "${to%/*}"
  cp -- "$from/$number" "$new"
  [ -z "$owner" ] || chown "$owner" "$new"
  chmod "$mode" "$new"
  sync "$new" 2>/dev/null || :
  number=$((number + 1))
done
for to; do mv -f -- "${to%/*}/.mngr-ansible.$$.${to##*/}" "$to"; done
"""


class Hand:
    """What acts on this host in one scope: root for ``system``, the login for ``user``.

    Attributes:
        privilege: how the login becomes root: ``root``, ``sudo``, ``doas`` or ``none``; ``root`` where it need not.
        home: the home directory of the one who acts.
        output: what the last command said.
    """

    def __init__(self, module, scope):
        self.scope = scope
        self.privilege = host.Packages.privilege() if scope == "system" else "root"
        self.home = pwd.getpwuid(0).pw_dir if scope == "system" else os.path.expanduser("~")
        self.output = ""
        self._directory = host.own_directory(module)

    def run(self, argv, seconds):
        """Run a command that may ask nobody anything; its exit status. When it fails, all that it started has ended."""
        _adopt_orphans()
        place = tempfile.mkdtemp(dir=self._directory)
        bounded = managers.bounded(["env", *self._environment(), *argv], seconds)
        with tempfile.TemporaryFile(dir=self._directory) as said:
            command = managers.privileged(bounded, self.privilege)
            code = subprocess.call(command, cwd=place, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
            if code:
                self._end_all()
            said.seek(0)
            self.output = said.read().decode("utf-8", "replace")
        subprocess.call(managers.privileged(["rm", "-rf", "--", place], self.privilege))
        return code

    def _environment(self):
        path = _ROOT_PATH if self.scope == "system" else f"{os.environ.get('PATH', os.defpath)}:{_ROOT_PATH}"
        chosen = {"HOME": self.home, "PATH": f"{self.home}/.local/bin:{path}", "DEBIAN_FRONTEND": "noninteractive"}
        chosen.update({name: os.environ[name] for name in _KEPT if name in os.environ})
        return [f"{name}={value}" for name, value in chosen.items()]

    def _end_all(self):
        """End what left the command's session or would not end with it; this process has adopted it."""
        deadline = time.monotonic() + 5
        pids = _descendants()
        while pids and time.monotonic() < deadline:
            kill = ["sh", "-c", "kill -KILL " + shlex.join(map(str, pids)) + " 2>/dev/null"]
            subprocess.call(managers.privileged(kill, self.privilege), stdin=subprocess.DEVNULL)
            _bury()
            pids = _descendants()

    def place(self, contents, mode):
        """Write files whole, or none of them: a mapping of absolute path to bytes, or to the path of a file to copy.

        Returns:
            Why it could not be done, in a few words; empty when it was.
        """
        staged = tempfile.mkdtemp(dir=self._directory)
        for number, content in enumerate(contents.values()):
            if isinstance(content, bytes):
                with open(os.path.join(staged, str(number)), "wb") as file:
                    file.write(content)
            else:
                os.rename(content, os.path.join(staged, str(number)))
        owner = "0:0" if self.scope == "system" else ""
        if self.run(["sh", "-c", _PLACE, "sh", mode, owner, staged, *contents], _PLACE_SECONDS):
            return host.last_lines(self.output).strip() or "it cannot be written"
        return ""


def _adopt_orphans():
    """Have the kernel give us the processes whose parent ends, instead of init; only Linux can."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_ADOPT_ORPHANS, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass


def _descendants():
    """The living processes below this one; none where there is no ``/proc``."""
    parents = {}
    for pid in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc/self") else ()):
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                state, parent = file.read().rpartition(b")")[2].split()[:2]
        except OSError:
            continue
        if state != b"Z":
            parents[int(pid)] = int(parent)
    found, new = set(), {os.getpid()}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return sorted(found)


def _bury():
    """Take note of the adopted processes that have ended."""
    time.sleep(0.05)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
