"""The hosts of a report as blocks that can be folded: each step, what it was and is, and why. Hosts that are alike in
everything have one block."""

from collections.abc import Sequence

from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.portable.text import one_stop
from mngr_ansible.report.html.elements import LINE_END, Child, Html, el, joined, lines, path
from mngr_ansible.report.page import Row, Tone
from mngr_ansible.report.report import HostReport
from mngr_ansible.report.steps import counted, rows
from mngr_ansible.report.text import place_of
from mngr_ansible.values import frozen

SIGNS: dict[Tone, str] = {
    "change": "~",
    "done": "●",
    "fine": "✓",
    "idle": "–",
    "open": "?",
    "warning": "!",
    "problem": "✗",
}
"""What stands beside the colour of a status, which is never the only sign; of a step that is missing it is ``+``."""

_OPEN_BLOCKS = 3
"""So many blocks of hosts are unfolded, beside those of which something failed."""

_SHORT_NAME = 13
"""Characters of a host's name of which two fit beside each other on a phone."""

_NOT_THERE = {"file": "not there", "package": "not installed", "bootstrap": "not installed"}
_TELLING = (Status.SKIPPED, Status.NOT_REACHED)
"""The reason of these says no problem, but why there is nothing else to say."""


@frozen
class Block:
    """Hosts that are alike, as a part of the page.

    Attributes:
        id: of the element.
        hosts: never empty.
        is_bad: whether something failed on them.
        is_fine: whether there is nothing to do for them, and nothing was done.
        body: what is in the block.
    """

    id: str
    hosts: tuple[HostReport, ...]
    is_bad: bool
    is_fine: bool
    body: Html

    @property
    def name(self) -> str:
        """What the hosts are called together."""
        return self.hosts[0].host if len(self.hosts) == 1 else f"{len(self.hosts)} hosts"


def blocks(hosts: Sequence[HostReport], *, is_run: bool) -> list[Block]:
    """The hosts with a problem first, then those with changes, then the others; in their order otherwise."""
    alike: dict[tuple[Html, str, str], list[HostReport]] = {}
    for host in hosts:
        key = _body(host, is_run=is_run), "" if host.error is None else host.error.alike, _about(host)
        alike.setdefault(key, []).append(host)
    found = [
        Block(
            f"hosts-{number}", tuple(group), not group[0].ok if is_run else _is_bad(group[0]), _is_fine(group[0]), body
        )
        for number, ((body, *_), group) in enumerate(alike.items(), 1)
    ]
    return sorted(found, key=lambda each: (not each.is_bad, each.is_fine))


def _is_bad(host: HostReport) -> bool:
    return host.error is not None or host.is_stopped


def _is_fine(host: HostReport) -> bool:
    return all(each.status in (Status.OK, Status.SKIPPED) for each in host.outcomes)


def section(found: Sequence[Block], *, is_run: bool) -> Html:
    """All the blocks."""
    return joined(_details(each, number, is_run=is_run) for number, each in enumerate(found))


def _details(block: Block, number: int, *, is_run: bool) -> Html:
    first = block.hosts[0]
    tone: Tone = "problem" if block.is_bad else "fine" if block.is_fine else "done" if is_run else "change"
    count = counted(first.outcomes, is_run=is_run)
    is_long = any(len(each.host) > _SHORT_NAME for each in block.hosts)
    members = el("ul", *(el("li", each.host) for each in block.hosts), class_="members long" if is_long else "members")
    return el(
        "details",
        el(
            "summary",
            sign(tone),
            " ",
            el("h3", block.name),
            el("span", f" {_about(first)}", class_="soft") if _about(first) else None,
            el("span", f"each: {count}" if len(block.hosts) > 1 else count, class_="end"),
        ),
        members if len(block.hosts) > 1 else None,
        None if first.error is None else el("p", one_stop(first.error.problem.partition("\n")[0]), class_="problem"),
        block.body,
        id=block.id,
        open=block.is_bad or number < _OPEN_BLOCKS,
    )


def _about(host: HostReport) -> str:
    """The agent, where the host's name does not begin with it, and the system."""
    agent = "" if not host.agent or host.host.startswith(f"{host.agent}@") else f"agent {host.agent}"
    return ", ".join(filter(None, (agent, host.about)))


def sign(tone: Tone, words: str = "") -> Html:
    """The sign of a status; who hears the page hears the word beside it."""
    return el("span", "+" if words == "missing" else SIGNS[tone], class_=f"sign {tone}", aria_hidden="true")


