"""Lines while a run goes on: derived from the ids of steps, never from the titles of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mngr_ansible import PackageRequirement, Source
from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.errors import HostError
from mngr_ansible.report.progress import Follower, GoingOn, announce, described, failed_early, summary
from mngr_ansible.report.report import HostReport
from mngr_ansible.run.runner import Event
from tests.support.builders import contribution, due

if TYPE_CHECKING:
    from mngr_ansible.inputs.contribution import Contribution

APT, NPM = "package:jq", "package:left"

GONE = HostError("it is gone", remedy="")


def lines(*events: Event, is_verbose: bool = False) -> list[tuple[str, str]]:
    """The lines of a run that installs jq with apt, then left with npm, on one host."""
    left = PackageRequirement("left", sources=(Source("npm", ("left",), scope="user"),))
    seen: list[tuple[str, str]] = []
    follow = Follower(
        {"host-1": "build-1"},
        {"host-1": due(contribution("p", "jq", left), managers=("apt", "npm"))},
        lambda name, line: seen.append((name, line)),
        is_verbose=is_verbose,
    )
    for event in events:
        follow(event)
    return seen


def task(title: str = "Any title") -> Event:
    return Event("task", task=title)


def step(id_: str, status: str = "changed") -> Event:
    return Event("step", "host-1", step={"id": id_, "status": status, "current": None, "reason": ""})


def test_a_manager_is_announced_when_every_step_before_it_was_reported_and_titles_of_tasks_do_not_matter() -> None:
    assert lines(task()) == [("build-1", "installing with apt: jq")]
    assert lines(task(), step(APT), task("Install packages with apt")) == [
        ("build-1", "installing with apt: jq"),
        ("build-1", "installing with npm: left"),
    ]


def test_a_manager_is_announced_once() -> None:
    assert lines(task(), task(), task()) == [("build-1", "installing with apt: jq")]


@pytest.mark.parametrize("end", ["failed", "unreachable"])
def test_nothing_more_is_announced_for_a_host_that_failed(end: str) -> None:
    failed = Event(end, "host-1", text="no")  # type: ignore[arg-type]
    assert lines(task(), step(APT, "failed"), failed, task()) == [("build-1", "installing with apt: jq")]


def test_warnings_are_always_shown_and_events_only_if_verbose() -> None:
    warning = Event("warning", "host-1", text="old lists")
    assert lines(warning) == [("build-1", "warning: old lists")]
    assert ("build-1", "failed: T no") in lines(Event("failed", "host-1", "T", "no"), is_verbose=True)


def test_the_same_warning_of_a_host_is_shown_once() -> None:
    first, other = Event("warning", "host-1", text="old lists"), Event("warning", "host-1", text="odd lists")
    assert lines(first, other, first) == [("build-1", "warning: old lists"), ("build-1", "warning: odd lists")]


def test_a_host_that_is_lost_among_several_is_told_at_once_and_once() -> None:
    seen: list[tuple[str, str]] = []
    dues = {alias: due(contribution("p", "jq")) for alias in ("host-1", "host-2")}
    names = {"host-1": "build-1", "host-2": "build-2"}
    follow = Follower(names, dues, lambda name, line: seen.append((name, line)), is_verbose=False)
    for event in [Event("unreachable", "host-2", text="Failed to connect")] * 2:
        follow(event)
    assert seen == [("build-2", "warning: it can no longer be reached. The other hosts go on.")]


def test_hosts_that_are_not_equally_far_are_told_each_in_its_turn() -> None:
    left = PackageRequirement("left", sources=(Source("npm", ("left",), scope="user"),))
    aliases = ["host-1", "host-2"]
    dues = {alias: due(contribution("p", "jq", left), managers=("apt", "npm")) for alias in aliases}
    seen: list[tuple[str, str]] = []
    follow = Follower(dict(zip(aliases, "ab", strict=True)), dues, lambda *line: seen.append(line), is_verbose=False)

    def done(alias: str, id_: str) -> Event:
        return Event("step", alias, step={"id": id_, "status": "changed", "current": None, "reason": ""})

    for event in (task(), done("host-2", APT), task(), task(), done("host-1", APT), done("host-2", NPM), task()):
        follow(event)
    assert seen == [
        ("a", "installing with apt: jq"),
        ("b", "installing with apt: jq"),
        ("b", "installing with npm: left"),
        ("a", "installing with npm: left"),
    ]


def announced(contribution_: Contribution, **more: object) -> list[str]:
    """The lines before a run on one host."""
    seen: list[str] = []
    announce("build-1", due(contribution_, **more), lambda _name, line: seen.append(line))
    return seen


def test_only_what_is_not_installed_is_a_warning() -> None:
    needs = contribution("p", "jq>=1")
    assert announced(needs) == ["jq is missing (p needs >=1); installing it from apt"]
    assert announced(needs, is_local=True)[:1] == ["warning: jq is missing (p needs >=1)"]


def test_what_one_line_has_named_already_is_not_named_again() -> None:
    seen: list[str] = []
    announce("h", due(contribution("p", "jq>=1")), lambda _name, line: seen.append(line), is_summed_up=True)
    assert seen == []


def test_a_host_that_fails_while_others_go_on_is_told_in_one_line() -> None:
    error = HostError("its name cannot be resolved.\n  twice", remedy="Correct it.")
    assert failed_early(error) == "warning: its name cannot be resolved. The other hosts go on."
    canary = "warning: its name cannot be resolved. It is a canary: no further host is begun."
    assert failed_early(error, is_canary=True) == canary


def test_that_others_go_on_is_not_said_of_the_last_host_that_fails() -> None:
    told: list[str] = []
    tell = GoingOn(["a", "b"]).told(lambda host, line: told.append(f"{host}: {line}"))
    for host, line in (
        ("a", failed_early(GONE)),
        ("b", "copying"),
        ("a", failed_early(GONE)),
        ("b", failed_early(GONE)),
    ):
        tell(host, line)
    others = "a: warning: it is gone. The other hosts go on."
    assert told == [others, "b: copying", others, "b: warning: it is gone."]


def test_a_step_is_described_with_who_needs_it_which_versions_and_what_for() -> None:
    old = Outcome("package:node", "package", Status.TOO_OLD, "18.1", ">=20", ("codex",), "codex: runs the agent")
    assert described(old) == "node is too old (found 18.1, codex needs >=20: runs the agent)"
    missing = Outcome("package:tmux", "package", Status.MISSING, None, "any", ("a", "mngr"))
    assert described(missing) == "tmux is missing (needed by a, mngr)"


def test_a_summary_uses_words_for_people() -> None:
    steps = (
        Outcome("package:a", "package", Status.ADVISED),
        Outcome("package:b", "package", Status.NOT_REACHED),
    )
    assert summary(HostReport("h", False, steps), 2) == "not done after 2.0 s: 1 to install by hand, 1 not started"
    optional = Outcome("package:a", "package", Status.BLOCKED, is_required=False)
    assert summary(HostReport("h", False, (optional,)), 2) == "nothing to change: 1 blocked"
    tried = Outcome("package:a", "package", Status.FAILED, is_required=False)
    assert summary(HostReport("h", False, (tried,)), 2) == "done in 2.0 s: 1 failed"
    gone = HostReport("h", False, error=HostError("gone", remedy=""))
    assert summary(gone, 2) == "not done after 2.0 s"
    assert summary(HostReport("h", False), 2) == "nothing to change: no plugin, setting or option asks for anything"
