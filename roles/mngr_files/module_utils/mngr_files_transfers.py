"""What was read from the variable ``mngr_files_transfers``: steps to send, and everything that is wrong.

Runs on the controller; standard library only.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .mngr_ansible_portable import snapshots
from .mngr_ansible_portable.text import printable

if TYPE_CHECKING:
    from .mngr_files_protocol import Entry, Step, StepOutcome


class Transfers:
    """What was read from the variable.

    Attributes:
        steps: the transfers whose sources can be sent.
        skipped: by id, the outcomes of transfers that are optional and have no source.
        order: the ids of all transfers, in the order of the variable.
        problems: pairs of an id and what is wrong; the id is None for a problem with the variable itself.
        notices: what the user should know about sources that are sent.
        left: by id, why some sources of a transfer are not sent.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.skipped: dict[str, StepOutcome] = {}
        self.order: list[str] = []
        self.problems: list[tuple[str | None, str]] = []
        self.notices: list[str] = []
        self.left: dict[str, list[str]] = {}

    def add_problem(self, step: str | None, why: str) -> None:
        """Add what is wrong with a step, or with the variable (None)."""
        self.problems.append((step, why))

    def add_step(
        self,
        step: str,
        entries: list[Entry],
        *,
        if_exists: str = "replace",
        mirror: str | None = None,
        is_empty_refused: bool = False,
        is_due: bool = False,
    ) -> None:
        """Add a transfer that can be sent; see ``mngr_files_protocol.Step``."""
        self.steps.append(
            {
                "id": step,
                "mirror": mirror,
                "is_empty_refused": is_empty_refused,
                "if_exists": if_exists,
                "is_due": is_due,
                "entries": entries,
            }
        )

    def add_missing(self, step: str, why: str, *, is_required: bool) -> None:
        """Add that the source of a step does not exist: a problem, or the reason why it is skipped."""
        if is_required:
            self.add_problem(step, why)
        else:
            reason = f"the optional source {why.replace(': it does', ' does', 1)}"
            self.skipped[step] = {"id": step, "status": "skipped", "files_changed": 0, "reason": reason}

    def add_changed_source(self, source: str) -> None:
        """Add to all steps that send this source that it is not the same any more."""
        for step in self._steps_with(source):
            self.add_problem(step["id"], changed(source))

    def settle(self, source: str, snapshot: str) -> bool:
        """Take a source that changed since it was planned as it is now; False if the run must stop.

        Its content is copied to the new file ``snapshot``, which is sent instead. What is one of several entries of a
        step is left out if it does not exist any more, or changes each time it is read: the host keeps what it has.
        """
        steps = self._steps_with(source)
        is_settled = all(step["is_due"] or len(step["entries"]) > 1 for step in steps)
        if not is_settled:
            return False
        try:
            with open(os.open(snapshot, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
                found = snapshots.read(source, file)
        except snapshots.ChangingError:
            return self._leave_out(
                source, "it changed each time it was read, and was not sent; the host keeps what it has"
            )
        except FileNotFoundError:
            return self._leave_out(source, "it was deleted meanwhile, and was not sent")
        for step in steps:
            for entry in step["entries"]:
                if _is_read_from(entry, source):
                    entry["source"], entry["size"], entry["sha256"] = snapshot, found.status.st_size, found.sha256
        self.notices.append(f"{printable(source)}: it changed after it was planned; it was sent as it is now")
        return True

    def _leave_out(self, source: str, why: str) -> bool:
        steps = self._steps_with(source)
        if any(len(step["entries"]) == 1 or step["mirror"] is not None for step in steps):
            return False
        for step in steps:
            step["entries"] = [entry for entry in step["entries"] if not _is_read_from(entry, source)]
            self.left.setdefault(step["id"], []).append(f"{printable(source)}: {why}")
        self.notices.append(f"{printable(source)}: {why}")
        return True

    def _steps_with(self, source: str) -> list[Step]:
        return [step for step in self.steps if any(_is_read_from(entry, source) for entry in step["entries"])]


def _is_read_from(entry: Entry, source: str) -> bool:
    """Whether the content of an entry is still to be read from this source."""
    return entry["source"] == source and entry["content"] is None


def changed(source: str) -> str:
    """What to say of a source that is no longer as it was planned."""
    if not os.path.lexists(source):
        return f"{printable(source)}: the source was deleted since it was planned"
    return f"{printable(source)}: the source changed since it was planned; run again"
