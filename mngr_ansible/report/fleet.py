"""Several hosts as people read them: what is alike is told once, with the names of its hosts."""

from collections.abc import Iterator, Sequence

from mngr_ansible.diff.outcome import Status
from mngr_ansible.errors import ErrorGroup, MngrAnsibleError
from mngr_ansible.portable.text import one_stop, printable
from mngr_ansible.report.report import HostReport, Report
from mngr_ansible.report.text import counted, error_text, heading, host_text, step_lines

_FEW = 4
"""So many hosts are named in an error's first line."""


def tables(hosts: Sequence[HostReport], columns: int, *, is_run: bool) -> list[str]:
    """A table for all hosts that are alike in every row, in the order of their first hosts."""
    alike: dict[tuple[str, ...], list[HostReport]] = {}
    for host in hosts:
        alike.setdefault((counted(host.outcomes, is_run=is_run), *step_lines(host.outcomes, columns)), []).append(host)
    return [
        host_text(group[0], columns, is_run=is_run) if len(group) == 1 else _table(group, *key, columns=columns)
        for key, group in alike.items()
    ]


def _table(hosts: Sequence[HostReport], count: str, *lines: str, columns: int) -> str:
    head = heading(f"{len(hosts)} {_called(hosts)}   {_about(hosts)}", f"each: {count}", columns)
    return "\n".join([head, *_wrapped([host.host for host in hosts], columns, "    "), *lines])


def _called(hosts: Sequence[HostReport]) -> str:
    """What several of them are called."""
    return "agents" if all(host.agent for host in hosts) else "hosts"


def _about(hosts: Sequence[HostReport]) -> str:
    """The system and the remote user that the hosts have in common; the system alone where only that is common."""
    systems = {host.about.rpartition(", ")[0] for host in hosts}
    if len({host.about for host in hosts}) == 1:
        return hosts[0].about
    return systems.pop() if len(systems) == 1 else f"{len(systems)} systems"


def _wrapped(names: Sequence[str], columns: int, blanks: str) -> Iterator[str]:
    """All the names in lines of at most 80 columns."""
    line = ""
    for index, name in enumerate(names):
        word = printable(name) + ("," if index < len(names) - 1 else "")
        if line and len(blanks) + len(line) + 1 + len(word) > min(columns, 80):
            yield blanks + line
            line = ""
        line = f"{line} {word}" if line else word
    yield blanks + line


def errors(found: Sequence[MngrAnsibleError], columns: int) -> list[str]:
    """Each error as text; one that several hosts have is told once, with their names and a remedy.

    What is each host's own in it, such as its user, is shown of the first one.
    """
    alike: dict[object, list[MngrAnsibleError]] = {}
    for each in _single(found):
        alike.setdefault(each.alike if each.host else id(each), []).append(each)
    return [_shared(group, columns) for group in alike.values()]


def _single(found: Sequence[MngrAnsibleError]) -> Iterator[MngrAnsibleError]:
    for each in found:
        if isinstance(each, ErrorGroup):
            yield from _single(each.errors)
        else:
            yield each


def _shared(group: Sequence[MngrAnsibleError], columns: int) -> str:
    first, names = group[0], list(dict.fromkeys(each.host or "" for each in group))
    if len(names) == 1:
        return error_text(first)
    remedy = first.remedy
    if any(each.remedy != remedy for each in group):
        remedy = f"For {first.host}, and the others likewise: {remedy}"
    is_example = any(each.problem != first.problem for each in group)
    if len(names) <= _FEW:
        others = ", ".join(names[1:])
        problem, host = first.problem, f"{names[0]}, and likewise {others}" if is_example else ", ".join(names)
    else:
        listing = "\n".join(_wrapped(names, columns - 7, "  "))
        problem = f"{one_stop(first.problem)}\n{listing}"
        host = f"{len(names)} hosts, such as {names[0]}" if is_example else f"{len(names)} hosts"
    return error_text(MngrAnsibleError(problem, remedy=remedy, host=host))


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

_WORDS = ("done", "to change", "ok", "failed", "with a problem", "to finish by hand", "unknown", "not reached")
"""In the order in which the last line has them."""


def last_line(report: Report) -> str:
    """How many hosts ended how after a run, or what they need in a plan.

    Such as ``12 hosts: 9 done (9 changed), 3 not reached``. Optional steps with a problem are counted behind what their
    hosts are counted as.
    """
    is_run = report.command in ("apply", "bootstrap")
    by_word: dict[str, list[HostReport]] = {}
    for host in report.hosts:
        by_word.setdefault(_end(host) if is_run else _need(host), []).append(host)
    parts = [f"{len(by_word[word])} {word}{_more(by_word[word], word)}" for word in _WORDS if word in by_word]
    return f"{len(report.hosts)} {_called(report.hosts)}: {', '.join(parts)}"


def _more(hosts: Sequence[HostReport], word: str) -> str:
    """What is said of the hosts besides the word that they are counted as."""
    changed = sum(any(each.status is Status.CHANGED for each in host.outcomes) for host in hosts)
    problems = sum(map(_has_problem, hosts)) if word in ("done", "to change") else 0
    parts = [f"{changed} changed"] if word == "done" else []
    parts += [f"{problems} with a problem"] if problems else []
    return f" ({', '.join(parts)})" if parts else ""


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
