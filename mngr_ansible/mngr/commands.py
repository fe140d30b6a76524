"""``mngr ansible plan|apply|render|…``: the verbs of ``mngr-ansible``, about an agent; ``bootstrap``, about a host."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click_option_group import optgroup
from imbue.mngr.cli.common_opts import add_common_options
from imbue.mngr.cli.help_formatter import CommandHelpMetadata, add_pager_help_option

from mngr_ansible.mngr import authoring
from mngr_ansible.mngr.invocation import invocation
from mngr_ansible.values import replace

type _Command = Callable[..., Any]

_INSTALL = "'auto': install what is missing; 'print': only show the commands, and fail"


def _what_and_how(command: _Command) -> _Command:
    """Add the options for what is needed besides plugins and settings, and for how it is done."""
    only, install = click.Choice(["files", "packages"]), click.Choice(["auto", "print"])
    seconds = click.FloatRange(min=0, min_open=True)
    for option in reversed(
        [
            optgroup.group("What"),
            optgroup.option(
                "--manifest",
                multiple=True,
                metavar="FILE",
                help="YAML or TOML file with files and packages [repeatable]",
            ),
            optgroup.option(
                "--file",
                multiple=True,
                metavar="LOCAL:REMOTE",
                help="Copy a file, or the contents of a directory [repeatable]",
            ),
            optgroup.option(
                "--package",
                multiple=True,
                metavar="REQUIREMENT",
                help="Install a tool, such as 'git>=2.39' [repeatable]",
            ),
            optgroup.option(
                "--playbook",
                multiple=True,
                metavar="PATH",
                help="Also run this playbook of your own, after the changes [repeatable]",
            ),
            optgroup.option(
                "--vault-id",
                multiple=True,
                metavar="[LABEL@]SOURCE",
                help="A password for ansible-vault, as Ansible's --vault-id [repeatable]",
            ),
            optgroup.option("--only", type=only, metavar="[files|packages]", help="Do only files, or only packages"),
            optgroup.option(
                "--checksum", is_flag=True, help="Read all files, also those unchanged since they were read before"
            ),
            optgroup.group("How"),
            optgroup.option("--become/--no-become", default=False, help="Write files as root, through sudo"),
            optgroup.option("-K", "--ask-become-pass", is_flag=True, help="Ask for the password of sudo on the host"),
            optgroup.option("--install", type=install, metavar="[auto|print]", help=_INSTALL),
            optgroup.option("--no-check-packages", is_flag=True, help="Do not check packages"),
            optgroup.option("--timeout", type=seconds, metavar="SECONDS", help="Limit for the whole run"),
        ]
    ):
        command = option(command)
    return command


@click.group(name="ansible")
def ansible() -> None:
    """Show or repeat how an agent's host is provisioned."""


def _agents(command: _Command) -> _Command:
    """Add the agents that a verb is about: one, several or all."""
    option = click.option("--all", "is_all", is_flag=True, help="All agents whose hosts run")
    return click.argument("agents", nargs=-1, metavar="[AGENT]...")(option(command))


def _many(command: _Command) -> _Command:
    """Add the options for many agents."""
    for option in reversed(
        [
            optgroup.group("Many agents"),
            optgroup.option(
                "--canary", metavar="N|N%", help="These hosts first; the others only if these end as planned"
            ),
            optgroup.option("--forks", metavar="N", help="Hosts that are worked on at once (default: all, at most 50)"),
            optgroup.option("--host-timeout", metavar="SECONDS", help="Limit for each host, beside the one for all"),
            optgroup.option(
                "--max-fail-percentage", metavar="N", help="Begin no further agent when more than N % have failed"
            ),
        ]
    ):
        command = option(command)
    return command


def _reports(command: _Command) -> _Command:
    """Add the files that a verb can write about its result."""
    path = click.Path()
    for option in reversed(
        [
            optgroup.group("Reports"),
            optgroup.option("--report", type=path, metavar="FILE.html", help="Also write the result as a page"),
            optgroup.option("--junit", type=path, metavar="FILE.xml", help="Also write the result as JUnit XML"),
        ]
    ):
        command = option(command)
    return command


