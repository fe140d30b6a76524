"""Plugins of mngr beside ours: the examples, really built and installed, and small ones written by a test."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

EXAMPLES = Path(__file__).parents[3] / "examples"


def install(target: Path, *names: str) -> Path:
    """Build examples and install them into ``target``, to be put on PYTHONPATH; our own environment stays as it is."""
    uv = shutil.which("uv")
    pip = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    # A copy: a build leaves files beside the sources.
    sources = [shutil.copytree(EXAMPLES / name, target.with_name(f"{target.name}-sources") / name) for name in names]
    words = ["--quiet", "--no-deps", "--target", target, *sources]
    for _ in range(3):  # what builds them comes from the package index
        made = subprocess.run([*pip, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if not made.returncode:
            return target
    raise AssertionError(made.stdout)


def write(directory: Path, **plugins: str) -> Path:
    """Write plugins, each the body of a module, as if they were installed in ``directory``."""
    for name, code in plugins.items():
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"peer_{name}.py").write_text(_HEAD + textwrap.dedent(code))
        information = directory / f"peer_{name}-1.0.dist-info"
        information.mkdir(exist_ok=True)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: peer-{name}\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(f"[mngr]\n{name} = peer_{name}\n")
    return directory


_HEAD = """\
import os
from pathlib import Path

from imbue.mngr import hookimpl
from imbue.mngr.errors import PluginMngrError


def log(line):
    with open(os.environ["PEER_LOG"], "a") as file:
        file.write(line + "\\n")

"""
