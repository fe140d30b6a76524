"""docs/doctor.md has every check of ``doctor``, and every row of docs/trouble.md is asked by one or says why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mngr_ansible.doctor.checks import CONTROLLER, HOST

ROOT = Path(__file__).resolve().parents[2]
ROWS = Path(__file__).with_name("trouble_rows.tsv")
CODE = "\n".join(
    file.read_text() for file in sorted((ROOT / "mngr_ansible/doctor").glob("*.py")) if file.name != "checks.py"
)


def trouble() -> list[tuple[str, str, str]]:
    """Every row of the page: its section, the problem, and what one sees."""
    found, section = [], ""
    for line in (ROOT / "docs/trouble.md").read_text().splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("| ") and not line.startswith("| problem |"):
            cells = [each.strip() for each in re.split(r"(?<!\\)\|", line)[1:-1]]
            found.append((section, cells[0], cells[1]))
    return found


def answers() -> dict[str, dict[str, str]]:
    """What asks each row, by section and by how the row begins."""
    found: dict[str, dict[str, str]] = {}
    section = ""
    for line in ROWS.read_text().splitlines():
        if line.startswith("["):
            section = line[1:-1]
        elif line and not line.startswith("#"):
            begin, _, answer = line.partition("\t")
            found.setdefault(section, {})[begin] = answer
    return found


def answer(section: str, problem: str) -> str | None:
    own = answers().get(section, {})
    begin = max((each for each in own if problem.startswith(each)), key=len, default=None)
    return None if begin is None else own[begin]


@pytest.mark.parametrize(("section", "problem", "seen"), trouble())
def test_every_row_of_trouble_is_asked_by_a_check_or_says_why_it_cannot_be(
    section: str, problem: str, seen: str
) -> None:
    found = answer(section, problem)
    if found is None:
        assert seen.startswith("no message"), f"add it to {ROWS.name}: [{section}] {problem}"
        return
    if found.startswith("- "):
        assert len(found.split()) > 4
        return
    assert set(found.split(", ")) <= CONTROLLER.keys() | HOST.keys(), found


def test_no_answer_is_about_a_row_that_is_gone() -> None:
    rows = trouble()
    gone = [
        (section, begin)
        for section, own in answers().items()
        for begin in own
        if not any(each == section and problem.startswith(begin) for each, problem, _ in rows)
    ]
    assert gone == []


@pytest.mark.parametrize("check", sorted({*CONTROLLER, *HOST}))
def test_every_check_that_is_listed_is_made(check: str) -> None:
    assert f'"{check}"' in CODE


def test_the_page_lists_every_check_with_what_is_asked() -> None:
    page = (ROOT / "docs/doctor.md").read_text()
    for heading, checks in (("This machine", CONTROLLER), ("A host", HOST)):
        section = page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
        assert re.findall(r"^\| ([^|`]+) \| (.+) \|$", section, re.MULTILINE)[1:] == list(checks.items())
