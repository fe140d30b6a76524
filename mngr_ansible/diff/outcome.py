"""What became of every step: one :class:`Outcome` a step, by the id that it got in the plan; text and JSON of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """The one vocabulary of plans and reports. Source: docs/contract.md "JSON"."""

    OK = "ok"
    MISSING = "missing"
    TOO_OLD = "too-old"
    TOO_NEW = "too-new"
    DIFFERS = "differs"
    UNKNOWN = "unknown"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    CHANGED = "changed"
    FAILED = "failed"
    NOT_REACHED = "not-reached"
    ADVISED = "advised"


DUE = frozenset({Status.MISSING, Status.TOO_OLD, Status.DIFFERS})
"""What can be brought to the plan."""

_BLOCKING = frozenset({Status.BLOCKED, Status.TOO_NEW, Status.UNKNOWN})
"""What nothing that is allowed there brings to the plan: where it is required, its host is left as it is."""

_SETTLED = frozenset({Status.OK, Status.SKIPPED, Status.CHANGED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """One step and what is true of it.

    ``current`` is what was found, ``wanted`` what the plan wants; both are words for people, or None. ``files`` counts
    a directory's files: ``{"total": 41, "due": 2}``. ``source`` is where a package comes from, such as ``apt``.
    ``diff`` is what would change in files, where that was asked for.
    """

    id: str
    kind: str
    status: Status
    current: str | None = None
    wanted: str | None = None
    plugins: tuple[str, ...] = ()
    reason: str = ""
    source: str | None = None
    files: Mapping[str, int] | None = None
    is_required: bool = True
    diff: str | None = None

    @property
    def name(self) -> str:
        """The id without its kind."""
        return self.id.partition(":")[2]

    @property
    def is_failure(self) -> bool:
        """Whether a run that ends like this has not done its job."""
        return self.is_required and self.status not in _SETTLED

    @property
    def stops(self) -> bool:
        """Whether its host is left as it is because of this step."""
        return self.is_required and self.status in _BLOCKING

    def to_dict(self) -> dict[str, Any]:
        step: dict[str, Any] = {
            "id": self.id,
            "kind": self.kind,
            "status": str(self.status),
            "current": self.current,
            "wanted": self.wanted,
            "plugins": list(self.plugins),
            "reason": self.reason,
        }
        if self.source is not None:
            step["source"] = self.source
        if self.files is not None:
            step["files"] = dict(self.files)
        if self.diff is not None:
            step["diff"] = self.diff
        return step
