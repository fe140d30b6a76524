"""pyinfra: installed into an environment of its own, and the deploy that does what a workload says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.workloads import OUT

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.sites import Site
    from benchmarks.workloads import Workload

VERSION = "3.10.0"


def installed(cache: Path) -> Path | None:
    """The Python of an environment with pyinfra below ``cache``, made with uv if there is none; None: impossible."""
    venv = cache / f"pyinfra-{VERSION}"
    python = venv / "bin/python"
    if (venv / "bin/pyinfra").exists():
        return python
    uv = shutil.which("uv")
    if uv is None:
        return None
    shutil.rmtree(venv, ignore_errors=True)
    for argv in (
        [uv, "venv", "-q", "--python", sys.executable, str(venv)],
        [uv, "pip", "install", "-q", "--python", str(python), f"pyinfra=={VERSION}"],
    ):
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            return None
    return python


def write(workload: Workload, site: Site, operation: str, directory: Path) -> None:
    """Write ``inventory.py`` and ``deploy.py``.

    Args:
        operation: for trees: ``rsync`` (its ``files.rsync``) or ``sync`` (its ``files.sync``, a task for each file).
    """
    login = {
        "ssh_key": str(site.key), "ssh_known_hosts_file": str(site.known_hosts), "ssh_strict_host_key_checking": "yes",
    }  # fmt: skip
    hosts = [
        (f"host-{number}", {"ssh_hostname": host.hostname, "ssh_port": host.port, "ssh_user": host.user, **login})
        for number, host in enumerate(site.hosts, 1)
    ]
    (directory / "inventory.py").write_text(f"hosts = {hosts!r}\n")
    lines = ["from pyinfra.operations import apt, files"]
    if any(entry.endswith("/") for entry in workload.entries):
        lines.append(f"files.directory(path={OUT!r})")
    for entry in workload.entries:
        source, destination = str(workload.top / entry), f"{OUT}/{entry}"
        if not entry.endswith("/"):
            mode = f"{(workload.top / entry).stat().st_mode & 0o777:o}"
            lines.append(f"files.put(src={source!r}, dest={destination!r}, mode={mode!r})")
        elif operation == "sync":
            lines.append(f"files.sync(src={source!r}, dest={destination.rstrip('/')!r})")
        else:
            lines.append(f"files.rsync(src={source!r}, dest={destination!r}, flags=['-a', '--checksum'])")
    if workload.packages:
        names = [package.name for package in workload.packages]
        lines.append(f"apt.packages(packages={names!r}, no_recommends=True)")
    (directory / "deploy.py").write_text("\n".join(lines) + "\n")
