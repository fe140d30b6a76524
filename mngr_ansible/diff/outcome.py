"""What is true of every step: one :class:`Outcome` for each, by the id that the step has in the plan."""

from enum import StrEnum
from typing import NotRequired, TypedDict

from mngr_ansible.portable.text import one_stop
from mngr_ansible.values import frozen


class Status(StrEnum):
    """The statuses of steps, in plans and in reports. Source: docs/contract.md "JSON"."""

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
"""A run can change these to ``ok``."""

_BLOCKING = frozenset({Status.BLOCKED, Status.TOO_NEW, Status.UNKNOWN})
"""A run cannot change these to ``ok``. If such a step is required, its host is not changed at all."""

_SUCCESSFUL = frozenset({Status.OK, Status.SKIPPED, Status.CHANGED})

ONLY_A_RUN_CAN_TELL = "only a run can tell"
"""The reason of an own playbook's step in a plan, whose status is ``unknown``: it is not run to make a plan."""


class FileCounts(TypedDict):
    """How many files, links and deletions a directory's step has, and how many of them are due.

    ``deletions``: how many of the due ones a mirror deletes; left out where that is none.
    """

    total: int
    due: int
    deletions: NotRequired[int]


class StepDict(TypedDict):
    """One step in JSON. Source: docs/contract.md "JSON"."""

    id: str
    kind: str
    status: str
    current: str | None
    wanted: str | None
    plugins: list[str]
    reason: str
    source: NotRequired[str]
    files: NotRequired[FileCounts]
    diff: NotRequired[str]
    real_path: NotRequired[str]


def short_path(path: str, home: str, work_dir: str) -> str:
    """A destination for people: relative below work_dir, ``~/x`` below home, else as it is. The nearer base counts."""
    bases = [(base.rstrip("/") + "/", sign) for base, sign in ((home, "~/"), (work_dir, "")) if base.strip("/.")]
    for base, sign in sorted(bases, key=lambda each: len(each[0]), reverse=True):  # home wins where both are one
        if path.startswith(base):
            rest = path.removeprefix(base)
            return f"./{rest}" if not sign and rest.startswith(("~", "/")) else sign + rest
    return path


@frozen
class Outcome:
    """One step and what is true of it.

    Attributes:
        id: ``file:DESTINATION``, ``package:NAME``, ``bootstrap:python3`` or ``playbook:PATH``.
        kind: ``file``, ``package``, ``bootstrap`` or ``playbook``.
        status: see :class:`Status`.
        current: what the host has, for people; None: nothing, or nothing is known.
        wanted: what the plan needs, for people.
        plugins: the plugins that need it.
        reason: why the status is what it is; a package that is due has its purpose instead.
        source: where a package comes from, such as ``apt``.
        files: of a directory.
        is_required: whether a failure of this step is a failure of the run.
        diff: what would change in files, if that was requested (``--diff``).
        real_path: where a destination really is, if a link on its way leads elsewhere; bytes that are not UTF-8 as
            ``\\xff``.
        short: a destination as people read it, such as ``.claude/settings.json`` below work_dir (:func:`short_path`);
            empty: as in the id. Not in JSON.
        before: of a step that a run has changed: what was there, a version, or the status in the plan; empty: a package
            that was not there, or nothing was changed. Not in JSON.
        purpose: of a package that a run was to change: what it is for, as the plan's reason says. Not in JSON.
    """

    id: str
    kind: str
    status: Status
    current: str | None = None
    wanted: str | None = None
    plugins: tuple[str, ...] = ()
    reason: str = ""
    source: str | None = None
    files: FileCounts | None = None
    is_required: bool = True
    diff: str | None = None
    real_path: str | None = None
    short: str = ""
    before: str = ""
    purpose: str = ""

    def __post_init__(self) -> None:
        if ".." in self.reason:
            object.__setattr__(self, "reason", one_stop(self.reason))

    @property
    def name(self) -> str:
        """The id without its kind: of a file its whole destination."""
        return self.id.partition(":")[2]

    @property
    def short_name(self) -> str:
        """The name beside its host: a destination below work_dir or home without that."""
        return self.short or self.name

    @property
    def is_failure(self) -> bool:
        """Whether a run fails if this step ends like this."""
        return self.is_required and self.status not in _SUCCESSFUL and not self.is_open

    @property
    def stops(self) -> bool:
        """Whether its host is not changed at all because of this step."""
        return self.is_required and self.status in _BLOCKING and not self.is_open

    @property
    def is_open(self) -> bool:
        """Whether only a run can tell what becomes of it: an own playbook in a plan. It counts neither as to change nor
        as a problem."""
        return self.kind == "playbook" and self.status is Status.UNKNOWN and self.reason == ONLY_A_RUN_CAN_TELL

    def to_dict(self) -> StepDict:
        """The step in JSON."""
        step: StepDict = {
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
            step["files"] = self.files.copy()
        if self.diff is not None:
            step["diff"] = self.diff
        if self.real_path is not None:
            step["real_path"] = self.real_path
        return step
