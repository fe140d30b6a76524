"""The output that pages show is what the program prints."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from mngr_ansible import MngrAnsibleError, Outcome, Report, Status
from mngr_ansible.cli.parser import parser
from mngr_ansible.mngr.commands import ansible
from mngr_ansible.report import plain, text
from mngr_ansible.report.report import HostReport

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def shown(language: str) -> list[str]:
    """Every line of a block of that language on any page."""
    blocks = [
        block
        for page in PAGES
        for block in re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    ]
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def test_the_readme_shows_a_plan_as_it_is_printed(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    outcomes = (
        Outcome(
            *("file:/root/.npmrc", "file", Status.MISSING),
            wanted="0600, secret",
            plugins=("manifest",),
            reason="missing",
            short="~/.npmrc",
        ),
        Outcome(
            *("file:/root/.claude", "file", Status.DIFFERS),
            plugins=("claude",),
            files={"total": 41, "due": 2},
            short="~/.claude",
        ),
        Outcome(
            "package:node", "package", Status.TOO_OLD, "18.19.1", ">=20", ("codex",), "codex: runs the agent", "apt"
        ),
        Outcome("package:git", "package", Status.OK, "2.39.5", ">=2.39", ("claude", "manifest")),
        Outcome("package:ripgrep", "package", Status.OK, "13.0.0", "any", ("claude",)),
    )
    host = HostReport("build-1", False, outcomes, about="Debian GNU/Linux 12 (bookworm), root")
    command = "mngr-ansible apply --manifest agent-host.yml --plugin all --host build-1"

    printed = plain.text(text.plan_page(Report("plan", (host,)), command))

    typed = f"```console\n$ {command.replace('apply', 'plan')}\n"
    assert printed == (ROOT / "README.md").read_text().split(typed, 1)[1].split("\n```", 1)[0]
    options = parser().parse_args(shlex.split(command)[1:])
    asks_plugins = {"claude", "codex"} <= {each for row in outcomes for each in row.plugins} and options.plugin == [
        "all"
    ]
    assert asks_plugins, "no plugin is asked without --plugin"


def test_the_page_for_users_shows_a_fleet_as_it_is_printed(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    git = Outcome("package:git", "package", Status.OK, "2.39.5", ">=2.39", ("manifest",))
    npmrc = Outcome(
        *("file:/root/.npmrc", "file", Status.CHANGED, None, "0600, secret", ("manifest",)), short="~/.npmrc"
    )
    lost = tuple(replace(each, status=Status.NOT_REACHED, current="") for each in (npmrc, git))
    about = "Debian GNU/Linux 12 (bookworm), root"
    web = [HostReport(f"web-{number}", False, (npmrc, git), about=about) for number in range(1, 10)]
    dead = MngrAnsibleError("it does not answer", remedy="")
    database = [HostReport(f"db-{number}", False, lost, error=dead) for number in range(1, 4)]

    printed = plain.text(text.apply_page(Report("apply", (*web, *database))))

    assert printed in (ROOT / "docs/users.md").read_text()


def mngr_lines() -> list[str]:
    return [line for language in ("sh", "console") for line in shown(language) if line.startswith("mngr ansible ")]


@pytest.mark.parametrize("line", mngr_lines())
def test_every_line_that_is_typed_inside_mngr_parses(line):
    _mngr, _ansible, verb, *words = shlex.split(line)
    command = ansible.commands[verb]
    command.make_context(verb, words, resilient_parsing=False)