@ansible.command(name="plan")
@_agents
@_what_and_how
@_many
@_reports
@click.option("--full", is_flag=True, help="Show every step; in a terminal fine ones are only counted")
@click.option("--diff", is_flag=True, help="Show file changes as a diff (never for secrets)")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when anything would change")
@click.option("--commands", is_flag=True, help="Print only the install commands, for a shell")
@click.option(
    "--for",
    "system",
    metavar="DISTRO[:RELEASE]",
    help="Plan what the plugins of AGENT need on such a system, without connecting to one, for example fedora:44",
)
@add_common_options
@click.pass_context
def plan(ctx: click.Context, /, **_: Any) -> None:
    """Show what would change and why. Only the agents' status is updated."""
    from mngr_ansible.mngr.connection import locked
    from mngr_ansible.mngr.status import record_status
    from mngr_ansible.provisioning import gathering, provisioner
    from mngr_ansible.provisioning.for_distro import plan_for_distro
    from mngr_ansible.provisioning.reporting import plan_report
    from mngr_ansible.provisioning.request import SILENT
    from mngr_ansible.report import text

    with invocation(ctx, "plan") as call:
        if call.is_about_several:
            from mngr_ansible.mngr.several import Agents

            report = Agents(call).plan(has_diff=call.opts.diff, is_recorded=call.opts.is_whole)
            call.show_plan(report, text.plan_page(report, call.apply_command(call.opts.agents)))
        else:
            agent, host, target, request = call.resolve()
            gathered = gathering.gather([target], request)
            if call.opts.system is not None:
                report = plan_for_distro(gathered[0], call.opts.system)
                call.show_plan(report, text.for_distro_page(report))
                return
            inspected = provisioner.inspect(gathered, request, replace(SILENT, note=call.note))
            report = plan_report(inspected, has_diff=call.opts.diff)
            if report.ok and call.opts.is_whole:
                record_status(agent, "due" if report.is_due else "ok", lock=lambda: locked(host, request))
            call.show_plan(call.of_agent(report), text.plan_page(report, call.apply_command([str(agent.name)])))
        if call.opts.detailed_exitcode and report.ok and report.is_due:
            ctx.exit(2)


@ansible.command(name="apply")
@_agents
@_what_and_how
@_many
@_reports
@click.option("--full", is_flag=True, help="Show every step; in a terminal fine ones are only counted")
@click.option("-y", "--yes", is_flag=True, help="Do not ask; assume yes")
@add_common_options
@click.pass_context
def apply(ctx: click.Context, /, **_: Any) -> None:
    """Make the changes that the agents' hosts need; the agents themselves are neither started nor stopped."""
    from mngr_ansible.mngr import messages
    from mngr_ansible.mngr.connection import locked
    from mngr_ansible.mngr.status import failure_recorded, record_status, status_of
    from mngr_ansible.provisioning import gathering, provisioner
    from mngr_ansible.report import text

    with invocation(ctx, "apply") as call:
        if call.is_about_several:
            from mngr_ansible.mngr.several import Agents

            agents = Agents(call)
            with messages.named_lines([each.address for each in agents.found.agents]) as on_progress:
                dialog = messages.dialog(
                    call.mngr_ctx,
                    is_yes=call.opts.yes,
                    is_verbose=call.opts.verbose > 0,
                    on_progress=on_progress,
                    note=call.note,
                )
                report = agents.apply(dialog)
            call.show(report, text.apply_page(report))
            return
        agent, host, target, request = call.resolve()
        call.warn(request, is_local=target.connection.is_local)
        with locked(host, request), failure_recorded(agent):
            is_verbose = call.opts.verbose > 0
            dialog = messages.dialog(call.mngr_ctx, is_yes=call.opts.yes, is_verbose=is_verbose, note=call.note)
            report = provisioner.provision(gathering.gather([target], request), request, dialog).report
            record_status(agent, status_of(report.hosts[0]))
        call.show(call.of_agent(report), text.apply_page(report))


@ansible.command(name="render")
@click.argument("agent")
@click.argument("directory", metavar="DIR")
@_what_and_how
@click.option("--desired", is_flag=True, help="Write everything that is needed, also what the host already has")
@click.option("--tasks", is_flag=True, help="Write plain tasks of Ansible's own modules, no roles")
@click.option("-y", "--yes", is_flag=True, help="Do not ask; assume yes")
@add_common_options
@click.pass_context
def render(ctx: click.Context, /, **_: Any) -> None:
    """Write the run directory for what would change into DIR, and stop."""
    from mngr_ansible.mngr import messages
    from mngr_ansible.provisioning import gathering, provisioner
    from mngr_ansible.report import text

    with invocation(ctx, "render") as call:
        (_agent, _host, target, request), directory = call.resolve_beside(call.opts.agent or "", call.opts.directory)
        call.warn(request, is_local=False)
        dialog = messages.dialog(call.mngr_ctx, is_yes=call.opts.yes)
        gathered = gathering.gather([target], request)
        is_desired, is_plain = call.opts.desired, call.opts.tasks
        report = provisioner.render(
            gathered, request, Path(directory), dialog, is_desired=is_desired, is_plain=is_plain
        )
        call.show(call.of_agent(report), text.render_page(report))


