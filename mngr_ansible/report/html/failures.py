"""What went wrong, each cause once: errors of hosts, then steps that failed, with what to do."""

from collections.abc import Iterator, Sequence

from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.portable.text import one_stop
from mngr_ansible.report import fleet
from mngr_ansible.report.html.elements import Html, el, joined, lines
from mngr_ansible.report.html.hosts import Block, commands
from mngr_ansible.report.report import Report, listed
from mngr_ansible.report.steps import status_words


def section(report: Report, found: Sequence[Block]) -> Html | None:
    """A list; None where nothing went wrong. ``found``: the blocks of the hosts, to which the steps link."""
    items = [*_errors(report), *_steps(found)]
    return joined([el("h2", "What went wrong", id="errors"), el("ul", *items, class_="errors")]) if items else None


def _errors(report: Report) -> Iterator[Html]:
    for each in fleet.errors(report.all_errors):
        said = one_stop(f"{each.place}: {each.problem}" if each.place else each.problem)
        yield el("li", el("p", lines(said)), el("p", lines(one_stop(each.remedy))) if each.remedy else None)


def _steps(found: Sequence[Block]) -> Iterator[Html]:
    """Steps that have one cause together, and hosts where they have it."""
    alike: dict[tuple[Status, str, str], list[Block]] = {}
    for block in found:
        by_cause: dict[tuple[Status, str], list[str]] = {}
        for each in filter(_is_told, block.hosts[0].outcomes):
            reason = "" if each.status is Status.ADVISED else each.reason  # which is a purpose there
            by_cause.setdefault((each.status, reason), []).append(each.short_name)
        for (status, reason), names in by_cause.items():
            alike.setdefault((status, reason, ", ".join(names)), []).append(block)
    for (status, reason, steps), blocks in alike.items():
        hosts = [host.host for block in blocks for host in block.hosts]
        link = el("a", listed(hosts), href=f"#{blocks[0].id}")
        if status is Status.ADVISED:
            yield el("li", el("p", link, f": to install by hand: {steps}"), commands(blocks[0].hosts[0]))
        else:
            why = el("p", lines(one_stop(reason))) if reason else None
            yield el("li", el("p", link, f": {steps}: {status_words(status)}"), why)


def _is_told(outcome: Outcome) -> bool:
    """Whether a step has failed by itself; others were not started because of such a one."""
    return outcome.is_failure and outcome.status in (
        Status.FAILED,
        Status.BLOCKED,
        Status.TOO_NEW,
        Status.UNKNOWN,
        Status.ADVISED,
    )
