"""What programs are told while mngr provisions: the progress events of ``--format jsonl``.

mngr's own events of a step are its start, how much of it is done, and its end where it went well. Where one of ours
fails, an event of the kind ``failed`` ends it: readers of mngr's pass over kinds that they do not know. Source: mngr
0.3.0, ``parse_progress_event``.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from imbue.mngr.cli.output_helpers import write_event_line
from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.errors import MngrError, PluginMngrError
from imbue.mngr.primitives import CreatePhase, OutputFormat, ProgressStepId
from imbue.mngr.utils.progress import PROGRESS_EVENT_NAME

from mngr_ansible.portable.text import clause


def are_shown() -> bool:
    """Whether this is a command with ``--format jsonl``."""
    context = click.get_current_context(silent=True)
    return context is not None and context.meta.get("output_format") is OutputFormat.JSONL


@contextmanager
def step_shown(
    mngr_ctx: MngrContext, name: str, label: str, phase: CreatePhase, as_mngr_error: Callable[[Exception], MngrError]
) -> Iterator[Callable[[int, int], None]]:
    """The block is a step of mngr's progress, and has an end however it ends.

    Args:
        mngr_ctx: of the command.
        name: of the step, such as ``provisioning.ansible``.
        label: what it is, for people.
        phase: of ``mngr create``, of which it is a part.
        as_mngr_error: an error that leaves the block as mngr will show it.

    Yields:
        What is told how many parts of the step are done, and of how many.
    """
    step, started = ProgressStepId(name), time.monotonic()
    reporter = mngr_ctx.progress_reporter
    try:
        with reporter.step(step, label, phase.step_id):
            yield lambda done, total: reporter.advance_step(step, done, total)
    except BaseException as error:
        if are_shown():
            told = as_mngr_error(error) if isinstance(error, Exception) else None
            event = {"kind": "failed", "step": name, "elapsed_seconds": round(time.monotonic() - started, 3)}
            event |= {"problem": "stopped" if told is None else str(told)}
            if told is not None and told.user_help_text:
                event["remedy"] = told.user_help_text
            write_event_line(PROGRESS_EVENT_NAME, event)
        raise


def with_remedy(error: MngrError) -> MngrError:
    """The error with its remedy in its message where programs read it: mngr's event of an error has nothing else."""
    if not (isinstance(error, PluginMngrError) and error.user_help_text and are_shown()):
        return error
    made = PluginMngrError(f"{clause(str(error))}. {error.user_help_text}")
    made.__cause__ = error.__cause__
    return made
