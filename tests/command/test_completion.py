"""Completion in the real shells: what is begun is completed with the tab key, and the command then runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.support.command_line import mngr_ansible

if TYPE_CHECKING:
    from collections.abc import Mapping

SHELLS: Mapping[str, list[str]] = {
    "bash": ["--norc", "--noprofile", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "-i"],
}
"""Shell → the options with which it is interactive, and reads no file of the user's."""


def environment(home: Path) -> dict[str, str]:
    """That of a user at a terminal, who has the command in the PATH."""
    (home / ".ssh").mkdir()
    (home / ".ssh/config").write_text("Host build-machine\n")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "HOME": str(home), "PATH": path, "TERM": "dumb", "PS1": "ready> ", "ZDOTDIR": str(home)}


def available(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell} here")
    if shutil.which("mngr-ansible", path=str(Path(sys.executable).parent)) is None:
        pytest.skip("the command mngr-ansible is not installed in this environment")
    return found


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_tab_completes_a_tool_and_a_shell_says_the_rest(shell: str, tmp_path: Path) -> None:
    program = available(shell)
    with pexpect.spawn(program, SHELLS[shell], env=environment(tmp_path), encoding="utf-8", timeout=120) as terminal:
        if shell == "zsh":
            terminal.sendline("autoload -Uz compinit && compinit -u -D; PROMPT='ready> '")
        terminal.sendline(f"source <(mngr-ansible completion {shell}); echo sour'c'ed")
        terminal.expect("sourced")
        terminal.sendline("mngr-ansible cata\tripg\t")
        terminal.expect(r"homepage|https://\S*ripgrep")
        terminal.sendline("mngr-ansible plan --host ops@build-m\t--host ops@build-machine --js\t")
        terminal.expect_exact("--host 'ops@build-machine' is given twice")
        terminal.expect_exact('"command": "plan"')
        terminal.sendline("exit")
        terminal.expect(pexpect.EOF)


def test_fish_completes_verbs_options_values_and_says_what_they_are(tmp_path: Path) -> None:
    program = available("fish")
    lines = ["cata", "catalog ripg", "plan --on", "plan --only pa", "plan --host build-m", "help man"]
    asked = "; ".join(f"complete -C 'mngr-ansible {line}'" for line in lines)
    script = f"mngr-ansible completion fish | source; {asked}"
    done = subprocess.run(
        [program, "--no-config", "-c", script], env=environment(tmp_path), capture_output=True, text=True, timeout=120
    )
    words = [line.split("\t") for line in done.stdout.splitlines()]
    assert [each[0] for each in words] == ["catalog", "ripgrep", "--only", "packages", "build-machine", "manifest"]
    assert [bool(each[1:] and each[1]) for each in words] == [True, True, True, True, False, True]


@pytest.mark.parametrize("shell", SHELLS)
def test_what_is_printed_parses_in_its_shell_and_says_nothing(shell: str, tmp_path: Path) -> None:
    program = available(shell)
    script = tmp_path / "completion"
    script.write_text(mngr_ansible("completion", shell).stdout)
    done = subprocess.run([program, "-n", str(script)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_zsh_gets_no_description_where_there_is_none(tmp_path: Path) -> None:
    written, line = tmp_path / "offered", "mngr-ansible plan --host=build-m"
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_SHELL": "zsh",
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(written),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    env = {**environment(tmp_path), **asked}
    program = Path(sys.executable).parent / "mngr-ansible"
    if not program.exists():
        pytest.skip("the command mngr-ansible is not installed in this environment")
    subprocess.run([str(program)], env=env, capture_output=True, timeout=120)
    assert written.read_text() == "--host=build-machine:"
    code = mngr_ansible("completion", "zsh").stdout
    assert 'completions=("${completions[@]%:}")\n        _describe ' in code


def test_another_shell_is_refused_with_those_that_are_known() -> None:
    done = mngr_ansible("completion", "tcsh")
    assert done.returncode == 64
    assert "'tcsh' is not one of bash, zsh, fish" in done.stderr
