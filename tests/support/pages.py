"""Pages whose examples are run: what a reader types, with the files that the page shows, and what it then prints.

How a page is written so that its examples can be run:

* A paragraph that is only a name, such as ``agent-host.yml`` in backticks and a colon, makes the block below it that
  file.
* ``sh`` blocks are commands, all of which end well. ``console`` blocks are commands after ``$``, with what they print.
* A comment on the line above a block says more: ``<!-- exit: 1 -->`` for the exit code of its last command,
  ``<!-- shown: WHY -->`` for a block that nothing runs, ``<!-- run -->`` for Python that is run, ``<!-- wrong -->``
  for a manifest that has mistakes.
* Each section of the second level is a story of its own, with an empty directory and new hosts. A page with
  ``<!-- one story -->`` is one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.hosts import AptRepository, User, running

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
HOSTS = ("build-1", "build-2")
"""The names of hosts that pages use; a story that names one gets it."""
PACKAGES = {
    "ripgrep": ("13.0.0-4", {"rg": "echo ripgrep 13.0.0"}),
    "nodejs": ("18.20.4-1", {"node": "echo v18.20.4", "npm": "echo 10.9.0"}),
    "shellcheck": ("0.9.0-1", {"shellcheck": "echo version: 0.9.0"}),
}
"""Package → version and commands: what the hosts' apt offers."""
VARIES = "…"
"""In what a command prints: a line of its own stands for any lines."""
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code on a page."""

    page: Path
    line: int
    heading: str
    """The section of the second level that it is in; "" above the first."""
    language: str
    text: str
    name: str = ""
    """The file that it is; "" if it is none."""
    marks: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Every block of a page, in order."""
    text = page.read_text()
    found = []
    for fence in _FENCE.finditer(text):
        above = text[: fence.start()]
        prose = _FENCE.sub("", above)
        headings = re.findall(r"^## (.*)$", prose, re.MULTILINE)
        comment = re.search(r"<!-- (\w+)(?:: ([^>]*?))? -->\n\Z", above)
        before = above[: comment.start()] if comment else above
        name = re.search(r"^`([\w./~-]+)`:\n\n\Z", before, re.MULTILINE)
        found.append(
            Block(
                page,
                above.count("\n") + 1,
                headings[-1] if headings else "",
                fence[1],
                fence[2],
                name[1] if name else "",
                {comment[1]: comment[2] or ""} if comment else {},
            )
        )
    return found


def stories(page: Path) -> dict[str, list[Block]]:
    """The stories of a page by their headings, each with its blocks; only those that run something."""
    is_one = "<!-- one story -->" in page.read_text()
    found: dict[str, list[Block]] = {}
    for block in blocks(page):
        found.setdefault("" if is_one else block.heading, []).append(block)
    return {heading: told for heading, told in found.items() if any(is_run(block) for block in told)}


def is_run(block: Block) -> bool:
    """Whether a block is something that a reader types."""
    return "shown" not in block.marks and (block.language in ("sh", "console") or "run" in block.marks)


@dataclass(frozen=True)
class Reader:
    """Somebody who follows a page: a directory, a home, and the hosts that the page names."""

    directory: Path
    home: Path
    repository: AptRepository | None = None

    def follow(self, told: list[Block]) -> dict[int, str]:
        """Do what the blocks say, in order.

        Returns:
            Line of each ``console`` block → the block as it would be with what was printed now.

        Raises:
            AssertionError: a command ended otherwise than the page says.
        """
        printed = {}
        for block in told:
            if "shown" in block.marks:
                continue
            if block.name:
                self.write(block.name, block.text)
            elif block.language == "console":
                printed[block.line] = self._console(block)
            elif is_run(block):
                command = ["sh", "-euc", block.text] if block.language == "sh" else [sys.executable, "-c", block.text]
                self._expect(block, command, int(block.marks.get("exit", 0)))
        return printed

    def write(self, name: str, text: str) -> None:
        """Write a file of the page; a key of ssh's configuration goes to the home."""
        path = self.home / name[2:] if name.startswith("~/") else self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def _console(self, block: Block) -> str:
        lines = []
        commands = [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
        for command in commands:
            is_last = command is commands[-1]
            output = self._expect(block, ["sh", "-euc", command], int(block.marks.get("exit", 0)) if is_last else 0)
            lines += [f"$ {command}", *self._as_shown(output).splitlines()]
        return "".join(f"{line}\n" for line in lines)

    def _expect(self, block: Block, argv: list[str], code: int) -> str:
        done = subprocess.run(
            argv,
            cwd=self.directory,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        assert done.returncode == code, f"{block}: {argv[-1]}\nexit code {done.returncode}\n{done.stdout}"
        return done.stdout

    def environment(self) -> dict[str, str]:
        """What the commands of a reader find in their environment."""
        kept = {name: value for name, value in os.environ.items() if name not in ("PATH", "COLUMNS", "TERM", "CI")}
        path = [self.home / "bin", Path(sys.prefix, "bin"), "/usr/local/bin", "/usr/bin", "/bin"]
        return {**kept, "PATH": os.pathsep.join(map(str, path)), "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1"}

    def _as_shown(self, output: str) -> str:
        return output.replace(str(self.directory), "/home/ada/agents").replace(str(self.home), "/home/ada")


def differs(shown: str, printed: str) -> bool:
    """Whether what a page shows is not what was printed, times aside; a line ``…`` stands for any lines."""
    timeless = re.compile(r"\b\d+(?:\.\d+)? (?:s|ms)\b")
    parts = [re.escape(timeless.sub("0 s", part)) for part in re.split(rf"^{VARIES}\n", shown, flags=re.MULTILINE)]
    return re.fullmatch(r"(?:.*\n)*".join(parts), timeless.sub("0 s", printed)) is None


@contextmanager
def reader(told: list[Block], directory: Path, home: Path) -> Iterator[Reader]:
    """A reader of a story, whose ssh configuration leads to the hosts that the story names, new for it."""
    text = "".join(block.text for block in told)
    with ExitStack() as ends:
        names = [name for name in HOSTS if re.search(rf"\b{name}\b", text)]
        offered = {name: each for name, each in PACKAGES.items() if any(word in text for word in (name, *each[1]))}
        repository = AptRepository(directory / "apt") if names and offered else None
        for package, (version, commands) in offered.items() if repository else ():
            repository.add(package, version, commands=commands)
        lists = "fresh" if repository else "empty"
        machine = {"layer": "tools", "users": (User("dev"),), "repository": repository, "lists": lists}
        hosts = [ends.enter_context(running(name=name, **machine)) for name in names]  # type: ignore[arg-type]
        _write(home / ".ssh/config", "\n".join(host.ssh_config_entry() for host in hosts), 0o600)
        # OpenSSH takes the home of the password database, not $HOME.
        for program in ("ssh", "scp"):
            _write(home / "bin" / program, f'#!/bin/sh\nexec /usr/bin/{program} -F "$HOME/.ssh/config" "$@"\n', 0o755)
        work = directory / "agents"
        work.mkdir()
        yield Reader(work, home, repository)


def _write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def rewritten(page: str, printed: dict[int, str]) -> str:
    """The text of a page with these blocks, by their lines, in place of its own."""
    lines = page.splitlines(keepends=True)
    for line, text in sorted(printed.items(), reverse=True):
        end = lines.index("```\n", line)
        lines[line:end] = text.splitlines(keepends=True)
    return "".join(lines)
