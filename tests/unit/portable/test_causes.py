"""One table of causes for each tool: what it prints → what happened and what to do."""

from __future__ import annotations

import re
import time

import pytest

from mngr_ansible.portable import cause, causes, managers


def test_every_package_manager_has_a_table() -> None:
    assert set(causes.TABLE) == {*managers.TABLE, "python3"}


@pytest.mark.parametrize("tool", causes.TABLE)
def test_every_cause_is_a_clause_and_a_remedy_without_full_stop_and_every_pattern_is_a_regular_expression(tool):
    for each in causes.TABLE[tool]:
        assert each.patterns
        assert all(re.compile(pattern) for pattern in each.patterns)
        assert not each.problem.endswith((".", " "))
        assert not each.remedy.endswith((".", " "))
        assert each.remedy[0].isupper()
        found = causes.Explanation(each.kind, each.problem, each.remedy).sentences
        assert re.fullmatch(r"\S.*[^. ]\.", found)


def test_the_kinds_of_causes_for_which_another_source_may_succeed_are_all_in_use() -> None:
    used = {each.kind for rows in causes.TABLE.values() for each in rows}
    assert used >= cause.OF_SOURCE
    assert not causes.Explanation("locked", "a", "B").is_of_source
    assert not causes.Explanation("other", "a", "B").is_of_source


def test_where_no_table_knows_it_the_tools_own_sentence_is_the_problem() -> None:
    found = causes.explain("apt", 100, "E: Something is broken.\n\n")
    assert found.kind == "other"
    assert found.problem == "apt failed with exit status 100: Something is broken"
    assert causes.find("a tool without a table", "E: x") is None


@pytest.mark.parametrize("word", ["a", "\n", "nothing provides "])
@pytest.mark.parametrize("tool", ["apt", "zypper", "npm"])
def test_the_output_of_a_hostile_host_costs_a_moment(tool: str, word: str) -> None:
    """One word of 200,000 letters took apt's table two minutes: a pattern takes the square of a line's length."""
    before = time.process_time()
    causes.explain(tool, 1, word * (200_000 // len(word)))
    assert time.process_time() - before < 20


def test_what_a_packages_own_script_printed_last_is_in_the_problem() -> None:
    said = (
        "Setting up broken (1.0) ...\nit hurts.\ndpkg: error processing package broken (--configure):\n"
        " installed broken package post-installation script subprocess returned error exit status 3\n"
        "Errors were encountered while processing:\n broken\n"
        "E: Sub-process /usr/bin/dpkg returned an error code (1)\n"
    )
    found = causes.explain("apt", 100, said)
    assert found.sentences == (
        "The package broken could not be set up: its own script failed, and said: it hurts. "
        "Finish it on the host, then run again: dpkg --configure -a."
    )
    silent = causes.explain("apt", 100, said.replace("it hurts.\n", ""))
    assert silent.problem == "the package broken could not be set up: its own script failed"
