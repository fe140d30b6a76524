"""The messages that trouble.md quotes are those of the code, word for word between the parts that vary."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VARIES = "…"
_NUMBERS = r"[0-9][0-9.]*\w*(?: \w?B\b|min\b)?"


def quoted() -> list[str]:
    """What the second column of the tables quotes, except option names, statuses and commands of one word."""
    rows = [line.split(" | ")[1] for line in (ROOT / "docs/trouble.md").read_text().splitlines() if " | " in line]
    return [text for row in rows for text in re.findall(r"`([^`]+)`", row) if len(text.split()) > 2]


@functools.cache
def texts() -> str:
    """All texts of the package and the roles, docstrings aside."""
    found = []
    for tree in ("mngr_ansible", "roles"):
        for file in sorted((ROOT / tree).rglob("*")):
            if file.suffix == ".py":
                tree_of_file = ast.parse(file.read_text())
                docstrings = {node.value for node in ast.walk(tree_of_file) if isinstance(node, ast.Expr)}
                found += [_text(node) for node in ast.walk(tree_of_file) if node not in docstrings]
            elif file.suffix == ".sh":
                found.append(file.read_text())
    return "\n".join(found)


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else VARIES for part in node.values)
    return ""


STUMBLED_OVER = (
    r"\b[Mm]end\b",
    r"\bdue\b(?! to\b)",
    r"\blacks?\b",
    r"\bbe had\b",
    r"\bof ours\b",
    r"\bany more\b",
    r", wanted ",
    r"\byours to run\b",
    r"\bunasked\b",
    r"\bin the way\b",
    r"\bis to hold\b",
)
"""Words that readers whose first language is another one stumbled over; people are told in others."""


def test_no_message_has_a_word_that_people_stumbled_over():
    files = (file for tree in ("mngr_ansible", "roles") for file in sorted((ROOT / tree).rglob("*.py")))
    lines = ((file.relative_to(ROOT), line) for file in files for line in _messages(file))
    assert [f"{file}: {line}" for file, line in lines if re.search("|".join(STUMBLED_OVER), line)] == []


def _messages(file: Path) -> list[str]:
    """The texts of a file in which there are several words and no line breaks: what may be shown to people."""
    tree = ast.parse(file.read_text())
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [_text(node) for node in ast.walk(tree) if node not in docstrings]
    return [text for text in texts if len(text.split()) > 2 and "\n" not in text]


@pytest.mark.parametrize("message", quoted())
def test_a_message_that_the_page_quotes_is_one_of_the_codes(message):
    for part in re.split(rf"{VARIES}|[:;,.](?= )|{_NUMBERS}|/full|python3|~/\.local/bin|requiretty|sudo-rs", message):
        words = part.strip(" ()`;:,")
        assert len(words) < 8 or words in texts(), words
