"""``mngr ansible plan|apply|render|plugins|content``: the verbs of ``mngr-ansible``, about an agent that exists."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click_option_group import optgroup
from imbue.mngr.api.address_parsers import parse_agent_address
from imbue.mngr.api.find import find_one_agent, resolve_to_started_host_and_agent
from imbue.mngr.cli.common_opts import add_common_options, setup_command_context
from imbue.mngr.cli.help_formatter import CommandHelpMetadata, add_pager_help_option
from imbue.mngr.cli.output_helpers import write_event_line, write_human_line, write_json_line
from imbue.mngr.config.data_types import CommonCliOptions, MngrContext, OutputOptions
from imbue.mngr.errors import MngrError
from imbue.mngr.interfaces.agent import AgentInterface
from imbue.mngr.interfaces.host import OnlineHostInterface
from imbue.mngr.primitives import OutputFormat
from loguru import logger

if TYPE_CHECKING:
    from mngr_ansible.provisioner import Prepared, Request, Target
    from mngr_ansible.report import Report


class AnsibleCliOptions(CommonCliOptions):
    """What any of the verbs may be given."""

    agent: str | None = None
    directory: Path | None = None
    manifest: tuple[str, ...] = ()
    file: tuple[str, ...] = ()
    package: tuple[str, ...] = ()
    only: str | None = None
    become: bool = False
    install: str | None = None
    no_check_packages: bool = False
    timeout: float | None = None
    yes: bool = False
    detailed_exitcode: bool = False


type _Command = Callable[..., Any]


def _what_and_how(command: _Command) -> _Command:
    """Add the options that say what is wanted besides the plugins and the settings, and how it is done."""
    only, install = click.Choice(["files", "packages"]), click.Choice(["auto", "print"])
    seconds = click.FloatRange(min=0, min_open=True)
    for option in reversed(
        [
            optgroup.group("What"),
            optgroup.option("--manifest", multiple=True, metavar="FILE", help="A file with files and packages"),
            optgroup.option("--file", multiple=True, metavar="LOCAL:REMOTE", help="Copy a file or a directory"),
            optgroup.option("--package", multiple=True, metavar="REQUIREMENT", help="A tool, such as 'git>=2.39'"),
            optgroup.option("--only", type=only, help="Leave the other half out"),
            optgroup.group("How"),
            optgroup.option("--become/--no-become", default=False, help="Write files as root, through sudo"),
            optgroup.option("--install", type=install, help="Install what is missing, or only show the commands"),
            optgroup.option("--no-check-packages", is_flag=True, help="Assume that every package is there"),
            optgroup.option("--timeout", type=seconds, metavar="SECONDS", help="For the whole run"),
        ]
    ):
        command = option(command)
    return command


@click.group(name="ansible")
def ansible() -> None:
    """Look at, or repeat, the provisioning of an agent's host."""


@ansible.command(name="plan")
@click.argument("agent")
@_what_and_how
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when any step is due")
@add_common_options
@click.pass_context
def plan(ctx: click.Context, **_: Any) -> None:
    """Show what is due and why; change nothing."""
    from mngr_ansible import provisioner, text

    with _verb(ctx, "plan") as verb:
        agent, _host, target, request = verb.resolve()
        report = provisioner.plan_report(provisioner.prepare([target], request))
        verb.show(report, text.plan_text(report, verb.again(str(agent.name))))
        if verb.opts.detailed_exitcode and report.ok and report.is_due:
            ctx.exit(2)


@ansible.command(name="apply")
@click.argument("agent")
@_what_and_how
@click.option("-y", "--yes", is_flag=True, help="Answer yes where a terminal would be asked")
@add_common_options
@click.pass_context
def apply(ctx: click.Context, **_: Any) -> None:
    """Bring the agent's host to the plan; the agent itself is neither started nor stopped."""
    from mngr_ansible import mngr_create, mngr_talk, provisioner, text

    with _verb(ctx, "apply") as verb:
        agent, host, target, request = verb.resolve()
        with host.lock_cooperatively(), mngr_create.noted_on_failure(agent):
            confirm = mngr_talk.confirmation(verb.mngr_ctx, is_yes=verb.opts.yes)
            prepared = provisioner.ask_local(provisioner.prepare([target], request), confirm)
            report = provisioner.apply(prepared, request, mngr_talk.say, is_verbose=verb.opts.verbose > 0)
            mngr_create.note(agent, mngr_create.status_of(report.hosts[0]))
        verb.show(report, text.apply_text(report))


@ansible.command(name="render")
@click.argument("agent")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@_what_and_how
@add_common_options
@click.pass_context
def render(ctx: click.Context, **_: Any) -> None:
    """Write the run directory for what is due into DIR, and stop."""
    from mngr_ansible import provisioner

    with _verb(ctx, "render") as verb:
        _agent, _host, target, request = verb.resolve()
        assert verb.opts.directory is not None
        report = provisioner.render(provisioner.prepare([target], request), request, verb.opts.directory)
        verb.show(report, report.extra["path"])
