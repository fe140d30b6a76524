"""Reports and errors → the pages that people read. Pure: nothing is printed here, and nothing is escaped."""

from collections.abc import Sequence

from mngr_ansible.diff.outcome import DUE, Status
from mngr_ansible.errors import ErrorGroup, MngrAnsibleError
from mngr_ansible.portable import sh
from mngr_ansible.portable.text import printable
from mngr_ansible.report.page import Block, Commands, Note, Page, Problem, Table, Verbatim
from mngr_ansible.report.report import HostReport, Report, listed
from mngr_ansible.report.steps import by_reason, counted, rows, status_words


def error_page(error: MngrAnsibleError) -> Page:
    """A problem for each error of a group."""
    if isinstance(error, ErrorGroup):
        return tuple(block for each in error.errors for block in error_page(each))
    return (Problem(error.host or "", error.problem, error.remedy),)


def _is_told_by_error(host: HostReport) -> bool:
    """Whether its error says all that there is to say: nothing was begun on it."""
    return host.error is not None and all(each.status in (Status.NOT_REACHED, Status.SKIPPED) for each in host.outcomes)


def errors_page(errors: Sequence[MngrAnsibleError]) -> Page:
    """All errors; one that several hosts have is told once, with their names."""
    if len(errors) < 2 and not any(isinstance(each, ErrorGroup) for each in errors):
        return tuple(block for each in errors for block in error_page(each))
    from mngr_ansible.report import fleet

    return fleet.errors(errors)


def traceback_text(error: BaseException) -> str:
    """The traceback of an exception."""
    import traceback

    lines = "".join(traceback.format_exception(error)).rstrip("\n").split("\n")
    return "\n".join(map(printable, lines))


def plan_page(report: Report, command: str) -> Page:
    """The table of every host, and the command that makes these changes."""
    blocks: list[Block] = [*tables(report)]
    if any(host.can_apply for host in report.hosts):
        blocks.append(Note("Nothing was changed. To make these changes:", command))
    elif any(host.has_playbooks for host in report.hosts):
        blocks.append(Note("Nothing was changed. To run the playbooks:", command))
    elif report.is_due:
        is_stopped = any(host.is_stopped and any(each.status in DUE for each in host.outcomes) for host in report.hosts)
        why = ": required steps stop it" if is_stopped else ", for the reasons above"
        blocks.append(Note(f"Nothing was changed. apply would change nothing either{why}."))
    return (*blocks, *_summary(report))


def apply_command(start: Sequence[str], options: object, repeated: Sequence[str], single: Sequence[str]) -> str:
    """The ``apply`` that makes the changes of a ``plan``: ``start``, and the options as they were given, quoted.

    Args:
        start: the first words, such as ``("mngr-ansible", "apply")``.
        options: an object with an attribute for every option.
        repeated: options that may be given several times.
        single: options that are given once, or are None.
    """
    words = list(start)
    given = [(name, value) for name in repeated for value in getattr(options, name)]
    given += [(name, getattr(options, name)) for name in single]
    for name, value in given:
        option, text = f"--{name.replace('_', '-')}", str(value)
        text = text.removesuffix(".0") if isinstance(value, float) else text
        if value is not None:
            words += [f"{option}={text}"] if text.startswith("-") else [option, text]
    for flag in ("become", "no_check_packages", "ask_become_pass", "checksum"):
        if getattr(options, flag, False):
            words.append(f"--{flag.replace('_', '-')}")
    return sh.join(words)


def tables(report: Report) -> tuple[Table, ...]:
    """One table for each host that answered; hosts that are alike in every row have one together."""
    return _tables([host for host in report.hosts if host.error is None], is_run=_is_run(report))


def _is_run(report: Report) -> bool:
    return report.command in ("apply", "bootstrap")


def _tables(hosts: Sequence[HostReport], *, is_run: bool) -> tuple[Table, ...]:
    if len(hosts) < 2:
        return tuple(host_table(host, is_run=is_run) for host in hosts)
    from mngr_ansible.report import fleet

    return fleet.tables(hosts, is_run=is_run)


def host_table(host: HostReport, *, is_run: bool = False) -> Table:
    """One host: a row for each step, and why a step is blocked or failed. ``is_run``: not of a plan."""
    statuses = {each.status for each in host.outcomes}
    has_run = is_run and (Status.CHANGED in statuses or not statuses & DUE)
    count = counted(host.outcomes, is_run=is_run)
    return Table(rows(host.outcomes), host.host, host.about, place_of(host), count, is_run=has_run)


def place_of(host: HostReport) -> str:
    """Where the relative names of its files start; empty where it has none."""
    shorts = (each.short for each in host.outcomes if each.short)
    is_relative = any(not short.startswith(("/", "~/")) for short in shorts)
    return host.work_dir if is_relative else ""


def _summary(report: Report) -> Page:
    """How many hosts ended how, or what they need; nothing for one host."""
    if len(report.hosts) < 2:
        return ()
    from mngr_ansible.report import fleet

    return (fleet.summary(report),)


