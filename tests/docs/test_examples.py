"""Every block of code on every page is run or read by a test, or says why not."""

from __future__ import annotations

import re
import shlex
import tomllib
from contextlib import nullcontext
from itertools import chain

import pytest
import yaml

from mngr_ansible.errors import InputError
from mngr_ansible.inputs import manifest
from mngr_ansible.inputs.settings import Settings
from tests.hosts.test_pages import PAGES as PLAYED
from tests.support.pages import ROOT, Block, blocks, differs, is_run, rewritten, stories
from tools import badges

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ALL = [block for page in PAGES if "reference" not in page.parts for block in blocks(page)]  # a reference is generated
_AUTHORS = "mngr/test_plugin_authors_page::test_the_page_leads_from_nothing_to_a_tested_plugin_in_mngr"
RUN_BY = {
    ("README.md", "console"): "docs/test_output::test_the_readme_shows_a_plan_as_it_is_printed",
    ("README.md", "python"): "docs/test_docs::test_the_readmes_plugin_is_a_plugin_that_needs_nothing_of_ours",
    ("README.md", "sh"): "docs/test_docs::test_the_readmes_main_job_does_what_it_says",
    ("awx.md", "sh"): "ansible/test_awx::test_every_command_of_the_page_works_and_awx_gets_what_it_takes",
    ("fleets.md", "sh"): "ops/test_fleets_page::test_a_fleet_is_looked_at_brought_there_and_checked_as_the_page_says",
    ("fleets.md", "cron"): "ops/test_fleets_page::test_cron_and_systemd_tell_of_drift",
    ("fleets.md", "ini"): "ops/test_fleets_page::test_cron_and_systemd_tell_of_drift",
    ("fleets.md", "yaml"): "ops/test_fleets_page::test_the_jobs_of_gitlab_and_github_tell_of_drift_and_one_repairs_it",
    ("help", "sh"): "docs/test_docs::test_every_command_line_shown_parses",
    ("help", "toml"): "docs/test_examples::test_settings_on_a_page_are_accepted",
    ("help", "yaml"): "docs/test_examples::test_a_manifest_on_a_page_is_accepted",
    ("molecule.md", "ini"): "roles/test_molecule::test_the_scenarios_run_on_a_teams_own_host_and_leave_it_there",
    ("molecule.md", "sh"): "roles/test_molecule::test_the_page_tests_a_role_of_somebody_else",
    ("molecule.md", "yaml"): "roles/test_molecule::test_the_page_tests_a_role_of_somebody_else",
    ("ops.md", ""): "ops/test_ops_team::test_a_rendered_directory_works_as_its_page_says",
    ("ops.md", "sh"): "ops/test_ops_team::test_the_copied_roles_work_as_their_page_says",
    ("ops.md", "yaml"): "ops/test_manners::test_the_example_of_the_page_for_ops_teams_runs",
    ("plugin-authors.md", "console"): _AUTHORS,
    ("plugin-authors.md", "python"): "docs/test_plugin_authors::test_the_python_that_is_shown_is_accepted",
    ("plugin-authors.md", "sh"): _AUTHORS,
    ("python-api.md", "python"): "docs/test_python_api::test_the_example_prints_what_the_page_shows",
    ("python-api.md", "text"): "docs/test_python_api::test_the_example_prints_what_the_page_shows",
}
"""Page (or folder) and language of a block → the test that runs or reads it, where the page is not played."""


def key(block: Block) -> tuple[str, str]:
    folder = block.page.parent.name
    return (block.page.name if folder in ("docs", ROOT.name) else folder, block.language)


def test_no_example_is_without_a_test():
    left = {key(block) for block in ALL if block.page.stem not in PLAYED and "shown" not in block.marks}
    assert left - RUN_BY.keys() == set()
    assert RUN_BY.keys() - left == set()


def test_what_is_only_shown_says_why():
    for block in ALL:
        if (why := block.marks.get("shown")) is not None:
            assert len(why.split()) > 3 or "::" in why, block


def named_tests() -> list[str]:
    shown = (block.marks.get("shown", "") for block in ALL)
    return sorted({*RUN_BY.values(), *chain.from_iterable(re.findall(r"\S+::\w+", why) for why in shown)})


@pytest.mark.parametrize("name", named_tests())
def test_what_is_said_to_run_an_example_is_a_test(name):
    file, _, test = name.partition("::")
    assert re.search(rf"^def {test}\(", (ROOT / f"tests/{file}.py").read_text(), re.MULTILINE)


def test_on_a_page_that_is_played_a_block_is_a_file_or_a_command_or_says_why_not():
    played = [block for block in ALL if block.page.stem in PLAYED]
    assert [str(block) for block in played if not (block.name or is_run(block) or "shown" in block.marks)] == []


MANIFESTS = [block for block in ALL if block.language == "yaml" and re.match(r"(files|packages):", block.text)]


@pytest.mark.parametrize("block", MANIFESTS, ids=str)
def test_a_manifest_on_a_page_is_accepted(block, tmp_path):
    with pytest.raises(InputError) if "wrong" in block.marks else nullcontext():
        manifest.contribution(yaml.safe_load(block.text), plugin="manifest", origin=block.name, directory=tmp_path)


