"""Lines for people while a command runs: what is missing first, then what it works on, then how each host ended."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Self

from mngr_ansible.diff.due import Due
from mngr_ansible.diff.outcome import DUE, Outcome, Status
from mngr_ansible.diff.python import BOOTSTRAP
from mngr_ansible.errors import MngrAnsibleError
from mngr_ansible.portable.text import one_stop
from mngr_ansible.report.report import HostReport
from mngr_ansible.report.steps import by_reason, status_words

if TYPE_CHECKING:
    from mngr_ansible.plan.transfers import PlacedEntry
    from mngr_ansible.report.work import NewsOfStage, WorkCallback
    from mngr_ansible.run.playbook import Stage
    from mngr_ansible.run.runner import Event

OTHERS_GO_ON = "The other hosts go on."
"""Behind a warning of a host that has failed."""


class Line(str):
    """A line about a host with words that are its own.

    Attributes:
        alike: the line without them, by which lines of several hosts are compared.
    """

    alike: str

    def __new__(cls, text: str, alike: str) -> Self:
        line = super().__new__(cls, text)
        line.alike = alike
        return line


class Ended(str):
    """The line of a host that has ended.

    Attributes:
        is_ok: whether the host is as planned.
        seconds: that it took, which are between the two other parts of the line; None: the line has no time.
        start: what is before the seconds.
        rest: what is behind them.
    """

    is_ok: bool
    seconds: float | None
    start: str
    rest: str

    @classmethod
    def after(cls, seconds: Sequence[float], start: str, rest: str, *, is_ok: bool) -> Self:
        """Of one host, or of several that ended alike, after these seconds."""
        spent = (min(seconds), max(seconds)) if seconds else ()
        words = " to ".join(dict.fromkeys(f"{each:.1f}" for each in spent))
        line = cls(f"{start} {words} s{rest}" if words else f"{start}{rest}")
        line.is_ok, line.seconds, line.start, line.rest = is_ok, seconds[0] if seconds else None, start, rest
        return line


ProgressCallback = Callable[[str, str], None]
"""Gets progress and warnings: a host's name and a line."""


