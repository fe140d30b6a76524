"""One call of a verb of ``mngr ansible``: its options, the agent that it is about, and how its result is shown."""

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TextIO

import click
from imbue.mngr.api.address_parsers import parse_agent_address
from imbue.mngr.api.find import find_one_agent, resolve_to_started_host_and_agent
from imbue.mngr.cli.common_opts import setup_command_context
from imbue.mngr.cli.output_helpers import write_event_line, write_human_line, write_json_line
from imbue.mngr.config.data_types import CommonCliOptions, MngrContext
from imbue.mngr.errors import MngrError, UserInputError
from imbue.mngr.primitives import OutputFormat
from loguru import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from imbue.mngr.interfaces.agent import AgentInterface
    from imbue.mngr.interfaces.host import OnlineHostInterface

    from mngr_ansible.inputs.fleet import Fleet
    from mngr_ansible.mngr.created_with import CreatedWith
    from mngr_ansible.mngr.trust import Words
    from mngr_ansible.provisioning.report_files import ReportFiles
    from mngr_ansible.provisioning.request import Request, Target
    from mngr_ansible.report.page import Page
    from mngr_ansible.report.report import Report

type Install = Literal["auto", "print"]
type Only = Literal["files", "packages"]


_OFFLINE = "Offline hosts not supported for this provider"
"""What mngr 0.3 says for every agent of an ssh pool of which one host does not answer."""

_OFFLINE_REMEDY = (
    "A host of this provider does not answer, and mngr lists its hosts only together. Start that host, or take it out "
    "of [providers.NAME.hosts] of mngr's settings."
)


class AnsibleCliOptions(CommonCliOptions):
    """The options of all verbs."""

    agent: str | None = None
    agents: tuple[str, ...] = ()
    is_all: bool = False
    directory: str = ""
    tool: str | None = None
    checked: str = ""
    checked_files: tuple[str, ...] = ()
    is_schema: bool = False
    written: str | None = None
    new_plugin: str | None = None
    address: str = ""
    manifest: tuple[str, ...] = ()
    file: tuple[str, ...] = ()
    package: tuple[str, ...] = ()
    only: Only | None = None
    checksum: bool = False
    become: bool = False
    install: Install | None = None
    no_check_packages: bool = False
    timeout: float | None = None
    yes: bool = False
    diff: bool = False
    full: bool = False
    detailed_exitcode: bool = False
    commands: bool = False
    desired: bool = False
    tasks: bool = False
    copy_to: str | None = None
    collection: str | None = None
    system: str | None = None
    dry_run: bool = False
    ask_become_pass: bool = False
    list_all: bool = False
    inventory_host: str | None = None
    playbook: tuple[str, ...] = ()
    vault_id: tuple[str, ...] = ()
    canary: str | None = None
    forks: str | None = None
    host_timeout: str | None = None
    max_fail_percentage: str | None = None
    report: str | None = None
    junit: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing was added to, or left out of, what ``mngr create`` would request."""
        return not (self.manifest or self.file or self.package or self.only or self.install or self.no_check_packages)

    def not_granted(self, words: "Words") -> list[str]:
        """The options that the settings of a repository give, but only the user may give."""
        grants = ("install", "yes", "become", "ask_become_pass", "report", "junit")
        return [each for each in grants if not words.is_granted(each, getattr(self, each))]


@dataclass(frozen=True, slots=True)
class Sudo:
    """What sudo with a password needs; by default no password is known.

    Attributes:
        password: asked for once, for all hosts; in memory alone.
        sockets: of connections of our own: mngr's shows every script in the host's list of processes.
    """

    password: str | None = field(default=None, repr=False)
    sockets: "Path | None" = None

    @property
    def control_path(self) -> str | None:
        """ssh's ControlPath of the connections of our own, as ``OpenSsh`` has it."""
        return None if self.sockets is None else f"{self.sockets}/%C"

    def over_own_connection(self, target: "Target") -> "Target":
        """The target, over a connection of our own where there is a password."""
        from mngr_ansible.mngr.connection import MngrConnection

        if self.sockets is None or not isinstance(target.connection, MngrConnection):
            return target
        return dataclasses.replace(target, connection=target.connection.own(self.sockets))


