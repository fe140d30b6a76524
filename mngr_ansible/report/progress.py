"""What a run tells while it goes on: warnings first, then what it does, then how it ended."""

from collections.abc import Callable, Mapping

from mngr_ansible.diff.due import Due
from mngr_ansible.diff.outcome import DUE, Outcome, Status
from mngr_ansible.report.report import HostReport
from mngr_ansible.run.runner import Event

INSTALL_TASK = "Install packages with "
"""What the names of the tasks that install begin with; the manager follows."""

ProgressCallback = Callable[[str, str], None]
"""Told of progress and warnings: a host's name and a line."""


def announce(name: str, due: Due, talk: ProgressCallback) -> None:
    """Warn of every package that is missing or too old, then say what is copied. Source: docs/contract.md "Hooks"."""
    for outcome in due.outcomes:
        if outcome.kind in ("bootstrap", "package") and outcome.status in DUE:
            talk(name, f"warning: {described(outcome)}" + (f"; from {outcome.source}" if outcome.source else ""))
        elif outcome.status is Status.BLOCKED and not outcome.is_required:
            talk(name, f"warning: {outcome.name} is optional and cannot be had: {outcome.reason}")
    files = [placed for each in due.transfers for placed in each.entries if placed.entry.kind in ("file", "link")]
    if files and not due.is_python_advised:
        size = sum(placed.entry.size for placed in files)
        talk(name, f"copying {len(files)} file{'s' * (len(files) != 1)} ({_bytes(size)})")


def follower(
    names: Mapping[str, str], dues: Mapping[str, Due], talk: ProgressCallback, *, is_verbose: bool
) -> Callable[[Event], None]:
    """What to do with each event of a run; ``names`` and ``dues`` are by alias."""

    def follow(event: Event) -> None:
        host = names.get(event.host, "")
        if event.kind == "warning" and event.text:
            talk(host, f"warning: {event.text}")
        elif is_verbose:
            talk(host, f"{event.kind}: {event.task} {event.text or event.step or ''}".rstrip())
        if event.kind == "task" and event.task.startswith(INSTALL_TASK):
            manager = event.task.removeprefix(INSTALL_TASK)
            for alias, due in dues.items():
                if wanted := [candidate.requirement.name for candidate in due.installs if candidate.manager == manager]:
                    talk(names[alias], f"installing with {manager}: {', '.join(wanted)}")

    return follow


def described(outcome: Outcome, status: Status | None = None) -> str:
    """A package step in words: ``node is too old (found 18.19.1, codex wants >=20: runs the agent)``.

    ``status`` is said instead of its own, for a step whose status no longer says what was found.
    """
    who = ", ".join(outcome.plugins)
    found = f"found {outcome.current}, " if outcome.current else ""
    purpose = f": {outcome.reason.partition(': ')[2]}" if ": " in outcome.reason and len(outcome.plugins) == 1 else ""
    wants = "want" if len(outcome.plugins) > 1 else "wants"
    words = str(status or outcome.status).replace("-", " ")
    return f"{outcome.name} is {words} ({found}{who} {wants} {outcome.wanted}{purpose})"


def _bytes(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def summary(report: HostReport, seconds: float) -> str:
    """How one host ended, in a line."""
    counts: dict[str, int] = {}
    for outcome in report.outcomes:
        counts[str(outcome.status)] = counts.get(str(outcome.status), 0) + 1
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "nothing was asked for"
    if set(counts) <= {"ok", "skipped"} and report.error is None:
        return f"nothing is due: {told}"
    return f"{'done' if report.ok else 'not done'} in {seconds:.1f} s: {told}"
