"""The command ``mngr-ansible``: arguments in, text or JSON and an exit code out."""

import argparse
import contextlib
import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import TextIO

from mngr_ansible.cli.parser import parser
from mngr_ansible.errors import MngrAnsibleError, UsageError
from mngr_ansible.portable.text import printable
from mngr_ansible.provisioning import bootstrap, for_distro
from mngr_ansible.provisioning.listing import catalog_report, plugins_report
from mngr_ansible.provisioning.provisioner import Confirm, apply, confirm_local_installs, gather, inspect, render
from mngr_ansible.provisioning.reporting import plan_report
from mngr_ansible.provisioning.request import Request, Target, build_request
from mngr_ansible.provisioning.targets import open_targets
from mngr_ansible.report import text
from mngr_ansible.report.progress import ProgressCallback
from mngr_ansible.report.report import Report
from mngr_ansible.report.text import catalog_text, plugins_text
from mngr_ansible.run.content import content_directory
from mngr_ansible.system.signals import Terminated, terminate_gracefully

_CHANGING = ("apply", "bootstrap")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the value is the exit code."""
    with terminate_gracefully():
        return _run_words(list(sys.argv[1:] if argv is None else argv))


def _run_words(words: list[str]) -> int:
    is_json = "--json" in words
    command = next((word for word in words if word in _VERBS), "")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        options = parser().parse_args(words, argparse.Namespace(stdout=sys.stdout))
        command = options.command
        with contextlib.redirect_stdout(sys.stderr):  # what a plugin prints is talk, not the result
            return _VERBS[command](options)
    except MngrAnsibleError as error:
        _fail(Report(command, errors=(error,)), is_json)
        return error.exit_code
    except (KeyboardInterrupt, Terminated) as stop:
        with contextlib.suppress(OSError):  # the terminal may be gone
            _tell_stopped(command, stop, is_json)
        return 130 if isinstance(stop, KeyboardInterrupt) else int(str(stop.code))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        remedy = "See to this machine's disk, permissions and temporary directory, and run again."
        with contextlib.suppress(OSError):  # it may be stdout that cannot be written
            _fail(Report(command, errors=(MngrAnsibleError(f"this machine: {error}", remedy=remedy),)), is_json)
        return 1
    except Exception as error:  # noqa: BLE001 - nobody is shown a traceback unasked
        if "-v" in words or "--verbose" in words:
            traceback.print_exc()
        told = MngrAnsibleError(
            f"mngr-ansible failed unexpectedly: {type(error).__name__}: {printable(str(error)[:500])}",
            remedy="This is a mistake in mngr-ansible: please report it, with what -v shows.",
        )
        _fail(Report(command, errors=(told,)), is_json)
        return 1


def _tell_stopped(command: str, stop: BaseException, is_json: bool) -> None:
    """Say what was reached; nothing of ours runs any more. From here on Ctrl-C is deaf, or it would cut the words."""
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    reached: Report | None = getattr(stop, "report", None)
    what = "what was being done then is unknown" if reached else "nothing was changed"
    error = MngrAnsibleError(f"stopped; {what}", remedy="Run again: what is done is not done twice.")
    report = Report(command, reached.hosts if reached else (), errors=(error,))
    _fail(report, is_json)
    if not is_json and reached is not None:
        print("\n".join(text.tables(report)))


def _fail(report: Report, is_json: bool) -> None:
    for error in report.all_errors:
        print(text.error_text(error), file=sys.stderr)
    if is_json:
        _print_json(report, sys.stdout)


def _print_json(report: Report, stdout: TextIO) -> None:
    print(json.dumps(report.to_dict(), indent=2), file=stdout)


def _talk(options: argparse.Namespace) -> ProgressCallback:
    hosts = options.host
    size = max((len(host) for host in hosts), default=0)

    def say(host: str, line: str) -> None:
        line = "\n".join(map(printable, line.split("\n")))
        print(f"{host:<{size}}   {line}" if hosts and host else line, file=sys.stderr, flush=True)

    return say


def _asked(options: argparse.Namespace, control_path: str | None) -> Request:
    given = vars(options)
    return build_request(
        manifests=given.get("manifest", ()),
        plugins=given.get("plugin", ()),
        files=given.get("file", ()),
        packages=given.get("package", ()),
        install=options.install,
        check_packages=not options.no_check_packages,
        only=given.get("only"),
        become=getattr(options, "become", False),
        timeout=options.timeout,
        control_path=control_path,
        password=_password() if given.get("ask_become_pass") else None,
    )


def _password() -> str:
    import getpass

    if not sys.stdin.isatty():
        raise UsageError(
            "--ask-become-pass needs a terminal", remedy="Run it in one, or allow sudo without a password."
        )
    try:
        return getpass.getpass("Password for sudo there: ")
    except EOFError:
        raise UsageError("no password was typed", remedy="Type it, or allow sudo without a password.") from None


def _run(options: argparse.Namespace) -> Report:
    report = None
    where = {"work_dir": options.work_dir, "key": options.key, "known_hosts": options.known_hosts}
    try:
        with open_targets(options.host, **where) as (targets, control_path):
            report = _run_on(targets, _asked(options, control_path), options)
    except BaseException as stop:
        if report is not None and report.command in _CHANGING:  # it is over, and only its connections were not closed
            stop.report = report  # type: ignore[attr-defined]
        raise
    return report


def _run_on(targets: Sequence[Target], request: Request, options: argparse.Namespace) -> Report:
    is_bootstrap = options.command == "bootstrap"
    is_changing = options.command in _CHANGING and not getattr(options, "dry_run", False)
    gathered = bootstrap.gather(targets, request) if is_bootstrap else gather(targets, request)
    prepared = inspect(gathered, request, is_applied=is_changing)
    if options.command == "render":
        return render(prepared, request, options.directory)
    if not is_changing:
        return plan_report(prepared, has_diff=getattr(options, "diff", False))
    prepared = confirm_local_installs(prepared, _confirm(options))
    talk, is_verbose = _talk(options), options.verbose
    return apply(prepared, request, talk, command=options.command, is_verbose=is_verbose, is_finished=not is_bootstrap)


def _confirm(options: argparse.Namespace) -> Confirm | None:
    if options.yes:
        return lambda _question: True
    if options.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    def ask(question: str) -> bool:
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    return ask


def _planned(options: argparse.Namespace) -> int:
    if options.system and options.host:
        raise UsageError("--for is about a machine that is not there", remedy="Leave --host out.")
    report = for_distro.distro_report(_asked(options, None), options.system) if options.system else _run(options)
    words = text.elsewhere_text(report) if options.system else text.plan_text(report, _again(options))
    words = text.commands_text(report) if options.commands else words
    _show(report, options, words)
    due = 2 if options.detailed_exitcode and report.is_due else 0
    return due if report.ok else 1


def _rendered(options: argparse.Namespace) -> int:
    report = _run(options)
    _show(report, options, text.render_text(report))
    return 0 if report.ok else 1


def _applied(options: argparse.Namespace) -> int:
    report = _run(options)
    for host in report.hosts:
        if host.is_local and not options.json and (advice := text.advice_text(host)):
            print(advice, file=sys.stderr)
    _show(report, options, text.apply_text(report))
    return 0 if report.ok else 1


def _bootstrapped(options: argparse.Namespace) -> int:
    options.host += options.hosts
    if options.dry_run:
        report = _run(options)
        _show(report, options, "\n".join(text.tables(report)))
        return 0 if report.ok else 1
    return _applied(options)


def _listed(options: argparse.Namespace) -> int:
    options = argparse.Namespace(**{**vars(options), "become": False})
    with open_targets(()) as (targets, _):
        report = plugins_report(_asked(options, None), targets)
    _show(report, options, plugins_text(report))
    return 0


def _cataloged(options: argparse.Namespace) -> int:
    report = catalog_report(options.tool)
    _show(report, options, catalog_text(report, is_whole=options.tool is not None))
    return 0


def _content(options: argparse.Namespace) -> int:
    directory = str(content_directory())
    _show(Report("content", extra={"path": directory}), options, directory)
    return 0


def _show(report: Report, options: argparse.Namespace, words: str) -> None:
    for error in report.all_errors:
        print(text.error_text(error), file=sys.stderr)
    if options.json:
        _print_json(report, options.stdout)
        return
    for notice in report.to_dict()["notices"]:
        print(f"note: {printable(notice['text'])}", file=sys.stderr)
    if words:
        print(words, file=options.stdout)


def _again(options: argparse.Namespace) -> str:
    repeated = ("manifest", "file", "package", "plugin", "host")
    single = ("only", "key", "known_hosts", "work_dir", "install")
    return text.again(("mngr-ansible", "apply"), options, repeated, single)


_VERBS = {
    "plan": _planned,
    "apply": _applied,
    "render": _rendered,
    "bootstrap": _bootstrapped,
    "plugins": _listed,
    "catalog": _cataloged,
    "content": _content,
}
