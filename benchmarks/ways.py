"""The ways to copy a workload to a host: each a command line, run as a whole process as a person would run it."""

from __future__ import annotations

import json
import os
import posixpath
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.workloads import OUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.workloads import Workload
    from tests.support.hosts import SshHost

PYINFRA = "pyinfra==3.10.0"


@dataclass(frozen=True)
class Command:
    """What is started, with what environment, in which directory."""

    argv: list[str]
    environment: Mapping[str, str]
    directory: Path


@dataclass(frozen=True)
class Way:
    """A way by its name, and the function that words its command; it may write files into the directory it is given.

    The function's first argument is what is to be done: a ``Workload``, or the ``Needs`` of ``package_ways``.
    """

    name: str
    command: Callable[[Any, SshHost, Path], Command]
    is_slow: bool = False
    """A task or a connection for each file: measured on two samples and scaled where there are many files."""


def environment(directory: Path, **more: str) -> dict[str, str]:
    """The environment of every way: nothing of the user's own."""
    return {"PATH": os.environ["PATH"], "HOME": str(directory), "LC_ALL": "C.UTF-8", **more}


def ours_argv(workload: Workload, host: SshHost) -> list[str]:
    """The arguments of ``mngr-ansible`` for a workload."""
    return ["apply", *files_options(workload), *host_options(host)]


def files_options(workload: Workload) -> list[str]:
    """An option for each entry."""
    return [f"--file={workload.top / entry}:{OUT}/{entry}" for entry in workload.entries]


def host_options(host: SshHost) -> list[str]:
    """Where, and how to get there."""
    return ["--host", host.address, "--key", str(host.key), "--known-hosts", str(host.known_hosts)]


def run_ours(arguments: list[str], directory: Path) -> Command:
    """``mngr-ansible`` with these arguments."""
    script = Path(sys.executable).with_name("mngr-ansible")
    return Command([str(script), *arguments], environment(directory), directory)


def _ours(workload: Workload, host: SshHost, directory: Path) -> Command:
    return run_ours(ours_argv(workload, host), directory)


