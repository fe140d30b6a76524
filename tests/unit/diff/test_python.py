"""When the host's python3 is a step, and what prevents it. Source: docs/contract.md "Data"."""

import pytest

from mngr_ansible.report.outcomes import untouched
from tests.support.builders import contribution, due, file_state, statuses
from tests.unit.diff.conftest import X


def test_python_is_a_step_only_where_something_is_due(file):
    bare = {"python": None}

    assert statuses(due(file, **bare).outcomes) == {"bootstrap:python3": "missing", f"file:{X}": "missing"}
    assert statuses(due(file, files={X: file_state()}, **bare).outcomes) == {f"file:{X}": "ok"}
    assert statuses(due(contribution("p", "git"), install="print", **bare).outcomes) == {"package:git": "missing"}
    assert not due(file, is_local=True, **bare).needs_python


def test_with_print_python_is_advised(file):
    assert due(file, python=None, install="print").is_python_advised


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"managers": ("brew",)}, "no package manager that we know"),
        ({"old_python": "3.6"}, "the host has 3.6"),
        ({"python_variables": ("PYTHONHOME",)}, "does not start with PYTHONHOME of the login's environment"),
        ({"privilege": "none", "uid": 1000}, "an administrator must run: sudo apt-get install -y python3"),
    ],
)
def test_a_host_that_cannot_get_python_is_blocked(file, facts, reason):
    made = due(file, python=None, **facts)

    assert made.outcomes[0].status == "blocked"
    assert reason in made.outcomes[0].reason
    assert made.stops[0].id == "bootstrap:python3"


@pytest.mark.parametrize("facts", [{"old_python": "3.6"}, {"managers": ("brew",)}])
def test_a_host_that_cannot_get_python_is_not_stopped_for_what_is_optional(facts):
    made = due(contribution("p", {"name": "git", "is_required": False}), python=None, **facts)

    assert not made.stops
    assert made.is_empty
    assert not any(each.is_failure for each in untouched(made))
