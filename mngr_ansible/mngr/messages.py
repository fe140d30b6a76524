"""What mngr's user hears of us: lines in mngr's log, and one error, in one line, with a remedy."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.errors import PluginMngrError
from loguru import logger

from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.errors import ErrorGroup, MngrAnsibleError
from mngr_ansible.portable.text import printable
from mngr_ansible.provisioning.provisioner import Confirm
from mngr_ansible.report.progress import described
from mngr_ansible.report.report import HostReport


def log_line(host: str, line: str) -> None:
    """A line of progress or a warning, where mngr writes its own."""
    del host  # mngr is at one host, and has named it
    line = printable(line)
    warning, _, rest = line.partition("warning: ")
    if rest and not warning:
        logger.warning("{}", rest)
    else:
        logger.info("ansible: {}", line)


def confirmation(mngr_ctx: MngrContext, *, is_yes: bool = False) -> Confirm | None:
    """How a person is asked: not at all without a terminal; ``--yes`` has answered already."""
    if is_yes or mngr_ctx.is_auto_approve:
        return lambda _question: True
    if not (mngr_ctx.is_interactive and sys.stdin.isatty()):
        return None
    return lambda question: click.confirm(question, default=False, err=True)


@contextmanager
def reported() -> Iterator[None]:
    """Let our errors leave as mngr's, and what is a mistake of ours as a request for a report."""
    try:
        yield
    except MngrAnsibleError as error:
        raise as_mngr_error(error) from error
    except (click.ClickException, click.Abort, click.exceptions.Exit):
        raise
    except Exception as error:
        logger.opt(exception=error).debug("mngr-ansible failed")
        raise _error(
            f"mngr-ansible failed unexpectedly: {type(error).__name__}: {error}",
            "This is a mistake in mngr-ansible: please report it, with what -v shows. --no-ansible leaves it out.",
        ) from error


def as_mngr_error(error: MngrAnsibleError) -> PluginMngrError:
    """One error of ours as one of mngr's: the problem is its message, the remedy its help."""
    errors = error.errors if isinstance(error, ErrorGroup) else (error,)
    problems = [f"{each.host}: {each.problem}" if each.host else each.problem for each in errors]
    return _error("; ".join(problems), " ".join(dict.fromkeys(each.remedy for each in errors)))


def as_failure(report: HostReport) -> PluginMngrError:
    """What a host that is not as planned answered, as one error: every step that failed, and why."""
    failing = [each for each in report.outcomes if each.is_failure and each.status is not Status.NOT_REACHED]
    problems = [_problem(each) for each in failing]
    remedies = [f"Run `{' && '.join(report.commands)}`, then the same command again."] if report.commands else []
    if report.error is not None:
        problems.insert(0, report.error.problem)
        remedies.insert(0, report.error.remedy)
    if report.kept:
        remedies.append(f"What was run is kept in {report.kept}.")
    return _error(
        f"{report.host}: " + ("; ".join(problems) or "it was not reached"),
        " ".join(remedies) or "Mend that, and run the same command again: what is done is not done twice.",
    )


def _problem(outcome: Outcome) -> str:
    match outcome.status:
        case Status.ADVISED:
            status = Status.TOO_OLD if outcome.current else Status.MISSING
            return f"{described(outcome, status)}, and was not installed"
        case Status.BLOCKED | Status.TOO_NEW | Status.UNKNOWN if outcome.kind == "package":
            return described(outcome) + (f": {outcome.reason}" if outcome.reason else "")
        case _:
            return f"{outcome.name}: {outcome.status}" + (f": {outcome.reason}" if outcome.reason else "")


def _error(problem: str, remedy: str) -> PluginMngrError:
    error = PluginMngrError(printable(_one_line(problem)))
    error.user_help_text = printable(_one_line(remedy)) or None
    return error


def _one_line(text: str) -> str:
    head, *rest = [" ".join(line.split()) for line in text.splitlines() if line.strip()] or [""]
    return f"{head}: {'; '.join(rest)}" if rest else head
