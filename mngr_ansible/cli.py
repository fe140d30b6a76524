"""The command ``mngr-ansible``: arguments in, text or JSON and an exit code out."""

import argparse
import io
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from mngr_ansible import content, provisioner, standalone, survey, text
from mngr_ansible.errors import MngrAnsibleError, UsageError
from mngr_ansible.progress import Talk
from mngr_ansible.report import Report
from mngr_ansible.request import Request

_DESCRIPTION = """\
Bring hosts to what mngr's plugins, manifests and options want: files first, then packages and minimum versions,
through a generated Ansible playbook. On this machine files are copied and install commands are only printed.
"""
_EPILOG = """\
exit codes: 0 done, or nothing to complain about; 1 not done, or an error; 64 wrong usage; 130, 143 stopped.
examples:
  mngr-ansible plan --package 'git>=2.39' --host build-1
  mngr-ansible apply --manifest agent-host.yml --host root@192.0.2.7:2222 --key ~/.ssh/id_ed25519
  mngr-ansible render ./run --file deploy/npmrc:~/.npmrc --host build-1
"""


class _Stopped(BaseException):
    """SIGTERM arrived."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, remedy=f"See {self.prog} --help.")


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0
    if not 0 < seconds < 10**7:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number of seconds above 0")
    return seconds


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser(
        prog="mngr-ansible",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=_version())
    verbs = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    what = _what()
    where = _where()
    how = _how()
    parents = [what, where, how]
    plan = _verb(verbs, "plan", "show what is due and why; change nothing", parents)
    plan.add_argument("--diff", action="store_true", help="show what would change in files, but for secrets")
    plan.add_argument("--detailed-exitcode", action="store_true", help="exit 2 when any step is due")
    _verb(verbs, "apply", "bring the hosts to the plan", parents)
    render = _verb(verbs, "render", "write the run directory for what is due, and stop", parents)
    render.add_argument("directory", type=Path, metavar="DIR", help="a new or empty directory")
    _verb(verbs, "plugins", "show the plugins in order, their hooks, and what each asks for", [what, how])
    _verb(verbs, "content", "print the directory that holds roles/ and playbooks/", [how])
    return top


def _version() -> str:
    import importlib.metadata

    return f"mngr-ansible {importlib.metadata.version('mngr-ansible')}"


def _verb(verbs: Any, name: str, does: str, parents: list[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(
        name, help=does, description=does[0].upper() + does[1:] + ".", parents=parents, allow_abbrev=False
    )
    return verb


def _what() -> argparse.ArgumentParser:
    parent = argparse.ArgumentParser(add_help=False)
    group = parent.add_argument_group("what")
    add = group.add_argument
    add("--manifest", action="append", default=[], metavar="FILE", help="a YAML or TOML file with files and packages")
    add("--file", action="append", default=[], metavar="LOCAL:REMOTE", help="copy a file or a directory's contents")
    add("--package", action="append", default=[], metavar="REQUIREMENT", help="a tool, such as git or 'git>=2.39,<3'")
    add("--plugin", action="append", default=[], metavar="NAME", help="ask this installed mngr plugin too; or: all")
    add("--only", choices=("files", "packages"), help="leave the other half out")
    return parent


def _where() -> argparse.ArgumentParser:
    parent = argparse.ArgumentParser(add_help=False)
    group = parent.add_argument_group("where")
    add = group.add_argument
    add("--host", action="append", default=[], metavar="[USER@]ADDR[:PORT]", help="a host; none: this machine")
    add("--key", metavar="FILE", help="the private key; else your ssh configuration and agent decide")
    add("--known-hosts", metavar="FILE", help="the host keys to trust; default: yours")
    add("--work-dir", metavar="DIR", help="where relative destinations start; default: here, or the login's home")
    add("--become", action=argparse.BooleanOptionalAction, default=False, help="write files as root, through sudo")
    return parent


def _how() -> argparse.ArgumentParser:
    parent = argparse.ArgumentParser(add_help=False)
    group = parent.add_argument_group("how")
    add = group.add_argument
    add("--json", action="store_true", help="print one JSON document on stdout")
    add("--install", choices=("auto", "print"), help="install what is missing, or only print the commands and fail")
    add("--no-check-packages", action="store_true", help="assume that every package is there")
    add("--timeout", type=_seconds, metavar="SECONDS", help="for the whole run; default: 600")
    add("--yes", action="store_true", help="answer yes where a terminal would be asked")
    add("-v", "--verbose", action="store_true", help="say more on stderr")
    return parent


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the value is the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    is_json = "--json" in words
    command = next((word for word in words if word in _VERBS), "")
    previous = _on_sigterm()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        options = parser().parse_args(words)
        command = options.command
        return _VERBS[command](options)
    except MngrAnsibleError as error:
        _fail(Report(command, errors=(error,)), is_json)
        return error.exit_code
    except KeyboardInterrupt:
        return _stopped(command, is_json, 130)
    except _Stopped:
        return _stopped(command, is_json, 143)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        remedy = "See to this machine's disk, permissions and temporary directory, and run again."
        _fail(Report(command, errors=(MngrAnsibleError(f"this machine: {error}", remedy=remedy),)), is_json)
        return 1
    finally:
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)


def _on_sigterm() -> Any:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _Stopped

    try:
        return signal.signal(signal.SIGTERM, stop)
    except ValueError:
        return None  # not the main thread: whoever called us has the signals


def _stopped(command: str, is_json: bool, code: int) -> int:
    error = MngrAnsibleError(
        "stopped; what was being done then is unknown", remedy="Run again: what is done is not done twice."
    )
    _fail(Report(command, errors=(error,)), is_json)
    return code


def _fail(report: Report, is_json: bool) -> None:
    for error in report.all_errors:
        print(text.error_text(error), file=sys.stderr)
    if is_json:
        _print_json(report)


def _print_json(report: Report) -> None:
    print(json.dumps(report.to_dict(), indent=2))


def _talk(options: argparse.Namespace) -> Talk:
    hosts = options.host
    size = max((len(host) for host in hosts), default=0)

    def say(host: str, line: str) -> None:
        print(f"{host:<{size}}   {line}" if hosts and host else line, file=sys.stderr, flush=True)

    return say


def _asked(options: argparse.Namespace, control_path: str | None) -> Request:
    return standalone.request(
        manifests=options.manifest,
        plugins=options.plugin,
        files=options.file,
        packages=options.package,
        install=options.install,
        check_packages=not options.no_check_packages,
        only=options.only,
        become=getattr(options, "become", False),
        timeout=options.timeout,
        control_path=control_path,
    )


def _run(options: argparse.Namespace) -> Report:
    with standalone.targets(
        options.host, work_dir=options.work_dir, key=options.key, known_hosts=options.known_hosts
    ) as (targets, control_path):
        request = _asked(options, control_path)
        prepared = provisioner.prepare(targets, request, is_applied=options.command == "apply")
        if options.command == "plan":
            return provisioner.plan_report(prepared, has_diff=options.diff)
        if options.command == "render":
            return provisioner.render(prepared, request, options.directory)
        prepared = provisioner.ask_local(prepared, _confirm(options))
        return provisioner.apply(prepared, request, _talk(options), is_verbose=options.verbose)


def _confirm(options: argparse.Namespace) -> provisioner.Confirm | None:
    if options.yes:
        return lambda _question: True
    if options.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    def ask(question: str) -> bool:
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    return ask


def _planned(options: argparse.Namespace) -> int:
    report = _run(options)
    _show(report, options, text.plan_text(report, _again(options)))
    due = 2 if options.detailed_exitcode and report.is_due else 0
    return due if report.ok else 1


def _rendered(options: argparse.Namespace) -> int:
    report = _run(options)
    _show(report, options, "\n".join([*text.tables(report), str(report.extra["path"])]))
    return 0 if report.ok else 1


def _applied(options: argparse.Namespace) -> int:
    report = _run(options)
    for host in report.hosts:
        if host.is_local and not options.json and (advice := text.advice_text(host)):
            print(advice, file=sys.stderr)
    _show(report, options, text.apply_text(report))
    return 0 if report.ok else 1


def _listed(options: argparse.Namespace) -> int:
    options = argparse.Namespace(**{**vars(options), "become": False})
    with standalone.targets(()) as (targets, _):
        report = survey.report(_asked(options, None), targets)
    _show(report, options, survey.plugins_text(report))
    return 0


def _content(options: argparse.Namespace) -> int:
    directory = str(content.directory())
    _show(Report("content", extra={"path": directory}), options, directory)
    return 0


def _show(report: Report, options: argparse.Namespace, words: str) -> None:
    for error in report.all_errors:
        print(text.error_text(error), file=sys.stderr)
    if options.json:
        _print_json(report)
        return
    for notice in report.to_dict()["notices"]:
        print(f"note: {notice['text']}", file=sys.stderr)
    if words:
        print(words)


def _again(options: argparse.Namespace) -> str:
    repeated = ("manifest", "file", "package", "plugin", "host")
    single = ("only", "key", "known_hosts", "work_dir", "install")
    return text.again(("mngr-ansible", "apply"), options, repeated, single)


_VERBS = {"plan": _planned, "apply": _applied, "render": _rendered, "plugins": _listed, "content": _content}