def _body(host: HostReport, *, is_run: bool) -> Html:
    """What is shown of a host besides its name and its error, which stands above all hosts."""
    parts: list[Child] = []
    if host.outcomes:
        parts.append(_steps(host, is_run=is_run))
    elif host.error is None:
        parts.append(el("p", "Nothing is needed on this host.", class_="soft"))
    if place := place_of(host):
        parts.append(el("p", "Relative names start at ", el("code", place), ".", class_="soft"))
    if host.commands:
        parts += [el("h4", "To run by hand"), commands(host)]
    if host.all_notices:
        parts += [el("h4", "Notes"), el("ul", *(el("li", one_stop(each)) for each in host.all_notices))]
    return joined(parts)


def commands(host: HostReport) -> Html | None:
    """What a person has to run there, to be copied."""
    shown = (joined([el("code", each), LINE_END]) for each in host.commands)
    return el("pre", *shown, tabindex=0) if host.commands else None


def _steps(host: HostReport, *, is_run: bool) -> Html:
    now = "Before → after" if is_run else "Now"
    names = ("Status", "Step", now, "Needed", "Why")
    head = el("tr", *(el("th", each, scope="col", role="columnheader") for each in names), role="row")
    body = (_step(outcome, row, now) for outcome, row in zip(host.outcomes, rows(host.outcomes), strict=True))
    # The roles: on a phone the rows are blocks, which for some browsers are no table any more.
    parts = el("thead", head, role="rowgroup"), el("tbody", *body, role="rowgroup")
    return el("table", *parts, class_="steps", role="table")


def _step(outcome: Outcome, row: Row, now: str) -> Html:
    name: list[Child] = [el("span", path(row.name), class_="name")]
    if outcome.real_path:
        name.append(el("p", "really at ", el("code", path(outcome.real_path)), class_="reason soft"))
    if row.reason:
        name.append(el("p", lines(row.reason), class_=f"reason {row.tone}"))
    elif outcome.status in _TELLING and outcome.reason:
        name.append(el("p", outcome.reason, class_="reason soft"))
    if row.diff:
        name.append(_diff(row.diff))
    return el(
        "tr",
        el("td", sign(row.tone, row.status), " ", row.status, class_=f"state {row.tone}", role="cell"),
        el("td", *name, role="cell"),
        el("td", _change(outcome), data_label=now, role="cell"),
        el("td", _needed(outcome), data_label="Needed", role="cell"),
        el("td", _why(outcome, row), data_label="Why", role="cell"),
        role="row",
    )


def _why(outcome: Outcome, row: Row) -> str:
    """What a package is for, else who needs the step."""
    is_purpose = outcome.status is Status.ADVISED and outcome.reason
    return outcome.purpose or (outcome.reason if is_purpose else row.why)


def _change(outcome: Outcome) -> str:
    """What a step has found, and what it has made of it."""
    is_package, status = outcome.kind in ("package", "bootstrap"), outcome.status
    if status is Status.CHANGED and is_package:
        return f"{outcome.before or _NOT_THERE[outcome.kind]} → {outcome.current or 'installed'}"
    if status is Status.CHANGED and outcome.kind == "file":
        done = "copied" if outcome.before == Status.MISSING else "updated"
        return (
            f"{outcome.files['due']} of {outcome.files['total']} files {done}"
            if outcome.files
            else f"{outcome.before} → {done}"
        )
    if status is Status.MISSING:
        return _NOT_THERE.get(outcome.kind, "")
    if is_package:
        return outcome.current or ""
    if status is Status.DIFFERS and outcome.files is not None:
        return f"{outcome.files['due']} of {outcome.files['total']} files differ"
    return outcome.reason if status is Status.DIFFERS else ""


def _needed(outcome: Outcome) -> str:
    source = f"from {outcome.source}" if outcome.source else ""
    return ", ".join(filter(None, (outcome.wanted or "", source)))


def _diff(diff: str) -> Html:
    """The change of a file, folded; what is added and removed has its sign in front, as in every diff."""
    kinds = {"+": "add", "-": "del"}
    shown = [el("span", line, class_=f"diff {kinds.get(line[:1], '')}".rstrip()) for line in diff.splitlines()]
    return el("details", el("summary", "Changes in the file"), el("div", *shown))
