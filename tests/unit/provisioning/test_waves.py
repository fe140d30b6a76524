"""Which hosts are begun when, and what becomes of those that are not."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from mngr_ansible.diff.outcome import Status
from mngr_ansible.errors import HostError, MngrAnsibleError
from mngr_ansible.host.connection import stopped
from mngr_ansible.inputs.fleet import build_fleet
from mngr_ansible.provisioning import waves
from mngr_ansible.provisioning.reporting import apply_report
from mngr_ansible.provisioning.request import Dialog, Prepared, Target, build_request
from mngr_ansible.provisioning.waves import Story, Waves
from mngr_ansible.report.report import HostReport, Interrupted, Report
from mngr_ansible.system.signals import Terminated, terminate_gracefully
from mngr_ansible.values import replace
from tests.support.builders import compared, contribution, plan, state

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mngr_ansible.run.runner import RunStop

WAITS = 60
"""Seconds after which a test fails that waits for what never comes."""


class Host:
    """A host that can be dead, or silent until it is let go or stopped."""

    is_local = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.stopped = threading.Event()
        self.is_silent = False
        self.answers = threading.Event()

    def stop(self) -> None:
        self.stopped.set()
        self.answers.set()


class Scene:
    """Hosts, and what is done with them: in which order they were begun, changed and ended."""

    def __init__(self, count: int, **options: Any) -> None:
        asked = contribution("codex", "git")
        self.connections = [Host(f"h{number + 1}") for number in range(count)]
        self.gathered = [
            Prepared(Target(each.name, each, None, None), plan(asked), (asked,))  # type: ignore[arg-type]
            for each in self.connections
        ]
        there = state(findings={"git": "missing"})
        self._found = there, compared(self.gathered[0].plan, there)
        self.request = replace(build_request(), fleet=build_fleet(**options))
        self.dead: set[str] = set()
        self.failing: set[str] = set()
        self.idle: set[str] = set()
        self.looked: list[str] = []
        self.changed: list[list[str]] = []
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.lines: list[tuple[str, str]] = []
        self.most_at_once = 0
        self._at_once: set[str] = set()
        self._lock = threading.Lock()
        self.during: Callable[[Sequence[str], Callable[[str], None], RunStop], None] = lambda _names, _over, _stop: None

    def host(self, number: int) -> Host:
        return self.connections[number - 1]

    def run(self) -> Report:
        dialog = Dialog(lambda host, line: self.lines.append((host, line)))
        story = Story(self._look, lambda: self._change, lambda _each: False, list, self._begin, self._end)
        return Waves(self.gathered, self.request, dialog, "apply", story).run()

    def _look(self, each: Prepared) -> Prepared:
        name, connection = each.target.name, self.connections[int(each.target.name[1:]) - 1]
        with self._lock:
            self.looked.append(name)
            self._at_once.add(name)
            self.most_at_once = max(self.most_at_once, len(self._at_once))
        if connection.is_silent:
            assert connection.answers.wait(WAITS)
        if connection.stopped.is_set():
            return replace(each, error=stopped(name))
        if name in self.dead:
            self._at_once.discard(name)
            return replace(each, error=HostError("connection refused", remedy="Start it.", host=name))
        there, due = self._found
        if name in self.idle:
            self._at_once.discard(name)
            there = state(findings={"git": "ok"})
            due = compared(each.plan, there)
        return replace(each, state=there, due=due)

    def _change(
        self,
        prepared: Sequence[Prepared],
        request: Any,
        dialog: Dialog,
        command: str,
        *,
        stop: RunStop,
        on_over: Callable[[Prepared, HostReport | None], None] | None,
    ) -> Report:
        names = [each.target.name for each in prepared]
        with self._lock:
            self.changed.append(names)
        by_name = {each.target.name: each for each in prepared}

        def over(name: str) -> None:
            with self._lock:
                self._at_once.discard(name)
            if on_over is not None:
                host = apply_report([by_name[name]], command, None).hosts[0]
                on_over(by_name[name], self._done(host, stop))

        self.during(names, over, stop)
        with self._lock:
            self._at_once.difference_update(names)
        report = apply_report(prepared, command, None)
        hosts = (self._done(host, stop) for host in report.hosts)
        return replace(report, hosts=tuple(hosts))

    def _done(self, host: HostReport, stop: RunStop) -> HostReport:
        status = Status.UNKNOWN if stop.is_set else Status.FAILED if host.host in self.failing else Status.CHANGED
        return replace(host, outcomes=tuple(replace(each, status=status) for each in host.outcomes))

    def _begin(self, each: Prepared) -> None:
        self.begun.append(each.target.name)

    def _end(self, each: Prepared, host: HostReport) -> HostReport:
        self.ended.append(each.target.name)
        return host


def statuses(report: Report) -> str:
    """The statuses of the hosts' steps, in words."""
    return " ".join(",".join(str(step.status) for step in host.outcomes) for host in report.hosts)