class GoingOn:
    """Which hosts have failed so far: that others go on is not said where there are none."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts, self._failed = frozenset(hosts), set[str]()

    def line(self, hosts: Iterable[str], line: str) -> str:
        """The line of these hosts, without :data:`OTHERS_GO_ON` as soon as all have failed."""
        if not line.endswith(OTHERS_GO_ON):
            return line
        self._failed.update(hosts)
        return line.removesuffix(OTHERS_GO_ON).rstrip() if self._failed >= self._hosts else line

    def told(self, write: ProgressCallback) -> ProgressCallback:
        """As ``write``, for lines that are told one by one."""
        return lambda host, line: write(host, self.line([host], line))


def announce(
    name: str, due: Due, on_progress: ProgressCallback, *, is_summed_up: bool = False, has_display: bool = False
) -> None:
    """Say of every package that is missing or too old what becomes of it, then what is copied and deleted.

    Only what is not installed is a warning. ``is_summed_up``: one line has named what is installed already.
    ``has_display``: what is installed and copied is shown while it is done. Source: docs/contract.md "Hooks".
    """
    installed = {each.requirement.id for each in due.installs} | ({BOOTSTRAP} if due.needs_python else set())
    for outcome in due.outcomes:
        if outcome.kind in ("bootstrap", "package") and outcome.status in DUE:
            if outcome.id in installed:
                if is_summed_up or has_display:
                    continue
                origin = f" from {outcome.source}" if outcome.source else ""
                on_progress(name, f"{described(outcome)}; installing it{origin}")
            else:
                on_progress(name, f"warning: {described(outcome)}")
    optional = [each for each in due.outcomes if each.status is Status.BLOCKED and not each.is_required]
    for reason, names, kind in by_reason(optional):
        verb, done = "are" if len(names) > 1 else "is", "copied" if kind == "file" else "installed"
        on_progress(name, f"warning: {', '.join(names)} {verb} optional and cannot be {done}: {reason}")
    if (files := copying(due)) and not has_display and not due.is_python_advised:
        on_progress(name, files)
    for each in due.transfers:
        deleted = [placed for placed in each.entries if placed.entry.kind == "absent"]
        if deleted and not due.is_python_advised:
            named = ", ".join(placed.entry.relative for placed in deleted[:3]) + (", …" if len(deleted) > 3 else "")
            verb = "renaming to backups" if deleted[0].options.if_exists == "backup" else "deleting"
            on_progress(name, f"{verb} in {each.transfer.destination}: {len(deleted)} ({named})")


class Follower:
    """Takes the events of a run: tells of warnings, and what each host has come to.

    A stage's turn comes when every step before it has been reported by its id and the playbook goes on. That may be
    at another time on each host: only those are looked at of which something was reported.
    """

    def __init__(
        self,
        names: Mapping[str, str],
        dues: Mapping[str, Due],
        on_progress: ProgressCallback,
        *,
        is_verbose: bool,
        on_work: "WorkCallback | None" = None,
        news: "NewsOfStage | None" = None,
        note: Callable[[str, str], None] | None = None,
        on_steps: Callable[[int, int], None] | None = None,
    ) -> None:
        """Nothing is told yet.

        Args:
            names: what the user calls the hosts, by alias.
            dues: what is to change on the hosts of the run, by alias.
            on_progress: gets the lines.
            is_verbose: report every event.
            on_work: gets what each host is at; None: that is told in lines.
            news: how far a stage of a host is.
            note: gets what each host is at, in words, besides.
            on_steps: gets how many steps of all hosts are done, and how many there are.
        """
        from mngr_ansible.report.work import StillAtWork
        from mngr_ansible.run.playbook import run_stages

        self._names, self._dues = names, dues
        self._on_progress, self._on_work, self._news, self._note = on_progress, on_work, news, note
        self._on_steps, self._done = on_steps, 0
        self._is_verbose = is_verbose
        self._walks = {alias: _Walk(run_stages(due)) for alias, due in dues.items()}
        self._moved = dict.fromkeys(self._walks)
        self._told: set[tuple[str, str]] = set()
        self._still = StillAtWork(on_progress)

    def __call__(self, event: "Event") -> None:
        """Take an event."""
        host = self._names.get(event.host, "")
        if event.kind == "warning" and event.text:
            self._tell_once(host, event.text, f"warning: {event.text}")
        elif event.kind == "unreachable" and len(self._dues) > 1 and not self._is_verbose:
            self._tell_once(host, event.kind, f"warning: it can no longer be reached. {OTHERS_GO_ON}")
        elif self._is_verbose:
            if event.kind != "task":
                self._on_progress(host, f"{event.kind}: {event.task} {event.text or event.step or ''}".rstrip())
            else:  # it begins on each host by itself
                self._tell_once("", event.task, f"task: {event.task}")
        if event.host in self._walks:
            self._walks[event.host].note(event)
            if self._on_steps is not None:
                self._count(self._on_steps)
            self._moved[event.host] = None
        if event.kind == "task":
            for alias in self._moved:
                self._move(alias)
            self._moved.clear()

    def look(self) -> None:
        """Called now and then while there is no event: tell of what takes long."""
        if self._on_work is None:
            self._still.look()

    def _count(self, on_steps: Callable[[int, int], None]) -> None:
        done = sum(each.done for each in self._walks.values())
        if done != self._done:
            self._done = done
            on_steps(done, sum(each.total for each in self._walks.values()))

    def _tell_once(self, host: str, what: str, line: str) -> None:
        if (host, what) not in self._told:
            self._told.add((host, what))
            self._on_progress(host, one_stop(line))

    def _move(self, alias: str) -> None:
        """Tell what a host has come to, if that is another stage than before."""
        walk, host = self._walks[alias], self._names[alias]
        stage = walk.next_stage()
        if walk.is_over:
            self._still.end(host)
        if stage is None:
            return
        is_files = stage.what == "files"
        text = (copying(self._dues[alias]) or "updating files") if is_files else _installing(stage)
        self._still.begin(host, text)
        if self._note is not None:
            self._note(host, text)
        if self._on_work is not None:
            from mngr_ansible.report.work import Work

            news, is_of_host = (None, False) if self._news is None else self._news(alias, stage.what)
            self._on_work(host, Work(text, news, is_of_host))
        elif not is_files:  # that is told before the run
            self._on_progress(host, text)


def copying(due: Due) -> str:
    """What is copied to a host: ``copying 3 files (14 kB)``; empty where nothing is."""
    files = _files(due)
    count = "1 file" if len(files) == 1 else f"{len(files)} files"
    return f"copying {count} ({bytes_text(sum(placed.entry.size for placed in files))})" if files else ""


def _files(due: Due) -> "list[PlacedEntry]":
    return [placed for each in due.transfers for placed in each.entries if placed.entry.kind in ("file", "link")]


class _Walk:
    """How far one host is in its stages.

    Attributes:
        is_over: whether nothing more is to come, as far as was seen at the last look.
    """

    def __init__(self, stages: "Sequence[Stage]") -> None:
        self._stages = list(stages)
        self._reported: set[str] = set()
        self._announced: Stage | None = None
        self._has_failed = self.is_over = False

    def note(self, event: "Event") -> None:
        """Take note of a step that was reported, or of the host's end."""
        if event.step is not None:
            self._reported.add(str(event.step["id"]))
        elif event.kind in ("failed", "unreachable"):
            self._has_failed = True

    @property
    def total(self) -> int:
        """How many steps it has."""
        return sum(len(each.ids) for each in self._stages)

    @property
    def done(self) -> int:
        """Of how many of them something was reported."""
        return sum(each in self._reported for stage in self._stages for each in stage.ids)

    def next_stage(self) -> "Stage | None":
        """The stage that the host has come to, once; None where that is none, or was announced already."""
        current = next((each for each in self._stages if not self._reported.issuperset(each.ids)), None)
        self.is_over = self._has_failed or current is None
        if self.is_over or current == self._announced:
            return None
        self._announced = current
        return current


