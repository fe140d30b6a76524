"""The command ``mngr-ansible``, run as its users run it: in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.hosts import SshHost


def argv(*words: object) -> list[str]:
    """The command line of ``mngr-ansible`` with these words; its process is the run's main one."""
    return [sys.executable, "-m", "mngr_ansible", *map(str, words)]


def mngr_ansible(
    *words: object, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run the command line; the caller looks at its exit code."""
    return subprocess.run(
        argv(*words),
        capture_output=True,
        text=True,
        errors="backslashreplace",
        env={**os.environ, **(env or {})},
        cwd=cwd,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The JSON document of a command that was run with ``--json``."""
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


def statuses(done: subprocess.CompletedProcess[str], host: int = 0) -> dict[str, str]:
    """The status of every step of one host, by id."""
    return {step["id"]: step["status"] for step in document(done)["hosts"][host]["steps"]}


def on(*hosts: SshHost) -> list[str]:
    """The options that lead to these hosts; they must share a key."""
    words = [word for host in hosts for word in ("--host", host.address)]
    return [*words, "--key", str(hosts[0].key), "--known-hosts", str(hosts[0].known_hosts)]