def test_hosts_that_answer_are_changed_in_one_wave_and_reported_in_their_order() -> None:
    scene = Scene(5)
    report = scene.run()
    assert (len(scene.changed), sorted(scene.changed[0])) == (1, ["h1", "h2", "h3", "h4", "h5"])
    assert [host.host for host in report.hosts] == ["h1", "h2", "h3", "h4", "h5"]
    assert report.ok
    assert report.notices == ()


def test_a_host_that_is_silent_delays_no_other_and_comes_with_a_later_wave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waves, "LATE_SECONDS", 0.05)
    scene = Scene(3)
    scene.host(2).is_silent = True
    scene.during = lambda names, _over, _stop: ("h1" in names and scene.host(2).answers.set()) or None
    report = scene.run()
    assert [sorted(each) for each in scene.changed] == [["h1", "h3"], ["h2"]]
    assert report.ok


def test_a_wave_that_hangs_on_a_host_delays_no_other_wave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waves, "LATE_SECONDS", 0.05)
    scene, is_last_done = Scene(6, forks=3), threading.Event()

    def during(names: Sequence[str], over: Callable[[str], None], _stop: RunStop) -> None:
        for name in names:
            if name != "h1":
                over(name)
        if "h1" in names:
            assert is_last_done.wait(WAITS)
        if "h6" in names:
            is_last_done.set()

    scene.during = during
    report = scene.run()
    assert statuses(report) == " ".join(["changed"] * 6)
    assert scene.most_at_once <= 3


def test_the_report_of_a_host_waits_for_no_other_host_of_its_wave() -> None:
    scene, are_ended = Scene(3), threading.Event()

    def during(_names: Sequence[str], over: Callable[[str], None], _stop: RunStop) -> None:
        for name in ("h1", "h3"):
            over(name)
        assert are_ended.wait(WAITS)

    def tell(_host: str, line: str) -> None:
        if line.startswith("done in ") and sorted(scene.ended) == ["h1", "h3"]:
            are_ended.set()

    scene.during, scene.lines = during, _Calling(tell)  # type: ignore[assignment]
    report = scene.run()
    assert report.ok
    assert sorted(scene.ended) == ["h1", "h2", "h3"]


def test_what_goes_wrong_after_the_last_step_of_a_host_is_in_its_report() -> None:
    scene = Scene(2)

    def during(_names: Sequence[str], over: Callable[[str], None], _stop: RunStop) -> None:
        over("h1")
        scene.failing = {"h1"}

    scene.during = during
    assert statuses(scene.run()) == "failed changed"


def test_not_more_hosts_are_begun_at_once_than_were_asked_for() -> None:
    scene = Scene(20, forks=4)
    report = scene.run()
    assert report.ok
    assert scene.most_at_once <= 4
    assert max(map(len, scene.changed)) <= 4


def test_what_shares_a_place_is_worked_on_one_after_another_and_holds_up_nobody_else() -> None:
    scene, is_last_done = Scene(5), threading.Event()
    places = ["one", "one", "two", "two", "two"]
    scene.gathered = [
        replace(each, target=replace(each.target, place=place))
        for each, place in zip(scene.gathered, places, strict=True)
    ]

    def during(names: Sequence[str], over: Callable[[str], None], _stop: RunStop) -> None:
        assert len({places[int(name[1:]) - 1] for name in names}) == len(names)
        if "h3" in names:
            over("h3")
        if "h1" in names:
            assert is_last_done.wait(WAITS)
        if "h5" in names:
            is_last_done.set()

    scene.during = during
    report = scene.run()
    assert statuses(report) == " ".join(["changed"] * 5)
    assert [sorted(each) for each in scene.changed] == [["h1", "h3"], ["h4"], ["h5"], ["h2"]]


def test_of_a_place_the_next_one_is_begun_where_one_has_failed() -> None:
    scene = Scene(3)
    scene.gathered = [replace(each, target=replace(each.target, place="one")) for each in scene.gathered]
    scene.dead, scene.idle = {"h1"}, {"h2"}
    assert statuses(scene.run()) == "not-reached ok changed"
    assert scene.looked == ["h1", "h2", "h3"]


