"""Reports and errors as people read them; control characters of a stranger's text are escaped. Pure."""

import os
import shlex
import shutil
from collections.abc import Sequence

from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.errors import ErrorGroup, MngrAnsibleError
from mngr_ansible.portable.text import printable
from mngr_ansible.report.report import HostReport, Report

_WORDS = {Status.TOO_OLD: "too old", Status.TOO_NEW: "too new", Status.NOT_REACHED: "not reached"}


def error_text(error: MngrAnsibleError) -> str:
    """``error: problem``, its list below it, and the remedy, indented."""
    if isinstance(error, ErrorGroup):
        return "\n".join(error_text(each) for each in error.errors)
    place = f"{error.host}: " if error.host else ""
    first, *rest = [*f"{place}{error.problem}".split("\n"), *error.remedy.split("\n")]
    return "\n".join([f"error: {printable(first)}", *(f"       {printable(line)}" for line in rest if line)])


def plan_text(report: Report, again: str) -> str:
    """The table of every host, and what to type to do it; ``again`` is that command."""
    blocks = tables(report)
    if any(host.can_apply for host in report.hosts):
        blocks.append(f"Nothing was changed. To do it: {again}")
    elif report.is_due:
        blocks.append("Nothing was changed, and apply would change nothing: the reasons are above.")
    return "\n".join(blocks)


def again(start: Sequence[str], options: object, repeated: Sequence[str], single: Sequence[str]) -> str:
    """The ``apply`` that does what a ``plan`` has shown: ``start``, and the options as they were given, quoted."""
    words = list(start)
    for name in repeated:
        words += [word for value in getattr(options, name) for word in (f"--{name}", value)]
    for name in single:
        if (value := getattr(options, name)) is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    for flag in ("become", "no_check_packages", "ask_become_pass"):
        words += [f"--{flag.replace('_', '-')}"] * getattr(options, flag, False)
    return " ".join(map(_word, words))


def _word(word: str) -> str:
    """A word as a shell reads it; bytes that are no text in the form of bash, zsh and POSIX.1-2024."""
    if word.isprintable():
        return shlex.quote(word)
    escaped = (chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\{byte:03o}" for byte in os.fsencode(word))
    return f"$'{''.join(escaped)}'"


def tables(report: Report) -> list[str]:
    """One table for each host that answered."""
    return [host_text(host, width()) for host in report.hosts if host.error is None]


def render_text(report: Report) -> str:
    """The table of every host, and the directory that was written."""
    return "\n".join([*tables(report), str(report.extra["path"])])


def width() -> int:
    """The columns of the terminal, at least 60; 80 where there is no terminal."""
    return max(60, shutil.get_terminal_size((80, 24)).columns)


def host_text(host: HostReport, columns: int) -> str:
    """One host: a heading, a row for each step, and why a step is blocked or failed."""
    due = sum(1 for each in host.outcomes if each.status not in (Status.OK, Status.SKIPPED, Status.CHANGED))
    count = f"{due} of {len(host.outcomes)} due" if host.outcomes else "nothing is asked for"
    left = f"{host.host}   {host.about}".rstrip()
    lines = [f"{left}{count:>{max(len(count) + 2, min(columns, 80) - len(left))}}"]
    rows = [[printable(cell) for cell in _row(outcome)] for outcome in host.outcomes]
    widths = _widths(rows, columns)
    for outcome, row in zip(host.outcomes, rows, strict=True):
        cells = [_cut(cell, each).ljust(each) for cell, each in zip(row, widths, strict=True)]
        lines.append(("  " + "  ".join(cells)).rstrip())
        if outcome.reason and outcome.status in (Status.BLOCKED, Status.FAILED, Status.UNKNOWN, Status.TOO_NEW):
            lines.append(f"    {printable(outcome.reason)}")
        if outcome.diff:
            lines += [f"    {line}" for line in outcome.diff.splitlines()]
    return "\n".join(lines)


def _row(outcome: Outcome) -> tuple[str, str, str, str]:
    status = _WORDS.get(outcome.status, str(outcome.status))
    if outcome.kind == "file":
        detail = outcome.wanted or ""
        if outcome.files is not None and outcome.files["due"]:
            detail = f"{outcome.files['due']} of {outcome.files['total']} files"
        elif outcome.status in (Status.DIFFERS, Status.SKIPPED) and outcome.reason:
            detail = outcome.reason
        name = outcome.name + ("/" if outcome.files is not None else "")
        return status, name, detail, ", ".join(outcome.plugins)
    source = f"from {outcome.source}" if outcome.source else ""
    detail = "  ".join(filter(None, (outcome.current or "", outcome.wanted or "", source)))
    if outcome.status is Status.SKIPPED:
        detail = outcome.reason
    purpose = outcome.reason if outcome.status in (Status.MISSING, Status.TOO_OLD) and ": " in outcome.reason else ""
    return status, outcome.name, detail, purpose or ", ".join(outcome.plugins)


def _widths(rows: Sequence[Sequence[str]], columns: int) -> list[int]:
    widths = [max((len(row[index]) for row in rows), default=0) for index in range(4)]
    room = columns - 2 - 2 * 3
    while sum(widths) > room and max(widths[1:]) > 12:
        widest = max(range(1, 4), key=lambda index: widths[index])
        widths[widest] -= 1
    return widths


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: max(0, size - 1)] + "…"


