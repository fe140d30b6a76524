"""A program of ours that runs a plugin's code: apart from us, limited in time, and nothing of it stays behind."""

import json
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mngr_ansible.system.processes import TooLongError, run_bounded
from mngr_ansible.values import frozen


@frozen
class Outcome:
    """What the program said and how it ended.

    Attributes:
        lines: of JSON, each an object, that it wrote to the file that it was given.
        printed: the beginning of what the plugin printed, and the programs that it started.
        ending: how it ended, as a clause: ``did not end within 60 s``. Whether it was done by then its lines say.
    """

    lines: Sequence[Mapping[str, Any]]
    printed: str
    ending: str


def run_apart(module: str, words: Sequence[str], *, seconds: float, hook_seconds: float = 0) -> Outcome:
    """Run ``python -m MODULE FILE WORD...``; its stdin is empty, and it cannot ask anything at the terminal.

    ``seconds``: how long it may take. ``hook_seconds``: after how long it lets the kernel end it (SIGALRM).
    """
    with tempfile.TemporaryDirectory(prefix="mngr-ansible-") as directory:
        answer = Path(directory, "answer")
        # -P: without it, a file of the current directory could stand for a module of Python's own.
        argv = [sys.executable, "-P", "-m", module, str(answer), *words]
        printed = b""
        try:
            done = run_bounded(argv, b"", seconds=seconds, is_apart=True, leaves_nothing=True)
        except TimeoutError:
            ending = f"did not end within {seconds:g} s"
        except TooLongError:
            ending = "prints without end"
        else:
            printed, ending = done.stdout + done.stderr, _ending(done.code, hook_seconds)
        return Outcome(_lines(answer), printed.decode("utf-8", "backslashreplace"), ending)


def _ending(code: int, hook_seconds: float) -> str:
    if code == -signal.SIGALRM and hook_seconds:
        return f"did not end within {hook_seconds:g} s"
    status = f"exit status {code}" if code >= 0 else f"signal {-code}"
    return f"ended the process ({status})"


def _lines(answer: Path) -> list[dict[str, Any]]:
    """The whole lines of the file; the plugin may have ended the program within one."""
    lines = []
    for each in answer.read_text("utf-8").splitlines() if answer.exists() else ():
        try:
            line = json.loads(each)
        except ValueError:
            break
        lines.append(line)
    return lines
