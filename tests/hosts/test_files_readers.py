"""Who reads a destination meanwhile sees the old file or the new one, and never one more open than it will be."""

import json
import re
import shutil
import signal

import pytest

from tests.support.command_line import mngr_ansible, on
from tests.support.fault_matrix import WAYS
from tests.support.interrupted_runs import look, versions
from tests.support.processes import started
from tests.support.waiting import wait_until

READER = """
import hashlib, json, os, sys, time
tops = [os.path.join(d, n) for d, _, names in os.walk("/srv/tree") for n in names]
seen = {}
open("/srv/ready", "w").close()
while not os.path.exists("/srv/stop"):
    for path in tops:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            seen.setdefault(path, {})["absent"] = 1
            continue
        mode, data = os.fstat(descriptor).st_mode & 0o7777, b""
        while True:
            block = os.read(descriptor, 1 << 20)
            if not block:
                break
            data += block
        os.close(descriptor)
        key = hashlib.sha256(data).hexdigest() + " " + oct(mode)
        seen.setdefault(path, {})[key] = 1
print(json.dumps({os.path.relpath(path, "/srv/tree"): sorted(found) for path, found in seen.items()}))
"""


def test_a_reader_sees_the_old_or_the_new_and_never_a_part_or_an_absence(ssh_host, tmp_path):
    old, new = versions(tmp_path, files=15, size=30_000, big=3 << 20)
    host = ssh_host(layer="python")
    host.run("mkdir -p /srv/tree")
    shutil.copytree(old, host.root_path / "srv" / "tree", dirs_exist_ok=True)
    entering = ["nsenter", "-t", str(host.pid), "-m", "-p", "-r", "-w", "/usr/bin/python3", "-c", READER]
    with started(entering, stderr=None) as reader:
        wait_until((host.root_path / "srv" / "ready").exists)
        for version, way in ((new, "program"), (old, "module"), (new, "program"), (old, "module"), (new, "program")):
            done = mngr_ansible("apply", "--file", f"{version}:/srv/tree", *on(host), env=WAYS[way])
            assert done.returncode == 0, done.stderr
        (host.root_path / "srv" / "stop").touch()
        said, _ = reader.communicate(timeout=60)

    before, after = look(old), look(new)
    seen = {name: set(found) for name, found in json.loads(said).items()}
    allowed = {name: {f"{sha256} {oct(mode)}" for sha256, mode in (before[name], after[name])} for name in before}
    assert seen.keys() == before.keys()
    assert {name: found - allowed[name] for name, found in seen.items() if found - allowed[name]} == {}
    assert any(len(found) == 2 for found in seen.values()), "the reader was too slow to see both versions"


def test_a_secret_is_born_closed_and_gets_its_mode_and_owner_before_its_name(ssh_host, tmp_path):
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    host = ssh_host(layer="python")
    secret = tmp_path / "secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    listener = min(_tree(host.pid), key=lambda pid: (_name(pid) != "sshd", pid))
    trace = tmp_path / "trace"
    calls = "trace=openat,fchmod,fchown,rename,renameat,renameat2,chmod,fchmodat"
    command = ["strace", "-f", "-qq", "-e", calls, "-o", str(trace), "-p", str(listener)]
    with started(command, stdout=None) as strace:
        wait_until(lambda: "TracerPid:\t0\n" not in (_read(listener, "status") or "TracerPid:\t0\n"), 60)
        spec = f"{{local_path: {secret}, remote_path: /srv/new/secret, mode: '0640', owner: daemon}}"
        (tmp_path / "m.yml").write_text(f"files: [{spec}]")
        done = mngr_ansible("apply", "--manifest", tmp_path / "m.yml", *on(host))
        strace.send_signal(signal.SIGINT)
        strace.communicate(timeout=20)
    assert done.returncode == 0, done.stderr

    lines = trace.read_text().splitlines()
    born = next(n for n, line in enumerate(lines) if "openat" in line and ".mngr-ansible-" in line)
    match = re.search(r"^(\d+) .*O_EXCL.*, 0600\) = (\d+)", lines[born])
    assert match, lines[born]
    after = [line for line in lines[born + 1 :] if line.startswith(f"{match[1]} ")]
    order = [
        next(n for n, line in enumerate(after) if words in line)
        for words in (f"fchown({match[2]}, 1", f"fchmod({match[2]}, 0640", ', "secret"')
    ]
    assert order == sorted(order), after
    assert "rename" in after[order[-1]]
    assert not [line for line in after if re.search(r"chmod(at)?\(.*secret", line) and "fchmod(" not in line]
    assert (host.root_path / "srv/new/secret").stat().st_mode & 0o777 == 0o640


def _tree(pid: int) -> list[int]:
    """A process and everything below it."""
    children = (_read(pid, f"task/{pid}/children") or "").split()
    return [pid, *(each for child in children for each in _tree(int(child)))]


def _name(pid: int) -> str:
    return (_read(pid, "comm") or "").strip()


def _read(pid: int, name: str) -> str | None:
    try:
        with open(f"/proc/{pid}/{name}") as file:
            return file.read()
    except OSError:
        return None
