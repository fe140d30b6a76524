"""``--quiet``, and what is shown of several hosts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    Captured = pytest.CaptureFixture[str]

DEAD = [word for user in ("a", "b", "c", "d", "e") for word in ("--host", f"{user}@127.0.0.1:1")]


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "here").write_text("x")
    return ["--file", f"{tmp_path}/here:there", "--work-dir", str(tmp_path / "work")]


def test_quiet_is_silent_where_the_exit_code_is_0_and_shows_what_differs_where_that_is_the_question(
    words: list[str], capsys: Captured
) -> None:
    assert main(["plan", "-q", *words]) == 0
    assert main(["apply", "--quiet", *words]) == 0
    assert main(["plan", "--detailed-exitcode", "-q", *words]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["plan", "--detailed-exitcode", "-q", *words[:-1], f"{words[-1]}/other"]) == 2
    output = capsys.readouterr()
    assert output.out.splitlines()[1].split()[0] == "missing"
    assert output.err == ""


def test_quiet_shows_what_a_person_has_to_run(capsys: Captured) -> None:
    assert main(["apply", "-q", "--package", "no-such-tool"]) == 1
    output = capsys.readouterr()
    assert output.err.endswith("Run these commands yourself:\n")
    assert "install -y no-such-tool" in output.out
    assert "note: " not in output.err


def test_quiet_leaves_the_document_whole(words: list[str], capsys: Captured) -> None:
    assert main(["plan", "-q", "--json", *words]) == 0
    output = capsys.readouterr()
    assert [step["status"] for step in json.loads(output.out)["hosts"][0]["steps"]] == ["missing"]
    assert output.err == ""


def test_several_hosts_that_do_not_answer_are_one_error_and_one_line_and_the_document_has_each(
    words: list[str], capsys: Captured
) -> None:
    assert main(["apply", *words[:2], *DEAD]) == 1
    output = capsys.readouterr()
    assert "warning: no ssh server listens on this port." in output.err.partition("error: ")[0]
    assert "error: 5 hosts: no ssh server listens on this port" in output.err
    assert output.out.splitlines()[-1] == "5 hosts: 5 not reached"

    assert main(["plan", *words[:2], *DEAD]) == 1
    output = capsys.readouterr()
    assert "warning: no ssh server listens on this port." in output.err.partition("error: ")[0]
    assert output.out == "5 hosts: 5 not reached\n"

    assert main(["apply", "-q", *words[:2], *DEAD]) == 1
    output = capsys.readouterr()
    assert output.out == "5 hosts: 5 not reached\n"
    assert output.err.count("\n") == 4

    assert main(["apply", "--json", *words[:2], *DEAD]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [host["host"] for host in document["hosts"]] == DEAD[1::2]
    assert [error["host"] for error in document["errors"]] == DEAD[1::2]


def test_hosts_that_are_alike_are_one_table_and_the_apply_command_of_their_plan_repeats_its_options(
    tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "hosts.ini").write_text("[all]\nthis\nthat\nother\n[all:vars]\nansible_connection=local\n")
    of_many = ["--inventory", f"{tmp_path}/hosts.ini", "--limit", "this,that", "--canary", "10%", "--forks", "5"]
    of_many += ["--host-timeout", "60", "--max-fail-percentage", "20", "--checksum"]
    (tmp_path / "file").write_text("x")
    assert (
        main(
            ["plan", "--file", f"{tmp_path}/file:file", "--work-dir", str(tmp_path / "w"), "--timeout", "90", *of_many]
        )
        == 0
    )
    head, names, _row, command, last = capsys.readouterr().out.splitlines()
    assert head.startswith("2 hosts   ")
    assert head.endswith("  each: 1 of 1 to change")
    assert names == "    this, that"
    assert command.startswith("Nothing was changed. To make these changes: mngr-ansible apply --file ")
    assert f" {' '.join(of_many[:2])} " in command
    assert command.endswith(f" --timeout 90 {' '.join(of_many[2:])}")
    assert last == "2 hosts: 2 to change"
