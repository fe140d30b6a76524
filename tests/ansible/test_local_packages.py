"""On this machine: commands are printed; those that need no root are run with --yes; nothing else is changed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command_line import mngr_ansible
from tests.support.registries import served

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def manifest(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A manifest that needs one tool through uv, from the test's own package index."""
    import uv

    monkeypatch.setenv("PATH", f"{Path(uv.find_uv_bin()).parent}", prepend=":")
    file = tmp_path / "wanted.json"
    source = {"manager": "uv", "packages": ["wtool"]}
    need = {"name": "wtool", "version": ">=2", "purpose": "weaves", "sources": [source]}
    file.with_suffix(".yml").write_text(json.dumps({"packages": [need]}))
    with served() as registries:
        registries.add_wheel("wtool", "2.3.0", "wtool")
        config = home / ".config/uv/uv.toml"
        config.parent.mkdir(parents=True)
        config.write_text(f'[[index]]\nurl = "{registries.url}/simple/"\ndefault = true\n')
        yield file.with_suffix(".yml")


def test_without_a_terminal_only_the_command_is_on_stdout_and_the_reason_on_stderr(manifest: Path, home: Path) -> None:
    done = mngr_ansible("apply", "--manifest", str(manifest))
    assert (done.returncode, done.stdout) == (1, "uv tool install 'wtool>=2'\n")
    assert "warning: wtool is missing (manifest needs >=2: weaves)" in done.stderr
    assert "1 package is missing or too old on this machine" in done.stderr
    assert "Run these commands yourself:" in done.stderr
    assert not [each for each in (home / ".local").iterdir() if each.name != "state"]


def test_the_printed_commands_leave_nothing_due_when_a_shell_runs_them(manifest: Path, tmp_path: Path) -> None:
    lines = mngr_ansible("plan", "--manifest", str(manifest), "--commands").stdout
    subprocess.run(["sh", "-e"], input=lines, text=True, check=True, cwd=tmp_path, capture_output=True)
    again = mngr_ansible("plan", "--manifest", str(manifest), "--detailed-exitcode", "--commands")
    assert (again.returncode, again.stdout) == (0, ""), again.stderr


def test_with_yes_a_command_that_needs_no_root_is_run_and_its_result_checked(manifest: Path, home: Path) -> None:
    done = mngr_ansible("apply", "--manifest", str(manifest), "--yes", "--json")
    steps = json.loads(done.stdout)["hosts"][0]["steps"]
    assert [(each["status"], each["current"]) for each in steps] == [("changed", "2.3.0")], done.stderr
    assert os.access(home / ".local/bin/wtool", os.X_OK)
    plan = mngr_ansible("plan", "--manifest", str(manifest), "--detailed-exitcode")
    assert plan.returncode == 0
    assert f"wtool is in {home}/.local/bin, which is not in the PATH of a login shell" in plan.stderr


def test_print_wins_over_yes(manifest: Path, home: Path) -> None:
    done = mngr_ansible("apply", "--manifest", str(manifest), "--yes", "--install", "print")
    assert (done.returncode, done.stdout) == (1, "uv tool install 'wtool>=2'\n")
    assert not [each for each in (home / ".local").iterdir() if each.name != "state"]
