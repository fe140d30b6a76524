# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of every requirement that a module looked at, and the end of the module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Optional, TypedDict

from .mngr_ansible_portable.text import clause
from .mngr_packages_executor import last_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ansible.module_utils.basic import AnsibleModule

    from .mngr_packages_queries import Checked


class _StepFields(TypedDict):
    id: str
    status: str
    current: str | None
    reason: str


class StepOutcome(_StepFields, total=False):
    """What became of one step, as ``mngr_steps`` reports it: docs/contract.md "Roles".

    ``status`` is ``ok``, ``changed`` or ``failed``; ``current`` is the version on the host, None if it is not known;
    ``reason`` is why it failed, without a full stop. ``is_of_source`` is True for a failure that belongs to the source
    alone (its key, its server, a conflict, a hold, …): nothing was changed, and another source may succeed.
    """

    is_of_source: bool


Change = TypedDict(
    "Change",
    {"id": str, "name": str, "manager": str, "from": Optional[str], "to": Optional[str]},  # noqa: UP045 - 3.9
)
"""One requirement that was installed, or would be: its upstream version before and after, None for none or unknown."""


class Refusal(NamedTuple):
    """A requirement that is not installed: what the problem is and what to do, two sentences without full stops.

    ``is_of_source``: see :class:`StepOutcome`.
    """

    checked: Checked
    problem: str
    remedy: str
    is_of_source: bool = False

    @property
    def reason(self) -> str:
        """Both, as the reason of an outcome."""
        return f"{self.problem}. {clause(self.remedy)}"


def outcome(checked: Checked, status: str, reason: str = "", *, is_of_source: bool = False) -> StepOutcome:
    """The outcome of one requirement, with the version that was found."""
    made: StepOutcome = {"id": checked.id, "status": status, "current": checked.finding.current, "reason": reason}
    if is_of_source:
        made["is_of_source"] = True
    return made


class Outcomes:
    """Collects what became of the requirements, and ends the module with it.

    Attributes:
        output: what the last installing program printed.
        source: what installs them, as people are told: the manager's name.
        versions: by the id of a requirement, the version that is installed of it; None where that is not known.
        foretold: what later tasks of the play have to know, in check mode; see ``mngr_packages_foretold``.
    """

    def __init__(
        self, module: AnsibleModule, nothing_changed: str, before_end: Callable[[], None] = lambda: None
    ) -> None:
        """Begin without any outcome.

        Args:
            module: what is ended.
            nothing_changed: the sentence that closes a refusal.
            before_end: is called before the module ends, whatever became of it.
        """
        self._module = module
        self._nothing_changed = nothing_changed
        self._before_end = before_end
        self._checked: list[Checked] = []
        self._failed: dict[str, tuple[str, bool]] = {}
        self.output = ""
        self.source = ""
        self.versions: dict[str, str | None] = {}
        self.foretold: list[dict[str, Any]] = []

    def add(self, checked: Iterable[Checked]) -> None:
        """Note the requirements that were looked at: without another outcome, they are ``ok`` or ``changed``."""
        self._checked += checked

    def add_failed(self, checked: Checked, reason: str, *, is_of_source: bool = False) -> None:
        """Note that an optional requirement could not be installed."""
        self._failed[checked.id] = reason, is_of_source

    def warn_failed(self, checked: Checked, reason: str, *, is_of_source: bool = False) -> None:
        """The same, with a warning."""
        self.add_failed(checked, reason, is_of_source=is_of_source)
        self._module.warn(f"{clause(reason)}. It is optional.")

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Fail the module, before anything is changed, if one of these is required; else warn of each."""
        required = [each for each in refusals if each.checked.requirement["is_required"]]
        if required:
            sentences = []
            for remedy in dict.fromkeys(each.remedy for each in required):
                problems = "; ".join(each.problem for each in required if each.remedy == remedy)
                sentences.append(f"{problems}. {clause(remedy)}")
            steps = [outcome(each.checked, "failed", each.reason, is_of_source=each.is_of_source) for each in required]
            self.fail(f"{'. '.join(sentences)}. {self._nothing_changed}", steps)
        for each in refusals:
            self.warn_failed(each.checked, each.reason, is_of_source=each.is_of_source)

    def fail(
        self, message: str, steps: Sequence[StepOutcome], *, is_changed: bool = False, installed: Sequence[str] = ()
    ) -> NoReturn:
        """End the module with a failure, and the outcomes of the steps that it is about."""
        self._before_end()
        self._module.fail_json(message, **self._result(is_changed, installed, steps))

    def finish(self, *, is_changed: bool, installed: Sequence[str]) -> NoReturn:
        """End the module, with an outcome for every requirement that was looked at.

        Args:
            installed: the ids of those that were installed, or would be in check mode.
        """
        self._before_end()
        steps = [self._outcome(checked, installed) for checked in self._checked]
        self._module.exit_json(**self._result(is_changed, installed, steps))

    def _outcome(self, checked: Checked, installed: Sequence[str]) -> StepOutcome:
        if checked.id in self._failed:
            reason, is_of_source = self._failed[checked.id]
            return outcome(checked, "failed", reason, is_of_source=is_of_source)
        if checked.id in installed:
            return {"id": checked.id, "status": "changed", "current": None, "reason": ""}
        return outcome(checked, "ok")

    def _result(self, is_changed: bool, installed: Sequence[str], steps: Sequence[StepOutcome]) -> dict[str, Any]:
        changes = self._changes(installed)
        result: dict[str, Any] = {
            "changed": is_changed,
            "installed": list(installed),
            "changes": changes,
            "mngr_steps": list(steps),
        }
        if self.output:
            result["output"] = last_lines(self.output)
        if self._module._diff and changes:
            header = f"packages ({self.source})" if self.source else "packages"
            result["diff"] = {
                "before_header": header,
                "before": "".join(f"{each['name']} {each['from']}\n" for each in changes if each["from"]),
                "after_header": header,
                "after": "".join(f"{each['name']} {each['to'] or '(version not known yet)'}\n" for each in changes),
            }
        if self._module.check_mode:
            result["foretold"] = self.foretold
        return result

    def _changes(self, installed: Sequence[str]) -> list[Change]:
        """What was installed, or would be, from which version to which."""
        return [
            Change(
                {
                    "id": checked.id,
                    "name": checked.requirement["name"],
                    "manager": self.source,
                    "from": checked.finding.current if checked.finding.status != "missing" else None,
                    "to": self.versions.get(checked.id),
                }
            )
            for checked in self._checked
            if checked.id in installed
        ]
