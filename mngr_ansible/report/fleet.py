"""Several hosts as people read them: what is alike is told once, with the names of its hosts."""

from collections.abc import Iterator, Sequence

from mngr_ansible.diff.outcome import Status
from mngr_ansible.errors import ErrorGroup, MngrAnsibleError
from mngr_ansible.report.page import Part, Problem, Summary, Table, Tone
from mngr_ansible.report.report import HostReport, Report
from mngr_ansible.report.text import host_table, place_of
from mngr_ansible.values import replace

_FEW = 4
"""So many hosts are named in an error's first line."""


def tables(hosts: Sequence[HostReport], *, is_run: bool) -> tuple[Table, ...]:
    """A table for all hosts that are alike in every row, in the order of their first hosts."""
    alike: dict[object, list[tuple[HostReport, Table]]] = {}
    for host in hosts:
        table = host_table(host, is_run=is_run)
        alike.setdefault((table.count, table.rows), []).append((host, table))
    return tuple(
        group[0][1] if len(group) == 1 else _shared(group[0][1], [host for host, _ in group])
        for group in alike.values()
    )


def _shared(table: Table, hosts: Sequence[HostReport]) -> Table:
    places = {place_of(host) for host in hosts}
    return replace(
        table,
        title=f"{len(hosts)} {_called(hosts)}",
        about=_about(hosts),
        place=places.pop() if len(places) == 1 else "",
        count=f"each: {table.count}",
        names=tuple(host.host for host in hosts),
    )


def _called(hosts: Sequence[HostReport]) -> str:
    """What several of them are called."""
    return "agents" if all(host.agent for host in hosts) else "hosts"


def _about(hosts: Sequence[HostReport]) -> str:
    """The system and the remote user that the hosts have in common; the system alone where only that is common."""
    systems = {host.about.rpartition(", ")[0] for host in hosts}
    if len({host.about for host in hosts}) == 1:
        return hosts[0].about
    return systems.pop() if len(systems) == 1 else f"{len(systems)} systems"


def errors(found: Sequence[MngrAnsibleError]) -> tuple[Problem, ...]:
    """Each error; one that several hosts have is told once, with their names and a remedy.

    What is each host's own in it, such as its user, is shown of the first one.
    """
    alike: dict[object, list[MngrAnsibleError]] = {}
    for each in _single(found):
        alike.setdefault(each.alike if each.host else id(each), []).append(each)
    return tuple(map(_problem, alike.values()))


def _single(found: Sequence[MngrAnsibleError]) -> Iterator[MngrAnsibleError]:
    for each in found:
        if isinstance(each, ErrorGroup):
            yield from _single(each.errors)
        else:
            yield each


def _problem(group: Sequence[MngrAnsibleError]) -> Problem:
    first, names = group[0], list(dict.fromkeys(each.host or "" for each in group))
    if len(names) == 1:
        return Problem(first.host or "", first.problem, first.remedy)
    remedy = first.remedy
    if any(each.remedy != remedy for each in group):
        remedy = f"For {first.host}, and the others likewise: {remedy}"
    is_example = any(each.problem != first.problem for each in group)
    if len(names) <= _FEW:
        others = ", ".join(names[1:])
        problem, host = first.problem, f"{names[0]}, and likewise {others}" if is_example else ", ".join(names)
        return Problem(host, problem, remedy)
    host = f"{len(names)} hosts, such as {names[0]}" if is_example else f"{len(names)} hosts"
    return Problem(host, first.problem, remedy, tuple(names))


_ENDS = {
    Status.FAILED: "failed",
    Status.UNKNOWN: "unknown",
    Status.BLOCKED: "with a problem",
    Status.TOO_NEW: "with a problem",
    Status.ADVISED: "to finish by hand",
}
"""What a host is counted as where a required step ended so, the first that fits."""

_PROBLEMS = frozenset({Status.BLOCKED, Status.FAILED, Status.TOO_NEW, Status.UNKNOWN})
"""Steps that end so are counted as a problem, also the optional ones."""

_WORDS: dict[str, Tone] = {
    "done": "done",
    "to change": "change",
    "ok": "fine",
    "failed": "problem",
    "with a problem": "problem",
    "to finish by hand": "warning",
    "unknown": "problem",
    "not reached": "problem",
}
"""In the order in which a summary has them."""


def summary(report: Report) -> Summary:
    """How many hosts ended how after a run, or what they need in a plan.

    Such as ``12 hosts: 9 done (9 changed), 3 not reached``. Optional steps with a problem are counted behind what their
    hosts are counted as.
    """
    is_run = report.command in ("apply", "bootstrap")
    by_word: dict[str, list[HostReport]] = {}
    for host in report.hosts:
        by_word.setdefault(_end(host) if is_run else _need(host), []).append(host)
    parts = [
        Part(len(found), word, tone, tuple(host.host for host in found), _more(found, word))
        for word, tone in _WORDS.items()
        if (found := by_word.get(word))
    ]
    return Summary(f"{len(report.hosts)} {_called(report.hosts)}", tuple(parts))


def _more(hosts: Sequence[HostReport], word: str) -> str:
    """What is said of the hosts besides the word that they are counted as."""
    changed = sum(any(each.status is Status.CHANGED for each in host.outcomes) for host in hosts)
    problems = sum(map(_has_problem, hosts)) if word in ("done", "to change") else 0
    parts = [f"{changed} changed"] if word == "done" else []
    parts += [f"{problems} with a problem"] if problems else []
    return ", ".join(parts)


def _has_problem(host: HostReport) -> bool:
    return any(each.status in _PROBLEMS and not each.is_open for each in host.outcomes)


def _end(host: HostReport) -> str:
    """How a host ended after a run, in words of :data:`_WORDS`."""
    is_left = not host.about and any(each.status is Status.NOT_REACHED for each in host.outcomes)
    if host.ok:
        return "not reached" if is_left else "done"  # optional steps alone
    failing = {each.status for each in host.outcomes if each.is_failure}
    if host.error is not None and any(each.status is Status.UNKNOWN for each in host.outcomes):
        failing.add(Status.UNKNOWN)  # optional: the error is about it
    for status, word in _ENDS.items():
        if status in failing:
            return word
    is_changed = any(each.status is Status.CHANGED for each in host.outcomes)
    is_reached = bool(host.about) and Status.NOT_REACHED not in failing
    return "failed" if is_changed or is_reached else "not reached"


def _need(host: HostReport) -> str:
    """What a host needs, in words of :data:`_WORDS`."""
    if host.error is not None:
        return "not reached"
    if host.can_apply:
        return "to change"
    return "with a problem" if _has_problem(host) else "ok"
