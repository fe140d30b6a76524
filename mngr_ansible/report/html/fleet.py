"""Many hosts at a glance: how many ended how, and a table of hosts and steps."""

from collections import Counter
from collections.abc import Sequence

from mngr_ansible.report.fleet import summary
from mngr_ansible.report.html.elements import Html, el, path
from mngr_ansible.report.html.hosts import Block, sign
from mngr_ansible.report.page import Row
from mngr_ansible.report.report import Report
from mngr_ansible.report.steps import rows

_NAMED = 3
"""So many hosts of one line are named; of more the first one, and how many there are."""

_MOST_STEPS = 60
"""A table with more columns than these is no glance any more; each host's own block has the steps."""


def counts(report: Report) -> Html:
    """How many hosts ended how; of one host, how many of its steps."""
    if len(report.hosts) == 1:
        by_status = Counter((row.status, row.tone) for row in rows(report.hosts[0].outcomes))
        found = {words for words, _tone in by_status if sum(words == other for other, _ in by_status) > 1}
        parts = [
            (tone, count, f"{words}, optional" if words in found and tone == "warning" else words)
            for (words, tone), count in by_status.items()
        ]
    else:
        parts = [
            (each.tone, each.count, f"{each.word}{f' ({each.more})' if each.more else ''}")
            for each in summary(report).parts
        ]
    shown = (el("li", sign(tone, words), " ", el("b", str(count)), f" {words}") for tone, count, words in parts)
    return el("ul", *shown, class_="counts", aria_label="Steps" if len(report.hosts) == 1 else "Hosts")


def matrix(found: Sequence[Block]) -> Html | None:
    """Hosts by steps, those that are alike in one line; None for one host, or where the steps are too many."""
    lines = [(block, {row.name: row for row in rows(block.hosts[0].outcomes)}) for block in found]
    most_first = sorted(lines, key=lambda line: -len(line[0].hosts))
    names = list(dict.fromkeys(name for _, steps in most_first for name in steps))
    if sum(len(block.hosts) for block in found) < 2 or not names or len(names) > _MOST_STEPS:
        return None
    head = el("tr", el("th", "Hosts", scope="col"), *(el("th", el("span", path(each)), scope="col") for each in names))
    body = (
        el("tr", el("th", _link(block), scope="row"), *(_cell(steps.get(each)) for each in names))
        for block, steps in lines
    )
    table = el("table", el("thead", head), el("tbody", *body), class_="matrix")
    return el("div", table, class_="scroll", role="region", tabindex=0, aria_label="Hosts and steps")


def _link(block: Block) -> Html:
    first, *more = (each.host for each in block.hosts)
    words = f"{first} and {len(more)} more" if len(more) >= _NAMED else ", ".join((first, *more))
    return el("a", words, href=f"#{block.id}")


def _cell(row: Row | None) -> Html:
    if row is None:
        return el("td", el("span", "not a step of this host", class_="vh"))
    return el(
        "td",
        sign(row.tone, row.status),
        el("span", row.status, class_="vh"),
        title=row.status,
    )
