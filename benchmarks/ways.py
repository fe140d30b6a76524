"""The ways to bring a workload to hosts: each a command line, run as a whole process as a person would run it."""

from __future__ import annotations

import json
import os
import posixpath
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import pyinfra
from benchmarks.watch import Command
from benchmarks.workloads import OUT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.sites import Site
    from benchmarks.workloads import Workload
    from tests.support.hosts import SshHost

FIRST, NOOP, CHANGED = "first run", "no-op", "one changed"
OURS, WORKERS, PYINFRA, PYINFRA_PUT, PLAIN, TUNED, RSYNC, FLOOR = (
    *("mngr-ansible", "mngr-ansible, 2 workers", "pyinfra", "pyinfra files.sync"),
    *("ansible-playbook", "ansible-playbook, tuned", "rsync", "floor"),
)
WAYS = (OURS, WORKERS, PYINFRA, PYINFRA_PUT, PLAIN, TUNED, RSYNC, FLOOR)
FORKS = 50
_WORKERS = 2

# What a careful person writes: ask each tool, compare, install what is missing at once, ask again.
_SCRIPT = """\
set -u
has() {
  version=$("$1" --version 2>/dev/null | grep -oE '[0-9]+([.][0-9]+)+' | head -n1)
  [ -n "$version" ] && [ "$(printf '%s\\n%s\\n' "$2" "$version" | sort -V | head -n1)" = "$2" ]
}
missing=
while read -r name least; do has "$name" "$least" || missing="$missing $name"; done <<END
NEEDED
END
[ -z "$missing" ] && exit
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing || exit
for name in $missing; do "$name" --version || exit; done
"""


@dataclass(frozen=True)
class Way:
    """A way and the function that words its command; it may write files into the directory that it is given.

    Attributes:
        is_slow: it takes a task or a connection for each file; with many files it is measured with few of them.
        has_packages: it can install packages.
    """

    name: str
    command: Callable[[Workload, Site, str, Path], Command]
    is_slow: bool = False
    has_packages: bool = True


def environment(directory: Path, **more: str) -> dict[str, str]:
    """The environment of every way: nothing of the user's own, and a home directory of its own."""
    home = directory / "home"
    home.mkdir(exist_ok=True)
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", **more}


def program(name: str) -> str:
    """A program of this Python's environment."""
    return str(Path(sys.executable).with_name(name))


def ours_arguments(workload: Workload, site: Site) -> list[str]:
    """The arguments of ``mngr-ansible``."""
    files = [f"--file={workload.top / entry}:{OUT}/{entry}" for entry in workload.entries]
    packages = [f"--package={package.name}>={package.least}" for package in workload.packages]
    hosts = [word for host in site.hosts for word in ("--host", host.address)]
    login = ["--key", str(site.key), "--known-hosts", str(site.known_hosts)]
    return ["apply", *files, *packages, *hosts, *login]


def _ours(workload: Workload, site: Site, _scenario: str, directory: Path) -> Command:
    arguments = ours_arguments(workload, site)
    return Command([program("mngr-ansible"), *arguments], environment(directory), directory)


def _with_workers(workload: Workload, site: Site, _scenario: str, directory: Path) -> Command:
    """The same through two workers, which are on this machine too: what they cost, and not what their cores bring."""
    words = []
    for number in range(_WORKERS):
        private = directory / f"worker-{number}"
        private.mkdir(mode=0o700, exist_ok=True)
        command = [program("ansible-runner"), "worker", "--private-data-dir", str(private)]
        words += ["--worker", shlex.join(command)]
    return Command(
        [program("mngr-ansible"), *ours_arguments(workload, site), *words], environment(directory), directory
    )


