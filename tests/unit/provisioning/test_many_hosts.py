"""What grows with the number of hosts grows in step with it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from mngr_ansible.host.connection import HostStoppedError
from mngr_ansible.inputs.hook_arguments import Agent, CommandResult, Host
from mngr_ansible.provisioning.at_once import at_once
from mngr_ansible.provisioning.execution import HostsRun
from mngr_ansible.provisioning.next_sources import next_attempts
from mngr_ansible.provisioning.reporting import apply_report
from mngr_ansible.provisioning.request import Prepared, Target
from mngr_ansible.run.runner import Event, RunResult
from tests.support.builders import compared, contribution, plan, state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mngr_ansible.host.connection import Connection


class CountedEvents(tuple[Event, ...]):
    """Events that count how often they are read from the beginning."""

    __slots__ = ()
    readings: ClassVar[list[int]] = []

    def __iter__(self) -> Iterator[Event]:
        self.readings.append(len(self))
        return super().__iter__()


class NoConnection:
    is_local = False
    variables: ClassVar[dict[str, Any]] = {}


def fleet(count: int) -> list[Prepared]:
    asked = contribution("codex", "git")
    desired = plan(asked)
    there = state(findings={"git": "missing"})
    due = compared(desired, there)
    found = []
    for number in range(count):
        name = f"build-{number}"
        host = Host(name, False, lambda _command, _timeout: CommandResult("", "", False))
        target = Target(name, NoConnection(), Agent("a", "/srv"), host)  # type: ignore[arg-type]
        found.append(Prepared(target, desired, (asked,), there, due))
    return found


def test_the_events_of_a_run_are_read_once_for_all_hosts() -> None:
    hosts = fleet(50)
    aliases = [f"host-{number + 1}" for number in range(50)]
    step: Any = {"id": "package:git", "status": "failed", "current": None, "reason": "boom"}
    events = CountedEvents([Event("step", alias, "Install", step=step) for alias in aliases])
    run = HostsRun(frozenset(aliases), RunResult("finished", True, frozenset(aliases), events))
    CountedEvents.readings.clear()

    report = apply_report(hosts, "apply", run)
    next_attempts(hosts, run, report, 1.0, lambda _host, _line: None)

    assert [host.outcomes[0].reason for host in report.hosts] == ["boom"] * 50
    assert len(CountedEvents.readings) <= 4


class Waiting:
    """A connection on which a script runs until it is stopped."""

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def stop(self) -> None:
        self.stopped.set()


def test_all_hosts_are_asked_at_the_same_time_and_answer_in_their_order() -> None:
    together = threading.Barrier(32)

    def ask(number: int) -> int:
        together.wait(60)
        return number

    assert at_once(ask, range(32), []) == list(range(32))


def test_a_signal_stops_what_runs_on_all_hosts_and_asks_no_further_one() -> None:
    connections: list[Any] = [Waiting() for _ in range(200)]
    asked: list[int] = []
    are_busy = threading.Barrier(32)

    def ask(number: int) -> None:
        asked.append(number)
        if number < 32:
            are_busy.wait(60)
        if number == 0:
            raise KeyboardInterrupt  # as the main thread raises it while it waits for the first answer
        assert connections[number].stopped.wait(60)
        raise HostStoppedError("stopped", remedy="Run again.")

    fleet_of: list[Connection] = connections
    with pytest.raises(KeyboardInterrupt):
        at_once(ask, range(200), fleet_of)

    assert all(each.stopped.is_set() for each in connections)
    assert len(asked) <= 64