@ansible.command(name="bootstrap")
@click.argument("address", metavar="HOST")
@optgroup.group("How")
@optgroup.option("-K", "--ask-become-pass", is_flag=True, help="Ask for the password of sudo on the host")
@optgroup.option("--dry-run", is_flag=True, help="Show what would change; change nothing")
@optgroup.option("--install", type=click.Choice(["auto", "print"]), metavar="[auto|print]", help=_INSTALL)
@optgroup.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Limit for the whole run"
)
@optgroup.option("-y", "--yes", is_flag=True, help="Do not ask; assume yes")
@add_common_options
@click.pass_context
def bootstrap(ctx: click.Context, /, **_: Any) -> None:
    """Install what mngr needs on a new host: git, tmux, rsync and similar tools, and python3."""
    from mngr_ansible.mngr import bootstrap
    from mngr_ansible.report import text

    with invocation(ctx, "bootstrap") as call:
        report = bootstrap.run(call)
        if call.opts.dry_run:
            call.show(report, text.summed_page(report))
        else:
            call.show(report, text.apply_page(report))


@ansible.command(name="plugins")
@click.argument("agent", required=False)
@_what_and_how
@add_common_options
@click.pass_context
def plugins(ctx: click.Context, /, **_: Any) -> None:
    """Show the plugins in order, their hooks, and what each needs; without AGENT, for this machine."""
    from mngr_ansible.provisioning.listing import plugins_report
    from mngr_ansible.provisioning.targets import open_targets
    from mngr_ansible.report.listings import plugins_page

    with invocation(ctx, "plugins") as call:
        if call.opts.agent is not None:
            _agent, _host, target, request = call.resolve()
        else:
            with open_targets(()) as (targets, _path):
                target = replace(targets[0], mngr_ctx=call.mngr_ctx)
            request = call.request(is_local=True)
        report = plugins_report(request, [target])
        call.show(report, plugins_page(report, add="Install one with mngr plugin add"))


@ansible.command(name="catalog")
@click.argument("tool", metavar="[NAME]", required=False)
@add_common_options
@click.pass_context
def catalog(ctx: click.Context, /, **_: Any) -> None:
    """Show the known tools, their sources, and which are tested; with NAME, everything about one tool."""
    from mngr_ansible.provisioning.listing import catalog_report
    from mngr_ansible.report.listings import catalog_page

    with invocation(ctx, "catalog") as call:
        report = catalog_report(call.opts.tool)
        call.show(report, catalog_page(report, is_whole=call.opts.tool is not None))


@ansible.command(name="content")
@click.option("--copy", "copy_to", metavar="DIR", help="Put working copies of roles/ and playbooks/ into DIR")
@click.option("--collection", metavar="DIR", help="Build the collection mngr.provisioning in DIR: tree and tarball")
@add_common_options
@click.pass_context
def content(ctx: click.Context, /, **_: Any) -> None:
    """Print the directory of roles/ and playbooks/, or copy them."""
    from mngr_ansible.provisioning.listing import content_report
    from mngr_ansible.report.page import Verbatim

    with invocation(ctx, "content") as call:
        copy, collection = (Path(each) if each else None for each in (call.opts.copy_to, call.opts.collection))
        report = content_report(copy, collection)
        call.show(report, (Verbatim(str(report.extra["path"])),))


@ansible.command(name="doctor")
@click.argument("agent", required=False)
@optgroup.group("What")
@optgroup.option(
    "--package",
    multiple=True,
    metavar="REQUIREMENT",
    help="Also try the servers from which this tool would come [repeatable]",
)
@optgroup.option(
    "--manifest", multiple=True, metavar="FILE", help="The same for the packages of a manifest [repeatable]"
)
@optgroup.group("How")
@optgroup.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Limit for each question"
)
@click.option("--full", is_flag=True, help="Show every check; in a terminal fine ones are only counted")
@add_common_options
@click.pass_context
def doctor(ctx: click.Context, /, **_: Any) -> None:
    """Check this machine, and the host of AGENT, for what stops or delays a run; change nothing."""
    from mngr_ansible.doctor.examination import Questions, look, requirements_of

    with invocation(ctx, "doctor") as call:
        requirements = requirements_of(call.opts.package, call.opts.manifest, call.opts.timeout)
        targets = [] if call.opts.agent is None else [call.resolve()[2]]
        findings = look(targets, Questions(requirements, seconds=call.opts.timeout or Questions().seconds))
        authoring.show_findings(ctx, call, findings)


