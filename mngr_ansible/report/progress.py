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


def announce(name: str, due: Due, on_progress: ProgressCallback, *, is_summed_up: bool = False) -> None:
    """Say of every package that is missing or too old what becomes of it, then what is copied and deleted.

    Only what is not installed is a warning. ``is_summed_up``: one line has named what is installed already.
    Source: docs/contract.md "Hooks".
    """
    installed = {each.requirement.id for each in due.installs} | ({BOOTSTRAP} if due.needs_python else set())
    for outcome in due.outcomes:
        if outcome.kind in ("bootstrap", "package") and outcome.status in DUE:
            if outcome.id in installed:
                if is_summed_up:
                    continue
                origin = f" from {outcome.source}" if outcome.source else ""
                on_progress(name, f"{described(outcome)}; installing it{origin}")
            else:
                on_progress(name, f"warning: {described(outcome)}")
    optional = [each for each in due.outcomes if each.status is Status.BLOCKED and not each.is_required]
    for reason, names, kind in by_reason(optional):
        verb, done = "are" if len(names) > 1 else "is", "copied" if kind == "file" else "installed"
        on_progress(name, f"warning: {', '.join(names)} {verb} optional and cannot be {done}: {reason}")
    files = [placed for each in due.transfers for placed in each.entries if placed.entry.kind in ("file", "link")]
    if files and not due.is_python_advised:
        count = "1 file" if len(files) == 1 else f"{len(files)} files"
        on_progress(name, f"copying {count} ({_bytes(sum(placed.entry.size for placed in files))})")
    for each in due.transfers:
        deleted = [placed for placed in each.entries if placed.entry.kind == "absent"]
        if deleted and not due.is_python_advised:
            named = ", ".join(placed.entry.relative for placed in deleted[:3]) + (", …" if len(deleted) > 3 else "")
            verb = "renaming to backups" if deleted[0].options.if_exists == "backup" else "deleting"
            on_progress(name, f"{verb} in {each.transfer.destination}: {len(deleted)} ({named})")


def follower(
    names: Mapping[str, str], dues: Mapping[str, Due], on_progress: ProgressCallback, *, is_verbose: bool
) -> "Callable[[Event], None]":
    """What to do with each event of a run: report warnings, and the package manager that a host has come to.

    A manager's turn comes when every step before it has been reported by its id and the playbook goes on. That may be
    at another time on each host: only those are looked at of which something was reported.

    Args:
        names: what the user calls the hosts, by alias.
        dues: what is to change on the hosts of the run, by alias.
        on_progress: gets the lines.
        is_verbose: report every event.
    """
    from mngr_ansible.run.playbook import run_stages

    walks = {alias: _Walk(run_stages(due)) for alias, due in dues.items()}
    moved = dict.fromkeys(walks)
    warned: set[tuple[str, str]] = set()
    told: set[tuple[str, str]] = set()

    def follow(event: "Event") -> None:
        host = names.get(event.host, "")
        if event.kind == "warning" and event.text:
            if (host, event.text) not in warned:
                warned.add((host, event.text))
                on_progress(host, one_stop(f"warning: {event.text}"))
        elif event.kind == "unreachable" and len(dues) > 1 and not is_verbose:
            if (host, event.kind) not in warned:
                warned.add((host, event.kind))
                on_progress(host, f"warning: it cannot be reached any more. {OTHERS_GO_ON}")
        elif is_verbose and (event.kind, event.task) not in told:
            if event.kind == "task":  # it begins on each host by itself
                told.add((event.kind, event.task))
            on_progress(host, f"{event.kind}: {event.task} {event.text or event.step or ''}".rstrip())
        if event.host in walks:
            walks[event.host].note(event)
            moved[event.host] = None
        if event.kind == "task":
            for alias in moved:
                if (stage := walks[alias].next_stage()) is not None and stage.what != "files":
                    on_progress(names[alias], _installing(stage))
            moved.clear()

    return follow


class _Walk:
    """How far one host is in its stages."""

    def __init__(self, stages: "Sequence[Stage]") -> None:
        self._stages = list(stages)
        self._reported: set[str] = set()
        self._announced: Stage | None = None
        self._has_failed = False

    def note(self, event: "Event") -> None:
        """Take note of a step that was reported, or of the host's end."""
        if event.step is not None:
            self._reported.add(str(event.step["id"]))
        elif event.kind in ("failed", "unreachable"):
            self._has_failed = True

    def next_stage(self) -> "Stage | None":
        """The stage that the host has come to, once; None where that is none, or was announced already."""
        current = next((each for each in self._stages if not self._reported.issuperset(each.ids)), None)
        if self._has_failed or current is None or current == self._announced:
            return None
        self._announced = current
        return current


def _installing(stage: "Stage") -> str:
    names = ", ".join(stage.names)
    if stage.what == "python3":
        return "installing python3"
    return f"downloading: {names}" if stage.what == "downloads" else f"installing with {stage.what}: {names}"


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


def _bytes(size: int) -> str:
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def summary(report: HostReport, seconds: float) -> str:
    """How one host ended, in a line; ``seconds`` since its plan was begun."""
    counts: dict[Status, int] = {}
    for outcome in report.outcomes:
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
    steps = ", ".join(f"{count} {_counted(status)}" for status, count in sorted(counts.items()))
    if report.ok and not {Status.CHANGED, Status.ADVISED, Status.FAILED} & set(counts):
        return f"nothing to change: {steps or 'no plugin, setting or option asks for anything'}"
    return f"{'done in' if report.ok else 'not done after'} {seconds:.1f} s{f': {steps}' if steps else ''}"


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
