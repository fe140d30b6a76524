"""The picture of a first run: ``python -m tools.first_run`` writes docs/img/first-run.svg and first-run-dark.svg.

The page docs/start.md is played on a real test host, in a real terminal: its files, its commands, and what these print.
It needs root, and what tests/support/hosts/prepare installs.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from tests.support.hosts import why_not
from tests.support.pages import Block, blocks, reader
from tools.generated import ROOT
from tools.pictures import Picture, typed, write
from tools.terminal import run_in_terminal

PAGE = ROOT / "docs" / "start.md"
PICTURE = ROOT / "docs" / "img" / "first-run.svg"
COLUMNS = 84
SHOWN = ("plan", "apply")
"""The commands of the page that are in the picture: each verb once, where it comes first."""


def commands(told: Sequence[Block]) -> list[str]:
    """The first command of each verb that is in the picture."""
    typed_there = [line[2:] for each in told for line in each.text.splitlines() if line.startswith("$ ")]
    return [next(each for each in typed_there if each.startswith(f"mngr-ansible {verb} ")) for verb in SHOWN]


def screens(told: Sequence[Block]) -> list[Text]:
    """Play the page up to these commands, and run them in a terminal: what it shows."""
    lines: list[Text] = []
    with tempfile.TemporaryDirectory() as top:
        home = Path(top, "home")
        home.mkdir()
        os.environ["HOME"] = str(home)
        with reader(list(told), Path(top), home) as person:
            person.follow([each for each in told if each.language != "console"])
            for command in commands(told):
                screen, code = run_in_terminal(
                    ["sh", "-c", command],
                    columns=COLUMNS,
                    environment=person.environment(),
                    directory=person.directory,
                )
                if code:
                    raise SystemExit(f"{command} ended with {code}:\n{screen.text()}")
                lines += [*typed(command, COLUMNS), *screen.lines(), Text()]
    return lines[:-1]


def main() -> int:
    """Draw it anew; the exit code is 1 where this machine cannot run test hosts."""
    if reason := why_not():
        print(reason, file=sys.stderr)  # noqa: T201
        return 1
    lines = screens(blocks(PAGE))
    title = "A terminal: a plan for a host, and the run that makes its changes. The page Start here has it as text."
    for path in write(Picture(lines, COLUMNS, title), PICTURE):
        print(path.relative_to(ROOT))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