@dataclass(slots=True)
class Invocation:
    """One call of a verb: its options as mngr parsed them, and how its result is shown."""

    name: str
    mngr_ctx: MngrContext
    output: OutputFormat
    opts: AnsibleCliOptions
    words: "Words"
    is_shown: bool = False
    opened: ExitStack = field(default_factory=ExitStack)
    """What is closed when the call ends."""
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    """Where the result goes; what a plugin prints meanwhile goes to stderr."""
    created_with: "CreatedWith | None" = None
    """What the agent was created with; None where the call is about no agent."""
    agent_name: str = ""
    files: "ReportFiles | None" = None
    """The files of ``--report`` and ``--junit``; None where there are none."""

    @property
    def note(self) -> "Callable[[str, str], None] | None":
        """What takes note of what hosts are at, for these files."""
        return None if self.files is None else self.files.timeline.note

    @property
    def is_about_several(self) -> bool:
        """Whether several agents, or all of them, are meant.

        Raises:
            click.UsageError: none is named, or some and all; or several where an option is about one.
        """
        opts = self.opts
        if opts.system is not None and not opts.agents and not opts.is_all:
            raise click.UsageError("--for needs an agent, whose plugins are asked what they need: name one.")
        if not opts.agents and not opts.is_all:
            raise click.UsageError("Name an agent, or several, or give --all.")
        if opts.agents and opts.is_all:
            raise click.UsageError("--all means every agent: name none beside it.")
        if (opts.is_all or len(opts.agents) > 1) and opts.system is not None:
            raise click.UsageError("--for plans for one agent: name one.")
        return opts.is_all or len(opts.agents) > 1

    def of_agent(self, report: "Report") -> "Report":
        """The report, with the name of the agent that this call is about."""
        hosts = (dataclasses.replace(each, agent=self.agent_name) for each in report.hosts)
        return dataclasses.replace(report, hosts=tuple(hosts))

    def resolve(self, address: str | None = None) -> "tuple[AgentInterface[Any], OnlineHostInterface, Target, Request]":
        """Find the agent, which may be stopped, and what is requested for it."""
        from mngr_ansible.mngr.created_with import recorded
        from mngr_ansible.mngr.request import agent_target

        host_ref, agent_ref = find_one_agent(
            parse_agent_address(address or self.opts.agent or self.opts.agents[0]), self.mngr_ctx
        )
        agent, host = resolve_to_started_host_and_agent(
            host_ref, agent_ref, allow_auto_start=False, mngr_ctx=self.mngr_ctx
        )
        self.created_with, self.agent_name = recorded(agent_ref, self.mngr_ctx), str(agent_ref.agent_name)
        return agent, host, *self.asked(agent_target(agent, host, None, self.mngr_ctx))

    def resolve_beside(
        self, first: str, second: str
    ) -> "tuple[tuple[AgentInterface[Any], OnlineHostInterface, Target, Request], str]":
        """The agent that one of two words names, and the other word, which is a directory.

        Raises:
            MngrError: neither names one; what is wrong with the first, unless that has a slash, as no agent's has.
        """
        if "/" in first:
            return self.resolve(second), first
        try:
            return self.resolve(first), second
        except MngrError as error:
            if "/" in second:
                raise
            try:
                return self.resolve(second), first
            except MngrError:
                raise error from None

    def asked(self, target: "Target") -> "tuple[Target, Request]":
        """The target and the request; where a password is needed, over a connection of our own."""
        sudo = self.sudo()
        return sudo.over_own_connection(target), self.request(is_local=target.connection.is_local, sudo=sudo)

    def sudo(self) -> "Sudo":
        """What is needed for sudo with a password, which is asked for where an option says so."""
        if not self.opts.ask_become_pass:
            return Sudo()
        from mngr_ansible.host.masters import control_sockets

        return Sudo(_ask_password(), self.opened.enter_context(control_sockets()))

    def request(
        self, *, is_local: bool, sudo: "Sudo | None" = None, created_with: "CreatedWith | None" = None
    ) -> "Request":
        """The request of settings and command line, and of what the agent was created with."""
        from mngr_ansible.mngr.created_with import CreatedWith
        from mngr_ansible.mngr.request import mngr_request

        opts, sudo = self.opts, sudo or Sudo()
        return mngr_request(
            self.mngr_ctx,
            self.words,
            created_with or self.created_with or CreatedWith(),
            is_local=is_local,
            manifests=opts.manifest,
            files=opts.file,
            packages=opts.package,
            install=opts.install,
            check_packages=not opts.no_check_packages,
            only=opts.only,
            reads_all=opts.checksum,
            become=opts.become,
            timeout=opts.timeout,
            password=sudo.password,
            control_path=sudo.control_path,
            fleet=self.fleet(),
        )

    def fleet(self) -> "Fleet":
        """The options for many agents.

        Raises:
            UsageError: one is not what it has to be.
            InputError: the settings of a repository give one that only the user may give.
        """
        from mngr_ansible.inputs.fleet import build_fleet

        opts = self.opts
        self.words.require_own({"playbook": opts.playbook, "vault_id": opts.vault_id})
        return build_fleet(
            canary=opts.canary,
            forks=opts.forks,
            host_timeout=opts.host_timeout,
            max_fail_percentage=opts.max_fail_percentage,
            playbooks=opts.playbook,
            vault_ids=opts.vault_id,
        )

    def warn(self, request: "Request", *, is_local: bool) -> None:
        """Name what the repository would send of this machine, or write on it, before that is done."""
        from mngr_ansible.mngr.repository_warnings import warn_of_files

        warn_of_files(self.words, request, is_local=is_local)

    @contextmanager
    def alone_on_stdout(self) -> Iterator[None]:
        """Inside, only the result goes to stdout, whatever plugins print."""
        from mngr_ansible.system.stdout import printed_to_stderr

        try:
            with printed_to_stderr() as self.stdout:
                yield
        finally:
            self.stdout = sys.stdout

    def show(self, report: "Report", page: "Page") -> None:
        """Print the result on stdout.

        Raises:
            PluginMngrError: the command did not do its job.
        """
        from mngr_ansible.mngr import messages

        report = self.filed(report)
        self.print(report, page)
        if report.errors and not report.hosts:
            raise messages.as_mngr_error(report.errors[0])
        if not report.ok:
            if report.command == "render":
                hosts = (dataclasses.replace(each, commands=()) for each in report.hosts)
                report = dataclasses.replace(report, hosts=tuple(hosts))
            raise messages.as_failures(report)

    def show_plan(self, report: "Report", page: "Page") -> None:
        """Print the plan; with ``--commands`` its commands alone, and warn of the steps for which there is none.

        Raises:
            PluginMngrError: the command did not do its job.
        """
        from mngr_ansible.report import plain, text

        if self.opts.commands:
            for line in filter(None, plain.text(text.no_command_page(report)).split("\n")):
                logger.warning("{}", line)
            page = text.commands_page(report)
        self.show(report, page)

    def filed(self, report: "Report") -> "Report":
        """The report in the words of mngr's users, after its files were written, with what could not be written."""
        from mngr_ansible.mngr.spoken import in_mngr
        from mngr_ansible.system.signals import signals_ignored

        for each in report.all_errors:
            each.remedy = in_mngr(each.remedy)
        if self.files is None:
            return report
        with signals_ignored():
            return self.files.write(report)

    def print(self, report: "Report", page: "Page" = ()) -> None:
        """Print one JSON document, one event, or the words for people."""
        self.is_shown = True
        with redirect_stdout(self.stdout):
            match self.output:
                case OutputFormat.JSON:
                    write_json_line(report.to_dict())
                case OutputFormat.JSONL:
                    write_event_line(f"ansible_{self.name}", report.to_dict())
                case OutputFormat.HUMAN:
                    from mngr_ansible.portable.text import printable
                    from mngr_ansible.report.writing import written

                    for notice in report.to_dict()["notices"]:
                        logger.info("note: {}", printable(notice["text"]))
                    if page:
                        write_human_line(written(page, self.stdout, is_full=self.opts.full))
            sys.stdout.flush()

    def write(self, words: str) -> None:
        """Print a result that is no document of ours."""
        with redirect_stdout(self.stdout):
            write_human_line("{}", words)

    def show_stopped(self, reached: "Report") -> None:
        """Print what was reached before a signal came."""
        from mngr_ansible.mngr.messages import stopped_error
        from mngr_ansible.report import plain, text
        from mngr_ansible.report.report import Report

        if not self.is_shown:
            error = stopped_error(reached)
            stopped = self.filed(Report(self.name, reached.hosts, errors=(error,)))
            self.print(stopped, text.summed_page(reached))
            logger.error("{}", plain.text(text.error_page(error)).removeprefix("error: "))

    def apply_command(self, agents: "Sequence[str]") -> str:
        """The command that makes the changes which this one shows."""
        from mngr_ansible.report import text

        start = ("mngr", "ansible", "apply", *(("--all",) if self.opts.is_all else agents))
        repeated = ("manifest", "file", "package", "playbook", "vault_id")
        single = ("only", "install", "timeout", "canary", "forks", "host_timeout", "max_fail_percentage")
        return text.apply_command(start, self.opts, repeated, single)


