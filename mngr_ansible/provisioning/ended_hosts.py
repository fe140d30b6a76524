"""Hosts on which a run is over although it goes on on others: nobody waits for their reports."""

from collections.abc import Callable, Mapping, Sequence

from mngr_ansible.diff.due import Due
from mngr_ansible.provisioning.reporting import changed_host
from mngr_ansible.provisioning.request import Prepared
from mngr_ansible.report.report import HostReport
from mngr_ansible.run.playbook import HostRun, run_stages
from mngr_ansible.run.runner import Event, RunResult

OnOver = Callable[[Prepared, HostReport | None], None]
"""Is called for a host on which the run is over, with its report, if that is known; of one that failed the report at
the end of the run may say more."""

_LAST_TASK = "Assert versions"
"""What has the last word about a package: the task of the role ``mngr_packages`` that comes at the end."""

_DONE = ("ok", "changed")


def telling(
    follow: Callable[[Event], None], hosts: Mapping[str, Prepared], runs: Sequence[HostRun], on_over: OnOver
) -> Callable[[Event], None]:
    """The same with each event of a run, and telling of each host once when it is over there.

    Args:
        follow: what is done with each event.
        hosts: by their names in the inventory.
        runs: the hosts of the run.
        on_over: see there.
    """
    going_on = {one.alias: _GoingOn(one.alias, one.due) for one in runs}

    def follow_and_tell(event: Event) -> None:
        follow(event)
        if (host := going_on.get(event.host)) is None:
            return
        host.note(event)
        if host.is_done or host.has_failed:
            del going_on[event.host]
            on_over(hosts[event.host], changed_host(hosts[event.host], event.host, host.result))

    return follow_and_tell


class _GoingOn:
    """A host of a run: its events, and the steps of which the last word was not heard."""

    def __init__(self, alias: str, due: Due) -> None:
        self._alias = alias
        self._events: list[Event] = []
        self._left = {step for stage in run_stages(due) for step in stage.ids}
        self._has_more_sources = False

    def note(self, event: Event) -> None:
        self._events.append(event)
        step = event.step
        if step is None:
            return
        if step["status"] not in _DONE:
            self._has_more_sources |= step.get("is_of_source", False)
        elif not step["id"].startswith("package:") or event.task == _LAST_TASK:
            self._left.discard(step["id"])

    @property
    def is_done(self) -> bool:
        """Whether everything is done that was due."""
        return not self._left

    @property
    def has_failed(self) -> bool:
        """Whether nothing more is done there, although not everything is done. Another source may be tried later."""
        return self._events[-1].kind in ("failed", "unreachable") and not self._has_more_sources

    @property
    def result(self) -> RunResult:
        """The run as this host has it, when it is over there."""
        return RunResult("finished", True, frozenset({self._alias}), tuple(self._events))
