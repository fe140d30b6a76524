"""Reports and errors as people read them. Pure; control characters in text of hosts and plugins are escaped."""

from collections import Counter
from collections.abc import Iterator, Sequence

from mngr_ansible.diff.outcome import DUE, FileCounts, Outcome, Status
from mngr_ansible.errors import ErrorGroup, MngrAnsibleError
from mngr_ansible.portable import sh
from mngr_ansible.portable.text import one_stop, printable
from mngr_ansible.report.report import HostReport, PluginRow, Report, ToolRow, listed

_WORDS = {
    Status.TOO_OLD: "too old",
    Status.TOO_NEW: "too new",
    Status.NOT_REACHED: "not started",
    Status.ADVISED: "by hand",
}


_WITH_REASON = (Status.BLOCKED, Status.FAILED, Status.UNKNOWN, Status.TOO_NEW)
"""The statuses whose reason stands below the row."""


def status_words(status: Status) -> str:
    """A status as people read it: ``too old``, ``not started``, ``by hand`` (a person has to install it)."""
    return _WORDS.get(status, str(status))


def error_text(error: MngrAnsibleError) -> str:
    """``error: problem``, its list below it, and the remedy, indented."""
    if isinstance(error, ErrorGroup):
        return "\n".join(error_text(each) for each in error.errors)
    place = f"{error.host}: " if error.host else ""
    first, *rest = one_stop(f"{place}{error.problem}\n{error.remedy}").split("\n")
    return "\n".join([f"error: {printable(first)}", *(f"       {printable(line)}" for line in rest if line)])


def _is_told_by_error(host: HostReport) -> bool:
    """Whether its error says all that there is to say: nothing was begun on it."""
    return host.error is not None and all(each.status in (Status.NOT_REACHED, Status.SKIPPED) for each in host.outcomes)


def errors_text(errors: Sequence[MngrAnsibleError]) -> str:
    """All errors as people read them; one that several hosts have is told once, with their names."""
    if len(errors) < 2 and not any(isinstance(each, ErrorGroup) for each in errors):
        return "\n".join(map(error_text, errors))
    from mngr_ansible.report import fleet

    return "\n".join(fleet.errors(errors, width()))


def traceback_text(error: BaseException) -> str:
    """The traceback of an exception."""
    import traceback

    lines = "".join(traceback.format_exception(error)).rstrip("\n").split("\n")
    return "\n".join(map(printable, lines))


def plan_text(report: Report, command: str) -> str:
    """The table of every host, and the command that makes these changes."""
    blocks = tables(report)
    if any(host.can_apply for host in report.hosts):
        blocks.append(f"Nothing was changed. To make these changes: {command}")
    elif any(host.has_playbooks for host in report.hosts):
        blocks.append(f"Nothing was changed. To run the playbooks: {command}")
    elif report.is_due:
        is_stopped = any(host.is_stopped and any(each.status in DUE for each in host.outcomes) for host in report.hosts)
        why = ": required steps stop it" if is_stopped else ", for the reasons above"
        blocks.append(f"Nothing was changed. apply would change nothing either{why}.")
    return "\n".join([*blocks, *last_line(report)])


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


def tables(report: Report) -> list[str]:
    """One table for each host that answered; hosts that are alike in every row have one together."""
    return _tables([host for host in report.hosts if host.error is None], is_run=_is_run(report))


def _is_run(report: Report) -> bool:
    return report.command in ("apply", "bootstrap")


def _tables(hosts: Sequence[HostReport], *, is_run: bool) -> list[str]:
    if len(hosts) < 2:
        return [host_text(host, width(), is_run=is_run) for host in hosts]
    from mngr_ansible.report import fleet

    return fleet.tables(hosts, width(), is_run=is_run)


def last_line(report: Report) -> list[str]:
    """How many hosts ended how, or what they need, in a line; nothing for one host."""
    if len(report.hosts) < 2:
        return []
    from mngr_ansible.report import fleet

    return [fleet.last_line(report)]


def render_text(report: Report) -> str:
    """The table of every host, where the playbook that was written fails, and the directory."""
    failing = [each.host for each in report.hosts if each.error is not None or each.is_stopped]
    words = [f"The playbook fails on {listed(failing)}, and says why."] if failing else []
    return "\n".join([*tables(report), *last_line(report), *map(printable, words), str(report.extra["path"])])


def summed_text(report: Report) -> str:
    """The table of every host that answered, and the last line."""
    return "\n".join([*tables(report), *last_line(report)])


def wrong_text(report: Report) -> str:
    """For ``--quiet``: only the hosts that are not as they should be; of a plan those that would change."""
    if _is_run(report):
        wrong = [host for host in report.hosts if not host.ok and not _is_told_by_error(host)]
    elif report.command == "render":
        wrong = [host for host in report.hosts if host.is_stopped]
    else:
        wrong = [host for host in report.hosts if host.is_due and host.error is None]
    blocks = _applied(wrong, len(report.hosts)) if _is_run(report) else _tables(wrong, is_run=False)
    return "\n".join([*blocks, *last_line(report)])


