"""One call of ``mngr-ansible``: arguments in, text or JSON and an exit code out."""

import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mngr_ansible.cli import verbs
from mngr_ansible.cli.parser import HelpShown, parser
from mngr_ansible.errors import RUN_AGAIN, ErrorGroup, MngrAnsibleError, PluginError, PreconditionError, UsageError
from mngr_ansible.portable.text import printable
from mngr_ansible.report.report import Interrupted, Report
from mngr_ansible.system.signals import Terminated, signal_that_came, signals_ignored
from mngr_ansible.system.stderr import lasting_stderr
from mngr_ansible.system.stdout import printed_to_stderr
from mngr_ansible.values import replace

if TYPE_CHECKING:
    import argparse

    from mngr_ansible.provisioning.report_files import ReportFiles
    from mngr_ansible.report.page import Page
    from mngr_ansible.run.ready import ReadyAnsible

_SOMETHING_IS_DUE = 2
"""The exit code of ``plan --detailed-exitcode``."""


def run(words: Sequence[str], ready: "ReadyAnsible | None" = None) -> int:
    """Do what the words say; the value is the exit code. Every error is shown, none is raised.

    ``ready``: Ansible that waits to be used.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    with lasting_stderr():
        return _run(words, ready)


def _run(words: Sequence[str], ready: "ReadyAnsible | None") -> int:
    if not words:
        return _nothing_asked()
    is_json = "--json" in words
    is_verbose = "-v" in words or "--verbose" in words
    command = _command(words)
    result, files = None, None
    try:
        options = parser(words[0] if words else "").parse_args(words)
        command, options.ready = options.command, ready
        files = options.report_files = _report_files(options)
        with printed_to_stderr():
            result = verbs.call(options)
        result = _filed_result(result, files)
        return _written(lambda: _show(result, options), result.exit_code)
    except MngrAnsibleError as error:
        failed = _filed(Report(command, errors=(_explained(error, command),)), files)
        return _written(lambda: _show_errors(failed, is_json, is_verbose=is_verbose), error.exit_code)
    except (KeyboardInterrupt, Terminated) as stop:
        return _stopped(Report(command) if result is None else result.report, stop, words, files)
    except Interrupted as stop:
        return _stopped(stop.report, stop.signal, words, files)
    except HelpShown as shown:
        text = shown.text
        return _written(lambda: print(text, end=""), 0)
    except OSError as error:
        failed = _filed(Report(command, errors=(_of_this_machine(error),)), files)
        return _written(lambda: _show_errors(failed, is_json), 1)
    except Exception as error:  # noqa: BLE001 - nobody is shown a traceback unasked
        if (came := signal_that_came()) is not None:  # two signals at once break Python's locks
            return _stopped(Report(command) if result is None else result.report, came, words, files)
        if is_verbose:
            import traceback

            traceback.print_exc()
        bug = MngrAnsibleError(
            f"mngr-ansible failed unexpectedly: {type(error).__name__}: {printable(str(error)[:500])}",
            remedy="This is a bug in mngr-ansible: please report it, with the output of -v.",
        )
        failed = _filed(Report(command, errors=(bug,)), files)
        return _written(lambda: _show_errors(failed, is_json), 1)


def _report_files(options: "argparse.Namespace") -> "ReportFiles | None":
    """The files of ``--report`` and ``--junit``, which can be written; None where there are none."""
    page, junit = getattr(options, "report", None), getattr(options, "junit", None)
    if page is None and junit is None:
        return None
    from mngr_ansible.provisioning.report_files import ReportFiles, inputs_of

    is_change_a_failure = getattr(options, "detailed_exitcode", False)
    return ReportFiles(page, junit, is_change_a_failure=is_change_a_failure, inputs=inputs_of(options))


def _filed(report: Report, files: "ReportFiles | None") -> Report:
    """The report, after its files were written, with what could not be written."""
    if files is None:
        return report
    with signals_ignored():
        return files.write(report)


def _filed_result(result: verbs.Result, files: "ReportFiles | None") -> verbs.Result:
    report = _filed(result.report, files)
    return result if report is result.report else replace(result, report=report, exit_code=1)


def _nothing_asked() -> int:
    """Without any word: the help, where errors go, and the exit code of wrong usage. A script that meant to give a verb
    must not go on as if something was done."""
    print(parser("--help").format_help(), end="", file=sys.stderr)
    return UsageError.exit_code


def _explained(error: MngrAnsibleError, command: str) -> MngrAnsibleError:
    """The error; one of usage with an example that works."""
    if not isinstance(error, UsageError):
        return error
    from mngr_ansible.cli.wrong_usage import completed

    return completed(error, command)


def _of_this_machine(error: OSError) -> MngrAnsibleError:
    what = ": ".join(printable(str(each)) for each in (error.filename, error.strerror or error) if each)
    remedy = "Check this machine's disk, permissions and temporary directory, and run again."
    return MngrAnsibleError(f"this machine: {what}", remedy=remedy)


def _written(write: Callable[[], None], code: int) -> int:
    """Write to stdout; the exit code, which is an error's where it cannot be written. Whoever reads may have seen
    enough, as ``head`` does: that is no error."""
    try:
        write()
        if sys.stdout is not None:  # closed
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return code
        _print_errors(Report("", errors=(_of_this_machine(error),)), is_verbose=False)
        return code if code not in (0, _SOMETHING_IS_DUE) else 1
    return code


def stopped_at_start(words: Sequence[str], stop: BaseException) -> int:
    """Show that a signal came before :func:`run` was called; the value is the exit code."""
    with lasting_stderr():
        return _stopped(Report(_command(words)), stop, words)


def _command(words: Sequence[str]) -> str:
    return next((word for word in words if word in verbs.VERBS), "")


def _stopped(reached: Report, stop: BaseException, words: Sequence[str], files: "ReportFiles | None" = None) -> int:
    """Say what was reached, and give the exit code. Nothing that we started runs any more."""
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one more Ctrl-C would cut the message
    remedy = RUN_AGAIN if reached.command in ("apply", "bootstrap") else "Run the same command again."
    error = MngrAnsibleError(reached.stopped_words, remedy=remedy)
    report = _filed(Report(reached.command, reached.hosts, errors=(error,)), files)
    is_json, is_quiet = "--json" in words, "-q" in words or "--quiet" in words

    def show() -> None:
        if is_json or not reached.hosts:
            _show_errors(report, is_json)
            return
        from mngr_ansible.report import text

        page = text.wrong_page(report) if is_quiet else text.summed_page(report)
        _print_result(report, page, is_full="--full" in words)

    return _written(show, 130 if isinstance(stop, KeyboardInterrupt) else int(str(getattr(stop, "code", 143))))


def _show(result: verbs.Result, options: "argparse.Namespace") -> None:
    if options.json:
        _print_errors(result.report, is_verbose=options.verbose)
        _print_json(result.report)
        return
    is_quiet, is_asked_for = getattr(options, "quiet", False), getattr(options, "commands", False)
    page = _wrong(result) if is_quiet and not is_asked_for else result.words()
    is_silent = is_quiet and not result.exit_code
    report = result.report
    notes = () if is_silent else report.failure_notices if is_quiet else report.all_notices
    _print_result(
        report,
        page,
        notes=notes,
        advice=() if is_silent else result.advice(),
        is_full=getattr(options, "full", False),
        is_verbose=options.verbose,
    )


def _print_result(
    report: Report,
    page: "Page | str",
    *,
    notes: Sequence[str] = (),
    advice: "Page" = (),
    is_full: bool = False,
    is_verbose: bool = False,
) -> None:
    """Errors, notes and advice on stderr, the page on stdout. Where both are one terminal the errors come last."""
    from mngr_ansible.report.page import Note
    from mngr_ansible.report.writing import is_terminal, written

    is_seen = page and is_terminal(sys.stdout) and is_terminal(sys.stderr)
    if not is_seen:
        _print_errors(report, is_verbose=is_verbose)
    for talk in (tuple(Note(each, label="note") for each in notes), advice):
        if talk:
            print(written(talk, sys.stderr), file=sys.stderr, flush=True)
    if page:
        print(written(page, sys.stdout, is_full=is_full), flush=True)
    if is_seen and report.all_errors:
        print(file=sys.stderr)
        _print_errors(report, is_verbose=is_verbose)


def _wrong(result: verbs.Result) -> "Page":
    """What ``--quiet`` leaves of the words."""
    if result.exit_code == 0:
        return ()
    from mngr_ansible.report import text

    return text.wrong_page(result.report)


def _show_errors(report: Report, is_json: bool, *, is_verbose: bool = False) -> None:
    _print_errors(report, is_verbose=is_verbose)
    if is_json:
        _print_json(report)


def _print_errors(report: Report, *, is_verbose: bool) -> None:
    """The errors, after the tracebacks of the plugins' exceptions that are their causes, if that is requested."""
    if not report.all_errors:
        return
    from mngr_ansible.report import text
    from mngr_ansible.report.writing import written

    for error in report.all_errors:
        for each in error.errors if isinstance(error, ErrorGroup) else (error,):
            if is_verbose and isinstance(each, (PluginError, PreconditionError)) and each.__cause__ is not None:
                print(text.traceback_text(each.__cause__), file=sys.stderr)
    print(written(text.errors_page(report.all_errors), sys.stderr), file=sys.stderr)


def _print_json(report: Report) -> None:
    for piece in report.json_pieces():
        print(piece, end="")
