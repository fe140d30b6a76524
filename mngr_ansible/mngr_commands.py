"""``mngr ansible plan|apply|render|plugins|content``: the verbs of ``mngr-ansible``, about an agent that exists."""

import dataclasses
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from click_option_group import optgroup
from imbue.mngr.api.address_parsers import parse_agent_address
from imbue.mngr.api.find import find_one_agent, resolve_to_started_host_and_agent
from imbue.mngr.cli.common_opts import add_common_options, setup_command_context
from imbue.mngr.cli.help_formatter import CommandHelpMetadata, add_pager_help_option
from imbue.mngr.cli.output_helpers import write_event_line, write_human_line, write_json_line
from imbue.mngr.config.data_types import CommonCliOptions, MngrContext
from imbue.mngr.errors import MngrError
from imbue.mngr.primitives import OutputFormat
from loguru import logger

if TYPE_CHECKING:
    from imbue.mngr.interfaces.agent import AgentInterface
    from imbue.mngr.interfaces.host import OnlineHostInterface

    from mngr_ansible.provisioner import Request, Target
    from mngr_ansible.report import Report


type Install = Literal["auto", "print"]
type Only = Literal["files", "packages"]


class AnsibleCliOptions(CommonCliOptions):
    """What any of the verbs may be given."""

    agent: str | None = None
    words: tuple[str, ...] = ()
    manifest: tuple[str, ...] = ()
    file: tuple[str, ...] = ()
    package: tuple[str, ...] = ()
    only: Only | None = None
    become: bool = False
    install: Install | None = None
    no_check_packages: bool = False
    timeout: float | None = None
    yes: bool = False
    detailed_exitcode: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether nothing was added to, or left out of, what ``mngr create`` would ask for."""
        return not (self.manifest or self.file or self.package or self.only or self.install or self.no_check_packages)


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
def plan(ctx: click.Context, /, **_: Any) -> None:
    """Show what is due and why; change nothing but mngr's note of it."""
    from mngr_ansible import mngr_create, provisioner, text

    with _verb(ctx, "plan") as verb:
        agent, host, target, request = verb.resolve()
        report = provisioner.plan_report(provisioner.prepare([target], request))
        if report.ok and verb.opts.is_whole:
            mngr_create.note(agent, "due" if report.is_due else "ok", lock=host.lock_cooperatively)
        verb.show(report, text.plan_text(report, verb.again(str(agent.name))))
        if verb.opts.detailed_exitcode and report.ok and report.is_due:
            ctx.exit(2)


@ansible.command(name="apply")
@click.argument("agent")
@_what_and_how
@click.option("-y", "--yes", is_flag=True, help="Answer yes where a terminal would be asked")
@add_common_options
@click.pass_context
def apply(ctx: click.Context, /, **_: Any) -> None:
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
@click.argument("words", metavar="AGENT DIR", nargs=2)
@_what_and_how
@add_common_options
@click.pass_context
def render(ctx: click.Context, /, **_: Any) -> None:
    """Write the run directory for what is due into DIR, and stop."""
    from mngr_ansible import provisioner, text

    with _verb(ctx, "render") as verb:
        agent, directory = verb.opts.words
        if "/" in agent:  # stand-alone, DIR comes first; no agent's address holds a slash
            agent, directory = directory, agent
        _agent, _host, target, request = verb.resolve(agent)
        report = provisioner.render(provisioner.prepare([target], request), request, Path(directory))
        table = text.plan_text(report, "").rpartition("Nothing was")[0]
        verb.show(report, f"{table}{report.extra['path']}")


@ansible.command(name="plugins")
@click.argument("agent", required=False)
@_what_and_how
@add_common_options
@click.pass_context
def plugins(ctx: click.Context, /, **_: Any) -> None:
    """Show the plugins in order, their hooks, and what each asks for; without AGENT, for this machine."""
    from mngr_ansible import standalone, survey

    with _verb(ctx, "plugins") as verb:
        if verb.opts.agent is not None:
            _agent, _host, target, request = verb.resolve()
        else:
            with standalone.targets(()) as (targets, _path):
                target = dataclasses.replace(targets[0], mngr_ctx=verb.mngr_ctx)
            request = verb.request(is_local=True)
        report = survey.report(request, [target])
        verb.show(report, survey.plugins_text(report))


@ansible.command(name="content")
@add_common_options
@click.pass_context
def content(ctx: click.Context, /, **_: Any) -> None:
    """Print the directory that holds roles/ and playbooks/."""
    from mngr_ansible import content as shipped
    from mngr_ansible.report import Report

    with _verb(ctx, "content") as verb:
        directory = str(shipped.directory())
        verb.show(Report("content", extra={"path": directory}), directory)