def test_a_dead_host_is_told_when_it_is_known_and_stops_no_other() -> None:
    scene = Scene(3)
    scene.dead = {"h2"}
    report = scene.run()
    assert statuses(report) == "changed not-reached changed"
    assert ("h2", "warning: connection refused. The other hosts go on.") in scene.lines
    assert [str(error.problem) for error in report.all_errors] == ["connection refused"]


def test_a_host_with_nothing_to_change_is_over_without_a_wave() -> None:
    scene = Scene(3)
    scene.idle = {"h1", "h2", "h3"}
    assert statuses(scene.run()) == "ok ok ok"
    assert (scene.changed, sorted(scene.begun), sorted(scene.ended)) == ([], ["h1", "h2", "h3"], ["h1", "h2", "h3"])


@pytest.mark.parametrize(("canary", "first"), [(1, 1), ("10%", 2), ("100%", 12), (3, 3)])
def test_canaries_end_before_any_other_host_is_looked_at(canary: object, first: int) -> None:
    scene = Scene(12, canary=canary)
    seen: list[int] = []
    scene.during = lambda _names, _over, _stop: seen.append(len(scene.looked))
    report = scene.run()
    assert report.ok
    assert seen[0] == first
    assert len(scene.looked) == 12


@pytest.mark.parametrize("fate", ["dead", "failing"])
def test_where_a_canary_does_not_end_as_planned_no_other_host_is_looked_at(fate: str) -> None:
    scene = Scene(12, canary=2)
    setattr(scene, fate, {"h1"})
    report = scene.run()
    assert sorted(scene.looked) == ["h1", "h2"]
    assert statuses(report).split() == [
        "not-reached" if fate == "dead" else "failed",
        "changed",
        *["not-reached"] * 10,
    ]
    assert report.notices == ("the canary h1 did not end as planned: h3, h4, h5 and 7 more were not begun",)
    assert [error.host for error in report.all_errors] == (["h1"] if fate == "dead" else [])


def test_when_more_hosts_have_failed_than_are_allowed_no_further_one_is_begun() -> None:
    scene = Scene(10, forks=2, max_fail_percentage=20)
    scene.failing = {"h1", "h2", "h4"}
    report = scene.run()
    assert statuses(report).split() == ["failed", "failed", "changed", "failed", *["not-reached"] * 6]
    assert report.notices == ("3 of 10 hosts failed, more than 20 %: h5, h6, h7 and 3 more were not begun",)
    assert sorted(scene.looked) == ["h1", "h2", "h3", "h4"]


def test_a_failure_counts_as_soon_as_it_is_known_although_its_wave_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waves, "LATE_SECONDS", 0.05)
    scene = Scene(6, forks=2, max_fail_percentage=0)
    scene.failing = {"h2"}

    def during(_names: Sequence[str], over: Callable[[str], None], _stop: RunStop) -> None:
        over("h2")
        threading.Event().wait(0.5)  # others could be begun now

    scene.during = during
    assert statuses(scene.run()).split() == ["changed", "failed", *["not-reached"] * 4]
    assert sorted(scene.looked) == ["h1", "h2"]


def test_as_many_failures_as_are_allowed_stop_nothing() -> None:
    scene = Scene(10, forks=2, max_fail_percentage=20)
    scene.failing = {"h1", "h2"}
    report = scene.run()
    assert statuses(report).split() == ["failed", "failed", *["changed"] * 8]
    assert report.notices == ()


def test_hosts_that_are_only_looked_at_are_left_when_too_many_have_failed() -> None:
    scene = Scene(3, max_fail_percentage=0)
    scene.host(3).is_silent = True
    scene.dead = {"h1"}
    report = scene.run()
    assert statuses(report) == "not-reached not-reached not-reached"
    assert scene.changed == []
    assert report.notices == ("1 of 3 hosts failed, more than 0 %: h2, h3 were not begun",)


def test_a_signal_ends_waves_and_inspections_and_says_of_each_host_what_it_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waves, "LATE_SECONDS", 0.05)
    scene = Scene(6, forks=4)
    scene.host(4).is_silent = True
    scene.idle = {"h3"}

    def during(_names: Sequence[str], _over: Callable[[str], None], stop: RunStop) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        until = threading.Event()
        while not stop.is_set:
            until.wait(0.01)

    scene.during = during
    with pytest.raises(Interrupted) as stop:
        scene.run()
    found = dict(zip([host.host for host in stop.value.report.hosts], statuses(stop.value.report).split(), strict=True))
    begun = {name for wave in scene.changed for name in wave}
    assert begun >= {"h1", "h2"}
    assert "h4" not in begun
    assert found == {each: "unknown" if each in begun else "ok" if each == "h3" else "not-reached" for each in found}
    assert stop.value.report.notices == ()
    assert stop.value.report.all_errors == ()


