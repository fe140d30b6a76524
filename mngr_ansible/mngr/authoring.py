"""``mngr ansible check|init|check-plugin``: what helps people who write manifests and plugins; about no agent."""

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click
from imbue.mngr.cli.common_opts import add_common_options

from mngr_ansible.mngr.invocation import Invocation, invocation
from mngr_ansible.values import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mngr_ansible.report.findings import Finding


@click.command(name="check")
@click.argument("checked_files", nargs=-1, metavar="FILE...")
@click.option("--schema", "is_schema", is_flag=True, help="Print the JSON Schema of manifests instead, for editors")
@add_common_options
@click.pass_context
def check(ctx: click.Context, /, **_: Any) -> None:
    """Find everything that is wrong with manifests, without a host."""
    from mngr_ansible.authoring.manifest_checks import SCHEMA, check_manifests

    with invocation(ctx, "check") as call:
        if call.opts.is_schema == bool(call.opts.checked_files):
            raise click.UsageError("Name the manifests to check, or give --schema", ctx=ctx)
        if call.opts.is_schema:
            call.is_shown = True  # what an editor reads is no document of ours
            call.write(SCHEMA.read_text("utf-8").rstrip("\n"))
        else:
            show_findings(ctx, call, check_manifests(call.opts.checked_files))


@click.command(name="init")
@click.argument("written", required=False, metavar="[FILE]")
@click.option("--new-plugin", metavar="NAME", help="Write a plugin with this name instead, with tests and CI")
@click.option("-y", "--yes", is_flag=True, help="Do not ask; write the example as it is")
@add_common_options
@click.pass_context
def init(ctx: click.Context, /, **_: Any) -> None:
    """Write an example manifest, or a plugin to start from."""
    from imbue.mngr.primitives import OutputFormat

    from mngr_ansible.authoring import manifest_example, plugin_template
    from mngr_ansible.mngr.spoken import in_mngr
    from mngr_ansible.report.page import Verbatim
    from mngr_ansible.report.report import Report

    with invocation(ctx, "init") as call:
        if call.opts.new_plugin is not None:
            path, words = plugin_template.write_plugin(call.opts.new_plugin, call.opts.written)
        else:
            is_for_people = call.output is OutputFormat.HUMAN and not call.opts.yes
            can_ask = is_for_people and all(each and each.isatty() for each in (sys.stdin, sys.stderr))
            path, words = manifest_example.write_manifest(call.opts.written, _ask if can_ask else None)
        call.show(Report("init", extra={"path": str(path)}), (Verbatim(in_mngr(words)),))


@click.command(name="check-plugin")
@click.argument("checked", metavar="NAME")
@add_common_options
@click.pass_context
def check_plugin(ctx: click.Context, /, **_: Any) -> None:
    """Check a plugin as its author would: its import, its hooks, and what they return on this machine."""
    from mngr_ansible.authoring import plugin_checks

    with invocation(ctx, "check-plugin") as call:
        show_findings(ctx, call, plugin_checks.check_plugin(call.opts.checked, partial(click.echo, err=True)))


def show_findings(ctx: click.Context, call: Invocation, findings: "Sequence[Finding]") -> None:
    """Show what was found; the command ends with 1 where one of it is a problem."""
    from mngr_ansible.mngr.spoken import in_mngr
    from mngr_ansible.report.findings import checks_report, findings_page

    findings = [replace(each, remedy=in_mngr(each.remedy)) for each in findings]
    report = checks_report(call.name, findings)
    call.print(report, findings_page(findings))
    if not report.ok:
        ctx.exit(1)


def _ask(question: str) -> str:
    from mngr_ansible.portable.text import printable
    from mngr_ansible.system.signals import question_asked

    with question_asked():
        click.echo("\n".join(map(printable, question.split("\n"))), nl=False, err=True)
        return sys.stdin.readline().strip()