def render_page(report: Report) -> Page:
    """The table of every host, where the playbook that was written fails, and the directory."""
    failing = [each.host for each in report.hosts if each.error is not None or each.is_stopped]
    notes = [Note(f"The playbook fails on {listed(failing)}, and says why.")] if failing else []
    return (*tables(report), *_summary(report), *notes, Verbatim(str(report.extra["path"])))


def summed_page(report: Report) -> Page:
    """The table of every host that answered, and how many ended how."""
    return (*tables(report), *_summary(report))


def wrong_page(report: Report) -> Page:
    """For ``--quiet``: only the hosts that are not as they should be; of a plan those that would change."""
    if _is_run(report):
        wrong = [host for host in report.hosts if not host.ok and not _is_told_by_error(host)]
    elif report.command == "render":
        wrong = [host for host in report.hosts if host.is_stopped]
    else:
        wrong = [host for host in report.hosts if host.is_due and host.error is None]
    blocks = _applied(wrong, len(report.hosts)) if _is_run(report) else _tables(wrong, is_run=False)
    return (*blocks, *_summary(report))


def apply_page(report: Report) -> Page:
    """The result of ``apply`` for stdout: a remote host's table, and the commands that a person still has to run.

    For this machine alone only the commands, so that they can be piped into a shell.
    """
    return (*_applied(report.hosts, len(report.hosts)), *_summary(report))


def _applied(hosts: Sequence[HostReport], total: int) -> Page:
    if total == 1 and all(host.is_local for host in hosts):
        return tuple(Commands(host.commands) for host in hosts if host.commands)
    commands = [Commands(lines, f"To run on {', '.join(names)}:") for names, lines in _by_commands(hosts)]
    return (*_tables(hosts, is_run=True), *commands)


def _by_commands(hosts: Sequence[HostReport]) -> list[tuple[list[str], tuple[str, ...]]]:
    """The commands that persons have to run, each list once with the names of its hosts."""
    found: dict[tuple[str, ...], list[str]] = {}
    for host in hosts:
        if host.commands:
            found.setdefault(host.commands, []).append(host.host)
    return [(names, commands) for commands, names in found.items()]


def for_distro_page(report: Report) -> Page:
    """The table of a system that is only named, and the commands to run on one."""
    lines = tuple(line for host in report.hosts for line in host.commands)
    end = Commands(lines, "Commands to run on it:") if lines else Note("No command is needed.")
    return (*tables(report), end)


def commands_page(report: Report) -> Page:
    """The commands alone, for a shell; a comment names the host where there are several."""
    lines: list[str] = []
    for host in report.hosts:
        if host.commands and len(report.hosts) > 1:
            lines.append(f"# {sh.quote(host.host)}")  # zsh knows no comments in a terminal: a command "#" with one word
        lines += host.commands
    return (Commands(tuple(lines)),) if lines else ()


def no_command_page(report: Report) -> Page:
    """For stderr, beside :func:`commands_page`: the steps for which there is no command, and why."""
    found: dict[str, list[str]] = {}
    for host in report.hosts:
        without = [
            each
            for each in host.outcomes
            if each.status in (Status.BLOCKED, Status.TOO_NEW, Status.UNKNOWN)
            and not (host.commands and each.source is not None)
        ]
        for reason, names, _kind in by_reason(without):
            found.setdefault(f"no command for {', '.join(names)}: {reason}", []).append(host.host)
    is_alone = len(report.hosts) == 1
    return tuple(Note(line if is_alone else f"{listed(hosts)}: {line}") for line, hosts in found.items())


def advice_page(report: Report) -> Page:
    """For stderr, about this machine alone: why steps failed, and what to do with the commands that stdout shows."""
    return _advice(report.hosts[0]) if len(report.hosts) == 1 and report.hosts[0].is_local else ()


def _advice(host: HostReport) -> Page:
    failed = [each for each in host.outcomes if each.is_failure and each.reason]
    statuses = [each for each in Status if each not in (Status.ADVISED, Status.NOT_REACHED)]
    lines = [
        f"{', '.join(names)}: {status_words(status)}: {reason}"
        for status in statuses
        for reason, names, _kind in by_reason([each for each in failed if each.status is status])
    ]
    if host.commands:
        packages = [each for each in host.outcomes if each.kind == "package" and each.status is not Status.SKIPPED]
        left = [each for each in packages if each.status in (Status.ADVISED, Status.BLOCKED)]
        system = host.about.rpartition(", ")[0]
        counted = "1 package" if len(packages) == 1 else f"{len(left)} of {len(packages)} packages"
        verb = "is" if len(left) == 1 else "are"
        count = f"{counted} {verb} missing or too old on this machine ({system})."
        is_root = any("sudo " in each or "doas " in each for each in host.commands)
        lines.append(f"{count} Run these commands yourself{' (they need root)' if is_root else ''}:")
    return tuple(map(Note, lines))