def _installing(stage: "Stage") -> str:
    names = ", ".join(stage.names)
    if stage.what == "python3":
        return "installing python3"
    return f"downloading: {names}" if stage.what == "downloads" else f"installing with {stage.what}: {names}"


def bytes_text(size: int) -> str:
    """A number of bytes for people: ``14 kB``, ``88.1 MB``."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def described(outcome: Outcome, status: Status | None = None) -> str:
    """A package step as a sentence: ``node is too old (found 18.19.1, codex needs >=20: runs the agent)``.

    ``status`` replaces its own, for a step whose status no longer says what was found.
    """
    words = status_words(status or outcome.status)
    facts = [f"found {outcome.current}"] if outcome.current else []
    return f"{outcome.name} is {words} ({', '.join([*facts, _needed(outcome)])})"


def _needed(outcome: Outcome) -> str:
    """Who needs which versions, and what for."""
    plugins = ", ".join(outcome.plugins)
    verb = "need" if len(outcome.plugins) > 1 else "needs"
    is_for_one = len(outcome.plugins) == 1 and outcome.reason.startswith(f"{plugins}: ")
    purpose = f": {outcome.reason.partition(': ')[2]}" if is_for_one else ""
    if outcome.wanted in (None, "any"):
        return f"needed by {plugins}{purpose}"
    return f"{plugins} {verb} {outcome.wanted}{purpose}"


def summary(report: HostReport, seconds: float) -> Ended:
    """How one host ended, in a line; ``seconds`` since its plan was begun."""
    counts: dict[Status, int] = {}
    for outcome in report.outcomes:
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
    steps = ", ".join(f"{count} {_counted(status)}" for status, count in sorted(counts.items()))
    if report.ok and not {Status.CHANGED, Status.ADVISED, Status.FAILED} & set(counts):
        rest = f": {steps or 'no plugin, setting or option asks for anything'}"
        return Ended.after((), "nothing to change", rest, is_ok=True)
    start = "done in" if report.ok else "not done after"
    return Ended.after((seconds,), start, f": {steps}" if steps else "", is_ok=report.ok)


def failed_early(error: MngrAnsibleError, *, is_canary: bool = False) -> str:
    """That a host failed before anything was run, in a line for the time until the report has its error.

    ``is_canary``: further hosts would have been begun, if it had not failed.
    """
    what_follows = "It is a canary: no further host is begun." if is_canary else OTHERS_GO_ON

    def line(problem: str) -> str:
        return one_stop(f"warning: {problem.partition('\n')[0]}. {what_follows}")

    return Line(line(error.problem), line(error.alike))


def _counted(status: Status) -> str:
    return "to install by hand" if status is Status.ADVISED else status_words(status)
