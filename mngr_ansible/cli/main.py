"""The command ``mngr-ansible``: arguments in, text or JSON and an exit code out."""

import contextlib
import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import TextIO

from mngr_ansible.cli import commands
from mngr_ansible.cli.parser import parser
from mngr_ansible.errors import RUN_AGAIN, MngrAnsibleError
from mngr_ansible.portable.text import printable
from mngr_ansible.provisioning.provisioner import Interrupted
from mngr_ansible.report import text
from mngr_ansible.report.report import Report
from mngr_ansible.system.signals import Terminated, terminate_gracefully


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the value is the exit code (see ``docs/contract.md`` "Commands")."""
    with terminate_gracefully():
        return _run(list(sys.argv[1:] if argv is None else argv))


def _run(words: list[str]) -> int:
    is_json = "--json" in words
    command = next((word for word in words if word in commands.VERBS), "")
    result = None
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        options = parser().parse_args(words)
        command = options.command
        stdout = sys.stdout
        with contextlib.redirect_stdout(sys.stderr):  # what a plugin prints is not the result
            result = commands.VERBS[command](options)
        _show(result, stdout, is_json=options.json)
    except MngrAnsibleError as error:
        _show_errors(Report(command, errors=(error,)), is_json)
        return error.exit_code
    except (KeyboardInterrupt, Terminated) as stop:
        return _stopped(Report(command) if result is None else result.report, stop, is_json)
    except Interrupted as stop:
        return _stopped(stop.report, stop.signal, is_json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        remedy = "Check this machine's disk, permissions and temporary directory, and run again."
        with contextlib.suppress(OSError):  # it may be stdout that cannot be written
            _show_errors(Report(command, errors=(MngrAnsibleError(f"this machine: {error}", remedy=remedy),)), is_json)
        return 1
    except Exception as error:  # noqa: BLE001 - nobody is shown a traceback unasked
        if "-v" in words or "--verbose" in words:
            traceback.print_exc()
        bug = MngrAnsibleError(
            f"mngr-ansible failed unexpectedly: {type(error).__name__}: {printable(str(error)[:500])}",
            remedy="This is a bug in mngr-ansible: please report it, with the output of -v.",
        )
        _show_errors(Report(command, errors=(bug,)), is_json)
        return 1
    return result.exit_code


def _stopped(reached: Report, stop: BaseException, is_json: bool) -> int:
    """Say what was reached, and give the exit code. Nothing that we started runs any more."""
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one more Ctrl-C would cut the message
    what = "the step that was running may or may not have finished" if reached.hosts else "nothing was changed"
    error = MngrAnsibleError(f"stopped; {what}", remedy=RUN_AGAIN)
    report = Report(reached.command, reached.hosts, errors=(error,))
    with contextlib.suppress(OSError):  # the terminal may be gone
        _show_errors(report, is_json)
        if not is_json and reached.hosts:
            print("\n".join(text.tables(report)))
    return 130 if isinstance(stop, KeyboardInterrupt) else int(str(getattr(stop, "code", 143)))


def _show(result: commands.Result, stdout: TextIO, *, is_json: bool) -> None:
    for error in result.report.all_errors:
        print(text.error_text(error), file=sys.stderr)
    if is_json:
        _print_json(result.report, stdout)
        return
    for notice in result.report.to_dict()["notices"]:
        print(f"note: {printable(notice['text'])}", file=sys.stderr)
    if result.advice:
        print(result.advice, file=sys.stderr)
    if result.words:
        print(result.words, file=stdout)


def _show_errors(report: Report, is_json: bool) -> None:
    for error in report.all_errors:
        print(text.error_text(error), file=sys.stderr)
    if is_json:
        _print_json(report, sys.stdout)


def _print_json(report: Report, stdout: TextIO) -> None:
    print(json.dumps(report.to_dict(), indent=2), file=stdout)
