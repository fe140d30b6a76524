"""ansible-builder and ansible-navigator, each in an environment of its own that uv makes and keeps for later tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.support.hosts import cache_directory

_VERSIONS = {"ansible-builder": "ansible-builder>=3.1,<4", "ansible-navigator": "ansible-navigator>=25,<27"}


class ToolError(Exception):
    """A tool cannot be had; the message says why."""


@cache
def tool(name: str) -> list[str]:
    """The command that runs a tool; its arguments follow.

    Raises:
        ToolError: uv is not here, or the package cannot be had.
    """
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if uv is None:
        raise ToolError(f"uv, which installs {name}, is not on this machine: pip install uv")
    cached = ["--cache-dir", str(cache_directory() / "uv"), "--python", sys.executable, "--no-python-downloads"]
    command = [uv, "tool", "run", "--quiet", *cached, "--from", _VERSIONS[name], name]
    for _ in range(3):  # a package index may fail once
        done = subprocess.run([*command, "--version"], capture_output=True, text=True)
        if not done.returncode:
            return command
    raise ToolError(f"{_VERSIONS[name]} cannot be installed: {done.stderr.strip()[-200:]}")
