"""What went wrong on several agents, as the one error that mngr shows."""

from __future__ import annotations

import pytest

pytest.importorskip("imbue.mngr")

from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.errors import HostError
from mngr_ansible.mngr.messages import as_failures
from mngr_ansible.report.report import HostReport, Report


def step(status, reason=""):
    return Outcome("package:git", "package", status, None, "any", ("codex",), reason, None)


def agent(name, *outcomes, error=None):
    return HostReport(name, is_local=False, outcomes=outcomes, error=error, agent=name.partition("@")[0])


def dead(name):
    return agent(name, error=HostError("no answer within 60 s", remedy="Check that it is up.", host=name))


def test_what_several_agents_have_in_common_is_said_once_with_their_names():
    error = as_failures(Report("apply", (dead("a@one"), dead("b@two"), agent("c@two", step(Status.OK)))))
    assert str(error) == "2 of 3 agents failed: a@one, b@two: no answer within 60 s"
    assert error.user_help_text == "Check that it is up."


def test_four_problems_are_named_and_the_rest_counted_and_what_was_not_begun_is_no_failure():
    failed = [agent(f"a{number}@x", step(Status.FAILED, f"reason {number}")) for number in range(6)]
    error = as_failures(Report("apply", (*failed, agent("b@y", step(Status.NOT_REACHED)))))
    assert str(error).startswith("6 of 7 agents failed: a0@x: git: failed: reason 0; a1@x: ")
    assert str(error).endswith("a3@x: git: failed: reason 3; 2 more; 1 not begun")


def test_a_host_whose_agents_are_not_known_is_named_beside_them():
    silent = HostError("its agents are not known: it does not answer", remedy="Start it.", host="dead")
    error = as_failures(Report("apply", (agent("a@one", step(Status.OK)),), (silent,)))
    assert str(error) == "dead: its agents are not known: it does not answer"