def _report_files(opts: AnsibleCliOptions) -> "ReportFiles | None":
    """The files of ``--report`` and ``--junit``, which can be written; None where there are none."""
    if opts.report is None and opts.junit is None:
        return None
    from mngr_ansible.provisioning.report_files import ReportFiles, inputs_of

    return ReportFiles(opts.report, opts.junit, is_change_a_failure=opts.detailed_exitcode, inputs=inputs_of(opts))


def _ask_password() -> str:
    """Ask for the password of sudo on the host.

    Raises:
        UserInputError: there is no terminal, or nothing was typed.
    """
    from mngr_ansible.errors import UsageError
    from mngr_ansible.provisioning.password import ask_become_password

    try:
        return ask_become_password()
    except UsageError as error:
        raise UserInputError(f"{error.problem}. {error.remedy}") from error


@contextmanager
def invocation(ctx: click.Context, name: str) -> Iterator[Invocation]:
    """Set up a call of a verb. Its errors are mngr's errors; with JSON the document of the contract shows them too."""
    from mngr_ansible.errors import MngrAnsibleError
    from mngr_ansible.mngr import messages
    from mngr_ansible.mngr.repository_warnings import warn_of_what_is_ignored
    from mngr_ansible.mngr.trust import words_of
    from mngr_ansible.report.report import Report
    from mngr_ansible.system.signals import terminate_gracefully

    mngr_ctx, output_opts, opts = setup_command_context(ctx, f"ansible-{name}", AnsibleCliOptions)
    with messages.errors_for_mngr():
        words = words_of(f"ansible-{name}", mngr_ctx)
    if opts.agent or opts.agents or opts.is_all or opts.address:
        warn_of_what_is_ignored(words)
    ignored = {each: False if getattr(opts, each) is True else None for each in opts.not_granted(words)}
    call = Invocation(name, mngr_ctx, output_opts.output_format, opts.model_copy(update=ignored), words)
    try:
        with terminate_gracefully(), messages.errors_for_mngr(call.show_stopped), call.opened, call.alone_on_stdout():
            call.files = _report_files(call.opts)
            yield call
    except MngrError as error:
        cause = error.__cause__
        if _OFFLINE in str(error) and not error.user_help_text:
            error.user_help_text = _OFFLINE_REMEDY
        if not call.is_shown:
            if not isinstance(cause, MngrAnsibleError):
                cause = MngrAnsibleError(str(error), remedy=error.user_help_text or "")
            failed = call.filed(Report(name, errors=(cause,)))
            if call.output is not OutputFormat.HUMAN:
                call.print(failed)
        raise
