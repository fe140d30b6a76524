"""What the documentation shows is true."""

import dataclasses
import os
import re
import shlex
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest
import yaml

from mngr_ansible import build_plan
from mngr_ansible.cli.parser import parser
from mngr_ansible.content.location import content_directory
from mngr_ansible.inputs import manifest
from mngr_ansible.inputs.settings import PluginSettings, Settings
from tests.support.command_line import mngr_ansible

ROOT = content_directory()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Every command line of ours on any page."""
    found = []
    for page in PAGES:
        for block in blocks(page, "sh") + blocks(page, "console"):
            for line in block.splitlines():
                words = line.removeprefix("$ ").removeprefix("uv run --quiet ")
                if words.startswith("mngr-ansible "):
                    found.append(words.partition(" | ")[0])
    return found


def named_tests() -> list[str]:
    """Every test that a page names as what holds a promise."""
    pages = [ROOT / "docs" / f"{page}.md" for page in ("promises", "security", "trouble")]
    return sorted({name for page in pages for name in re.findall(r"`((?:\w+/)*test_\w+::test_\w+)`", page.read_text())})


@pytest.mark.parametrize("name", named_tests())
def test_what_is_said_to_hold_a_promise_is_a_test(name):
    file, _, test = name.partition("::")
    source = (ROOT / "tests" / f"{file}.py").read_text()
    assert re.search(rf"^def {test}\(", source, re.MULTILINE), name


@pytest.mark.parametrize("page", ["promises", "security"])
def test_no_promise_is_without_a_test(page):
    text = (ROOT / "docs" / f"{page}.md").read_text()
    rows = [
        line
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith(("| promise |", "| it ", "| they "))
    ]
    unheld = [row for row in rows if "::test_" not in row]
    assert unheld == (
        [] if page == "promises" else [next(row for row in rows if row.startswith("| claim that all is well"))]
    )


@pytest.mark.parametrize("command", commands())
def test_every_command_line_shown_parses(command):
    words = shlex.split(command)[1:]
    parser().parse_args(words[: words.index(">")] if ">" in words else words)  # the rest is the shell's


def test_the_readmes_plugin_is_a_plugin_that_needs_nothing_of_ours(home):
    (source,) = blocks(ROOT / "README.md", "python")
    plugin = types.ModuleType("shown")
    exec(compile(source, "README.md", "exec"), plugin.__dict__)

    plan = build_plan(plugins=[plugin])

    assert "mngr_ansible" not in source
    assert [each.id for each in plan.requirements] == ["package:git", "package:node"]
    assert [each.reason for each in plan.skipped] == ["~/.claude.json does not exist"]


def test_every_setting_is_documented():
    (shown,) = blocks(ROOT / "docs/users.md", "toml")
    table = tomllib.loads(shown)["plugins"]["ansible"]
    assert {each.name for each in dataclasses.fields(Settings)} == set(table)
    assert {each.name for each in dataclasses.fields(PluginSettings)} == set(table["plugins"]["claude"])


def test_the_settings_and_the_manifest_shown_are_accepted(tmp_path):
    (settings,) = blocks(ROOT / "docs/users.md", "toml")
    shown = blocks(ROOT / "docs/users.md", "yaml")[-1]

    Settings.parse(tomllib.loads(settings)["plugins"]["ansible"])
    read = manifest.contribution(yaml.safe_load(shown), plugin="manifest", origin="manifest", directory=tmp_path)

    assert [str(each) for each in read.requirements] == ["git>=2.39", "node>=20", "fd"]


def test_the_readmes_main_job_does_what_it_says(tmp_path):
    words = ["apply", "--manifest", ROOT / "examples/manifest.yml", "--work-dir", tmp_path]

    first, second = mngr_ansible(*words), mngr_ansible(*words)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert (tmp_path / ".config/git/config").read_text() == (ROOT / "examples/files/gitconfig").read_text()
    assert "nothing to change" in second.stderr


def test_a_strangers_inventory_works_with_plain_variables_from_any_directory(tmp_path, monkeypatch):
    (tmp_path / "npmrc").write_text("registry")
    transfers = [{"local_path": str(tmp_path / "npmrc"), "remote_path": str(tmp_path / "out/.npmrc"), "mode": "0600"}]
    variables = {"mngr_files_transfers": transfers, "mngr_packages_requirements": [{"name": "git", "version": ">=2"}]}
    (tmp_path / "their.ini").write_text(f"here ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/all.yml").write_text(yaml.safe_dump(variables))

    def play(name: str) -> subprocess.CompletedProcess[str]:
        book = ROOT / "playbooks" / f"{name}.yml"
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "their.ini", str(book)]
        # Ansible takes the home of the password database for a local connection, not $HOME.
        environment = {**os.environ, "ANSIBLE_REMOTE_TEMP": str(tmp_path / "remote")}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    due = play("check")
    is_changed = (tmp_path / "out").exists()
    first, second, clean = play("provision"), play("provision"), play("check")

    assert (due.returncode, is_changed) == (2, False)
    assert f"file:{tmp_path}/out/.npmrc" in due.stdout
    assert "changed=1" in first.stdout
    assert "changed=0" in second.stdout
    assert clean.returncode == 0, clean.stdout


def test_every_link_in_the_documentation_leads_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_example_of_the_help_parses():
    examples = parser().format_help().partition("examples:\n")[2].splitlines()
    assert len(examples) > 5
    for line in examples:
        parser().parse_args(shlex.split(line)[1:])
