"""What became of every step: one :class:`Outcome` a step, by the id that it got in the plan; text and JSON of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mngr_ansible.errors import ErrorGroup, MngrAnsibleError


class Status(StrEnum):
    """The one vocabulary of plans and reports. Source: CONTRACT "JSON"."""

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

_HOPELESS = frozenset({Status.BLOCKED, Status.TOO_NEW, Status.UNKNOWN})
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
        return self.is_required and self.status in _HOPELESS

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


@dataclass(frozen=True, slots=True)
class HostReport:
    """What became of one host. ``host`` is what the user typed; ``commands`` is what a person still has to run."""

    host: str
    is_local: bool
    outcomes: tuple[Outcome, ...] = ()
    commands: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    error: MngrAnsibleError | None = None
    about: str = ""
    """The system and the login, for people: ``Debian 12, root``."""
    kept: str = ""
    """Where the directory of a run that failed is kept."""

    @property
    def told(self) -> tuple[str, ...]:
        """The notices, and where a failed run is kept."""
        return (*self.notices, *([f"what was run is kept in {self.kept}"] if self.kept else []))

    @property
    def ok(self) -> bool:
        return self.error is None and not any(outcome.is_failure for outcome in self.outcomes)

    @property
    def can_apply(self) -> bool:
        """Whether an ``apply`` has something to do after a plan like this."""
        return any(each.status in DUE for each in self.outcomes) and not any(each.stops for each in self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "is_local": self.is_local,
            "steps": [outcome.to_dict() for outcome in self.outcomes],
            "commands": list(self.commands),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What became of all hosts. An error says that *we* could not do our job; a status says what a host answered."""

    command: str
    hosts: tuple[HostReport, ...] = ()
    errors: tuple[MngrAnsibleError, ...] = ()
    notices: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the command did its job: for ``plan`` and the like, whether it could plan."""
        if self.errors or any(host.error is not None for host in self.hosts):
            return False
        return self.command not in ("apply", "bootstrap") or all(host.ok for host in self.hosts)

    @property
    def is_due(self) -> bool:
        """Whether any step is neither ``ok`` nor ``skipped``."""
        return any(each.status not in (Status.OK, Status.SKIPPED) for host in self.hosts for each in host.outcomes)

    @property
    def all_errors(self) -> tuple[MngrAnsibleError, ...]:
        return (*self.errors, *(host.error for host in self.hosts if host.error is not None))

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of the contract, schema 1."""
        notices = dict.fromkeys(
            [*self.notices, *(_prefixed(self.hosts, host, text) for host in self.hosts for text in host.told)]
        )
        return {
            "schema": 1,
            "command": self.command,
            "ok": self.ok,
            "hosts": [host.to_dict() for host in self.hosts],
            "notices": [{"text": text} for text in notices],
            "errors": [each for error in self.all_errors for each in error_dicts(error)],
            **self.extra,
        }


def _prefixed(hosts: Sequence[HostReport], host: HostReport, text: str) -> str:
    return f"{host.host}: {text}" if len(hosts) > 1 else text


def error_dicts(error: MngrAnsibleError) -> list[dict[str, Any]]:
    """An error as the contract's JSON; a group gives one object for each of its errors."""
    if isinstance(error, ErrorGroup):
        return [each for inner in error.errors for each in error_dicts(inner)]
    return [{"problem": error.problem, "remedy": error.remedy, "host": error.host}]
