"""``mngr-ansible inventory`` where there is no mngr, or one that misbehaves."""

from __future__ import annotations

import sys

import pytest

from mngr_ansible.cli.main import main


@pytest.fixture
def mngr(tmp_path, monkeypatch):
    """A program ``mngr`` on PATH, of these lines of sh; there is none beside Python."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python" / "python3"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

    def write(*lines: str) -> None:
        program = tmp_path / "bin" / "mngr"
        program.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        program.chmod(0o755)

    return write


def test_without_mngr_it_is_one_error(mngr, capsys):
    assert main(["inventory"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: mngr is not installed here: it is neither beside this program nor on PATH\n")


def test_it_prints_what_mngr_prints_and_its_warnings_on_stderr(mngr, capsys):
    mngr("echo warned >&2", 'echo "$*"')
    assert main(["inventory"]) == 0
    assert capsys.readouterr() == ("ansible inventory --list\n", "warned\n")
    assert main(["inventory", "--host", "deb"]) == 0
    assert capsys.readouterr().out == "ansible inventory --host deb\n"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["echo 'Error: it is broken  [Mend it.]' >&2", "exit 1"], "error: it is broken\n       Mend it.\n"),
        (["echo \"Error: No such command 'ansible'.\" >&2", "exit 2"], "mngr plugin add mngr-ansible\n"),
        (["echo 'a traceback' >&2", "exit 1"], "ended with exit code 1: a traceback\n"),
        (["exit 3"], "ended with exit code 3: it printed nothing\n"),
        (["yes"], "printed more than 16 MiB\n"),
    ],
)
def test_a_mngr_that_fails_is_one_error_with_a_remedy(mngr, capsys, lines, said):
    mngr(*lines)
    assert main(["inventory"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("error: ") == 1
