"""A command imports what it uses: start-up is part of the product. Modules are counted, seconds are the machine's.

The bounds have room for a few modules more: other versions of Python split their standard library otherwise.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

_RUN = """\
import json, sys
before = set(sys.modules)
from mngr_ansible.cli.main import main
try:
    code = main(sys.argv[1:])
except SystemExit as stop:
    code = stop.code
print(json.dumps([code, sorted(set(sys.modules) - before)]), file=sys.stderr)
"""

HEAVY = {
    "ansible", "ansible_runner", "concurrent.futures", "dataclasses", "difflib", "email", "imbue", "importlib.metadata",
    "inspect", "pathspec", "pluggy", "psutil", "rich", "traceback", "yaml",
}  # fmt: skip
"""Modules that take milliseconds, or much more, and that no everyday command needs."""

_OF_START = {
    "mngr_ansible", "cli", "cli.guess", "cli.invocation", "cli.main", "cli.options", "cli.parser", "cli.verbs",
    "diff", "diff.outcome", "errors", "portable", "portable.regular_expressions", "portable.text", "report",
    "report.report", "system", "system.signals", "system.stderr", "system.stdout", "values",
}  # fmt: skip
_OF_CONTENT = {"content", "content.location", "provisioning", "provisioning.listing"}
_OF_WORDS = {"report.page", "report.plain", "report.writing"}


def imported(*words: str, expected: int = 0) -> tuple[set[str], set[str]]:
    """What a fresh Python imports for a command: our own modules, without the package's name, and the others."""
    done = subprocess.run([sys.executable, "-c", _RUN, *words], capture_output=True, text=True, check=False)
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == expected, done.stderr
    ours = {each.removeprefix("mngr_ansible.") for each in modules if each.partition(".")[0] == "mngr_ansible"}
    return ours, {each for each in modules if each.partition(".")[0] != "mngr_ansible"}


@pytest.mark.parametrize("words", ["--version", "--help", "plan --help", "content", "content --json"])
def test_what_only_shows_something_imports_nothing_of_plans_and_hosts(words: str) -> None:
    ours, others = imported(*words.split())
    of_words = _OF_WORDS if words == "content" else set()
    more = _OF_CONTENT | of_words if "content" in words else {"cli.examples"} if "--help" in words else set()
    assert ours == _OF_START | more
    assert others & HEAVY == set()
    assert len(others) <= 75


def test_the_catalog_imports_what_a_tool_is_made_of() -> None:
    ours, others = imported("catalog", "git")
    assert {each for each in ours if each.startswith(("host", "plan", "run"))} == set()
    assert others & HEAVY == set()
    assert len(ours) <= 50


_ASK = """\
import json, os, sys
before = set(sys.modules)
os.environ["COMP_LINE"] = "mngr-ansible plan --on"
import mngr_ansible.cli.main, argcomplete.finders
from mngr_ansible.cli.completion import complete, with_completers
assert list(with_completers().verbs) and complete
print(json.dumps([0, sorted(set(sys.modules) - before)]), file=sys.stderr)
"""


def test_a_shell_that_asks_for_options_imports_nothing_of_plans_and_hosts() -> None:
    done = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True, check=True)
    _, modules = json.loads(done.stderr)
    ours = {each.removeprefix("mngr_ansible.") for each in modules if each.partition(".")[0] == "mngr_ansible"}
    assert {each for each in ours if each.startswith(("catalog", "host", "inputs", "plan", "run", "spec"))} == set()
    assert len(ours) <= 20


def test_where_nothing_has_to_change_nothing_is_imported_that_writes_or_runs_a_playbook(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("x")
    (tmp_path / "there").write_text("x")
    words = ["--file", f"{tmp_path}/here:there", "--package", "tar", "--work-dir", str(tmp_path)]
    for command, most in (("plan", 124), ("apply", 0), ("apply", 125)):  # Ansible is made ready for the first one
        ours, others = imported(command, *words)
        if most:
            assert {each for each in ours if each.startswith("run.")} <= {"run.inventory", "run.places", "run.settled"}
            assert {"inputs.hookspecs", "provisioning.execution", "provisioning.rendering"} & ours == set()
            assert others & HEAVY == set()
            assert (len(ours), len(others)) <= (most, 130)


def test_what_the_inspection_needs_is_imported_after_the_plans_are_made_while_ssh_connects(tmp_path: Path) -> None:
    ours, _ = imported("plan", "--file", f"{tmp_path}/gone:x", "--host", "build-1.invalid", expected=1)
    later = {"host.probe", "provisioning.provisioner", "provisioning.reporting"}
    of_later = {each for each in ours if each.startswith(("diff.", "host.probe", "host.state", "run."))}
    assert later & ours == set()
    assert of_later <= {"diff.outcome", "run.inventory"}


def test_a_caller_in_python_keeps_its_own_collection_of_garbage(capsys: pytest.CaptureFixture[str]) -> None:
    before = gc.get_threshold(), gc.get_freeze_count()
    assert main(["content"]) == 0
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