def width() -> int:
    """The columns of the terminal, at least 60; 80 where there is no terminal."""
    import shutil

    return max(60, shutil.get_terminal_size((80, 24)).columns)


def host_text(host: HostReport, columns: int, *, is_run: bool = False) -> str:
    """One host: a heading, a row for each step, and why a step is blocked or failed. ``is_run``: not of a plan."""
    head = heading(f"{host.host}   {host.about}", counted(host.outcomes, is_run=is_run), columns)
    return "\n".join([head, *step_lines(host.outcomes, columns)])


def heading(left: str, count: str, columns: int) -> str:
    """The first line of a table: what it is about, and at the right margin what is to change or was changed."""
    left = printable(left.rstrip())
    return f"{left}{count:>{max(len(count) + 2, min(columns, 80) - len(left))}}"


def step_lines(outcomes: Sequence[Outcome], columns: int) -> list[str]:
    """A row for each step, and why a step is blocked or failed."""
    lines = []
    rows = [[printable(cell) for cell in _row(outcome)] for outcome in outcomes]
    widths = _widths(rows, columns)
    told = [each for each in outcomes if each.reason and each.status in _WITH_REASON and not each.is_open]
    reasons = {each.reason: each.id for each in told}.values()  # a reason that several steps have stands below the last
    for outcome, row in zip(outcomes, rows, strict=True):
        cells = [_cut(cell, each).ljust(each) for cell, each in zip(row, widths, strict=True)]
        lines.append(("  " + "  ".join(cells)).rstrip())
        if outcome.id in reasons:
            lines.append(f"    {printable(outcome.reason)}")
        if outcome.diff:
            lines += [f"    {line}" for line in outcome.diff.splitlines()]
    return lines


def counted(outcomes: Sequence[Outcome], *, is_run: bool) -> str:
    """How many steps are to change or were changed, and how many cannot be done, were not begun, or are for a person.

    After a run no step is to change any more. Playbooks of a plan are counted apart: only a run can tell.
    """
    if not outcomes:
        return "nothing is needed"
    known = [each for each in outcomes if not each.is_open]
    counts = Counter(each.status for each in known)
    to_change = sum(counts[each] for each in DUE)
    has_run = is_run and not to_change
    parts = [f"{counts[Status.CHANGED]} of {len(known)} changed" if has_run else ""]
    if known and not has_run:
        parts = [f"{to_change} of {len(known)} to change"]
    not_begun, by_hand = counts[Status.NOT_REACHED], counts[Status.ADVISED]
    fine = to_change + not_begun + by_hand + sum(counts[each] for each in (Status.OK, Status.SKIPPED, Status.CHANGED))
    if problems := len(known) - fine:
        parts.append(f"{problems} with a problem")
    if not_begun:
        parts.append(f"{not_begun} not started")
    if by_hand:
        parts.append(f"{by_hand} to install by hand")
    if to_run := len(outcomes) - len(known):
        parts.append("1 playbook to run" if to_run == 1 else f"{to_run} playbooks to run")
    return ", ".join(filter(None, parts))


def _row(outcome: Outcome) -> tuple[str, str, str, str]:
    status = status_words(outcome.status)
    if outcome.kind == "file":
        detail = outcome.wanted or ""
        if outcome.files is not None and outcome.files["due"]:
            detail = _file_counts(outcome, outcome.files)
        elif outcome.status in (Status.DIFFERS, Status.SKIPPED) and outcome.reason:
            detail = outcome.reason
        name = outcome.name + ("/" if outcome.files is not None else "")
        return status, name, detail, ", ".join(outcome.plugins)
    source = f"from {outcome.source}" if outcome.source else ""
    detail = "  ".join(filter(None, (outcome.current or "", outcome.wanted or "", source)))
    if outcome.status is Status.SKIPPED or outcome.is_open:
        detail = outcome.reason
    is_purpose = any(outcome.reason.startswith(f"{plugin}: ") for plugin in outcome.plugins)
    purpose = outcome.reason if outcome.status in (Status.MISSING, Status.TOO_OLD) and is_purpose else ""
    return status, outcome.name, detail, purpose or ", ".join(outcome.plugins)


def _file_counts(outcome: Outcome, files: FileCounts) -> str:
    """How many files of a directory; deletions come first, since the end of a long row is cut off."""
    deletions = files.get("deletions", 0)
    parts = [f"{deletions} {'deleted' if outcome.status is Status.CHANGED else 'to delete'}"] if deletions else []
    if files["due"] > deletions:
        parts.append(f"{files['due'] - deletions} of {files['total'] - deletions} files")
    return ", ".join(parts)


def _widths(rows: Sequence[Sequence[str]], columns: int) -> list[int]:
    widths = [max((len(row[index]) for row in rows), default=0) for index in range(4)]
    available = columns - 2 - 2 * 3
    while sum(widths) > available and max(widths[1:]) > 12:
        widest = max(range(1, 4), key=lambda index: widths[index])
        widths[widest] -= 1
    return widths


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: max(0, size - 1)] + "…"


