"""The step of a plan or a run → its row, and the count of many."""

from collections import Counter
from collections.abc import Mapping, Sequence

from mngr_ansible.diff.outcome import DUE, FileCounts, Outcome, Status
from mngr_ansible.report.page import Row, Tone

_WORDS = {
    Status.TOO_OLD: "too old",
    Status.TOO_NEW: "too new",
    Status.NOT_REACHED: "not started",
    Status.ADVISED: "by hand",
}

_TONES: Mapping[Status, Tone] = {
    Status.OK: "fine",
    Status.MISSING: "change",
    Status.TOO_OLD: "change",
    Status.DIFFERS: "change",
    Status.CHANGED: "done",
    Status.SKIPPED: "idle",
    Status.NOT_REACHED: "idle",
    Status.ADVISED: "warning",
}
"""All other statuses are problems, or warnings where the step is optional."""

_WITH_REASON = (Status.BLOCKED, Status.FAILED, Status.UNKNOWN, Status.TOO_NEW)
"""The statuses whose reason stands below the row."""


def status_words(status: Status) -> str:
    """A status as people read it: ``too old``, ``not started``, ``by hand`` (a person has to install it)."""
    return _WORDS.get(status, str(status))


def rows(outcomes: Sequence[Outcome]) -> tuple[Row, ...]:
    """A row for each step. A reason that several steps have stands below the last of them alone."""
    told = [each for each in outcomes if each.reason and each.status in _WITH_REASON and not each.is_open]
    last = {each.reason: each.id for each in told}
    with_reason = set(last.values())
    return tuple(_row(each, each.reason if each.id in with_reason else "") for each in outcomes)


def _row(outcome: Outcome, reason: str) -> Row:
    is_file = outcome.kind == "file"
    return Row(
        status_words(outcome.status),
        _tone(outcome),
        outcome.short_name + ("/" if is_file and outcome.files is not None else ""),
        _file_facts(outcome) if is_file else _facts(outcome),
        _purpose(outcome) or ", ".join(outcome.plugins),
        reason,
        outcome.diff or "",
    )


def _tone(outcome: Outcome) -> Tone:
    if outcome.is_open:
        return "open"
    return _TONES.get(outcome.status, "problem" if outcome.is_required else "warning")


def _file_facts(outcome: Outcome) -> tuple[str, ...]:
    if outcome.files is not None and outcome.files["due"]:
        return (_file_counts(outcome, outcome.files),)
    if outcome.status in (Status.DIFFERS, Status.SKIPPED) and outcome.reason:
        return (outcome.reason,)
    return tuple(filter(None, [outcome.wanted]))


def _facts(outcome: Outcome) -> tuple[str, ...]:
    if outcome.status is Status.SKIPPED or outcome.is_open:
        return (outcome.reason,)
    source = f"from {outcome.source}" if outcome.source else ""
    return outcome.current or "", outcome.wanted or "", source


def _purpose(outcome: Outcome) -> str:
    """What a package is for, where a plugin has said it: ``codex: runs the agent``."""
    if outcome.kind == "file" or outcome.status not in (Status.MISSING, Status.TOO_OLD):
        return ""
    return outcome.reason if any(outcome.reason.startswith(f"{plugin}: ") for plugin in outcome.plugins) else ""


def _file_counts(outcome: Outcome, files: FileCounts) -> str:
    """How many files of a directory; deletions come first."""
    deletions = files.get("deletions", 0)
    parts = [f"{deletions} {'deleted' if outcome.status is Status.CHANGED else 'to delete'}"] if deletions else []
    if files["due"] > deletions:
        parts.append(f"{files['due'] - deletions} of {files['total'] - deletions} files")
    return ", ".join(parts)


def counted(outcomes: Sequence[Outcome], *, is_run: bool) -> str:
    """How many steps are to change or were changed, and how many cannot be done, were not begun, or are for a person.

    Playbooks of a plan are counted apart: only a run can tell.
    """
    if not outcomes:
        return "nothing is needed"
    known = [each for each in outcomes if not each.is_open]
    counts = Counter(each.status for each in known)
    to_change = sum(counts[each] for each in DUE)
    parts = []
    if is_run and (counts[Status.CHANGED] or not to_change):
        parts = [f"{counts[Status.CHANGED]} of {len(known)} changed", f"{to_change} to change" if to_change else ""]
    elif known:
        parts = [f"{to_change} of {len(known)} to change"]
    not_begun, by_hand = counts[Status.NOT_REACHED], counts[Status.ADVISED]
    fine = to_change + not_begun + by_hand + sum(counts[each] for each in (Status.OK, Status.SKIPPED, Status.CHANGED))
    if problems := len(known) - fine:
        parts.append(f"{problems} with a problem")
    if not_begun:
        parts.append(f"{not_begun} not started")
    if by_hand:
        parts.append(f"{by_hand} to install by hand")
    if to_run := len(outcomes) - len(known):
        parts.append("1 playbook to run" if to_run == 1 else f"{to_run} playbooks to run")
    return ", ".join(filter(None, parts))


def by_reason(outcomes: Sequence[Outcome]) -> list[tuple[str, list[str], str]]:
    """Each reason once, with the names of the steps that have it, and their kind.

    The words "X cannot be installed" in front of a reason are left out, since the names are said beside it.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for each in outcomes:
        reason = each.reason.partition(" cannot be installed: ")[2] or each.reason or status_words(each.status)
        found.setdefault((reason, each.kind), []).append(each.short_name)
    return [(reason, names, kind) for (reason, kind), names in found.items()]
