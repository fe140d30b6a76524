"""Several agents in one command: hosts side by side, the agents of one host one after another; none stops another.

They go the way of every run: an agent is a host there, and the agents of one host share a place.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from threading import Lock
from typing import Any

from imbue.mngr.errors import MngrError
from imbue.mngr.interfaces.agent import AgentInterface
from imbue.mngr.interfaces.host import OnlineHostInterface
from loguru import logger

from mngr_ansible.diff.outcome import Status
from mngr_ansible.errors import HostError, MngrAnsibleError
from mngr_ansible.mngr.agents import FoundAgent, FoundAgents, find_agents, live_agents
from mngr_ansible.mngr.at_once import at_once
from mngr_ansible.mngr.connection import MngrConnection, locked
from mngr_ansible.mngr.created_with import CreatedWith, recorded
from mngr_ansible.mngr.invocation import Invocation
from mngr_ansible.mngr.request import agent_target
from mngr_ansible.mngr.status import AgentStatus, record_status, status_of
from mngr_ansible.provisioning import gathering, provisioner
from mngr_ansible.provisioning.reporting import apply_report, plan_report
from mngr_ansible.provisioning.request import SILENT, Dialog, Prepared, Request
from mngr_ansible.report.report import HostReport, Interrupted, Report
from mngr_ansible.system.signals import signals_ignored
from mngr_ansible.values import replace


@dataclass(slots=True)
class _One:
    """One agent, its plan, and what became of it.

    Attributes:
        found: as mngr's discovery saw it.
        agent, host: mngr's own objects; None where they could not be had.
        prepared: its plan; None where it could not be made.
        report: what became of it; None as long as that is not known.
        status: what is to be recorded.
    """

    found: FoundAgent
    agent: AgentInterface[Any] | None = None
    host: OnlineHostInterface | None = None
    prepared: Prepared | None = None
    report: HostReport | None = None
    status: AgentStatus | None = None

    def fail(self, error: MngrAnsibleError) -> None:
        """This agent cannot be provisioned; the others go on."""
        error.host, self.status = self.found.address, "failed"
        if self.prepared is not None:
            self.report = apply_report([replace(self.prepared, error=error)], "apply", None).hosts[0]
        else:
            self.report = HostReport(self.found.address, self.host is not None and self.host.is_local, error=error)

    def reported(self) -> HostReport:
        """What became of it; where nothing did, its steps are ``not-reached``."""
        if self.report is None:
            assert self.prepared is not None  # noqa: S101 - without a plan it has failed
            self.report = apply_report([self.prepared], "apply", None).hosts[0]
        return replace(self.report, agent=str(self.found.agent.agent_name))


class Agents:
    """The agents of one call, each with its plan, in the order in which they were named."""

    def __init__(self, call: Invocation) -> None:
        """Find the agents and plan for each; one for which that is not possible is a failure of its own.

        Raises:
            MngrError: an address names no agent.
            MngrAnsibleError: what is asked for is wrong for all of them.
        """
        self._call = call
        request = call.request(is_local=False)  # what is wrong with it is said before a host is contacted
        self.found: FoundAgents = find_agents(call.opts.agents, call.mngr_ctx)
        self._sudo = call.sudo()
        self._request: Request = replace(request, password=self._sudo.password, control_path=self._sudo.control_path)
        self._all = [_One(each) for each in self.found.agents]
        warned: list[tuple[CreatedWith, bool]] = []
        for one, live in zip(self._all, live_agents(self.found.agents, call.mngr_ctx), strict=True):
            if isinstance(live, HostError):
                one.fail(live)
                continue
            one.agent, one.host = live
            created_with, is_local = recorded(one.found.agent, call.mngr_ctx), one.host.is_local
            try:
                request = call.request(is_local=is_local, created_with=created_with, sudo=self._sudo)
                if call.name != "plan" and (created_with, is_local) not in warned:
                    warned.append((created_with, is_local))
                    call.warn(request, is_local=is_local)
                target = agent_target(one.agent, one.host, None, call.mngr_ctx, one.found.address)
                target = replace(
                    self._sudo.over_own_connection(target), place=one.found.place, host_name=str(one.host.get_name())
                )
                (one.prepared,) = gathering.gather([target], request)
            except MngrAnsibleError as error:
                one.fail(error)

    def plan(self, *, has_diff: bool, is_recorded: bool) -> Report:
        """What would change for each agent; ``is_recorded``: mngr's records of the agents say it."""
        for batch in _rounds(self._all):
            dialog = replace(SILENT, note=self._call.note)
            inspected = provisioner.inspect([_plan_of(one) for one in batch], self._request, dialog)
            hosts = plan_report(inspected, has_diff=has_diff, forks=self._request.fleet.forks).hosts
            for one, report in zip(batch, hosts, strict=True):
                one.report = report
                one.status = None if report.error is not None else "due" if report.is_due else "ok"
        if is_recorded:
            self._record(is_locked=True)
        return self._report()

    def apply(self, dialog: Dialog) -> Report:
        """Make the changes that each agent needs, and record how its host was left.

        Raises:
            MngrAnsibleError: nothing could be run, and no host was changed.
            Interrupted: a signal came after the first host could have been changed.
        """
        planned = [one for one in self._all if one.prepared is not None and one.report is None]
        notices: tuple[str, ...] = ()
        with ExitStack() as locks:
            try:
                if planned:
                    notices = self._provision(planned, dialog, locks)
            except Interrupted as stop:
                _take(planned, stop.report)
                with signals_ignored():
                    self._record()
                raise Interrupted(self._report(), stop.signal) from stop
            except MngrAnsibleError:
                for one in planned:
                    one.status = "failed"
                self._record()
                raise
            self._record()
        return self._report(notices)

    def _provision(self, planned: Sequence[_One], dialog: Dialog, locks: ExitStack) -> tuple[str, ...]:
        """Provision all these agents; the value is what people should know besides. ``locks`` takes mngr's locks."""
        held: dict[str, Lock] = {one.found.place: Lock() for one in planned}
        locked_places: set[str] = set()
        places = {one.found.address: one for one in planned}

        def lock(each: Prepared) -> None:
            one = places[each.target.name]
            with held[one.found.place]:  # agents of one host come one after another
                if one.found.place not in locked_places:
                    locks.push(_locked(one, self._request))
                    locked_places.add(one.found.place)

        for one in planned:
            if one.host is not None and one.host.is_local:
                lock(_plan_of(one))
        done = provisioner.provision([_plan_of(one) for one in planned], self._request, dialog, before_look=lock)
        _take(planned, done.report)
        return done.report.notices

    def _record(self, *, is_locked: bool = False) -> None:
        """Write what became of the agents into mngr's records of them; nothing of those that were not begun."""

        def record(one: _One) -> None:
            if one.agent is None or one.host is None or one.status is None:
                return
            host = one.host
            try:
                record_status(
                    one.agent, one.status, lock=(lambda: locked(host, self._request)) if is_locked else nullcontext
                )
            except (MngrError, OSError) as error:
                logger.warning("The status of agent {} could not be recorded: {}", one.found.address, error)

        at_once(record, self._all)

    def _report(self, notices: tuple[str, ...] = ()) -> Report:
        hosts = tuple(one.reported() for one in self._all)
        return Report(self._call.name, hosts, self.found.errors, (*self.found.notices, *notices))


