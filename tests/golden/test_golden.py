"""What people are shown is what ``screens/`` has. After a change on purpose: ``python -m tools.golden``, and look."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from mngr_ansible.report import plain
from mngr_ansible.report.terminal import writer
from mngr_ansible.report.terminal.look import Look
from tests.golden import errors, reports
from tests.golden.screens import WIDTHS, as_text

if TYPE_CHECKING:
    from mngr_ansible.report.page import Page

SCREENS = Path(__file__).parent / "screens"
PAGES = {**reports.PAGES, **errors.pages()}
STYLES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_shown_as_its_file_says(name: str) -> None:
    assert as_text(PAGES[name]) == (SCREENS / f"{name}.txt").read_text("utf-8")


def test_every_file_belongs_to_a_page() -> None:
    assert {each.stem for each in SCREENS.iterdir()} == set(PAGES)


def _words(shown: str) -> str:
    """The characters of a screen, without blanks, which wrapping moves."""
    return "".join(STYLES.sub("", shown).split())


@pytest.mark.parametrize("name", PAGES)
def test_colour_changes_no_character_and_no_width(name: str) -> None:
    for columns in WIDTHS:
        coloured = writer.text(PAGES[name], Look(columns))
        bare = writer.text(PAGES[name], Look(columns, is_coloured=False, is_styled=False))
        assert STYLES.sub("", coloured) == bare
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", writer.text(PAGES[name], Look(columns, is_coloured=False)))


@pytest.mark.parametrize("name", PAGES)
def test_every_line_fits_but_those_with_a_command_to_copy_and_those_of_a_diff(name: str) -> None:
    page = PAGES[name]
    whole = "\n".join([*_copied(page), *(plain.text(page).splitlines())])
    for columns in WIDTHS:
        for line in writer.text(page, Look(columns, is_coloured=False, is_styled=False)).splitlines():
            assert cell_len(line) <= columns or line.strip() in whole, line


def _copied(page: Page) -> list[str]:
    return [plain.text((block,)) for block in page]
