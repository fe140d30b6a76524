"""Whoever follows the page for plugin authors has a tested plugin in mngr: each step is done, word by word."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.hosts import cache_directory
from tests.support.pages import ROOT, differs, reader, rewritten, stories

PAGE = ROOT / "docs/plugin-authors.md"
HEADING = "From nothing to a tested plugin"


def make_environment(place: Path, programs: Path) -> None:
    """A virtual environment with mngr-ansible, mypy and pytest, as the author has it, and its commands in ``programs``.

    What is installed for these tests is seen in it too, so that nothing of it is installed again.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    own = next((place / "lib").glob("python*/site-packages"))
    (own / "installed.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    programs.mkdir(parents=True, exist_ok=True)
    python, pip = place / "bin/python", Path(sys.base_prefix, "bin/python3")
    if subprocess.run([pip, "-c", "import pip"], capture_output=True, check=False).returncode:
        pytest.skip(f"{pip} has no pip")
    commands = {
        "pip": f"{pip} -m pip --disable-pip-version-check --python {python}",
        "pytest": f"{python} -m pytest -q",
        "mypy": f"{python} -m mypy",
        "mngr-ansible": f"{python} -m mngr_ansible",
    }
    for name, command in commands.items():
        write_program(programs / name, command)


def make_mngr(programs: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """mngr with mngr-ansible, installed with ``uv tool install`` below ``place``."""
    cache = Path(pwd.getpwuid(os.geteuid()).pw_dir, ".cache/uv")  # not of the test's home, which is empty
    monkeypatch.setenv("UV_CACHE_DIR", os.environ.get("UV_CACHE_DIR", str(cache)))
    monkeypatch.setenv("UV_TOOL_DIR", str(place / "tools"))
    monkeypatch.setenv("UV_TOOL_BIN_DIR", str(place / "bin"))
    uv = shutil.which("uv", path=f"{Path(sys.prefix, 'bin')}{os.pathsep}{os.environ['PATH']}")
    assert uv is not None
    words = [uv, "tool", "install", "--quiet", "--python", sys.executable, "imbue-mngr", "--with-editable", ROOT]
    for _ in range(3):  # it comes from the package index
        made = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if not made.returncode:
            break
    else:
        raise AssertionError(made.stdout)
    write_program(programs / "mngr", f"env -u PYTEST_CURRENT_TEST {place}/bin/mngr")
    (programs / "uv").symlink_to(uv)


def write_program(path: Path, command: str) -> None:
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    path.chmod(0o755)


def test_the_page_leads_from_nothing_to_a_tested_plugin_in_mngr(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    told = stories(PAGE)[HEADING]
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    make_environment(tmp_path / "venv", home / "bin")
    make_mngr(home / "bin", tmp_path, monkeypatch)
    monkeypatch.setenv("MYPY_CACHE_DIR", str(cache_directory() / "mypy"))

    with reader(told, tmp_path, home) as somebody:
        somebody.follow(told[:1])
        author = replace(somebody, directory=somebody.directory / "mngr-tutor")
        printed = author.follow(told[1:])

    assert (somebody.directory / "agent/.tutor/settings.toml").is_file(), "apply has copied it"
    printed = {line: text.replace("/home/ada/agents", "/home/ada/mngr-tutor") for line, text in printed.items()}
    shown = {block.line: block.text for block in told}
    other = {line: text for line, text in printed.items() if differs(shown[line], text)}
    if request.config.getoption("--write-pages"):
        PAGE.write_text(rewritten(PAGE.read_text(), other))
        return
    for line, text in other.items():
        assert text == shown[line], f"{PAGE.name}:{line}: --write-pages writes what is printed now"