def apply_text(report: Report) -> str:
    """The result of ``apply`` for stdout: a remote host's table, and the commands that a person still has to run.

    For this machine alone only the commands, so that they can be piped into a shell.
    """
    return "\n".join([*_applied(report.hosts, len(report.hosts)), *last_line(report)])


def _applied(hosts: Sequence[HostReport], total: int) -> list[str]:
    if total == 1 and all(host.is_local for host in hosts):
        return [printable(command) for host in hosts for command in host.commands]
    blocks = _tables(hosts, is_run=True)
    for names, commands in _by_commands(hosts):
        blocks.append(
            "\n".join([f"To run on {printable(', '.join(names))}:", *(f"  {printable(each)}" for each in commands)])
        )
    return blocks


def _by_commands(hosts: Sequence[HostReport]) -> list[tuple[list[str], tuple[str, ...]]]:
    """The commands that persons have to run, each list once with the names of its hosts."""
    found: dict[tuple[str, ...], list[str]] = {}
    for host in hosts:
        if host.commands:
            found.setdefault(host.commands, []).append(host.host)
    return [(names, commands) for commands, names in found.items()]


def for_distro_text(report: Report) -> str:
    """The table of a system that is only named, and the commands to run on one."""
    lines = [f"  {printable(line)}" for host in report.hosts for line in host.commands]
    return "\n".join([*tables(report), *(["Commands to run on it:", *lines] if lines else ["No command is needed."])])


def commands_text(report: Report) -> str:
    """The commands alone, for a shell; a comment names the host where there are several."""
    lines = []
    for host in report.hosts:
        if host.commands and len(report.hosts) > 1:
            lines.append(f"# {sh.quote(host.host)}")  # zsh knows no comments in a terminal: a command "#" with one word
        lines += map(printable, host.commands)
    return "\n".join(lines)


def by_reason(outcomes: Sequence[Outcome]) -> list[tuple[str, list[str], str]]:
    """Each reason once, with the names of the steps that have it, and their kind.

    The words "X cannot be installed" in front of a reason are left out, since the names are said beside it.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for each in outcomes:
        reason = each.reason.partition(" cannot be installed: ")[2] or each.reason or status_words(each.status)
        found.setdefault((reason, each.kind), []).append(each.name)
    return [(reason, names, kind) for (reason, kind), names in found.items()]


def no_command_text(report: Report) -> str:
    """For stderr, beside :func:`commands_text`: the steps for which there is no command, and why."""
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
    return "\n".join(printable(line if is_alone else f"{listed(hosts)}: {line}") for line, hosts in found.items())


def advice_text(report: Report) -> str:
    """For stderr, about this machine alone: why steps failed, and what to do with the commands that stdout shows."""
    return _advice(report.hosts[0]) if len(report.hosts) == 1 and report.hosts[0].is_local else ""


def _advice(host: HostReport) -> str:
    failed = [each for each in host.outcomes if each.is_failure and each.reason]
    statuses = [each for each in Status if each not in (Status.ADVISED, Status.NOT_REACHED)]
    lines = [
        printable(f"{', '.join(names)}: {status_words(status)}: {reason}")
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
    return "\n".join(lines)


def catalog_text(report: Report, *, is_whole: bool) -> str:
    """A line for every tool: its name and what it is; with ``is_whole`` everything that is known about each."""
    tools: Sequence[ToolRow] = report.extra["tools"]
    if is_whole:
        return "\n".join(line for each in tools for line in _tool_lines(each))
    width = max(len(each["name"]) for each in tools)
    return "\n".join(f"{each['name']:<{width}}  {each['summary']}" for each in tools)


def _tool_lines(tool: ToolRow) -> Iterator[str]:
    yield f"{tool['name']}: {tool['summary']}"
    yield f"  {tool['homepage']}"
    if tool["note"]:
        yield f"  {tool['note']}"
    for check in tool["checks"]:
        yield f"  found by {check}"
    for source in tool["sources"]:
        needs = f", needs {', '.join(source['requires'])}" if source["requires"] else ""
        scope = " for the remote user" if source["scope"] == "user" else ""
        where = f", only on {', '.join(source['only_on'])}" if source["only_on"] else ""
        proof = "tested" if source["is_proven"] else "not tested"
        words = " ".join([*source["packages"], *([source["version"]] if source["version"] else [])])
        yield f"  from {source['source']}: {words}{scope}{needs}{where} ({proof})"


def plugins_text(report: Report) -> str:
    """One block a plugin, lowest precedence first."""
    rows: Sequence[PluginRow] = report.extra["plugins"]
    blocks = []
    for row in rows:
        blocks.append(row["name"])
        blocks += [f"  hook  {hook}" for hook in row["hooks"]]
        blocks += [f"  needs {step}" for step in row["contributed"]]
    return (
        "\n".join(blocks)
        or "No installed plugin asks for anything. Add one with --plugin, or give a manifest, files or packages."
    )
