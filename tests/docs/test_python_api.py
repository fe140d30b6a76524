"""The page on the Python API: its example is run, its tables name every argument and field."""

import contextlib
import inspect
import io
import re
from pathlib import Path

import mngr_ansible
from mngr_ansible.report.report import HostReport, Report

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python-api.md"


def block(name: str, language: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_prints_what_the_page_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block("example", "python"), str(PAGE), "exec"), {})
    assert printed.getvalue().replace(str(tmp_path), "/srv/demo") == block("output", "text")


def test_every_argument_is_on_the_page():
    text = PAGE.read_text()
    for function in (mngr_ansible.build_plan, mngr_ansible.provision):
        assert [name for name in inspect.signature(function).parameters if f"`{name}`" not in text] == []


def test_every_field_that_the_page_names_exists():
    values = {"Plan": mngr_ansible.Plan(), "Report": Report("plan"), "HostReport": HostReport("x", True)}
    values["Outcome"] = mngr_ansible.Outcome("file:/x", "file", mngr_ansible.Status.OK)
    for name, value in values.items():
        (row,) = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{name}`")]
        for field in re.findall(r"`(\w+)(?:\(\))?`", row.split("|")[2]):
            assert hasattr(value, field) or field in ("id", "plugins"), f"{name}.{field}"
