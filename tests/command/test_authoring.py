"""``init``, ``check`` and ``help`` as commands: exit codes, JSON, and a dialog in a terminal."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pexpect
import pytest

from mngr_ansible.authoring.manifest_checks import SCHEMA
from mngr_ansible.cli.main import main
from tests.support.command_line import argv
from tests.support.json_schema import schema_errors


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_check_ends_with_1_where_there_is_a_problem_and_its_document_has_the_places(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("right.yml").write_text("packages: [git]")
    Path("warned.yml").write_text("packages: [git>=2, git<9]")
    Path("wrong.yml").write_text("packages:\n  - git==\npakages: []\n")
    assert main(["check", "right.yml", "warned.yml"]) == 0
    capsys.readouterr()
    assert main(["check", "right.yml", "wrong.yml", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert schema_errors(document) == []
    assert [(each["name"], each["status"]) for each in document["checks"]] == [
        ("right.yml", "ok"),
        ("wrong.yml:2:5", "problem"),
        ("wrong.yml:3:1", "problem"),
    ]


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(SCHEMA.read_text())


def test_init_writes_once_and_says_what_to_do_next_and_never_asks_without_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["init", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["path"], schema_errors(document)) == ("agent-host.yml", [])
    assert main(["init"]) == 1
    assert "agent-host.yml exists already" in capsys.readouterr().err
    assert main(["init", "other.toml"]) == 0
    assert "mngr-ansible check other.toml" in capsys.readouterr().out
    assert main(["check", "agent-host.yml", "other.toml"]) == 0


def test_init_asks_in_a_terminal_and_leaves_nothing_where_it_is_stopped(tmp_path: Path) -> None:
    program, *words = argv("init")
    environment = {**os.environ, "HOME": str(tmp_path), "TERM": "dumb"}
    (tmp_path / ".gitconfig").write_text("[user]")
    with pexpect.spawn(program, words, env=environment, encoding="utf-8", timeout=120) as terminal:
        terminal.expect("Which tools")
        terminal.sendintr()
        terminal.expect(pexpect.EOF)
    assert (terminal.wait(), Path("agent-host.yml").exists()) == (130, False)
    with pexpect.spawn(program, words, env=environment, encoding="utf-8", timeout=120) as terminal:
        terminal.expect("Which tools")
        terminal.sendline("node>=20")
        terminal.expect("Copy ~/.gitconfig")
        terminal.sendline("y")
        terminal.expect("agent-host.yml was written")
        terminal.expect(pexpect.EOF)
    text = Path("agent-host.yml").read_text()
    assert "\n  - node>=20\n" in text
    assert "\n  - {local_path: ~/.gitconfig, remote_path: ~/.gitconfig, is_required: false}\n" in text


def test_without_any_word_the_help_is_shown_where_errors_go_and_the_exit_code_is_that_of_wrong_usage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["mngr-ansible"])
    assert main() == 64
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("usage: mngr-ansible COMMAND")
    assert "  plan " in output.err
    assert "error" not in output.err.partition("exit codes")[0]


def test_the_words_of_another_option_in_an_error_of_a_later_check_are_completed_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["plan", "--package", "git==", "--json"]) == 64
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert error["remedy"].endswith("\nExample: mngr-ansible plan --package 'git>=2.39,<3'")


def test_a_name_with_a_dash_is_no_option_in_the_next_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--yes", "--", "-x.yml"]) == 0
    assert "mngr-ansible check ./-x.yml" in capsys.readouterr().out
    assert "mngr-ansible check ./-x.yml " in Path("-x.yml").read_text()


def test_what_cannot_be_meant_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--schema", "x.yml"]) == 64
    assert main(["init", "--plugin", "a", "--plugin", "b"]) == 64
    assert main(["init", "--plugin", "1abc"]) == 64
    assert list(Path().iterdir()) == []
    capsys.readouterr()
    assert main(["check", "--schema", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(SCHEMA.read_text())
