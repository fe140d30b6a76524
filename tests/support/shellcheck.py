"""shellcheck over shell text that we write (https://www.shellcheck.net)."""

import shutil
import subprocess
from collections.abc import Sequence

import pytest


def shellcheck(text: str, shell: str = "sh", exclude: Sequence[str] = ()) -> list[str]:
    """The complaints about a script, such as ``3: SC2086 Double quote to prevent …``; none if it is clean.

    Args:
        text: the script.
        shell: its dialect: ``sh``, ``dash``, ``bash``, ``busybox``.
        exclude: codes that do not count, for scripts whose comments (and so directives) were taken out.
    """
    program = shutil.which("shellcheck")
    if program is None:
        pytest.skip("shellcheck is not installed (Debian: shellcheck)")
    argv = [program, "--norc", f"--shell={shell}", "--format=gcc", *(f"--exclude={code}" for code in exclude), "-"]
    done = subprocess.run(argv, input=text.encode("utf-8", "surrogateescape"), capture_output=True)
    assert done.returncode in (0, 1), done.stderr.decode()
    return [line.removeprefix("-:") for line in done.stdout.decode("utf-8", "replace").splitlines()]
