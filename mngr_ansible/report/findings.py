"""What a verb that only checks has found: ``doctor``, ``check`` and ``check-plugin``."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from mngr_ansible.portable.text import one_stop
from mngr_ansible.report.page import Page, Part, Row, Summary, Table, Tone
from mngr_ansible.report.report import Report
from mngr_ansible.values import frozen

_TONES: Mapping[str, Tone] = {"ok": "fine", "warning": "warning", "problem": "problem"}


@frozen
class Finding:
    """One thing that was checked.

    Attributes:
        name: what was checked, short and unique in a document: ``controller: ansible-core``, ``build-1: clock``.
        status: ``ok``; ``warning``: works, but may surprise; ``problem``: stops a run, now or later.
        text: what was found, as a sentence or a value.
        remedy: what to do about it; empty where nothing is to be done.
    """

    name: str
    status: Literal["ok", "warning", "problem"]
    text: str
    remedy: str = ""


def checks_report(command: str, findings: Sequence[Finding]) -> Report:
    """The result as a report, whose document has them as ``checks``. Source: docs/contract.md "What people see"."""
    checks = [
        {"name": each.name, "status": each.status, "text": one_stop(each.text), "remedy": one_stop(each.remedy)}
        for each in findings
    ]
    return Report(command, extra={"checks": checks})


def findings_page(findings: Sequence[Finding]) -> Page:
    """A row for each finding, with its remedy below it; a table for each place that names begin with (``build-1: ``),
    one for hosts whose findings are alike, and how many findings there are of each status."""
    by_place: dict[str, list[Finding]] = {}
    for each in findings:
        by_place.setdefault(each.name.rpartition(": ")[0], []).append(each)
    alike: dict[object, list[str]] = {}
    for place, own in by_place.items():
        alike.setdefault(_sort(own) if _HERE in by_place else place, []).append(place)
    folds = _HERE in by_place
    tables = [_table([by_place[name] for name in names], names, folds=folds) for names in alike.values()]
    counts = Counter(str(each.status) for each in findings)
    parts = [Part(counts[each], _WORDS[each][counts[each] > 1], _TONES[each], ()) for each in _TONES if counts[each]]
    count = f"{len(findings)} checks" if len(findings) > 1 else "1 check"
    return (*tables, Summary(count, tuple(parts))) if findings else ()


_HERE = "controller"
"""The place of findings of ``doctor`` about this machine; the others are hosts then."""
_MOST_VALUES = 3


def _sort(findings: Sequence[Finding]) -> object:
    """The same for hosts that are alike: what is fine may have other words, such as the space that is free."""
    return tuple(
        (_short(each), each.status, "" if each.status == "ok" else each.text, each.remedy) for each in findings
    )


def _short(finding: Finding) -> str:
    return finding.name.rpartition(": ")[2]


def _table(findings: Sequence[Sequence[Finding]], names: Sequence[str], *, folds: bool) -> Table:
    """The table of a place, or of hosts that are alike. ``folds``: a terminal counts what is fine."""
    rows = [
        Row(each[0].status, _TONES[each[0].status], _short(each[0]), (_text(each),), reason=one_stop(each[0].remedy))
        for each in zip(*findings, strict=True)
    ]
    if len(names) == 1:
        return Table(
            tuple(rows),
            title="This machine" if names[0] == _HERE else names[0],
            is_run=True,
            is_sorted=folds,
            what="checks",
        )
    title = f"{len(names)} hosts"
    return Table(tuple(rows), title=title, names=tuple(names), is_run=True, is_sorted=folds, what="checks")


def _text(findings: Sequence[Finding]) -> str:
    """The text of a finding; of several that are fine in other words, the first words and how many there are."""
    texts = list(dict.fromkeys(one_stop(each.text) for each in findings))
    more = f" | and {len(texts) - _MOST_VALUES} more" if len(texts) > _MOST_VALUES else ""
    return " | ".join(texts[:_MOST_VALUES]) + more


_WORDS = {"ok": ("ok", "ok"), "warning": ("warning", "warnings"), "problem": ("problem", "problems")}
