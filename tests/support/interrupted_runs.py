"""Runs that are cut off, and what they leave on a host."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import stat
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.processes import started

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.hosts import SshHost

Look = dict[str, tuple[str, int]]
"""Of every file below a directory: its sha256 and its mode."""


def look(top: Path) -> Look:
    """Every file below a directory; our temporary files are left out."""
    found = {}
    for directory, _, names in os.walk(top):
        for name in names:
            path = Path(directory, name)
            if not name.startswith(".mngr-ansible-"):
                with path.open("rb") as file:
                    mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                    found[str(path.relative_to(top))] = (hashlib.file_digest(file, "sha256").hexdigest(), mode)
    return found


def leftovers(host: SshHost, *places: str) -> list[str]:
    """The temporaries of ours below these places of a host, and what was uploaded to it."""
    script = (
        f"find {' '.join(places)} -name '.mngr-ansible-*'; "
        "find /root /tmp -name '.mngr-ansible-*' -o -name 'mngr-ansible-bundle' -o -name 'AnsiballZ*' 2>/dev/null; true"
    )
    return host.run(script).stdout.splitlines()


def copied(source: Path, host: SshHost, place: str) -> None:
    """Put a tree on a host without any run."""
    shutil.copytree(source, f"{host.root_path}{place}", dirs_exist_ok=True)


def versions(parent: Path, *, files: int, size: int, big: int) -> tuple[Path, Path]:
    """Two trees of the same names, with other contents and modes: many small files and, last and first, big ones."""
    made = []
    for name, mode in (("old", 0o640), ("new", 0o755)):
        top = parent / name
        (top / "sub").mkdir(parents=True)
        for number in range(files):
            (top / "sub" / f"f{number:03}").write_bytes(os.urandom(size))
        (top / "big").write_bytes(os.urandom(big))
        for path in top.rglob("f*"):
            path.chmod(mode)
        (top / "big").chmod(mode)
        made.append(top)
    return made[0], made[1]


def moments(count: int, duration: float) -> list[float]:
    """Random moments of a run of this length, one in each of as many equal parts."""
    return [(part + random.random()) * duration / count for part in range(count)]


def cut_off(
    words: list[str], moment: float | Callable[[], object], cut: Callable[[subprocess.Popen[str]], object]
) -> tuple[int, str, float]:
    """Run a command, cut it off after some seconds or when a condition holds: exit code, messages, time of the end."""
    with started(words, stdout=subprocess.DEVNULL) as process:
        since = time.monotonic()
        if callable(moment):
            while process.poll() is None and not moment():
                time.sleep(0.001)
        else:
            time.sleep(max(0, since + moment - time.monotonic()))
        cut(process)
        _, said = process.communicate()
    return process.returncode, said, time.monotonic()
