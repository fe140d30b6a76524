"""W0: commands that need no host, so that nothing is measured but the start and the end of a program."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks import pyinfra
from benchmarks.watch import Command
from benchmarks.ways import environment, program

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = "python -c pass"
CONTENT, VERSION, HELP, NOTHING = (f"mngr-ansible {verb}" for verb in ("content", "--version", "--help", "plan"))


def commands(cache: Path, directory: Path) -> dict[str, Command]:
    """Every command by the words that a person types."""
    ours = program("mngr-ansible")
    found = {
        PYTHON: [sys.executable, "-c", "pass"],
        CONTENT: [ours, "content"],
        VERSION: [ours, "--version"],
        HELP: [ours, "--help"],
        NOTHING: [ours, "plan"],
        "ansible-playbook --version": [program("ansible-playbook"), "--version"],
    }
    if (python := pyinfra.installed(cache)) is not None:
        found["pyinfra --version"] = [str(python.with_name("pyinfra")), "--version"]
    settings = environment(directory)
    return {words: Command(argv, settings, directory) for words, argv in found.items()}
