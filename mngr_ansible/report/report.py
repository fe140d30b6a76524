"""The result of a command on all hosts, and its JSON document (``docs/json.md``)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from mngr_ansible.diff.outcome import DUE, Outcome, Status
from mngr_ansible.errors import ErrorGroup, MngrAnsibleError, without_init
from mngr_ansible.portable.text import one_stop
from mngr_ansible.values import field, frozen, replace

_LISTED = 4
"""How many hosts are named in a line."""


class PluginRow(TypedDict):
    """One plugin in the document of the verb ``plugins``; ``contributed`` names its steps, such as ``package:git``."""

    name: str
    hooks: list[str]
    contributed: list[str]


class SourceRow(TypedDict):
    """One source of a tool in the document of ``catalog``; ``is_proven``: a test installs the tool from it.

    ``version``: the one that the source gives, if the catalog says so. ``only_on``: the systems and machines for which
    the source is meant; empty for all. ``scope``: ``system``, or ``user`` for the remote user alone.
    """

    source: str
    packages: list[str]
    version: str | None
    only_on: list[str]
    scope: str
    requires: list[str]
    is_proven: bool


class ToolRow(TypedDict):
    """One tool in the document of the verb ``catalog``."""

    name: str
    summary: str
    homepage: str
    checks: list[str]
    sources: list[SourceRow]
    note: str


@frozen
class HostReport:
    """The result on one host.

    Attributes:
        host: as the user typed it; ``localhost`` for this machine.
        outcomes: one a step, in the order of the plan.
        commands: shell commands that a person still has to run.
        notices: facts that need no action, as sentences.
        error: why the host could not be inspected or changed, besides failed steps.
        about: the system and the remote user, for people: ``Debian 12, root``.
        work_dir: where relative names of files start, for people: ``~/project``; empty where the host never answered.
        kept: where the run directory of a failed run is kept; empty where none is.
        agent: mngr's name of the agent that the result is about; empty where it is about the host alone.
    """

    host: str
    is_local: bool
    outcomes: tuple[Outcome, ...] = ()
    commands: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    error: MngrAnsibleError | None = None
    about: str = ""
    work_dir: str = ""
    kept: str = ""
    agent: str = ""

    @property
    def all_notices(self) -> tuple[str, ...]:
        """The notices, and where a failed run is kept."""
        return (*self.notices, f"the run directory is kept in {self.kept}") if self.kept else self.notices

    @property
    def ok(self) -> bool:
        """Whether nothing failed and no required step is left."""
        return self.error is None and not any(outcome.is_failure for outcome in self.outcomes)

    @property
    def can_apply(self) -> bool:
        """Whether an ``apply`` would change something after a plan like this."""
        return any(each.status in DUE for each in self.outcomes) and not self.is_stopped

    @property
    def is_stopped(self) -> bool:
        """Whether nothing is changed on the host because of a required step that cannot be done."""
        return any(each.stops for each in self.outcomes)

    @property
    def has_playbooks(self) -> bool:
        """Whether an ``apply`` would run own playbooks after a plan like this."""
        return any(each.is_open for each in self.outcomes) and not self.is_stopped

    @property
    def is_due(self) -> bool:
        """Whether any step is neither ``ok`` nor ``skipped``; what only a run can tell does not count."""
        return any(each.status not in (Status.OK, Status.SKIPPED) and not each.is_open for each in self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        """The host's object in the JSON document."""
        return {
            "host": self.host,
            **({"agent": self.agent} if self.agent else {}),
            "is_local": self.is_local,
            "steps": [outcome.to_dict() for outcome in self.outcomes],
            "commands": list(self.commands),
        }


