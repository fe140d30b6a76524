"""Tables in a pipe: columns that stay columns."""

import pytest

from mngr_ansible.report.page import Row, Table
from mngr_ansible.report.plain import text


def columns(*rows):
    """Where the facts of each row begin."""
    lines = text((Table(tuple(rows), title="hooks"),)).splitlines()[1:]
    return [line.index("fact") for line in lines]


@pytest.mark.parametrize("why", ["", "codex"])
@pytest.mark.parametrize("longest", [12, 29, 40])
def test_facts_begin_in_one_column_whatever_is_behind_the_names(longest, why):
    rows = [Row("ok", "fine", name, (f"fact {'x' * 70}",), why) for name in ("a", "n" * longest)]
    assert len(set(columns(*rows))) == 1


def test_one_very_long_name_moves_only_its_own_row():
    rows = [Row("ok", "fine", name, ("fact",), "codex") for name in ("a", "b" * 20, "n" * 120)]
    first, second, last = columns(*rows)
    assert first == second == len("  ok  ") + 20 + 2
    assert last > 120
