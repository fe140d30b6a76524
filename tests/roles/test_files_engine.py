"""The engine of the role ``mngr_files`` by itself, watched while it works."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.controller import ROLES

IMPORTS = """
import hashlib, io, os, sys, stat
import ansible.module_utils
ansible.module_utils.__path__.append(sys.argv[1])
from ansible.module_utils import mngr_files_bundle as bundle
from ansible.module_utils.mngr_files_apply import Applier
from ansible.module_utils.mngr_files_paths import CancelledError
from ansible.module_utils.mngr_files_steps import host_steps
"""


def run_engine(script: str, *arguments: str, stdout: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run the host's engine by itself, with a script that comes between its reads and writes."""
    utilities = str(ROLES / "mngr_files" / "module_utils")
    command = [sys.executable, "-c", IMPORTS + script, utilities, *arguments]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True)


ENTRY = """
size = 5 << 20
open(sys.argv[2] + "/source", "wb").write(os.urandom(size))
digest = hashlib.sha256(open(sys.argv[2] + "/source", "rb").read()).hexdigest()
path = os.fsencode(sys.argv[2]) + b"/out"
entry = dict(path=sys.argv[2] + "/out", kind="file", mode=0o640, size=size, sha256=digest, packed="inline",
             source=sys.argv[2] + "/source")
stream = io.BytesIO()
step = dict(id="s", mirror=None, if_exists="replace", entries=[entry])
bundle.pack(stream, [entry], dict(is_dry_run=False, shows_diff=False, steps=[step]))
stream.seek(0)
"""

READY = """
read = bundle.Bundle(Watched(stream))
outcome = Applier(read, False, 0o022, b"/nowhere").apply(host_steps(read.steps, b"/nowhere"))[0]
"""


def test_a_file_is_never_more_readable_than_it_will_be_and_never_half_there(tmp_path: Path) -> None:
    script = f"""{ENTRY}
seen = []
class Watched:
    def __init__(self, inner): self.inner = inner
    def read(self, size):
        for name in os.listdir(sys.argv[2]):
            seen.append((name[:14], stat.S_IMODE(os.lstat(sys.argv[2] + "/" + name).st_mode)))
        return self.inner.read(size)
os.chmod(sys.argv[2] + "/source", 0o600)
{READY}
assert outcome["status"] == "changed", outcome
assert {{each for each in seen}} == {{("source", 0o600), (".mngr-ansible-", 0o600)}}, seen
assert stat.S_IMODE(os.lstat(path).st_mode) == 0o640
"""
    done = run_engine(script, str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_a_file_that_arrives_damaged_is_not_written(tmp_path: Path) -> None:
    script = f"""{ENTRY}
class Watched:
    def __init__(self, inner): self.inner = inner
    def read(self, size): return self.inner.read(size) if self.inner.tell() < 2 << 20 else b""
{READY}
assert outcome["status"] == "failed" and "arrived damaged" in outcome["reason"], outcome
assert os.listdir(sys.argv[2]) == ["source"]
"""
    done = run_engine(script, str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_a_run_whose_connection_is_gone_ends_itself_and_cleans_up(tmp_path: Path) -> None:
    script = f"""{ENTRY}
class Watched:
    def __init__(self, inner): self.inner, self.is_open = inner, True
    def read(self, size):
        if self.is_open and self.inner.tell() > 2 << 20:
            self.is_open = os.close(int(sys.argv[3]))
        return self.inner.read(size)
try:
    {READY.strip().replace(chr(10), chr(10) + "    ")}
except CancelledError:
    assert os.listdir(sys.argv[2]) == ["source"]
    sys.exit(7)
"""
    ours, theirs = os.pipe()
    os.set_inheritable(ours, True)
    utilities = str(ROLES / "mngr_files" / "module_utils")
    command = [sys.executable, "-c", IMPORTS + script, utilities, str(tmp_path), str(ours)]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, text=True, pass_fds=(ours,)) as process:
        os.close(ours)
        os.close(theirs)
        _, error = process.communicate(timeout=30)
    assert process.returncode == 7, error