@ansible.command(name="inventory")
@click.option("--list", "list_all", is_flag=True, help="Print the whole inventory (default)")
@click.option("--host", "inventory_host", metavar="NAME", help="Print only the variables of this host")
@add_common_options
@click.pass_context
def inventory(ctx: click.Context, /, **_: Any) -> None:
    """Print mngr's ssh hosts as an Ansible inventory, in JSON."""
    from mngr_ansible.mngr.inventory import as_json
    from mngr_ansible.mngr.ssh_hosts import ssh_hosts
    from mngr_ansible.portable.text import printable

    with invocation(ctx, "inventory") as call:
        call.is_shown = True  # what Ansible reads is no document of ours, whatever happens
        words, left_out = as_json(ssh_hosts(call.mngr_ctx), call.opts.inventory_host)
        for each in left_out:
            sys.stderr.write(f"{printable(each)}\n")  # no level: Ansible puts one before it
        call.write(words)


for _command in (authoring.check, authoring.init, authoring.check_plugin):
    ansible.add_command(_command)

for _option in plugins.params:
    if isinstance(_option, click.Option) and _option.name in ("checksum", "playbook", "become", "ask_become_pass"):
        _option.hidden = True  # they have no effect: the words of plan are those of plugins

_LEFT_ALONE = "The agent may be running or stopped; it is neither started nor stopped."


def _register_help() -> None:
    group = "Show or repeat how an agent's host is provisioned"
    verbs: dict[str, tuple[click.Command, str, str]] = {
        "plan": (plan, "<AGENT>... [OPTIONS]", "Show what would change and why"),
        "apply": (apply, "<AGENT>... [OPTIONS]", "Make the changes that the agent's host needs"),
        "render": (render, "<AGENT> <DIR> [OPTIONS]", "Write the run directory for what would change, and stop"),
        "bootstrap": (bootstrap, "<HOST> [OPTIONS]", "Install what mngr needs on a new host"),
        "plugins": (plugins, "[AGENT] [OPTIONS]", "Show the plugins in order, and what each needs"),
        "catalog": (catalog, "[NAME] [OPTIONS]", "Show the known tools and their sources"),
        "init": (authoring.init, "[FILE] [OPTIONS]", "Write an example manifest, or a plugin to start from"),
        "check": (authoring.check, "<FILE>... [OPTIONS]", "Find everything that is wrong with manifests"),
        "check-plugin": (authoring.check_plugin, "<NAME> [OPTIONS]", "Check a plugin as its author would"),
        "doctor": (doctor, "[AGENT] [OPTIONS]", "Check this machine and the agent's host for what stops a run"),
        "inventory": (inventory, "[OPTIONS]", "Print mngr's ssh hosts as an Ansible inventory"),
        "content": (content, "[OPTIONS]", "Print the directory of roles/ and playbooks/, or copy them"),
    }
    width = max(map(len, verbs))
    listing = "\n".join(f"    {name:<{width}}  {line}" for name, (_command, _arguments, line) in verbs.items())
    see_also = (("ansible_provisioning", "How mngr-ansible works"), ("create", "Create and run an agent"))
    CommandHelpMetadata(
        key="ansible",
        one_line_description=group,
        synopsis="mngr ansible COMMAND [AGENT]... [OPTIONS]",
        description=_LEFT_ALONE,
        additional_sections=(
            ("Commands", f"Each has a help of its own, such as mngr ansible plan --help:\n\n{listing}"),
        ),
        examples=(
            ("Show what would change on the host of an agent", "mngr ansible plan my-agent"),
            ("Make these changes for all agents, one of them first", "mngr ansible apply --all --canary 1"),
        ),
        see_also=see_also,
    ).register()
    add_pager_help_option(ansible)
    for name, (command, arguments, line) in verbs.items():
        words = {
            "<AGENT>": "my-agent",
            "<AGENT>...": "my-agent",
            "[AGENT]": "my-agent",
            "<HOST>": "my-host",
            "<DIR>": "./run",
            "<NAME>": "my-plugin",
            "[FILE]": "agent-host.yml",
            "<FILE>...": "agent-host.yml",
        }
        example = " ".join(["mngr", "ansible", name, *(words[each] for each in arguments.split() if each in words)])
        CommandHelpMetadata(
            key=f"ansible.{name}",
            one_line_description=line,
            synopsis=f"mngr ansible {name} {arguments}",
            description=_LEFT_ALONE if "AGENT" in arguments else "",
            examples=((line, example),),
            see_also=see_also,
        ).register()
        add_pager_help_option(command)
        command.short_help = line


_register_help()
