"""The verbs that make a plan: options → a report and the words for people.

What is heavy (``story``, ``report.text``) is imported while ssh connects.
"""

import argparse
from collections.abc import Callable, Mapping

from mngr_ansible.cli.verbs import Result
from mngr_ansible.errors import UsageError
from mngr_ansible.provisioning.targets import open_targets
from mngr_ansible.report.report import Interrupted, Report
from mngr_ansible.system.signals import Terminated
from mngr_ansible.values import replace


def _plan(options: argparse.Namespace) -> Result:
    if options.system and options.host:
        raise UsageError("--for plans without a host", remedy="Leave --host out, or leave --for out.")
    report = _for_distro(options) if options.system else _on_hosts(options)
    from mngr_ansible.report import text

    advice = ""
    if options.commands:
        words, advice = text.commands_text(report), text.no_command_text(report)
    elif options.system:
        words = text.for_distro_text(report)
    else:
        words = text.plan_text(report, _apply_command(options))
    is_flagged = options.detailed_exitcode and report.is_due
    return Result(report, words, (2 if is_flagged else 0) if report.ok else 1, advice)


def _for_distro(options: argparse.Namespace) -> Report:
    from mngr_ansible.cli.story import request_of
    from mngr_ansible.provisioning.for_distro import distro_report

    return distro_report(request_of(options, None), options.system)


def _apply(options: argparse.Namespace) -> Result:
    report = _on_hosts(options)
    from mngr_ansible.report import text

    advice = "\n".join(filter(None, (text.advice_text(host) for host in report.hosts if host.is_local)))
    return Result(report, text.apply_text(report), 0 if report.ok else 1, advice)


def _render(options: argparse.Namespace) -> Result:
    report = _on_hosts(options)
    from mngr_ansible.report import text

    return Result(report, text.render_text(report), 0 if report.ok else 1)


def _bootstrap(options: argparse.Namespace) -> Result:
    options.host += options.hosts
    if not options.dry_run:
        return _apply(options)
    report = _on_hosts(options)
    from mngr_ansible.report import text

    return Result(report, "\n".join(text.tables(report)), 0 if report.ok else 1)


def _plugins(options: argparse.Namespace) -> Result:
    from mngr_ansible.cli.story import request_of
    from mngr_ansible.provisioning.listing import plugins_report
    from mngr_ansible.report import text

    with open_targets(()) as (targets, _):
        report = plugins_report(request_of(options, None), targets)
    return Result(report, text.plugins_text(report))


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
    report = None
    try:
        with open_targets(
            options.host,
            work_dir=options.work_dir,
            key=options.key,
            known_hosts=options.known_hosts,
            timeout=options.timeout,
        ) as (targets, control_path):
            from mngr_ansible.cli import story

            report = story.report_on(targets, control_path, options)
    except (KeyboardInterrupt, Terminated) as signal:
        if report is not None and story.is_changing(
            options
        ):  # everything is done, only the connections were being closed
            raise Interrupted(report, signal) from signal
        raise
    idle = [f"--{name.replace('_', '-')}" for name in ("key", "known_hosts") if getattr(options, name) is not None]
    if idle and not options.host:
        notice = f"{' and '.join(idle)} without --host: this machine is meant, and no ssh is used"
        report = replace(report, notices=(notice, *report.notices))
    return report


def _apply_command(options: argparse.Namespace) -> str:
    """The ``apply`` that does what this ``plan`` shows."""
    from mngr_ansible.report import text

    repeated = ("manifest", "file", "package", "plugin", "host")
    single = ("only", "key", "known_hosts", "work_dir", "install")
    return text.apply_command(("mngr-ansible", "apply"), options, repeated, single)
