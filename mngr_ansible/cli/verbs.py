"""The verbs by name, and what each gives. A verb's own imports are made when it is called."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mngr_ansible.report.report import Report
from mngr_ansible.system.signals import question_asked
from mngr_ansible.values import frozen

if TYPE_CHECKING:
    from mngr_ansible.report.findings import Finding
    from mngr_ansible.report.page import Page

    Verb = Callable[[argparse.Namespace], "Result"]


@frozen
class Result:
    """What a verb gives: the report, the exit code, and what makes its words for stdout and its advice for stderr.

    They are made where they are shown, which ``--json`` and ``--quiet`` do not need.
    """

    report: Report
    words: "Callable[[], Page | str]"
    exit_code: int = 0
    advice: "Callable[[], Page]" = tuple


def call(options: argparse.Namespace) -> Result:
    """Do what the options say, as :mod:`mngr_ansible.cli.parser` read them."""
    return VERBS[options.command](options)


def _with_plan(options: argparse.Namespace) -> Result:
    from mngr_ansible.cli import commands

    return commands.VERBS[options.command](options)


def _catalog(options: argparse.Namespace) -> Result:
    from mngr_ansible.provisioning.listing import catalog_report
    from mngr_ansible.report import listings

    report = catalog_report(options.tool)
    return Result(report, lambda: listings.catalog_page(report, is_whole=options.tool is not None))


def _content(options: argparse.Namespace) -> Result:
    from mngr_ansible.provisioning.listing import content_report

    copy, collection = (None if each is None else Path(each) for each in (options.copy, options.collection))
    report = content_report(copy, collection)
    return Result(report, lambda: str(report.extra["path"]))


def _inventory(options: argparse.Namespace) -> Result:
    from mngr_ansible.portable.text import printable
    from mngr_ansible.provisioning.mngr_inventory import mngr_inventory

    words = ["--list"] if options.inventory_host is None else ["--host", options.inventory_host]
    printed, talk = mngr_inventory(words)
    for line in talk.splitlines():
        print(printable(line), file=sys.stderr)
    return Result(Report("inventory"), lambda: printed)


def _checked(command: str, findings: "Sequence[Finding]") -> Result:
    """What a verb that checks gives: a line for each finding; exit code 1 if one of them is a problem."""
    from mngr_ansible.report.findings import checks_report, findings_page

    report = checks_report(command, findings)
    return Result(report, lambda: findings_page(findings), 0 if report.ok else 1)


def _doctor(options: argparse.Namespace) -> Result:
    from mngr_ansible.doctor.examination import examine

    with _shown_meanwhile(
        "Looking at this machine and its hosts …", can_ask=options.ask_become_pass or options.vault_id
    ):
        return _checked("doctor", examine(options))


@contextmanager
def _shown_meanwhile(words: str, *, can_ask: bool) -> Iterator[None]:
    """Show these words at the end of a terminal while the block runs; not where a person may be asked something."""
    from mngr_ansible.cli.live import has_display

    if can_ask or not has_display(sys.stderr):
        yield
        return
    print(words, end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _check(options: argparse.Namespace) -> Result:
    from mngr_ansible.authoring.manifest_checks import SCHEMA, check_manifests

    if options.schema:
        options.json = False  # the schema is JSON
        return Result(Report("check"), lambda: SCHEMA.read_text("utf-8").rstrip("\n"))
    return _checked("check", check_manifests(options.files))


def _ask(question: str) -> str:
    from mngr_ansible.portable.text import printable

    with question_asked():
        print("\n".join(map(printable, question.split("\n"))), end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip()


def _init(options: argparse.Namespace) -> Result:
    if options.plugin is not None:
        from mngr_ansible.authoring.plugin_template import write_plugin

        path, words = write_plugin(options.plugin, options.file)
    else:
        from mngr_ansible.authoring.manifest_example import write_manifest

        can_ask = not (options.yes or options.json) and all(each and each.isatty() for each in (sys.stdin, sys.stderr))
        path, words = write_manifest(options.file, _ask if can_ask else None)
    return Result(Report("init", extra={"path": str(path)}), lambda: words)


def _check_plugin(options: argparse.Namespace) -> Result:
    from mngr_ansible.authoring.plugin_checks import check_plugin

    return _checked("check-plugin", check_plugin(options.plugin, lambda line: print(line, file=sys.stderr)))


def _completion(options: argparse.Namespace) -> Result:
    from mngr_ansible.cli.completion import shell_code

    return Result(Report("completion"), lambda: shell_code(options.shell))


def _help(options: argparse.Namespace) -> Result:
    from mngr_ansible.cli.topics import help_text

    text = help_text(options.topic)
    return Result(Report("help"), lambda: text)


VERBS: Mapping[str, "Verb"] = {
    "plan": _with_plan,
    "apply": _with_plan,
    "render": _with_plan,
    "bootstrap": _with_plan,
    "plugins": _with_plan,
    "catalog": _catalog,
    "content": _content,
    "inventory": _inventory,
    "doctor": _doctor,
    "init": _init,
    "check": _check,
    "check-plugin": _check_plugin,
    "completion": _completion,
    "help": _help,
}
