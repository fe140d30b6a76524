"""Whoever follows a page gets what it shows: each of its stories is played on new hosts, command by command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.pages import ROOT, differs, reader, rewritten, stories

if TYPE_CHECKING:
    from pathlib import Path

PAGES = ("start", "recipes", "migrate", "users")
"""The pages that are played here; ``tests/docs/test_examples.py`` says what runs the examples of the others."""
STORIES = [(page, heading) for page in PAGES for heading in stories(ROOT / f"docs/{page}.md")]


@pytest.mark.usefixtures("_hosts_are_possible")
@pytest.mark.parametrize(("page", "heading"), STORIES, ids=lambda value: value or "all")
def test_a_page_is_followed_word_by_word(
    page: str, heading: str, home: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = ROOT / f"docs/{page}.md"
    told = stories(path)[heading]
    with reader(told, tmp_path, home) as somebody:
        printed = somebody.follow(told)
    shown = {block.line: block.text for block in told}
    other = {line: text for line, text in printed.items() if differs(shown[line], text)}

    if request.config.getoption("--write-pages"):
        path.write_text(rewritten(path.read_text(), other))
        return
    for line, text in other.items():
        assert text == shown[line], f"{path.name}:{line}: --write-pages writes what is printed now"