@frozen
class Report:
    """The result of a command. An error says that *we* could not do our job; a status says what a host answered.

    Attributes:
        command: the verb.
        errors: errors that concern no host.
        notices: facts that concern no host.
        extra: more keys of the JSON document: ``plugins``, ``tools``, ``path`` or ``checks``.
    """

    command: str
    hosts: tuple[HostReport, ...] = ()
    errors: tuple[MngrAnsibleError, ...] = ()
    notices: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the command did its job; a verb that changes nothing only has to be able to plan, and what ``render``
        writes has to be able to end well, and what was checked must have no problem."""
        if self.errors or any(host.error is not None for host in self.hosts):
            return False
        if any(each["status"] == "problem" for each in self.extra.get("checks", ())):
            return False
        if self.command == "render":
            return not any(host.is_stopped for host in self.hosts)
        return self.command not in ("apply", "bootstrap") or all(host.ok for host in self.hosts)

    @property
    def is_due(self) -> bool:
        """Whether any step is neither ``ok`` nor ``skipped``; what only a run can tell does not count."""
        return any(host.is_due for host in self.hosts)

    @property
    def all_errors(self) -> tuple[MngrAnsibleError, ...]:
        """The errors of the command, then those of its hosts."""
        return (*self.errors, *(host.error for host in self.hosts if host.error is not None))

    @property
    def all_notices(self) -> tuple[str, ...]:
        """The notices of the command, then those of its hosts: each once, with hosts if not of all."""
        by_text: dict[str, list[str]] = {}
        for host in self.hosts:
            for text in dict.fromkeys(map(one_stop, host.all_notices)):
                by_text.setdefault(text, []).append(host.host)
        of_hosts = (_prefixed(self.hosts, names, text) for text, names in by_text.items())
        return tuple(dict.fromkeys([*map(one_stop, self.notices), *of_hosts]))

    @property
    def failure_notices(self) -> tuple[str, ...]:
        """The notices that say more about a failure: those of the command, and where failed runs are kept."""
        return replace(self, hosts=tuple(replace(host, notices=()) for host in self.hosts)).all_notices

    @property
    def stopped_words(self) -> str:
        """What a signal that stopped the command has left, in words."""
        if self.hosts and all(host.ok for host in self.hosts):
            return "stopped; every step was done before"
        touched = (Status.CHANGED, Status.FAILED, Status.UNKNOWN)
        if any(each.status in touched for host in self.hosts for each in host.outcomes):
            return "stopped; the step that was running may or may not have finished"
        return "stopped; nothing was changed"

    def to_dict(self) -> dict[str, Any]:
        """The JSON document, schema 1. Source: docs/contract.md "JSON"."""
        return self._document([host.to_dict() for host in self.hosts])

    def to_html(self) -> str:
        """The page of ``--report``, without times: one document that needs nothing else and runs no script."""
        from mngr_ansible.report.html.page import page

        return page(self)

    def to_junit(self) -> str:
        """The JUnit XML of ``--junit``, without times."""
        from mngr_ansible.report.junit import junit

        return junit(self)

    def json_pieces(self) -> Iterator[str]:
        """The same document as indented text, a piece for each host: never in memory as a whole."""
        import json

        for name, value in self._document([]).items():
            yield f"{'{' if name == 'schema' else ','}\n  {json.dumps(name)}: "
            if name == "hosts" and self.hosts:
                for index, host in enumerate(self.hosts):
                    yield f"{',' if index else '['}\n    " + _indented(host.to_dict(), "    ")
                yield "\n  ]"
            else:
                yield _indented(value, "  ")
        yield "\n}\n"

    def _document(self, hosts: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "schema": 1,
            "command": self.command,
            "ok": self.ok,
            "hosts": hosts,
            "notices": [{"text": text} for text in self.all_notices],
            "errors": [each for error in self.all_errors for each in error_dicts(error)],
            **self.extra,
        }


class Interrupted(BaseException):
    """A signal stopped a command that changes hosts, after it had begun.

    Attributes:
        report: what was reached on every host until then.
        signal: the exception that the signal raised: ``KeyboardInterrupt``, or ``Terminated`` of ``system.signals``.
    """

    def __init__(self, report: Report, signal: BaseException) -> None:
        super().__init__()
        self.report = report
        self.signal = signal

    def __reduce__(self) -> tuple[Any, ...]:
        return without_init, (type(self), self.args), vars(self)


def _indented(value: object, blanks: str) -> str:
    import json

    return json.dumps(value, indent=2).replace("\n", f"\n{blanks}")


def _prefixed(hosts: Sequence[HostReport], names: Sequence[str], text: str) -> str:
    """A notice with the names of its hosts, unless it is true of all."""
    return text if len(names) == len(hosts) else f"{listed(names)}: {text}"


def listed(names: Sequence[str]) -> str:
    """Names in a line: at most four, and how many more there are."""
    return ", ".join(names) if len(names) <= _LISTED else f"{', '.join(names[:3])} and {len(names) - 3} more"


def error_dicts(error: MngrAnsibleError) -> list[dict[str, Any]]:
    """An error as JSON objects; a group gives one object for each of its errors."""
    if isinstance(error, ErrorGroup):
        return [each for inner in error.errors for each in error_dicts(inner)]
    return [{"problem": one_stop(error.problem), "remedy": one_stop(error.remedy), "host": error.host}]