def _take(agents: Sequence[_One], report: Report) -> None:
    """Take note of what became of these agents."""
    for one, host in zip(agents, report.hosts, strict=True):
        is_begun = host.error is not None or any(each.status is not Status.NOT_REACHED for each in host.outcomes)
        one.report, one.status = host, status_of(host) if is_begun or not host.outcomes else None


def _locked(one: _One, request: Request) -> AbstractContextManager[None]:
    """mngr's lock of the host of an agent, taken.

    Raises:
        HostError: another command of mngr holds it for too long, or the host does not answer.
    """
    assert one.host is not None  # noqa: S101 - those without a host have no plan
    lock, connection = locked(one.host, request), _plan_of(one).target.connection
    remedy = "Check whether another command of mngr works on this host, and run this one again."
    if isinstance(connection, MngrConnection):
        connection.wait_for(lock.__enter__, request.timeout + 1, remedy=remedy)
    else:
        try:
            lock.__enter__()
        except (MngrError, OSError) as error:
            raise HostError(" ".join(str(error).split()), remedy=remedy) from error
    return lock


def _plan_of(one: _One) -> Prepared:
    assert one.prepared is not None  # noqa: S101 - those without a plan are not provisioned
    return one.prepared


def _rounds(agents: Sequence[_One]) -> Iterator[list[_One]]:
    """The first agent of every host, then the second of those that have one, and so on; only those with a plan."""
    hosts: dict[str, list[_One]] = {}
    for one in agents:
        if one.prepared is not None and one.report is None:
            hosts.setdefault(one.found.place, []).append(one)
    for number in range(max(map(len, hosts.values()), default=0)):
        yield [host[number] for host in hosts.values() if number < len(host)]