def test_one_more_signal_takes_the_hosts_from_a_wave_that_takes_its_time_to_end() -> None:
    scene = Scene(3)

    def interrupt() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def during(_names: Sequence[str], _over: Callable[[str], None], stop: RunStop) -> None:
        interrupt()
        while not stop.is_set:
            threading.Event().wait(0.01)
        while not scene.host(1).stopped.is_set():  # as if it cleaned up there
            interrupt()
            threading.Event().wait(0.05)

    scene.during = during
    with pytest.raises(Interrupted) as stop:
        scene.run()
    assert statuses(stop.value.report) == "unknown unknown unknown"


class _Calling(list[tuple[str, str]]):
    def __init__(self, tell: Callable[[str, str], None]) -> None:
        super().__init__()
        self._tell = tell

    def append(self, line: tuple[str, str]) -> None:
        self._tell(*line)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_somebody_swallowed_ends_the_command_all_the_same(number: signal.Signals) -> None:
    scene = Scene(3)
    scene.host(3).is_silent = True
    scene.dead = {"h1"}

    def swallowing(_host: str, _line: str) -> None:
        with suppress(BaseException):
            signal.raise_signal(number)

    scene.lines = _Calling(swallowing)  # type: ignore[assignment]
    with terminate_gracefully(), pytest.raises((KeyboardInterrupt, Terminated)):
        scene.run()
    assert (scene.changed, scene.host(3).stopped.is_set()) == ([], True)


def test_what_two_signals_at_once_break_is_the_end_by_a_signal() -> None:
    scene = Scene(2)
    scene.dead = {"h1"}

    def breaking(_host: str, _line: str) -> None:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise RuntimeError("release unlocked lock")  # as Event.wait does then

    scene.lines = _Calling(breaking)  # type: ignore[assignment]
    with terminate_gracefully(), pytest.raises(KeyboardInterrupt):
        scene.run()


def test_a_host_whose_ssh_got_the_signal_too_is_not_to_blame() -> None:
    scene = Scene(4)
    scene.idle = {"h2"}
    scene.host(1).is_silent = scene.host(3).is_silent = scene.host(4).is_silent = True

    def stop(host: str, _line: str) -> None:
        if host == "h2":
            scene.dead = {"h1", "h4"}  # their ssh ends by the signal
            signal.raise_signal(signal.SIGINT)

    scene.lines = _Calling(stop)  # type: ignore[assignment]
    for each in (scene.host(1), scene.host(4)):
        each.stop = each.answers.set  # type: ignore[method-assign]
    with terminate_gracefully(), pytest.raises(Interrupted) as stopped_run:
        scene.run()
    report = stopped_run.value.report
    assert (statuses(report), report.all_errors) == ("not-reached ok not-reached not-reached", ())
    assert report.stopped_words == "stopped; nothing was changed"


def test_a_signal_before_the_first_wave_leaves_as_it_is() -> None:
    scene = Scene(3)
    scene.host(3).is_silent = True
    scene.dead = {"h1"}

    def interrupted(host: str, _line: str) -> None:
        raise KeyboardInterrupt

    scene.lines = _Calling(interrupted)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        scene.run()
    assert scene.host(3).stopped.is_set()


def test_where_ansible_cannot_be_started_at_all_that_is_raised() -> None:
    scene = Scene(3)

    def during(*_: object) -> None:
        raise MngrAnsibleError("no disk", remedy="Free some.")

    scene.during = during
    with pytest.raises(MngrAnsibleError, match="no disk"):
        scene.run()


def test_a_later_wave_that_cannot_be_run_is_an_error_and_leaves_its_hosts_alone() -> None:
    scene = Scene(4, forks=2)

    def during(names: Sequence[str], *_: object) -> None:
        if "h3" in names:
            raise MngrAnsibleError("no disk", remedy="Free some.")

    scene.during = during
    report = scene.run()
    assert statuses(report) == "changed changed not-reached not-reached"
    assert [error.problem for error in report.errors] == ["no disk"]
    assert not report.ok