@dataclass(slots=True)
class _Verb:
    """One call of a verb: what mngr made of its command line, and how its result is shown."""

    name: str
    mngr_ctx: MngrContext
    output: OutputFormat
    opts: AnsibleCliOptions
    is_shown: bool = False

    def resolve(self, address: str | None = None) -> "tuple[AgentInterface[Any], OnlineHostInterface, Target, Request]":
        """Find the agent, which may be stopped, and what is asked for there."""
        from mngr_ansible import mngr_host

        host_ref, agent_ref = find_one_agent(parse_agent_address(address or self.opts.agent or ""), self.mngr_ctx)
        agent, host = resolve_to_started_host_and_agent(
            host_ref, agent_ref, allow_auto_start=False, mngr_ctx=self.mngr_ctx
        )
        target = mngr_host.target(agent, host, None, self.mngr_ctx)
        return agent, host, target, self.request(is_local=host.is_local)

    def request(self, *, is_local: bool) -> "Request":
        """What settings and command line ask for."""
        from mngr_ansible import mngr_host

        opts = self.opts
        return mngr_host.request(
            self.mngr_ctx,
            is_local=is_local,
            manifests=opts.manifest,
            files=opts.file,
            packages=opts.package,
            install=opts.install,
            check_packages=not opts.no_check_packages,
            only=opts.only,
            become=opts.become,
            timeout=opts.timeout,
        )

    def show(self, report: "Report", words: str) -> None:
        """Print the result on stdout.

        Raises:
            PluginMngrError: the command did not do its job.
        """
        from mngr_ansible import mngr_talk

        self.print(report, words)
        if report.errors:
            raise mngr_talk.as_mngr_error(report.errors[0])
        if not report.ok:
            raise mngr_talk.as_failure(report.hosts[0])

    def print(self, report: "Report", words: str) -> None:
        """One JSON document (or one event), or the words of a person."""
        self.is_shown = True
        match self.output:
            case OutputFormat.JSON:
                write_json_line(report.to_dict())
            case OutputFormat.JSONL:
                write_event_line(f"ansible_{self.name}", report.to_dict())
            case OutputFormat.HUMAN:
                for notice in report.to_dict()["notices"]:
                    logger.info("note: {}", notice["text"])
                if words:
                    write_human_line(words)

    def again(self, agent: str) -> str:
        """The command that does what this one has shown."""
        words = ["mngr", "ansible", "apply", agent]
        for name in ("manifest", "file", "package"):
            words += [word for value in getattr(self.opts, name) for word in (f"--{name}", value)]
        for name in ("only", "install"):
            if (value := getattr(self.opts, name)) is not None:
                words += [f"--{name}", value]
        words += ["--become"] * self.opts.become + ["--no-check-packages"] * self.opts.no_check_packages
        return shlex.join(words)


@contextmanager
def _verb(ctx: click.Context, name: str) -> Iterator[_Verb]:
    """Set a verb up; its errors are mngr's errors, and in JSON the contract's document with ``errors`` besides."""
    from mngr_ansible import mngr_talk
    from mngr_ansible.errors import MngrAnsibleError
    from mngr_ansible.report import Report

    mngr_ctx, output_opts, opts = setup_command_context(ctx, f"ansible-{name}", AnsibleCliOptions)
    verb = _Verb(name, mngr_ctx, output_opts.output_format, opts)
    try:
        with mngr_talk.reported():
            yield verb
    except MngrError as error:
        cause = error.__cause__
        if not verb.is_shown and verb.output is not OutputFormat.HUMAN:
            if not isinstance(cause, MngrAnsibleError):
                cause = MngrAnsibleError(str(error), remedy=error.user_help_text or "")
            verb.print(Report(name, errors=(cause,)), "")
        raise


def _register_help() -> None:
    group = "Look at, or repeat, the provisioning of an agent's host"
    verbs: dict[str, tuple[click.Command, str, str]] = {
        "plan": (plan, "<AGENT> [OPTIONS]", "Show what is due and why"),
        "apply": (apply, "<AGENT> [OPTIONS]", "Bring the agent's host to the plan"),
        "render": (render, "<AGENT> <DIR> [OPTIONS]", "Write the run directory for what is due, and stop"),
        "plugins": (plugins, "[AGENT] [OPTIONS]", "Show the plugins in order, and what each asks for"),
        "content": (content, "[OPTIONS]", "Print the directory that holds roles/ and playbooks/"),
    }
    synopsis = f"mngr ansible [{'|'.join(verbs)}] [AGENT] [OPTIONS]"
    see_also = (("ansible_provisioning", "How mngr-ansible works"), ("create", "Create and run an agent"))
    CommandHelpMetadata(
        key="ansible",
        one_line_description=group,
        synopsis=synopsis,
        description="The agent may be running or stopped; it is left as it is.",
        see_also=see_also,
    ).register()
    add_pager_help_option(ansible)
    for name, (command, arguments, line) in verbs.items():
        CommandHelpMetadata(
            key=f"ansible.{name}",
            one_line_description=line,
            synopsis=f"mngr ansible {name} {arguments}",
            description=str(command.help),
            examples=((line, f"mngr ansible {name}" + (" my-agent" if "AGENT" in arguments else "")),),
            see_also=see_also,
        ).register()
        add_pager_help_option(command)


_register_help()
