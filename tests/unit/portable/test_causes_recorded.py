"""Recorded output of tools that cannot be had here, or not in such a situation, and the cause that it stands for.

What can be provoked is provoked in ``tests/hosts/test_causes.py``. Sources: public issues and documentation of each
tool; the words are theirs, names and addresses are examples.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mngr_ansible.portable import causes

_BLOCK = re.compile(r"(?ms)^=== (\S+) \| (\S+) \| ([^\n]+)\n(.*?)(?=^=== |\Z)")
RECORDED = _BLOCK.findall(Path(__file__).with_name("recorded_failures.txt").read_text())
"""Of each: the tool, the kind of its cause, words of its explanation, and what the tool printed."""


@pytest.mark.parametrize(("tool", "kind", "words", "output"), RECORDED)
def test_what_was_recorded_has_this_cause(tool: str, kind: str, words: str, output: str) -> None:
    found = causes.explain(tool, 1, output, ["it"])
    assert (found.kind, words in found.sentences) == (kind, True), found


@pytest.mark.parametrize("tool", sorted(causes.TABLE))
def test_a_success_is_not_taken_for_lists_that_could_not_be_fetched(tool: str) -> None:
    fine = "Hit:1 http://deb.example stable InRelease\nReading package lists... Done\nMetadata cache created.\n"
    assert causes.unfetched(tool, 0, fine) is None
    retried = "Ign:1 http://deb.example stable InRelease\nGet:1 http://deb.example stable InRelease [4 kB]\n"
    assert causes.unfetched(tool, 0, retried) is None


def test_the_login_and_the_query_of_an_address_are_in_no_explanation() -> None:
    output = "E: Failed to fetch https://me:secret@deb.example/x?token=secret  Hash Sum mismatch"
    assert "secret" not in causes.explain("apt", 100, output).sentences


def test_what_an_output_holds_is_never_a_template() -> None:
    output = "E: Unable to locate package {tool}{0}%s\n"
    assert "the package {tool}{0}%s" in causes.explain("apt", 100, output).sentences


def test_a_very_long_output_is_explained_at_once() -> None:
    output = "x" * 300_000 + "\nE: Unable to locate package nowhere\n" + " a : b c\n" * 20_000
    assert causes.explain("apt", 100, output).kind == "unknown"
