"""What a verb that only checks has found: ``doctor``, ``check`` and ``check-plugin``."""

from collections.abc import Sequence
from typing import Literal

from mngr_ansible.portable.text import one_stop, printable
from mngr_ansible.report.report import Report
from mngr_ansible.values import frozen


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


def findings_text(findings: Sequence[Finding]) -> str:
    """A line for each finding, with its remedy below it."""
    width = max((len(each.name) for each in findings), default=0)
    lines = []
    for each in findings:
        lines.append(f"{each.status:<8} {printable(each.name):<{width}}  {printable(each.text)}")
        if each.remedy:
            lines.append(f"{'':<9}{'':<{width}}  {printable(one_stop(each.remedy))}")
    return "\n".join(lines)
