"""The inventory of mngr's hosts, for whoever is not mngr: mngr itself is a child process that prints it."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mngr_ansible.errors import InputError, RunError
from mngr_ansible.system.processes import TooLongError, find_program, run_bounded

_SECONDS = 300
"""How long mngr may take: it asks every host for its agents, and waits for those that do not answer."""

_OFFER = "The plugin can be added: mngr plugin add mngr-ansible"


def mngr_inventory(words: Sequence[str]) -> tuple[str, str]:
    """What ``mngr ansible inventory`` with these words prints on stdout and on stderr.

    Raises:
        RunError: there is no mngr, it has no plugin ``ansible``, it does not end, or it prints too much.
        InputError: mngr refuses, for a reason of its own.
    """
    program = _program()
    try:
        done = run_bounded([program, "ansible", "inventory", *words], b"", seconds=_SECONDS)
    except TimeoutError:
        problem = f"{program} did not print its inventory within {_SECONDS} s"
        raise RunError(problem, remedy="See what it waits for: mngr list -v") from None
    except TooLongError:
        raise RunError(f"{program} printed more than 16 MiB", remedy="See what it prints: mngr list --hosts") from None
    except OSError as error:
        raise RunError(f"{program} cannot be run: {error.strerror}", remedy="Install mngr again.") from error
    talk = done.stderr.decode("utf-8", "backslashreplace")
    if done.code == 0:
        return done.stdout.decode("utf-8", "backslashreplace").rstrip("\n"), talk
    if "No such command 'ansible'" in talk or "No such command 'inventory'" in talk:
        raise RunError(f"{program} has no plugin ansible with an inventory", remedy=_OFFER)
    raise _refusal(talk, program, done.code)


def _refusal(talk: str, program: str, code: int) -> InputError:
    """The error with which mngr ended, as one of ours: it prints ``Error: PROBLEM  [REMEDY]``."""
    lines = [each for each in talk.splitlines() if each.startswith("Error: ")]
    if not lines:
        last = next((each for each in reversed(talk.splitlines()) if each.strip()), "it printed nothing")
        return InputError(f"{program} ended with exit code {code}: {last:.500}", remedy="Run it yourself: mngr list -v")
    problem, _, remedy = lines[-1].removeprefix("Error: ").partition("  [")
    remedy = remedy.removesuffix("]").replace("mngr ansible inventory", "mngr-ansible inventory")
    return InputError(problem[:2000], remedy=remedy[:2000] or "Run it yourself: mngr list -v")


def find_mngr() -> str | None:
    """The program ``mngr``: the one beside our own Python, else that of PATH; None where there is none."""
    beside = Path(sys.executable).with_name("mngr")
    return str(beside) if os.access(beside, os.X_OK) else find_program("mngr")


def _program() -> str:
    found = find_mngr()
    if found is None:
        raise RunError(
            "mngr is not installed here: it is neither beside this program nor on PATH",
            remedy="Install it: pip install 'mngr-ansible[mngr]', or put its directory on your PATH.",
        )
    return found
