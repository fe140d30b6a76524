"""Messages to mngr's user: lines in mngr's log, one question, and errors of ours as errors of mngr."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click
from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.errors import MngrError, PluginMngrError
from loguru import logger

from mngr_ansible.diff.outcome import DUE, Outcome, Status
from mngr_ansible.errors import RUN_AGAIN, ErrorGroup, MngrAnsibleError, PluginError, PreconditionError
from mngr_ansible.mngr.events import with_remedy
from mngr_ansible.mngr.spoken import in_mngr
from mngr_ansible.portable.text import clause, one_stop, printable
from mngr_ansible.provisioning.request import Confirm, Dialog
from mngr_ansible.report import plain, text
from mngr_ansible.report.gathered_lines import GatheredLines
from mngr_ansible.report.progress import GoingOn, ProgressCallback, described
from mngr_ansible.report.report import HostReport, Interrupted, Report, listed
from mngr_ansible.report.steps import status_words
from mngr_ansible.system.signals import Terminated, signals_ignored
from mngr_ansible.values import replace

_FEW = 4
"""Of so many agents each line of progress is told at once, by itself; an error tells of so many what has failed."""

_CTRL_C = 130
"""The exit code that a shell gives a program that Ctrl-C ended."""


def dialog(
    mngr_ctx: MngrContext,
    *,
    is_yes: bool = False,
    is_verbose: bool = False,
    on_progress: ProgressCallback | None = None,
    note: Callable[[str, str], None] | None = None,
) -> Dialog:
    """How mngr's user is spoken to; ``is_yes``: ``--yes`` was given, by the user himself."""
    return Dialog(on_progress or log_line, _confirm(mngr_ctx, is_yes=is_yes), is_verbose, note=note)


@contextmanager
def named_lines(names: Sequence[str]) -> Iterator[ProgressCallback]:
    """Lines of progress about these agents, with their names; alike ones of many come together."""
    gathered = GatheredLines(_named_line, names, what="agents")
    try:
        yield GoingOn(names).told(_named_line) if len(names) <= _FEW else gathered
    finally:
        gathered.tell()


def _named_line(name: str, line: str) -> None:
    warning = "warning: " if line.startswith("warning: ") else ""
    log_line("", f"{warning}{f'{name}: ' if name else ''}{line.removeprefix(warning)}")


def log_line(host: str, line: str) -> None:
    """Write a line of progress, or a warning, to mngr's log."""
    del host  # mngr works on one host, and has named it
    line = printable(one_stop(line))
    if line.startswith("warning: "):
        logger.warning("{}", line.removeprefix("warning: "))
    else:
        logger.info("ansible: {}", line)


def _confirm(mngr_ctx: MngrContext, *, is_yes: bool) -> Confirm | None:
    """Ask in a terminal only; ``--yes`` is an answer already."""
    if is_yes:
        return lambda _question: True
    if not (mngr_ctx.is_interactive and sys.stdin and sys.stdin.isatty()):
        return None
    return _ask


def _ask(question: str) -> bool:
    """Ctrl-C in place of an answer stops the command, as everywhere else; the end of the input is a no."""
    try:
        return click.confirm(question, default=False, err=True)
    except click.Abort as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        return False


@contextmanager
def errors_for_mngr(show: Callable[[Report], None] | None = None) -> Iterator[None]:
    """Let our errors leave the block as mngr's, and a signal as the end of the program with the exit code of a shell.

    ``show`` gets what was reached before a signal came; without it, it is written to mngr's log.
    """
    try:
        yield
    except MngrAnsibleError as error:
        for each in error.errors if isinstance(error, ErrorGroup) else (error,):
            log_cause(each)
        raise with_remedy(as_mngr_error(error)) from error
    except Interrupted as stop:
        with signals_ignored():
            (show or log_stopped)(stop.report)
        raise _exit_of(stop.signal) from None
    except (KeyboardInterrupt, Terminated) as stop:
        if show is not None:
            with signals_ignored():
                show(Report(""))
        raise _exit_of(stop) from None
    except MngrError as error:
        raise with_remedy(error) from error.__cause__
    except (click.ClickException, click.Abort, click.exceptions.Exit):
        raise
    except Exception as error:
        logger.opt(exception=error).debug("mngr-ansible failed")
        raise with_remedy(bug(error)) from error


def bug(error: Exception) -> PluginMngrError:
    """An exception that nobody expects, as mngr's error."""
    return _error(
        f"mngr-ansible failed unexpectedly: {type(error).__name__}: {error}",
        "This is a bug in mngr-ansible: please report it, with the output of -v. --no-ansible works without it.",
    )


def shown_as(error: Exception) -> MngrError:
    """Any error as mngr will show it."""
    if isinstance(error, MngrError):
        return error
    return as_mngr_error(error) if isinstance(error, MngrAnsibleError) else bug(error)


def log_cause(error: MngrAnsibleError) -> None:
    """Log the traceback of the plugin's exception that is the cause of an error, for ``-v``."""
    if isinstance(error, (PluginError, PreconditionError)) and error.__cause__ is not None:
        logger.debug("{}", text.traceback_text(error.__cause__))


