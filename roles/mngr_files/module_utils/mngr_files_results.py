"""The result of the task ``mngr_files_copy``: what is shown of it, and its messages. Runs on the controller.

Standard library only. A result never contains content.
"""

from __future__ import annotations

import base64
import errno
from typing import TYPE_CHECKING, Any

from .mngr_ansible_portable import answers, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .mngr_files_protocol import Comparison, Entry, Step, StepOutcome
    from .mngr_files_transfers import Transfers

    Result = dict[str, Any]
    """The result of an execution or of the task, as Ansible has it: besides our keys it may hold any of Ansible's."""

MOST_PROBLEMS = 20
"""Problems that a message names."""
MOST_NOTICES = 5
"""Notices that are shown."""
APPLIED: dict[str, Any] = {
    "mngr_steps": [
        {"id": str, "status": ("ok", "changed", "skipped", "failed"), "files_changed": int, "reason?": answers.SHOWN}
    ],
    "content_needed": [int],
    "previous_contents": {str: (str, None)},
    "differences": [{"path": answers.SHOWN, "before": answers.SHOWN, "after": answers.SHOWN}],
}
"""What ``mngr_files_write`` gives for a bundle; see ``answers``."""
RECEIVED: dict[str, Any] = {"bundle_path": str}
"""What it gives for a part."""


def checked(answer: Result, steps: Sequence[Step]) -> Result:
    """The answer to these steps; a failed result where it says nothing of one of them, or something of others."""
    if answer.get("failed"):
        return answer
    said = [outcome["id"] for outcome in answer["mngr_steps"]]
    if sorted(said) != sorted(step["id"] for step in steps):
        return answers.refused("the outcome of a transfer")
    if not {*answer["content_needed"]} <= {*range(len(all_entries(steps)))}:
        return answers.refused("content_needed")
    try:
        for content in filter(None, answer["previous_contents"].values()):
            base64.b64decode(content, validate=True)
    except ValueError:
        return answers.refused("previous_contents")
    return answer


def looked(answer: Result) -> Result:
    """What was found out with sh, of which the words of the host cannot control a terminal."""
    return answers.taken(answer, APPLIED, str)


def hidden(answer: Result, sent: Mapping[str, str | None]) -> Result:
    """The answer, in which nothing is shown that was sent."""
    beginning = (sent.get("bundle") or sent.get("part") or "")[:64]
    for key in ("module_stdout", "module_stderr"):
        if beginning and beginning in answer.get(key, ""):
            answer[key] = "(not shown: it contains what was sent)"
    return answer


def all_entries(steps: Sequence[Step]) -> list[Entry]:
    """The entries of all steps, in their order, which numbers them."""
    return [entry for step in steps for entry in step["entries"]]


def taken_comparison(answer: Result) -> Comparison:
    """What the host found, taken out of its answer: content does not belong into the task's result."""
    return {
        "content_needed": answer.pop("content_needed", None) or [],
        "previous_contents": answer.pop("previous_contents", None) or {},
        "differences": answer.pop("differences", None) or [],
    }


def in_order(transfers: Transfers, outcomes: Sequence[StepOutcome]) -> list[StepOutcome]:
    """The outcomes of the host and of skipped transfers, in the order of the variable."""
    found = {**transfers.skipped, **{outcome["id"]: outcome for outcome in outcomes}}
    return [found[step] for step in transfers.order if step in found]


def local_problem(error: OSError) -> str:
    """What went wrong on this machine, as a sentence without a full stop."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"there is no space for temporary files on this machine ({error.strerror})"
    return f"{error.filename or 'a temporary file on this machine'}: {error.strerror}"


def upload_problem(directory: str, output: str) -> str:
    """What went wrong with an upload: of what ssh, sftp and Ansible wrote, the last line, which says why."""
    directory = answers.shown(directory, answers.MOST_WARNED)  # the host named it
    if "No space left on device" in output:
        return f"There is no space left in {directory} on the host for the files. Free some space and run again."
    lines = [line for line in map(text.clause, output.splitlines()) if line]
    why = answers.shown(lines[-1], answers.MOST_WARNED) if lines else "no reason was given"
    return f"The files could not be uploaded to {directory}: {why}. Fix this and run again."


def shortened(notices: Sequence[str]) -> list[str]:
    """The first of these notices, and how many more there are."""
    left = len(notices) - MOST_NOTICES
    return [*notices[:MOST_NOTICES], *([f"and {left} more files like these"] if left > 0 else [])]


def refusal(transfers: Transfers) -> Result:
    """The result if nothing was sent: every problem, in the order of the variable."""
    outcomes = [transfers.skipped[step] for step in transfers.order if step in transfers.skipped]
    reasons: dict[str, list[str]] = {}
    for step, why in transfers.problems:
        if step is not None:
            reasons.setdefault(step, []).append(why)
    for step, whys in reasons.items():
        outcomes.append({"id": step, "status": "failed", "files_changed": 0, "reason": "; ".join(whys)[:2000]})
    problems = [why for _, why in transfers.problems]
    if len(problems) > MOST_PROBLEMS:
        problems = [*problems[:MOST_PROBLEMS], f"and {len(problems) - MOST_PROBLEMS} more"]
    message = f"Nothing was copied: {text.clause('; '.join(problems))}. Fix this and run again."
    return {"failed": True, "changed": False, "mngr_steps": outcomes, "msg": message}


def failure(outcomes: Sequence[StepOutcome]) -> Result:
    """The keys that say that the task failed, and why; empty if it did not."""
    failed = [outcome for outcome in outcomes if outcome["status"] == "failed"]
    if not failed:
        return {}
    count = f"{len(failed)} of {len(outcomes)} transfers failed" if len(outcomes) > 1 else "The transfer failed"
    first = "; the first: " if len(failed) > 1 else ": "
    reason = text.clause(failed[0].get("reason", "no reason was given"))
    return {"failed": True, "msg": f"{count}{first}{reason}. Run again; finished transfers are not repeated."}


def short_reason(message: str) -> str:
    """The first line of Ansible's message, for use inside a sentence.

    Up to ansible-core 2.18 a message has the text of the template, which may be a secret, and says its reason twice.
    """
    first = message.strip().split("\n", 1)[0].partition(". String: ")[0]
    said = dict.fromkeys(text.clause(each) for each in first.split(". "))
    return text.printable(". ".join(each for each in said if each))[:300] or "no reason was given"
