"""Which hosts are begun when: canaries first, so many at once, and in waves, so that nobody waits for a slow host.

A host is *begun* when it is looked at, and *over* when nothing more is done on it. What has to change is done by waves
of hosts (:mod:`mngr_ansible.provisioning.wave`): a start of Ansible costs as much as several hosts. A wave begins when
all that are begun were looked at, or when those that are missing are late; they come with a later one. Waves go on side
by side. Source: docs/contract.md "Fleets".
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

from mngr_ansible.errors import MngrAnsibleError
from mngr_ansible.host.connection import HostStoppedError
from mngr_ansible.provisioning.at_once import MOST, hosts_at_once
from mngr_ansible.provisioning.reporting import apply_report
from mngr_ansible.provisioning.request import Dialog, Prepared, Request
from mngr_ansible.provisioning.tally import Tally
from mngr_ansible.report.progress import ProgressCallback, failed_early, summary
from mngr_ansible.report.report import HostReport, Interrupted, Report
from mngr_ansible.system.signals import AWAKE_SECONDS, signal_that_came, signals_held, signals_ignored
from mngr_ansible.values import frozen, replace

if TYPE_CHECKING:
    from mngr_ansible.run.runner import RunStop

LATE_SECONDS = 2.0
"""A host is late when for so long no other one has answered; those that wait for it begin without it."""


class RunWave(Protocol):
    """What changes hosts: :func:`mngr_ansible.provisioning.wave.run_wave`."""

    def __call__(
        self,
        prepared: Sequence[Prepared],
        request: Request,
        dialog: Dialog,
        command: str,
        *,
        stop: "RunStop",
        on_over: Callable[[Prepared, HostReport | None], None] | None,
    ) -> Report: ...


@frozen
class Story:
    """What is done with each host. Only ``look`` and ``change`` are called in threads.

    Attributes:
        look: inspects a host.
        change: gives the function that changes hosts; it is called when that is needed, and not before.
        has_question: whether ``ask`` would ask a person something about it.
        ask: asks about these hosts; the value has them in the same order.
        begin: is called before something is changed on a host.
        end: completes the report of a host.
    """

    look: Callable[[Prepared], Prepared]
    change: Callable[[], RunWave]
    has_question: Callable[[Prepared], bool]
    ask: Callable[[Sequence[Prepared]], Sequence[Prepared]]
    begin: Callable[[Prepared], None]
    end: Callable[[Prepared, HostReport], HostReport]


class _Wave:
    """A wave that goes on: its hosts, which of them are not over, and how it is ended."""

    def __init__(self, hosts: Sequence[int], stop: "RunStop") -> None:
        self.hosts, self.stop = hosts, stop
        self.open = set(hosts)


class Waves:
    """The hosts of one command, until each has its report: who is begun, and who waits for whom.

    What became of those that are over is in a :class:`mngr_ansible.provisioning.tally.Tally`.

    Attributes:
        hosts: all of them, as far as they were inspected.
        tell: gives a host's name and a line to the person; threads may call it at once.
    """

    def __init__(self, hosts: Sequence[Prepared], request: Request, dialog: Dialog, command: str, story: Story) -> None:
        self.hosts = list(hosts)
        self._request, self._command, self._story = request, command, story
        self.tell = _one_at_a_time(dialog.on_progress)
        self._dialog = replace(dialog, on_progress=self.tell)
        self._fleet = request.fleet
        self._most = self._fleet.forks or MOST
        self._most_looks = hosts_at_once(self._fleet.forks)
        self._events: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._going_on: list[threading.Event] = []
        """Set when a thread has done its work. Not ``Thread.join``: a signal makes it forget that the thread runs."""
        self._waiting: deque[int] = deque()
        self._batch: deque[int] = deque()
        self._busy: dict[str, int] = {}
        self._looking: set[int] = set()
        self._ready: list[int] = []
        self._waves: list[_Wave] = []
        self._unfinished: deque[int] = deque()
        self._tally = Tally(self.hosts, request.fleet)
        self._is_over = False
        self._has_finished = False
        self._begun = 0
        self._has_more = False
        self._started = time.monotonic() - max(each.spent for each in hosts)
        self._latest = time.monotonic()

    def run(self, *, are_inspected: bool = False) -> Report:
        """Take every host to its end; the report has them in their order.

        ``are_inspected``: the hosts were looked at already.

        Raises:
            MngrAnsibleError: nothing could be run, and no host was changed.
            Interrupted: a signal came after the first host could have been changed.
            BaseException: a signal before that, or what one of the functions of the story raised.
        """
        canaries = self._fleet.first(len(self.hosts))
        try:
            for group in (range(canaries), range(canaries, len(self.hosts))):
                self._has_more = group.stop < len(self.hosts)
                self._waiting.extend(group)
                if are_inspected:
                    self._ready.extend(self._waiting)
                    self._waiting.clear()
                self._go()
                if self._fleet.canary is not None and group.start == 0 and (why := self._tally.bad_canaries(group)):
                    self._close(why)
            return self._report()
        except BaseException as stop:
            self._stop()
            signal = stop.signal if isinstance(stop, Interrupted) else signal_that_came() or stop
            if isinstance(signal, (KeyboardInterrupt, SystemExit)) and (self._begun or self._has_finished):
                with signals_ignored():
                    report = self._reached()
                raise Interrupted(report, signal) from signal
            if isinstance(stop, Exception) and signal is not stop:  # the signal broke it
                raise signal from stop
            raise

    def _go(self) -> None:
        """Begin hosts and take note of what became of them, until all that may be begun are over."""
        while True:
            with suppress(Empty):
                while True:
                    self._events.get_nowait()()
            if (signal := signal_that_came()) is not None:
                raise signal
            self._begin()
            if not (self._waiting or self._looking or self._ready):
                self._dismiss_ready()
            if self._unfinished:
                self._finish(self._unfinished.popleft())
            elif self._looking or self._waves:
                with suppress(Empty):
                    self._events.get(timeout=self._patience())()
            elif not self._ready and (self._is_over or not self._waiting) and self._events.empty():
                return

    def _held(self) -> int:
        """How many hosts are begun and not over."""
        return len(self._batch) + len(self._looking) + len(self._ready) + sum(len(each.open) for each in self._waves)

    def _begin(self) -> None:
        """Begin what can be begun: inspections in batches, since their hosts are to change in one wave."""
        if self._is_over:
            for index in (*self._batch, *self._ready):
                self._leave(index)
            self._batch.clear()
            self._ready.clear()
            return
        free = self._most - self._held()
        startable = self._startable()
        batch = min(len(startable), self._most - self._most // 2)
        if startable and free > 0 and (free >= batch or self._is_late()):
            chosen = startable[:free]
            self._batch.extend(chosen)
            self._busy |= {place: index for index in chosen if (place := self.hosts[index].target.place)}
            self._waiting = deque(each for each in self._waiting if each not in set(chosen))
        while self._batch and len(self._looking) < self._most_looks:
            index = self._batch.popleft()
            self._looking.add(index)
            self._latest = time.monotonic()
            self._in_background(lambda index=index: self._look(index))  # type: ignore[misc]
        if self._ready and not self._looking:
            self._begin_wave(self._ready)
        elif self._is_late() and (unasked := [each for each in self._ready if not self._has_question(each)]):
            self._begin_wave(unasked)

    def _startable(self) -> list[int]:
        """The waiting hosts that may be begun: of those that share a place one after another."""
        first: dict[str | int, int] = {}
        for index in self._waiting:
            place = self.hosts[index].target.place
            if place not in self._busy:
                first.setdefault(place or index, index)
        return list(first.values())

    def _free_place(self, index: int) -> None:
        """The host is over: the next one of its place may be begun."""
        place = self.hosts[index].target.place
        if self._busy.get(place) == index:
            del self._busy[place]

    def _has_question(self, index: int) -> bool:
        return self._story.has_question(self.hosts[index])

    def _is_late(self) -> bool:
        return time.monotonic() - self._latest >= LATE_SECONDS

    def _patience(self) -> float:
        """How long to wait for news."""
        can_begin = self._startable() or (self._ready and self._looking)
        if self._is_over or not can_begin or self._is_late():
            return AWAKE_SECONDS
        return min(AWAKE_SECONDS, max(0.0, self._latest + LATE_SECONDS - time.monotonic()))

    def _in_background(self, work: Callable[[], Callable[[], None]]) -> None:
        """Do this in a thread, and what it returns in this one. A single host needs no thread."""
        if len(self.hosts) == 1:
            self._events.put(work())
            return
        is_done = threading.Event()

        def do() -> None:
            try:
                self._events.put(work())
            finally:
                is_done.set()

        with signals_held():
            self._going_on = [each for each in self._going_on if not each.is_set()]
            self._going_on.append(is_done)
            threading.Thread(target=do, daemon=True).start()

    def _look(self, index: int) -> Callable[[], None]:
        try:
            inspected = self._story.look(self.hosts[index])
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            return _raising(error)
        return lambda: self._looked(index, inspected)

    def _looked(self, index: int, inspected: Prepared) -> None:
        self._looking.discard(index)
        self._latest = time.monotonic()
        self._dialog.at(inspected.target.name, "waiting")
        if isinstance(inspected.error, HostStoppedError) or (inspected.error and signal_that_came()):  # ssh got it too
            self._leave(index)
            return
        self.hosts[index] = inspected
        if inspected.error is not None:
            if len(self.hosts) > 1 and not self._is_over:
                self.tell(inspected.target.name, failed_early(inspected.error, is_canary=self._has_more))
            self._leave_as_it_is(index)
        elif inspected.is_to_run or self._has_question(index):
            self._ready.append(index)
        else:
            self._story.begin(inspected)
            self._leave_as_it_is(index)

    def _begin_wave(self, indices: Sequence[int]) -> None:
        """Ask about these hosts, then change what has to change on them; the others are over."""
        indices = sorted(indices)
        self._ready = [each for each in self._ready if each not in indices]
        asked = self._story.ask([self.hosts[index] for index in indices])
        spent = time.monotonic() - self._started
        for index, each in zip(indices, asked, strict=True):
            self.hosts[index] = replace(each, spent=spent)
        self._latest = time.monotonic()
        for index in indices:
            self._story.begin(self.hosts[index])
        changing = [index for index in indices if self.hosts[index].is_to_run]
        for index in indices:
            if index not in changing:
                self._leave_as_it_is(index)
        if changing:
            from mngr_ansible.run.runner import RunStop

            wave, request = _Wave(changing, RunStop()), self._request
            self._request = replace(request, ready=None)
            self._waves.append(wave)
            self._begun += 1
            self._in_background(lambda: self._run(wave, request))

    def _run(self, wave: _Wave, request: Request) -> Callable[[], None]:
        hosts = [self.hosts[index] for index in wave.hosts]
        numbers = {id(each): index for each, index in zip(hosts, wave.hosts, strict=True)}

        def over(each: Prepared, report: HostReport | None) -> None:
            self._events.put(lambda: self._over(wave, numbers.get(id(each)), report))

        on_over = over if len(self.hosts) > 1 else None
        try:
            report = self._story.change()(hosts, request, self._dialog, self._command, stop=wave.stop, on_over=on_over)
        except Interrupted as stop:
            return self._interrupted(wave, stop)
        except MngrAnsibleError as error:
            return lambda broken=error: self._broken(wave, broken)  # type: ignore[misc]
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            return _raising(error)
        return lambda: self._ran(wave, report)

    def _over(self, wave: _Wave, index: int | None, report: HostReport | None) -> None:
        if index is None or index not in wave.open:
            return
        wave.open.discard(index)
        self._free_place(index)
        self._latest = time.monotonic()
        if report is not None and report.ok:
            self._end(index, report)
        elif report is not None:  # it is told with those of its wave
            self._count_failure(index)

    def _ran(self, wave: _Wave, report: Report) -> None:
        self._waves.remove(wave)
        self._latest = time.monotonic()
        for index, host in zip(wave.hosts, report.hosts, strict=True):
            if index not in self._tally.reports:
                self._end(index, host)
            elif not host.ok:  # it went wrong after all
                self._take(index, host)

    def _interrupted(self, wave: _Wave, stop: Interrupted) -> Callable[[], None]:
        def take() -> None:
            self._waves.remove(wave)
            ended = zip(wave.hosts, stop.report.hosts, strict=True)
            self._tally.reports = {**dict(ended), **self._tally.reports}
            raise stop

        return take

    def _broken(self, wave: _Wave, error: MngrAnsibleError) -> None:
        """A wave could not be run at all. Where others could, only its hosts are concerned."""
        if self._begun == 1:
            raise error
        self._tally.errors.append(error)
        self._ran(wave, apply_report([self.hosts[index] for index in wave.hosts], self._command, None))

    def _leave_as_it_is(self, index: int) -> None:
        """A host on which nothing is to be changed is over."""
        self._end(index, apply_report([self.hosts[index]], self._command, None).hosts[0])

    def _end(self, index: int, host: HostReport) -> None:
        """Take note of a host that is over; its report is completed when there is time."""
        self._free_place(index)
        self._unfinished.append(index)
        self._take(index, host)

    def _finish(self, index: int) -> None:
        self._has_finished = True
        host = self._story.end(self.hosts[index], self._tally.reports[index])
        self.tell(host.host, summary(host, time.monotonic() - self._started))
        self._take(index, host)

    def _leave(self, index: int) -> None:
        """Report a host that is not begun any more, or on which nothing was changed yet."""
        self._free_place(index)
        self._tally.leave(index, self._command)
        self._dialog.over(self.hosts[index].target.name, is_ok=False)

    def _take(self, index: int, host: HostReport) -> None:
        """Keep the report of a host."""
        self._tally.reports[index] = host
        self._dialog.over(host.host, is_ok=host.ok)
        if not host.ok:
            self._count_failure(index)

    def _count_failure(self, index: int) -> None:
        """Begin no further host where too many have failed."""
        self._tally.failed.add(index)
        if why := self._tally.too_many_failed():
            self._close(why)

    def _close(self, why: str) -> None:
        """Begin no further host. Those that are only looked at are left; what was begun on others goes on."""
        if self._is_over:
            return
        self._is_over, self._tally.why = True, why
        for index in self._looking:
            self.hosts[index].target.connection.stop()

    def _dismiss_ready(self) -> None:
        """Nothing has to change: the Ansible that waits ends while other things are done."""
        if self._request.ready is not None and not self._has_more:
            self._request.ready.dismiss()
            self._request = replace(self._request, ready=None)

    def _stop(self) -> None:
        """End everything that goes on. One more signal ends it sooner: it takes the hosts from what cleans up there."""
        self._is_over = True
        for index in (*self._looking, *(index for wave in self._waves for index in wave.open)):
            self._dialog.at(self.hosts[index].target.name, "stopping")
        ending = [self.hosts[index].target.connection for index in self._looking]
        while True:
            try:
                for wave in self._waves:
                    wave.stop.set()
                for each in ending:
                    each.stop()
                for is_done in self._going_on:
                    while not is_done.wait(AWAKE_SECONDS):
                        pass
            except (KeyboardInterrupt, SystemExit, RuntimeError) as error:  # two signals at once break Event.wait
                if isinstance(error, RuntimeError) and signal_that_came() is None:
                    raise
                ending = [each.target.connection for each in self.hosts]
            else:
                return

    def _reached(self) -> Report:
        """The report after a stop: first what the waves had to say at their end."""
        while not self._events.empty():
            with suppress(Exception, KeyboardInterrupt, SystemExit, Interrupted):
                self._events.get()()
        return self._report()

    def _report(self) -> Report:
        return self._tally.report(self._command)


def _raising(error: BaseException) -> Callable[[], None]:
    def take() -> None:
        raise error

    return take


def _one_at_a_time(tell: ProgressCallback) -> ProgressCallback:
    """The same, for threads that speak at the same time."""
    lock = threading.Lock()

    def told(host: str, line: str) -> None:
        with lock:
            tell(host, line)

    return told