def playbook(host: SshHost, directory: Path, tasks: list[dict[str, object]], before: str = "true") -> Command:
    """``ansible-playbook`` with these tasks, pipelined and without facts, after a shell command."""
    variables = host.ansible_variables() | {"ansible_python_interpreter": "/usr/bin/python3"}
    (directory / "hosts.json").write_text(json.dumps({"all": {"hosts": {"host-1": variables}}}))
    (directory / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    run = [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.json", "play.yml"]
    settings = environment(
        directory,
        ANSIBLE_HOME=str(directory / "ansible"),
        ANSIBLE_PIPELINING="1",
        ANSIBLE_SSH_CONTROL_PATH_DIR=tempfile.mkdtemp(prefix="cp-", dir="/tmp"),
        ANSIBLE_SSH_ARGS="-o ControlMaster=auto -o ControlPersist=2s",
    )
    return Command(["sh", "-c", f"{before} && {shlex.join(run)}"], settings, directory)


def _copy(workload: Workload, host: SshHost, directory: Path) -> Command:
    tasks: list[dict[str, object]] = [
        {
            "ansible.builtin.file": {
                "path": "{{ item }}", "state": "directory", "mode": "0755",
            },
            "loop": sorted({posixpath.dirname(f"{OUT}/{entry}") for entry in workload.entries}),
        },
        {
            "ansible.builtin.copy": {"src": f"{workload.top}/{{{{ item }}}}", "dest": f"{OUT}/{{{{ item }}}}",
                                     "mode": "preserve"},
            "loop": list(workload.entries),
        },
    ]  # fmt: skip
    return playbook(host, directory, tasks)


def _unarchive(workload: Workload, host: SshHost, directory: Path) -> Command:
    make = f"tar -C {shlex.quote(str(workload.top))} -cf bundle.tar ."
    tasks: list[dict[str, object]] = [
        {"ansible.builtin.file": {"path": OUT, "state": "directory", "mode": "0755"}},
        {"ansible.builtin.unarchive": {"src": str(directory / "bundle.tar"), "dest": OUT}},
    ]
    return playbook(host, directory, tasks, make)


def ssh(host: SshHost) -> str:
    """The ssh command line of a host as text, without the login and the host."""
    return shlex.join(host.ssh_argv()[:-1])


def _rsync(workload: Workload, host: SshHost, directory: Path) -> Command:
    target = f"{host.user}@{host.hostname}:{OUT}/"
    argv = ["rsync", "-a", "--checksum", "-e", ssh(host), f"{workload.top}/", target]
    return Command(argv, environment(directory), directory)


def _tar(workload: Workload, host: SshHost, directory: Path) -> Command:
    top = shlex.quote(str(workload.top))
    there = shlex.quote(f"mkdir -p {OUT} && tar -C {OUT} -xpf -")
    script = f"tar -C {top} -cf - . | {ssh(host)} {host.user}@{host.hostname} {there}"
    return Command(["sh", "-c", script], environment(directory), directory)


def _pyinfra(python: Path, operation: str) -> Callable[[Workload, SshHost, Path], Command]:
    def command(workload: Workload, host: SshHost, directory: Path) -> Command:
        return run_pyinfra(python, pyinfra_files(workload, operation), host, directory)

    return command


def pyinfra_files(workload: Workload, operation: str) -> list[str]:
    """The lines of a deploy that copies a workload, with ``files.put`` and ``files.sync``, or with ``files.rsync``."""
    lines = ["from pyinfra.operations import files"]
    if operation == "rsync":
        lines.append(f"files.directory(path={OUT!r})")
    for entry in workload.entries:
        local, there = str(workload.top / entry), f"{OUT}/{entry}"
        if operation == "rsync":
            lines.append(f"files.directory(path={posixpath.dirname(there)!r})")
            lines.append(f"files.rsync(src={local!r}, dest={there!r}, flags=['-a', '--checksum'])")
        elif entry.endswith("/"):
            lines.append(f"files.sync(src={local.rstrip('/') + '/'!r}, dest={there.rstrip('/')!r})")
        else:
            mode = f"{(workload.top / entry).stat().st_mode & 0o777:o}"
            lines.append(f"files.put(src={local!r}, dest={there!r}, mode={mode!r})")
    return lines


def run_pyinfra(python: Path, lines: list[str], host: SshHost, directory: Path) -> Command:
    """pyinfra's command line with a deploy of these lines."""
    data = {
        "ssh_port": host.port,
        "ssh_user": host.user,
        "ssh_key": str(host.key),
        "ssh_known_hosts_file": str(host.known_hosts),
        "ssh_strict_host_key_checking": "yes",
    }
    (directory / "inventory.py").write_text(f"hosts = [({host.hostname!r}, {data!r})]\n")
    (directory / "deploy.py").write_text("\n".join(lines) + "\n")
    # Its rsync takes nothing of the inventory but the key: what ssh needs to know is put in ssh's own place.
    return Command([str(python.with_name("pyinfra")), "-y", "inventory.py", "deploy.py"],
                   environment(directory, PYTHONUNBUFFERED="1"), directory)  # fmt: skip


def all_ways(cache: Path) -> tuple[dict[str, Way], list[str]]:
    """Every way that this machine has, by name, and why it has not the others."""
    ways = [Way("ours", _ours), Way("copy", _copy, is_slow=True), Way("unarchive", _unarchive)]
    lacking = []
    python, reason = pyinfra(cache)
    if python is not None:
        ways += [Way("pyinfra", _pyinfra(python, "put"), is_slow=True), Way("pyinfra-rsync", _pyinfra(python, "rsync"))]
    else:
        lacking.append(f"pyinfra: {reason}")
    if shutil.which("rsync"):
        ways.append(Way("rsync", _rsync))
    else:
        lacking.append("rsync: it is not on this machine")
    ways.append(Way("tar", _tar))
    return {way.name: way for way in ways}, lacking


def pyinfra(cache: Path) -> tuple[Path | None, str]:
    """The Python of a venv with pyinfra, made below ``cache`` with uv if there is none; or why it cannot be had."""
    venv = cache / PYINFRA.replace("==", "-")
    python = venv / "bin/python"
    if (venv / "bin/pyinfra").exists():
        return python, ""
    uv = shutil.which("uv")
    if uv is None:
        return None, "uv, which installs it, is not on this machine"
    shutil.rmtree(venv, ignore_errors=True)
    for argv in (
        [uv, "venv", "-q", "--python", sys.executable, str(venv)],
        [uv, "pip", "install", "-q", "--python", str(python), PYINFRA],
    ):
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            return None, f"uv could not install it: {done.stderr.strip()[-300:]}"
    return python, ""