def _ansible(
    site: Site, directory: Path, tasks: Sequence[dict[str, object]], play: dict[str, object], before: str, **more: str
) -> Command:
    hosts = {f"host-{number}": host.ansible_variables() for number, host in enumerate(site.hosts, 1)}
    (directory / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    (directory / "play.yml").write_text(json.dumps([{"hosts": "all", **play, "tasks": tasks}]))
    run = shlex.join([program("ansible-playbook"), "-i", "hosts.json", "play.yml"])
    home = directory / "a"
    settings = environment(directory, ANSIBLE_HOME=str(home), ANSIBLE_SSH_CONTROL_PATH_DIR=str(home / "cp"), **more)
    return Command(["sh", "-c", f"{before} && {run}"], settings, directory)


def _apt(workload: Workload) -> list[dict[str, object]]:
    if not workload.packages:
        return []
    names = [package.name for package in workload.packages]
    return [{"ansible.builtin.apt": {"name": names, "state": "present", "install_recommends": False}}]


def _plain(workload: Workload, site: Site, _scenario: str, directory: Path) -> Command:
    """As the first page of Ansible's documentation shows it: no setting is changed, files are copied one by one."""
    copies: list[dict[str, object]] = []
    if workload.entries:
        copies = [
            {
                "ansible.builtin.file": {"path": "{{ item }}", "state": "directory", "mode": "0755"},
                "loop": sorted({posixpath.dirname(f"{OUT}/{entry}") for entry in workload.entries}),
            },
            {
                "ansible.builtin.copy": {
                    "src": f"{workload.top}/{{{{ item }}}}", "dest": f"{OUT}/{{{{ item }}}}", "mode": "preserve",
                },
                "loop": list(workload.entries),
            },
        ]  # fmt: skip
    return _ansible(site, directory, [*copies, *_apt(workload)], {}, "true")


def _tuned(workload: Workload, site: Site, _scenario: str, directory: Path) -> Command:
    """As somebody writes it who knows what costs time: pipelining, no facts, forks, one archive for all files."""
    unpack: list[dict[str, object]] = []
    pack = "true"
    if workload.entries:
        pack = f"tar -C {shlex.quote(str(workload.top))} -cf bundle.tar ."
        unpack = [
            {"ansible.builtin.file": {"path": OUT, "state": "directory", "mode": "0755"}},
            {"ansible.builtin.unarchive": {"src": str(directory / "bundle.tar"), "dest": OUT}},
        ]
    play: dict[str, object] = {"gather_facts": False, "vars": {"ansible_python_interpreter": "/usr/bin/python3"}}
    tasks = [*unpack, *_apt(workload)]
    return _ansible(site, directory, tasks, play, pack, ANSIBLE_PIPELINING="1", ANSIBLE_FORKS=str(FORKS))


def _ssh(host: SshHost) -> str:
    return shlex.join(host.ssh_argv()[:-1])


def _shell(site: Site, directory: Path, line: Callable[[SshHost], str]) -> Command:
    """A shell that does the same for every host, for all of them at the same time."""
    lines = [line(host) for host in site.hosts]
    if len(lines) > 1:
        lines = [f'({each}) & all="$all $!"' for each in lines] + ["for one in $all; do wait $one || exit; done"]
    (directory / "way.sh").write_text("\n".join([*lines, ""]))  # too long for one argument with many hosts
    return Command(["sh", "way.sh"], environment(directory), directory)


def _rsync(workload: Workload, site: Site, _scenario: str, directory: Path) -> Command:
    top = shlex.quote(f"{workload.top}/")

    def line(host: SshHost) -> str:
        return f"rsync -a --checksum -e {shlex.quote(_ssh(host))} {top} {host.user}@{host.hostname}:{OUT}/"

    return _shell(site, directory, line)


def _floor(workload: Workload, site: Site, scenario: str, directory: Path) -> Command:
    """One connection: ``tar`` into it, or for a no-op digests that are compared there, and then a shell script."""
    here, there = "", []
    if workload.entries and scenario == NOOP:
        listed = "find . -type f -print0 | xargs -0 sha256sum"
        here = f"(cd {shlex.quote(str(workload.top))} && {listed}) |"
        there.append(f"cd {OUT} && sha256sum --quiet -c -")
    elif workload.entries:
        here = f"tar -C {shlex.quote(str(workload.top))} -cf - . |"
        there.append(f"mkdir -p {OUT} && tar -C {OUT} -xpf -")
    if workload.packages:
        needed = "\n".join(f"{package.name} {package.least}" for package in workload.packages)
        there.append(f"sh -c {shlex.quote(_SCRIPT.replace('NEEDED', needed))} </dev/null")
    command = shlex.quote(" && ".join(there))
    return _shell(site, directory, lambda host: f"{here} {_ssh(host)} {host.user}@{host.hostname} {command}")


def _pyinfra(python: Path, operation: str) -> Callable[[Workload, Site, str, Path], Command]:
    def command(workload: Workload, site: Site, _scenario: str, directory: Path) -> Command:
        pyinfra.write(workload, site, operation, directory)
        options = ["-y", "--parallel", str(FORKS), "inventory.py", "deploy.py"]
        settings = environment(directory, PYTHONUNBUFFERED="1")
        return Command([str(python.with_name("pyinfra")), *options], settings, directory)

    return command


def all_ways(cache: Path) -> tuple[dict[str, Way], list[str]]:
    """Every way that this machine has, by name, and sentences that say which it has not."""
    ways, lacking = [Way(OURS, _ours), Way(WORKERS, _with_workers)], []
    python = pyinfra.installed(cache)
    if python is not None:
        ways.append(Way(PYINFRA, _pyinfra(python, "rsync")))
        ways.append(Way(PYINFRA_PUT, _pyinfra(python, "sync"), is_slow=True))
    else:
        lacking.append("pyinfra was left out: uv could not install it.")
    ways += [Way(PLAIN, _plain, is_slow=True), Way(TUNED, _tuned)]
    if shutil.which("rsync"):
        ways.append(Way(RSYNC, _rsync, has_packages=False))
    else:
        lacking.append("rsync was left out: it is not on this machine.")
    ways.append(Way(FLOOR, _floor))
    return {way.name: way for way in ways}, lacking


def tasks_of(way: str, output: str) -> int | None:
    """How many tasks a command began, by its own output; None where it does not say."""
    words: dict[str, Any] = {PLAIN: "\nTASK [", TUNED: "\nTASK [", PYINFRA: "Starting operation"}
    return output.count(words[way]) if way in words else None
