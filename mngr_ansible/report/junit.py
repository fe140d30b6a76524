"""A report as JUnit XML, which GitLab, Jenkins, GitHub's actions and others show: a suite a host, a case a step.

The elements and attributes are those that Ant and Jenkins know: ``testsuites`` (``name``, ``tests``, ``failures``,
``errors``, ``time``), ``testsuite`` (these, ``skipped``, ``timestamp``), ``testcase`` (``classname``, ``name``,
``time``) with ``failure``, ``error``, ``skipped`` or ``system-out``. A run has a failure or an error exactly where its
exit code is not 0; a plan has one where a required step cannot be done, too.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.errors import MngrAnsibleError
from mngr_ansible.portable.text import one_stop, printable
from mngr_ansible.report.report import HostReport, Report, error_dicts
from mngr_ansible.report.steps import status_words

if TYPE_CHECKING:
    from mngr_ansible.report.timeline import Timing

_OUTSIDE = "mngr-ansible"
"""The suite of what concerns no host."""

_FAILURES = (Status.FAILED, Status.BLOCKED, Status.TOO_NEW, Status.ADVISED)
"""These are failures of a required step; ``unknown`` is an error: nobody knows how it ended."""


def junit(report: Report, when: "Timing | None" = None, *, is_change_a_failure: bool = False) -> str:
    """The whole document.

    Args:
        report: of any command.
        when: when it was run, and what its hosts were at; None: that is not known.
        is_change_a_failure: a step that would change is a failure, as under ``--detailed-exitcode``.
    """
    suites = [_suite(host, when, report.command, is_change_a_failure=is_change_a_failure) for host in report.hosts]
    outside = [_error_case(_OUTSIDE, each) for error in report.errors for each in _single(error)]
    if not report.ok and not outside and _is_clean(suites):
        outside.append(_error_case(_OUTSIDE, {"problem": "not every step was done", "remedy": ""}))
    if outside or not suites:
        suites.insert(0, _filled(ET.Element("testsuite", {"name": _OUTSIDE}), outside, when, None))
    root = ET.Element("testsuites", {"name": f"{_OUTSIDE} {report.command}".rstrip()})
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(each.get(key, "0")) for each in suites)))
    root.set("time", _seconds(when.seconds if when else 0))
    root.extend(suites)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _is_clean(suites: Sequence[ET.Element]) -> bool:
    return all(each.get("failures") == each.get("errors") == "0" for each in suites)


def _single(error: MngrAnsibleError) -> Iterator[dict[str, str]]:
    for each in error_dicts(error):
        place = f"{each['host']}: " if each["host"] else ""
        yield {"problem": place + each["problem"], "remedy": each["remedy"]}


def _suite(host: HostReport, when: "Timing | None", command: str, *, is_change_a_failure: bool) -> ET.Element:
    suite = ET.Element("testsuite", {"name": _text(host.host)})
    cases = [] if host.error is None else [_error_case(host.host, each) for each in _single(host.error)]
    is_run = command in ("apply", "bootstrap")
    cases += [_case(host, each, is_change_a_failure=is_change_a_failure and not is_run) for each in host.outcomes]
    return _filled(suite, cases, when, host)


def _filled(
    suite: ET.Element, cases: Sequence[ET.Element], when: "Timing | None", host: HostReport | None
) -> ET.Element:
    """The suite with its cases, and what they count."""
    suite.set("tests", str(len(cases)))
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(sum(case.find(tag) is not None for case in cases)))
    spans = () if when is None or host is None else when.spans.get(host.host, ())
    suite.set("time", _seconds(sum(each.seconds for each in spans)))
    if when is not None:
        suite.set("timestamp", when.began.strftime("%Y-%m-%dT%H:%M:%S"))
    suite.extend(cases)
    return suite


def _case(host: HostReport, outcome: Outcome, *, is_change_a_failure: bool) -> ET.Element:
    case = ET.Element("testcase", {"classname": _text(host.host), "name": _text(outcome.id), "time": _seconds(0)})
    words, status, details = status_words(outcome.status), outcome.status, _details(outcome)
    message = _text(one_stop(f"{words}: {outcome.reason}" if outcome.reason else words))
    if status is Status.ADVISED:  # its reason is a purpose
        message, details = "to install by hand", "\n".join([details, *map(_text, host.commands)])
    is_problem = status in (*_FAILURES, Status.UNKNOWN) and not outcome.is_open
    if is_problem and outcome.is_required:
        tag = "error" if status is Status.UNKNOWN else "failure"
        ET.SubElement(case, tag, {"type": str(status), "message": message}).text = details
    elif is_change_a_failure and status not in (Status.OK, Status.SKIPPED) and not outcome.is_open:
        ET.SubElement(case, "failure", {"type": str(status), "message": message}).text = details
    elif is_problem or outcome.is_open or status in (Status.SKIPPED, Status.NOT_REACHED):
        optional = "optional; " if is_problem else ""
        ET.SubElement(case, "skipped", {"message": f"{optional}{message}"})
    else:
        ET.SubElement(case, "system-out").text = f"{words}\n{details}"
    return case


def _details(outcome: Outcome) -> str:
    """What is there, what is needed, and by whom, a line each."""
    found = {
        "found": outcome.current,
        "needed": outcome.wanted,
        "source": outcome.source,
        "needed by": ", ".join(outcome.plugins),
    }
    return "\n".join(f"{name}: {_text(value)}" for name, value in found.items() if value)


def _error_case(suite: str, error: dict[str, str]) -> ET.Element:
    """What went wrong with a host, or with all, besides steps."""
    case = ET.Element("testcase", {"classname": _text(suite), "name": "run", "time": _seconds(0)})
    problem, *more = error["problem"].split("\n")
    element = ET.SubElement(case, "error", {"type": "error", "message": _text(problem)})
    element.text = "\n".join(map(_text, [problem, *more, *filter(None, error["remedy"].split("\n"))]))
    return case


def _text(words: str) -> str:
    """One line that XML can hold: what is not printable is escaped, as everywhere. Source: XML 1.0, "Characters"."""
    return printable(words)


def _seconds(value: float) -> str:
    return f"{value:.3f}"
