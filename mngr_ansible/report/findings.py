"""What a verb that only checks has found: ``doctor``, ``check`` and ``check-plugin``."""

from collections.abc import Mapping, Sequence
from typing import Literal

from mngr_ansible.portable.text import one_stop
from mngr_ansible.report.page import Page, Row, Table, Tone
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
    is_ok = all(each.status != "problem" for each in findings)
    return Report(command, extra={"ok": is_ok, "checks": checks})


def findings_page(findings: Sequence[Finding]) -> Page:
    """A row for each finding, with its remedy below it."""
    rows = [
        Row(each.status, _TONES[each.status], each.name, (one_stop(each.text),), reason=one_stop(each.remedy))
        for each in findings
    ]
    return (Table(tuple(rows)),) if rows else ()
