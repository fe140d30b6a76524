"""What became of every step: one :class:`Outcome` a step, by the id that it got in the plan; text and JSON of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mngr_ansible.diff.outcome import DUE, Outcome, Status
from mngr_ansible.errors import ErrorGroup, MngrAnsibleError


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
