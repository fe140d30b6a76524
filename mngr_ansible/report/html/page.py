"""The page: what the command was, how it ended, what failed and what to do about it, then every host."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

from mngr_ansible.portable.text import one_stop
from mngr_ansible.report.html import failures, fleet, hosts, timing
from mngr_ansible.report.html.elements import Child, Html, el
from mngr_ansible.report.report import Report
from mngr_ansible.report.timeline import Timing

_STYLE = Path(__file__).with_name("style.css")

_VERBS = {"plan": "Plan", "apply": "Apply", "bootstrap": "Bootstrap"}


def page(report: Report, when: Timing | None = None) -> str:
    """The whole document. It needs nothing but itself, runs no script, and has no secret in it.

    ``when``: when the command was run, and what its hosts were at; None: that is not known, and not shown.
    """
    style = _STYLE.read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = f"{_VERBS.get(report.command, 'mngr-ansible')}: {verdict(report)}"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="robots", content="noindex"),
        el("title", f"{title} (mngr-ansible)"),
        Html(f"<style>{style}</style>"),
    )
    body = el("body", *_body(report, when, title))
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n"


def verdict(report: Report) -> str:
    """How the command ended, in a few words."""
    total, bad = len(report.hosts), [each for each in report.hosts if each.error is not None or each.is_stopped]
    if report.errors and not report.hosts:
        return "nothing was done"
    if report.command in ("apply", "bootstrap"):
        bad = [each for each in report.hosts if not each.ok]
        if not bad and not report.errors:
            return "as planned"
        if not bad:
            return "stopped"
        return f"{bad[0].host} is not as planned" if total == 1 else f"{len(bad)} of {total} hosts are not as planned"
    if bad:
        return f"{bad[0].host} has a problem" if total == 1 else f"{len(bad)} of {total} hosts have a problem"
    due = [each for each in report.hosts if each.is_due]
    if not due:
        return "nothing to change"
    return f"{due[0].host} would change" if total == 1 else f"{len(due)} of {total} hosts would change"


def _body(report: Report, when: Timing | None, title: str) -> Iterator[Child]:
    is_run = report.command in ("apply", "bootstrap")
    found = hosts.blocks(report.hosts, is_run=is_run)
    yield el("a", "Skip to the hosts", href="#hosts", class_="skip") if report.hosts else None
    yield el(
        "header",
        el("h1", title),
        el("p", *_when(report, when), class_="soft"),
        fleet.counts(report) if report.hosts else None,
    )
    yield el("main", *_sections(report, when, found, is_run=is_run))
    yield el("footer", el("p", "Made by mngr-ansible. Contents of secret files are never shown."))


def _when(report: Report, when: Timing | None) -> Iterator[Child]:
    yield f"mngr-ansible {report.command}" if report.command else "mngr-ansible"
    if when is not None:
        yield ", "
        yield el(
            "time", when.began.strftime("%Y-%m-%d %H:%M:%S %Z").rstrip(), datetime=when.began.isoformat("T", "seconds")
        )
        yield f", {timing.seconds(when.seconds)}"
    if report.command in ("plan", "render"):
        yield ". Nothing was changed."


def _sections(report: Report, when: Timing | None, found: list[hosts.Block], *, is_run: bool) -> Iterator[Child]:
    yield failures.section(report, found)
    if (table := fleet.matrix(found)) is not None:
        yield el("h2", "Hosts and steps", id="steps")
        yield table
    if found:
        yield el("h2", "Hosts" if len(report.hosts) > 1 else "Host", id="hosts")
        yield hosts.section(found, is_run=is_run)
    if when is not None:
        yield timing.section(when, [each.host for each in report.hosts])
    notices = [one_stop(each) for each in report.notices]
    if notices:
        yield el("h2", "Notes", id="notes")
        yield el("ul", *(el("li", each) for each in notices))