SETTINGS = [block for block in ALL if block.text.startswith("[plugins.ansible]")]


@pytest.mark.parametrize("block", SETTINGS, ids=str)
def test_settings_on_a_page_are_accepted(block):
    Settings.parse(tomllib.loads(block.text)["plugins"]["ansible"])


def test_a_page_has_as_many_recipes_as_people_need():
    assert len(stories(ROOT / "docs/recipes.md")) >= 10


@pytest.mark.parametrize(
    ("shown", "printed", "is_other"),
    [
        ("done in 5 s\n", "done in 0.1 s\n", False),
        ("one\n…\nlast\n", "one\ntwo\nthree\nlast\n", False),
        ("one\n…\n", "one\n", False),
        ("one\n", "one\ntwo\n", True),
        ("a 1.0\n", "a 1.1\n", True),
    ],
)
def test_what_is_printed_is_compared_but_for_times_and_what_is_left_out(shown, printed, is_other):
    assert differs(shown, printed) is is_other


def test_what_is_printed_is_written_between_the_fences_of_its_block():
    page = "a\n```console\n$ x\nold\n```\nb\n```console\n$ y\n```\n"
    assert rewritten(page, {2: "$ x\nnew\nmore\n", 7: "$ y\nz\n"}) == (
        "a\n```console\n$ x\nnew\nmore\n```\nb\n```console\n$ y\nz\n```\n"
    )


def test_the_badges_say_what_the_project_says():
    readme = (ROOT / "README.md").read_text()
    for name, (label, value) in badges.facts().items():
        assert (badges.IMAGES / f"badge-{name}.svg").read_text() == badges.drawn(label, value)
        alternative = f"{label}: {value}" if name == "license" else f"{label} {value}"
        assert f"![{alternative}](docs/img/badge-{name}.svg)" in readme
    assert readme.count("docs/img/badge-") == len(badges.facts())


COLOURS = {
    "#eef2ff": "#1e1b4b",
    "#4338ca": "#a5b4fc",
    "#ecfdf5": "#064e3b",
    "#047857": "#6ee7b7",
    "#4b5563": "#9ca3af",
    "#111827": "#f9fafb",
    "#374151": "#d1d5db",
}
"""Of the drawing of concepts: light → dark."""


def test_the_dark_drawing_is_the_light_one_in_other_colours():
    light, dark = ((ROOT / f"docs/img/concepts{mode}.svg").read_text() for mode in ("", "-dark"))
    assert re.sub(r"#[0-9a-f]{6}\b", lambda colour: COLOURS[colour[0]], light) == dark


def luminance(colour: str) -> float:
    """Source: WCAG 2.2, "relative luminance"."""
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("is_dark", [False, True])
def test_the_text_of_the_drawing_has_contrast(is_dark):
    def shown(colour: str) -> float:
        return luminance(COLOURS[colour] if is_dark else colour)

    for text in ("#111827", "#374151"):
        for ground in ("#eef2ff", "#ecfdf5"):
            one, two = sorted((shown(text) + 0.05, shown(ground) + 0.05))
            assert two / one >= 4.5, (text, ground)


def test_the_drawing_can_be_read_aloud():
    for mode in ("", "-dark"):
        drawing = (ROOT / f"docs/img/concepts{mode}.svg").read_text()
        assert 'role="img"' in drawing
        assert "<title" in drawing
        assert "<desc" in drawing
        assert "<text" in drawing
    assert re.search(r'<img src="img/concepts.svg"[^>]* alt="[^"]{60,}"', (ROOT / "docs/concepts.md").read_text())


def test_the_times_of_the_comparison_are_what_was_measured():
    """Source: docs/compare.md. If new figures break this, the page has to say something else."""
    page = (ROOT / "docs/benchmarks.md").read_text()

    def rows(name: str) -> list[list[str]]:
        section = page.split(f"<!-- measured: {name} -->")[1].split("<!-- end -->")[0]
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines()]

    of_pyinfra = [(row[0], float(row[6])) for row in rows("reach") if re.fullmatch(r"W[123]", row[0])]
    assert len(of_pyinfra) == 12
    assert all(ratio <= (0.2 if load == "W2" else 0.7) for load, ratio in of_pyinfra)

    def seconds(scenario: str, way: str, column: int) -> float:
        (row,) = [row for row in rows("hosts") if row[:2] == [scenario, way]]
        return float(row[column].strip("~"))

    assert 0.4 < seconds("first run", "pyinfra", 4) / seconds("first run", "mngr-ansible", 4) < 0.65
    assert seconds("no-op", "ansible-playbook, tuned", 2) / seconds("no-op", "mngr-ansible", 2) >= 3


def test_every_line_of_mngr_create_has_options_that_it_knows():
    from imbue.mngr.main import cli

    create = cli.commands["create"]
    lines = [line.removeprefix("$ ") for block in ALL for line in block.text.splitlines()]
    found = [line for line in lines if line.startswith("mngr create ")]
    assert found
    for line in found:
        create.make_context("create", shlex.split(line)[2:], resilient_parsing=True)
