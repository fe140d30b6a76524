"""What the verbs that make a plan do on hosts that are open: imported while ssh connects to them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mngr_ansible.portable.text import one_stop, printable
from mngr_ansible.provisioning import provisioner
from mngr_ansible.provisioning.reporting import plan_report
from mngr_ansible.provisioning.request import Confirm, Dialog, Request, Target, build_request
from mngr_ansible.report.progress import ProgressCallback
from mngr_ansible.report.report import Report
from mngr_ansible.values import replace


def report_on(targets: Sequence[Target], control_path: str | None, options: argparse.Namespace) -> Report:
    """Do what the options say on these hosts."""
    request = replace(request_of(options, control_path), ready=options.ready)
    return _report(targets, request, options)


def _report(targets: Sequence[Target], request: Request, options: argparse.Namespace) -> Report:
    is_bootstrap = options.command == "bootstrap"
    if is_bootstrap:
        from mngr_ansible.provisioning import bootstrap

        gathered = bootstrap.gather(targets, request)
    else:
        gathered = provisioner.gather(targets, request)
    if options.command == "render":
        dialog = Dialog(confirm=_confirm(options))
        return provisioner.render(
            gathered, request, Path(options.directory), dialog, is_desired=options.desired, is_plain=options.tasks
        )
    if not is_changing(options):
        return plan_report(provisioner.inspect(gathered, request), has_diff=getattr(options, "diff", False))
    dialog = Dialog(_progress(options), _confirm(options), options.verbose)
    done = provisioner.provision(gathered, request, dialog, command=options.command, is_finished=not is_bootstrap)
    return done.report


def is_changing(options: argparse.Namespace) -> bool:
    """Whether the verb changes hosts."""
    return options.command == "apply" or (options.command == "bootstrap" and not options.dry_run)


def request_of(options: argparse.Namespace, control_path: str | None) -> Request:
    """What the options ask for, the same for all hosts."""
    given = vars(options)
    return build_request(
        manifests=given.get("manifest", ()),
        plugins=given.get("plugin", ()),
        files=given.get("file", ()),
        packages=given.get("package", ()),
        install=options.install,
        check_packages=not options.no_check_packages,
        only=given.get("only"),
        reads_all=given.get("checksum", False),
        become=given.get("become", False),
        timeout=options.timeout,
        control_path=control_path,
        password=_password() if given.get("ask_become_pass") else None,
    )


def _password() -> str:
    from mngr_ansible.provisioning.password import ask_become_password

    return ask_become_password()


def _progress(options: argparse.Namespace) -> ProgressCallback:
    width = max((len(host) for host in options.host), default=0)

    def print_line(host: str, line: str) -> None:
        line = "\n".join(map(printable, one_stop(line).split("\n")))
        print(f"{host:<{width}}   {line}" if width and host else line, file=sys.stderr, flush=True)

    return print_line


def _confirm(options: argparse.Namespace) -> Confirm | None:
    if options.yes:
        return lambda _question: True
    if options.json or not all(stream and stream.isatty() for stream in (sys.stdin, sys.stderr)):  # None: closed
        return None

    def ask(question: str) -> bool:
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    return ask
