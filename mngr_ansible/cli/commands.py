"""The verbs that make a plan: options → a report and the words for people.

What is heavy is imported where it is needed, most of it while ssh connects.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from mngr_ansible.cli.verbs import Result
from mngr_ansible.errors import UsageError
from mngr_ansible.portable.text import one_stop, printable
from mngr_ansible.provisioning.targets import open_targets, reached_through
from mngr_ansible.report.report import Interrupted, Report
from mngr_ansible.system.signals import Terminated, question_asked
from mngr_ansible.values import replace

if TYPE_CHECKING:
    from mngr_ansible.inputs.fleet import Fleet
    from mngr_ansible.provisioning.request import Confirm, Dialog, Request, Target
    from mngr_ansible.report.progress import ProgressCallback


def _plan(options: argparse.Namespace) -> Result:
    if options.system and (options.host or options.inventory):
        where = "--host" if options.host else "--inventory"
        raise UsageError("--for plans without a host", remedy=f"Leave {where} out, or leave --for out.")
    report = _for_distro(options) if options.system else _on_hosts(options)
    is_flagged = options.detailed_exitcode and report.is_due
    code = (2 if is_flagged else 0) if report.ok else 1
    from mngr_ansible.report import text

    if options.commands:
        return Result(report, lambda: text.commands_page(report), code, lambda: text.no_command_page(report))
    if options.system:
        return Result(report, lambda: text.for_distro_page(report), code)
    return Result(report, lambda: text.plan_page(report, _apply_command(options)), code)


def _for_distro(options: argparse.Namespace) -> Report:
    from mngr_ansible.provisioning.for_distro import distro_report

    return distro_report(_request(options, None), options.system)


def _apply(options: argparse.Namespace) -> Result:
    report = _on_hosts(options)
    from mngr_ansible.report import text

    return Result(report, lambda: text.apply_page(report), 0 if report.ok else 1, lambda: text.advice_page(report))


def _render(options: argparse.Namespace) -> Result:
    report = _on_hosts(options)
    from mngr_ansible.report import text

    return Result(report, lambda: text.render_page(report), 0 if report.ok else 1)


def _bootstrap(options: argparse.Namespace) -> Result:
    options.host += options.hosts
    if not options.dry_run:
        return _apply(options)
    report = _on_hosts(options)
    from mngr_ansible.report import text

    return Result(report, lambda: text.summed_page(report), 0 if report.ok else 1)


def _plugins(options: argparse.Namespace) -> Result:
    from mngr_ansible.provisioning.listing import plugins_report
    from mngr_ansible.report import listings

    with open_targets(()) as (targets, _):
        report = plugins_report(_request(options, None), targets)
    return Result(report, lambda: listings.plugins_page(report))


_FEW = 4
"""Of so many hosts each line of progress is told at once, by itself."""

VERBS: Mapping[str, Callable[[argparse.Namespace], Result]] = {
    "plan": _plan,
    "apply": _apply,
    "render": _render,
    "bootstrap": _bootstrap,
    "plugins": _plugins,
}
"""By name; the other verbs are in :mod:`mngr_ansible.cli.verbs`."""


def _on_hosts(options: argparse.Namespace) -> Report:
    """Open the hosts, do what the verb does on them, and close what was opened."""
    report, fleet = None, _fleet(options)
    try:
        opened = open_targets(
            options.host,
            work_dir=options.work_dir,
            key=options.key,
            known_hosts=options.known_hosts,
            inventory=options.inventory,
            limit=options.limit,
            vault_ids=options.vault_id,
            timeout=options.timeout,
            has_playbooks=bool(getattr(options, "playbook", ())),
            become=getattr(options, "become", False),
        )
        with opened as (found, control_path), reached_through(found, options.worker) as targets:
            request = replace(_request(options, control_path), ready=options.ready, fleet=fleet)
            report = _report(targets, request, options)
    except (KeyboardInterrupt, Terminated) as signal:
        if report is not None and _is_changing(options):  # everything is done, only the connections were being closed
            raise Interrupted(report, signal) from signal
        raise
    idle = [f"--{name.replace('_', '-')}" for name in ("key", "known_hosts") if getattr(options, name) is not None]
    if idle and not options.host and not options.inventory:
        notice = f"{' and '.join(idle)} without --host: this machine is meant, and no ssh is used"
        report = replace(report, notices=(notice, *report.notices))
    return report


def _report(targets: Sequence["Target"], request: "Request", options: argparse.Namespace) -> Report:
    from mngr_ansible.provisioning.gathering import gather

    is_bootstrap = options.command == "bootstrap"
    if is_bootstrap:
        from mngr_ansible.provisioning import bootstrap

        gathered = bootstrap.gather(targets, request)
    else:
        gathered = gather(targets, request)
    from mngr_ansible.provisioning import provisioner  # ssh connects meanwhile
    from mngr_ansible.provisioning.reporting import plan_report

    with _dialog(options, [each.name for each in targets]) as shown:
        dialog = shown if options.report_files is None else replace(shown, note=options.report_files.timeline.note)
        if options.command == "render":
            return provisioner.render(
                gathered, request, Path(options.directory), dialog, is_desired=options.desired, is_plain=options.tasks
            )
        if not _is_changing(options):
            inspected = provisioner.inspect(gathered, request, dialog)
            return plan_report(inspected, has_diff=getattr(options, "diff", False), forks=request.fleet.forks)
        done = provisioner.provision(gathered, request, dialog, command=options.command, is_finished=not is_bootstrap)
        return done.report


def _is_changing(options: argparse.Namespace) -> bool:
    return options.command == "apply" or (options.command == "bootstrap" and not options.dry_run)


def _fleet(options: argparse.Namespace) -> "Fleet":
    from mngr_ansible.inputs.fleet import build_fleet

    given = vars(options)
    return build_fleet(
        canary=given.get("canary"),
        forks=given.get("forks"),
        host_timeout=given.get("host_timeout"),
        max_fail_percentage=given.get("max_fail_percentage"),
        workers=given.get("worker", ()),
        playbooks=given.get("playbook", ()),
        vault_ids=given.get("vault_id", ()),
    )


def _request(options: argparse.Namespace, control_path: str | None) -> "Request":
    from mngr_ansible.provisioning.request import build_request

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


@contextmanager
def _dialog(options: argparse.Namespace, hosts: Sequence[str]) -> "Iterator[Dialog]":
    """The dialog about these hosts: a display in a terminal, lines elsewhere, and where every event is to be seen.

    Alike lines of many hosts come together.
    """
    from mngr_ansible.provisioning.request import SILENT, Dialog

    write = _writer(hosts, is_named=bool(options.host or options.inventory))
    if options.quiet:
        yield Dialog(SILENT.on_progress, _confirm(options))
    elif options.verbose:
        yield Dialog(_going_on(write, hosts), _confirm(options), is_verbose=True)
    elif _has_display():
        from mngr_ansible.cli.live import LiveDisplay

        is_named, is_changing = bool(options.host or options.inventory), _is_changing(options)
        display = LiveDisplay(hosts, is_named=is_named, plain=write, is_changing=is_changing)
        try:
            with _gathered(display.tell, hosts) as (tell, tell_all):

                @contextmanager
                def aside() -> Iterator[None]:
                    tell_all()
                    with display.aside():
                        yield

                yield Dialog(tell, _confirm(options, aside), on_work=display.note, aside=aside)
        finally:
            display.close()
    else:
        with _gathered(write, hosts) as (tell, tell_all):

            @contextmanager
            def told() -> Iterator[None]:
                tell_all()
                yield

            yield Dialog(tell, _confirm(options, told), aside=told)


def _has_display() -> bool:
    if sys.stderr is None or not sys.stderr.isatty():
        return False
    from mngr_ansible.cli import live

    return live.has_display(sys.stderr)


@contextmanager
def _gathered(
    write: "ProgressCallback", hosts: Sequence[str]
) -> "Iterator[tuple[ProgressCallback, Callable[[], None]]]":
    """What takes lines of these hosts, and what tells those that are held back."""
    if len(hosts) <= _FEW:
        yield _going_on(write, hosts), lambda: None
        return
    from mngr_ansible.report.gathered_lines import GatheredLines

    gathered = GatheredLines(write, hosts)
    try:
        yield gathered, gathered.tell
    finally:
        gathered.tell()


def _going_on(write: "ProgressCallback", hosts: Sequence[str]) -> "ProgressCallback":
    """The same, which does not say of the last host that others go on."""
    if len(hosts) < 2:
        return write
    from mngr_ansible.report.progress import GoingOn

    return GoingOn(hosts).told(write)


def _writer(hosts: Sequence[str], *, is_named: bool) -> "ProgressCallback":
    width = max(map(len, hosts), default=0)

    def write(host: str, line: str) -> None:
        line = "\n".join(map(printable, one_stop(line).split("\n")))
        print(f"{printable(host):<{width}}   {line}" if is_named and host else line, file=sys.stderr, flush=True)

    return write


def _confirm(
    options: argparse.Namespace, aside: "Callable[[], AbstractContextManager[object]]" = nullcontext
) -> "Confirm | None":
    """Asks a question, in the block of ``aside``; None where nobody can answer."""
    if options.yes:
        return lambda _question: True
    if options.json or not all(stream and stream.isatty() for stream in (sys.stdin, sys.stderr)):  # None: closed
        return None

    def ask(question: str) -> bool:
        from shutil import get_terminal_size

        from mngr_ansible.report.terminal.words import wrapped

        words = "\n".join(wrapped(f"{printable(question)} [y/N]", get_terminal_size().columns - 1))
        with aside(), question_asked():
            print(f"{words} ", end="", file=sys.stderr, flush=True)
            return sys.stdin.readline().strip().lower() in ("y", "yes")

    return ask


def _apply_command(options: argparse.Namespace) -> str:
    """The ``apply`` that does what this ``plan`` shows."""
    from mngr_ansible.report import text

    repeated = ("manifest", "file", "package", "plugin", "playbook", "host", "inventory", "vault_id", "worker")
    single = ("only", "key", "known_hosts", "work_dir", "install", "timeout")
    of_many = ("limit", "canary", "forks", "host_timeout", "max_fail_percentage")
    return text.apply_command(("mngr-ansible", "apply"), options, repeated, (*single, *of_many))