def apply_text(report: Report) -> str:
    """The result of ``apply`` for stdout: a remote host's table, and the commands that are still to be run.

    On this machine only the commands, so that they can be piped into a shell.
    """
    blocks = [host_text(host, width()) for host in report.hosts if not host.is_local]
    blocks += [command for host in report.hosts for command in host.commands if host.is_local]
    for host in report.hosts:
        if not host.is_local and host.commands:
            blocks.append("\n".join([f"To run on {host.host}:", *(f"  {command}" for command in host.commands)]))
    return "\n".join(blocks)


def elsewhere_text(report: Report) -> str:
    """The table of a machine that is not there, and what to type on one."""
    lines = [f"  {line}" for host in report.hosts for line in host.commands]
    return "\n".join([*tables(report), *(["To run there:", *lines] if lines else ["There is nothing to run there."])])


def commands_text(report: Report) -> str:
    """The commands alone, for a shell; a comment names the host where there are several."""
    several = len(report.hosts) > 1
    lines = []
    for host in report.hosts:
        lines += [f"# {printable(host.host)}"] * (several and bool(host.commands))
        lines += host.commands
    return "\n".join(lines)


def advice_text(host: HostReport) -> str:
    """What a person is told of this machine on stderr: why steps failed, and what stands above the commands."""
    lines = [
        f"{printable(each.name)}: {_WORDS.get(each.status, each.status)}: {printable(each.reason)}"
        for each in host.outcomes
        if each.is_failure and each.reason and each.status is not Status.ADVISED
    ]
    if host.commands:
        packages = [each for each in host.outcomes if each.kind == "package" and each.status is not Status.SKIPPED]
        left = [each for each in packages if each.status in (Status.ADVISED, Status.BLOCKED)]
        system = host.about.rpartition(", ")[0]
        count = f"{len(left)} of {len(packages)} packages need{'s' * (len(left) == 1)} work on this machine ({system})."
        is_root = any("sudo " in each or "doas " in each for each in host.commands)
        lines.append(f"{count} {'This needs root, so it' if is_root else 'It'} is yours to run:")
    return "\n".join(lines)


def catalog_text(report: Report, *, is_whole: bool) -> str:
    """A line for every tool: its name, what it is, where it comes from; or all that is known about one."""
    tools = report.extra["tools"]
    if not is_whole:
        size = max(len(each["name"]) for each in tools)
        return "\n".join(f"{each['name']:<{size}}  {each['summary']}" for each in tools)
    lines = []
    for each in tools:
        lines += [f"{each['name']}: {each['summary']}", f"  {each['homepage']}"] + [f"  {each['note']}"] * bool(
            each["note"]
        )
        lines += [f"  found by {check}" for check in each["checks"]]
        for source in each["sources"]:
            needs = f", needs {', '.join(source['requires'])}" if source["requires"] else ""
            proof = "proven" if source["is_proven"] else "unproven"
            lines.append(f"  from {source['source']}: {' '.join(source['packages'])}{needs} ({proof})")
    return "\n".join(lines)


def plugins_text(report: Report) -> str:
    """One block a plugin, lowest precedence first."""
    blocks = []
    for row in report.extra["plugins"]:
        blocks.append(row["name"])
        blocks += [f"  hook  {hook}" for hook in row["hooks"]]
        blocks += [f"  wants {step}" for step in row["contributed"]]
    return "\n".join(blocks) or "No plugin is asked. Name one with --plugin, or give a manifest, files or packages."