def _exit_of(stop: BaseException) -> BaseException:
    """The end of the program: mngr itself would show a Ctrl-C as a failure of its command."""
    return Terminated(_CTRL_C) if isinstance(stop, KeyboardInterrupt) else stop


def log_stopped(reached: Report) -> None:
    """Write what was reached before a signal came into mngr's log."""
    logger.info("{}", stopped_text(reached))


def stopped_error(reached: Report) -> MngrAnsibleError:
    """A signal stopped a command: what that means for the hosts."""
    running = [f"{', '.join(names)} on {host.host}" for host in reached.hosts if (names := _running(host))]
    problem = reached.stopped_words
    if running:
        problem = f"stopped; the installation of {'; '.join(running)} may go on there"
    return MngrAnsibleError(problem, remedy=RUN_AGAIN)


def stopped_text(reached: Report) -> str:
    """The table of what was reached before a signal came, and what may go on."""
    problem = printable(f"ansible: {stopped_error(reached).problem}. {RUN_AGAIN}")
    return "\n".join(filter(None, [plain.text(text.summed_page(reached)), problem]))


def _running(host: HostReport) -> list[str]:
    return [
        each.name for each in host.outcomes if each.status is Status.UNKNOWN and each.kind in ("package", "bootstrap")
    ]


def as_mngr_error(error: MngrAnsibleError) -> PluginMngrError:
    """One error of ours as one of mngr's: the problem is its message, the remedy its help."""
    errors = error.errors if isinstance(error, ErrorGroup) else (error,)
    problems = [f"{each.host}: {each.problem}" if each.host else each.problem for each in errors]
    return _error("; ".join(problems), " ".join(dict.fromkeys(each.remedy for each in errors)))


def as_failures(report: Report) -> PluginMngrError:
    """A command that did not do its job on one agent, as :func:`as_failure`, or on some of several, as one error."""
    if len(report.hosts) == 1 and not report.errors:
        return as_failure(report.hosts[0])
    not_ok = [each for each in report.hosts if not each.ok]
    failed = [each for each in not_ok if each.error is not None or _ends_badly(each)]
    failures = [as_failure(each) for each in failed]
    errors = [*map(as_mngr_error, report.errors), *failures]
    names: dict[str, list[str]] = {}
    for each, failure in zip(failed, failures, strict=True):
        names.setdefault(clause(str(failure).removeprefix(f"{printable(each.host)}: ")), []).append(each.host)
    problems = [clause(str(each)) for each in errors[: len(report.errors)]]
    problems += [f"{printable(listed(those))}: {problem}" for problem, those in names.items()]
    if len(problems) > _FEW:
        problems[_FEW:] = [f"{len(problems) - _FEW} more"]
    if len(not_ok) > len(failed):
        problems.append(f"{len(not_ok) - len(failed)} not begun")
    start = f"{len(failed)} of {len(report.hosts)} agents failed: " if failed else ""
    remedies = dict.fromkeys(each.user_help_text or "" for each in errors)
    return _error(start + "; ".join(problems), " ".join(filter(None, remedies)))


def _ends_badly(report: HostReport) -> bool:
    return any(each.is_failure and each.status is not Status.NOT_REACHED for each in report.outcomes)


def as_failure(report: HostReport) -> PluginMngrError:
    """A host that is not as planned, as one error: every step that failed, and why."""
    pending = {Status.NOT_REACHED, *DUE}  # what is due after `render` is written, and no failure
    failing = [each for each in report.outcomes if each.is_failure and each.status not in pending]
    last = {each.reason: each.id for each in failing if each.status is Status.BLOCKED}
    once = [each if last.get(each.reason, each.id) == each.id else replace(each, reason="") for each in failing]
    problems = [_problem(each) for each in once]  # a reason that several steps have is told once, after the last one
    remedies = [f"Run `{' && '.join(report.commands)}`, then the same command again."] if report.commands else []
    if report.error is not None:
        log_cause(report.error)
        problems.insert(0, report.error.problem)
        remedies.insert(0, report.error.remedy)
    if report.kept:
        remedies.append(f"The run directory is kept in {report.kept}.")
    return _error(
        f"{report.host}: " + ("; ".join(problems) or "it was not changed"),
        " ".join(remedies) or "Fix this and run the same command again. Finished steps are skipped.",
    )


def _problem(outcome: Outcome) -> str:
    reason = f": {outcome.reason}" if outcome.reason else ""
    match outcome.status:
        case Status.ADVISED:
            status = Status.TOO_OLD if outcome.current else Status.MISSING
            return f"{described(outcome, status)}, and was not installed"
        case Status.BLOCKED | Status.TOO_NEW | Status.UNKNOWN if outcome.kind == "package":
            return f"{described(outcome)}{reason}"
        case _:
            return f"{outcome.name}: {status_words(outcome.status)}{reason}"


def _error(problem: str, remedy: str) -> PluginMngrError:
    error = PluginMngrError(printable(_one_line(problem)))
    error.user_help_text = printable(_one_line(in_mngr(remedy))) or None
    return error


def _one_line(text: str) -> str:
    head, *rest = [" ".join(line.split()) for line in text.splitlines() if line.strip()] or [""]
    return one_stop(f"{head}: {'; '.join(rest)}" if rest else head)
