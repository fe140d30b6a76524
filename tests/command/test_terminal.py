"""The whole command in a terminal: what people see there, and that programs see nothing of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.cli.main import main
from tests.support.terminals import in_terminal
from tools.terminal import run_in_terminal

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = (sys.executable, "-m", "mngr_ansible")


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """A plan of two files that are there, and one that is not."""
    for name in ("source", "work/one", "work/two"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    files = [word for name in ("one", "two", "deep/three") for word in ("--file", f"{tmp_path}/source:{name}")]
    return ["plan", *files, "--work-dir", str(tmp_path / "work")]


def _lines(*command: str, columns: int = 80) -> list[str]:
    screen, _code = run_in_terminal([*COMMAND, *command], columns=columns)
    return [line.plain.rstrip() for line in screen.lines()]


def test_a_terminal_shows_what_changes_and_counts_what_is_fine(words: list[str]) -> None:
    lines = _lines(*words)
    assert lines[0].endswith("1 of 3 to change") or lines[0] == "localhost" + " " * 55 + "1 of 3 to change"
    rows = [line.split() for line in lines if line.startswith("  ")]
    assert ["+", "missing", "deep/three", "0644", "command-line"] in rows
    assert ["✓", "ok", "2", "steps", "one,", "two"] in rows


def test_full_shows_every_step_in_a_terminal(words: list[str]) -> None:
    rows = [line.split()[:3] for line in _lines(*words, "--full")]
    assert ["✓", "ok", "one"] in rows
    assert ["✓", "ok", "two"] in rows


def test_errors_come_last_in_a_terminal() -> None:
    lines = _lines("plan", "--package", "git", "--host", "127.0.0.1:1", "--host", "localhost:1")
    start = next(index for index, line in enumerate(lines) if line.startswith("error: "))
    assert "2 hosts" in lines[:start]
    assert lines[-1].lstrip().startswith("Start its ssh server")


def test_a_pipe_gets_every_step_in_the_order_of_the_plan_and_no_control_sequence(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    output = capsys.readouterr().out
    assert "\x1b" not in output
    assert [line.split()[:2] for line in output.splitlines()[1:4]] == [
        ["ok", "one"],
        ["ok", "two"],
        ["missing", "deep/three"],
    ]
    assert f"in {words[-1]}" in output.splitlines()[0]


def test_json_is_the_same_where_colour_is_forced(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = []
    for forced in ("", "1"):
        monkeypatch.setenv("FORCE_COLOR", forced)
        assert main([*words, "--json"]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    assert '"file:' + words[-1] in outputs[0]


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (("plan", "-K", "--file", f"{__file__}:x", "--work-dir"), "Password for sudo on the hosts:"),
        (("init",), "Which tools does the host need, such as git 'node>=20' ripgrep? [git]"),
    ],
)
def test_ctrl_c_at_a_question_ends_its_line(tmp_path: Path, words: tuple[str, ...], question: str) -> None:
    with in_terminal([*COMMAND, *words, tmp_path / "new.yml"]) as terminal:
        terminal.wait_for(question)
        terminal.type("\x03")
        assert terminal.end() == 130, terminal.text
    assert terminal.text.replace("^C", "").startswith(question)
    assert "error: stopped; nothing was changed" in terminal.text.split("\n")
