"""The manual pages say what the parser says, and man(1) shows them without a complaint."""

import shutil
import subprocess

import pytest

from mngr_ansible.cli.options import VERBS
from tools import manpages

FILES = sorted(manpages.DIRECTORY.glob("*.1"))


def test_the_pages_are_what_the_tool_writes():
    written = {each.name: each.read_text() for each in FILES}
    assert written == dict(manpages.pages()), "run: python -m tools.manpages"


def test_there_is_one_for_every_command_and_it_names_every_option():
    assert {each.stem for each in FILES} == {"mngr-ansible", *(f"mngr-ansible-{verb}" for verb in VERBS)}
    page = (manpages.DIRECTORY / "mngr-ansible-apply.1").read_text().replace("\\", "")
    for option in ("--manifest", "--host", "--ask-become-pass", "--canary", "--yes", "--report"):
        assert f"fB{option}fR" in page


def test_what_follows_a_table_is_a_paragraph_of_its_own():
    page = (manpages.DIRECTORY / "mngr-ansible.1").read_text()
    assert "\n.PP\nMore: mngr\\-ansible help environment.\n" in page


@pytest.mark.skipif(not shutil.which("mandoc"), reason="there is no mandoc here")
def test_mandoc_has_no_complaint_but_for_the_date_which_no_page_has():
    done = subprocess.run(["mandoc", "-T", "lint", *map(str, FILES)], capture_output=True, text=True)
    assert [line for line in done.stdout.splitlines() if "missing date" not in line] == []


@pytest.mark.skipif(not shutil.which("groff"), reason="there is no groff here")
def test_groff_formats_them_without_a_warning():
    done = subprocess.run(
        ["groff", "-ww", "-man", "-Tutf8", "-P-c", *map(str, FILES)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "mngr-ansible plan --package git\n" in done.stdout
