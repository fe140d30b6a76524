"""The files that the roles hold: plain Python 3.9, the standard library alone, the same as in the package."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mngr_ansible import portable
from tools import portable as tool

PORTABLE = Path(portable.__file__).parent
MODULES = sorted(file.stem for file in PORTABLE.glob("*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_what_hosts_get_needs_nothing_but_the_standard_library(name: str) -> None:
    load = f"import sys; sys.path.insert(0, {str(PORTABLE.parent)!r}); __import__('portable.{name}')"
    code = f"{load}; print(*{{m.partition('.')[0] for m in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, capture_output=True, text=True)
    assert set(loaded.stdout.split()) <= {*sys.stdlib_module_names, "__main__", "portable"}


@pytest.mark.parametrize("name", MODULES)
def test_what_hosts_get_compiles_as_python_3_9(name: str) -> None:
    ast.parse((PORTABLE / f"{name}.py").read_text(), feature_version=(3, 9))


@pytest.mark.parametrize("name", MODULES)
def test_the_roles_have_the_same_file_and_no_link(name: str) -> None:
    original = PORTABLE / f"{name}.py"
    copies = [directory / original.name for directory in tool.copies()]
    assert len(copies) == 2
    assert {copy.read_bytes() for copy in copies} == {original.read_bytes()}
    assert not any(path.is_symlink() for copy in copies for path in (copy, copy.parent))


def test_the_roles_have_no_other_files() -> None:
    for directory in tool.copies():
        assert {path.name for path in directory.iterdir()} - {"__pycache__"} == set(tool.contents(PORTABLE))


def test_the_command_writes_the_copies_that_differ_and_its_exit_code_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    (tmp_path / "roles/mngr_files/module_utils/mngr_ansible_portable").mkdir(parents=True)
    stale = tool.copies()[0] / "old.py"
    stale.write_text("")
    assert tool.main() == 1
    assert [tool.contents(directory) for directory in tool.copies()] == [tool.contents(PORTABLE)] * 2
    assert capsys.readouterr().out == (
        "written: roles/mngr_files/module_utils/mngr_ansible_portable\n"
        "written: roles/mngr_packages/module_utils/mngr_ansible_portable\n"
    )
    assert tool.main() == 0
