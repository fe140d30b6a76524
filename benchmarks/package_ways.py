"""The ways to bring packages to a host: each a command line, run as a whole process as a person would run it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.ways import (
    Command,
    Way,
    environment,
    files_options,
    host_options,
    playbook,
    pyinfra,
    pyinfra_files,
    run_ours,
    run_pyinfra,
    ssh,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.workloads import Workload
    from tests.support.hosts import SshHost

VERSION, WANTED = "1.4.2", "1.2"

# What a careful person writes: ask each tool, compare, install what is lacking at once, ask again.
_SCRIPT = """\
set -u
has() {
  version=$("$1" --version 2>/dev/null | grep -oE '[0-9]+([.][0-9]+)+' | head -n1)
  [ -n "$version" ] && [ "$(printf '%s\\n%s\\n' WANTED "$version" | sort -V | head -n1)" = WANTED ]
}
lacking=
for name in NAMES; do has "$name" || lacking="$lacking $name"; done
[ -z "$lacking" ] || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $lacking
for name in $lacking; do has "$name" || { echo "$name is lacking" >&2; exit 1; }; done
"""


@dataclass(frozen=True)
class Needs:
    """Packages that a host must have, of which it lacks the last few before a first run, and perhaps files.

    Attributes:
        count: of packages.
        lacking: how many are missing where not all are present.
    """

    name: str
    count: int
    files: Workload | None = None
    lacking: int = 2

    @property
    def packages(self) -> list[str]:
        return [f"bench-{number:02}" for number in range(self.count)]

    @property
    def missing(self) -> list[str]:
        return self.packages[-self.lacking :]


def ours_argv(needs: Needs, host: SshHost) -> list[str]:
    """The arguments of ``mngr-ansible``."""
    packages = [f"--package={name}>={WANTED}" for name in needs.packages]
    return ["apply", *(files_options(needs.files) if needs.files else []), *packages, *host_options(host)]


def _ours(needs: Needs, host: SshHost, directory: Path) -> Command:
    return run_ours(ours_argv(needs, host), directory)


def _facts(needs: Needs, host: SshHost, directory: Path) -> Command:
    """``package_facts``, ``apt`` with the list where something is missing, ``package_facts`` again, ``assert``."""
    lacking = "{{ wanted | difference(ansible_facts.packages) }}"
    tasks: list[dict[str, object]] = [
        {"ansible.builtin.package_facts": {}},
        {
            "ansible.builtin.apt": {"name": lacking, "install_recommends": False},
            "when": "wanted | difference(ansible_facts.packages) | length > 0",
            "register": "installed",
        },
        {"ansible.builtin.package_facts": {}, "when": "installed is changed"},
        {
            "ansible.builtin.assert": {
                "that": ["ansible_facts.packages[item][0].version is version(least, '>=')"],
                "quiet": True,
            },
            "loop": "{{ wanted }}",
        },
    ]
    for task in tasks:
        task["vars"] = {"wanted": needs.packages, "least": WANTED}
    return playbook(host, directory, tasks)


def _tasks(needs: Needs, host: SshHost, directory: Path) -> Command:
    """One ``apt`` task a package."""
    options = {"state": "present", "install_recommends": False}
    return playbook(host, directory, [{"ansible.builtin.apt": {"name": name, **options}} for name in needs.packages])


def _script(needs: Needs, host: SshHost, directory: Path) -> Command:
    code = _SCRIPT.replace("NAMES", " ".join(needs.packages)).replace("WANTED", WANTED)
    (directory / "script.sh").write_text(code)
    line = f"{ssh(host)} {host.user}@{host.hostname} sh -s <script.sh"
    return Command(["sh", "-c", line], environment(directory), directory)


def _pyinfra(python: Path) -> Callable[[Needs, SshHost, Path], Command]:
    def command(needs: Needs, host: SshHost, directory: Path) -> Command:
        lines = pyinfra_files(needs.files, "rsync") if needs.files else []
        lines += [
            "from pyinfra.operations import apt",
            f"apt.packages(packages={needs.packages!r}, no_recommends=True)",
        ]
        return run_pyinfra(python, lines, host, directory)

    return command


def all_ways(cache: Path) -> tuple[dict[str, Way], list[str]]:
    """Every way that this machine has, by name, and why it has not the others."""
    ways = [Way("ours", _ours), Way("facts", _facts), Way("tasks", _tasks, is_slow=True), Way("script", _script)]
    python, reason = pyinfra(cache)
    if python is None:
        return {way.name: way for way in ways}, [f"pyinfra: {reason}"]
    return {way.name: way for way in [*ways, Way("pyinfra", _pyinfra(python))]}, []


APT_SECONDS = "/var/tmp/apt-seconds"

WATCHED = f"""\
#!/bin/sh
begun=$(date +%s%N)
{shlex.quote("/usr/bin/apt-get.real")} "$@"
code=$?
echo $(($(date +%s%N) - begun)) >>{APT_SECONDS}
exit $code
"""
"""Stands in for apt-get on the host, for every way alike, and notes how long it took."""
