"""Several agents in one command: hosts side by side, the agents of one host one after another; none stops another.

A round has at most one agent of each host, and goes the way of every run. The canary hosts have all their rounds before
any other host begins.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from imbue.mngr.errors import MngrError
from imbue.mngr.interfaces.agent import AgentInterface
from imbue.mngr.interfaces.host import OnlineHostInterface
from loguru import logger

from mngr_ansible.errors import HostError, MngrAnsibleError
from mngr_ansible.mngr.agents import FoundAgent, FoundAgents, find_agents, live_agents
from mngr_ansible.mngr.at_once import at_once
from mngr_ansible.mngr.connection import locked
from mngr_ansible.mngr.created_with import CreatedWith, recorded
from mngr_ansible.mngr.invocation import Invocation
from mngr_ansible.mngr.request import agent_target
from mngr_ansible.mngr.status import AgentStatus, record_status, status_of
from mngr_ansible.provisioning import gathering, provisioner
from mngr_ansible.provisioning.reporting import apply_report, plan_report
from mngr_ansible.provisioning.request import Dialog, Prepared, Request
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
        self._started = time.monotonic()
        self.found: FoundAgents = find_agents(call.opts.agents, call.mngr_ctx)
        self._sudo = call.sudo()
        self._request: Request = call.request(is_local=False, sudo=self._sudo)
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
                (one.prepared,) = gathering.gather([self._sudo.over_own_connection(target)], request)
            except MngrAnsibleError as error:
                one.fail(error)

    def plan(self, *, has_diff: bool, is_recorded: bool) -> Report:
        """What would change for each agent; ``is_recorded``: mngr's records of the agents say it."""
        for batch in _rounds(_by_host(self._all)):
            inspected = provisioner.inspect([_plan_of(one) for one in batch], self._round_request())
            for one, report in zip(batch, plan_report(inspected, has_diff=has_diff).hosts, strict=True):
                one.report = report
                one.status = None if report.error is not None else "due" if report.is_due else "ok"
        if is_recorded:
            self._record(self._all, is_locked=True)
        return self._report()

    def apply(self, dialog: Dialog) -> Report:
        """Make the changes that each agent needs, and record how its host was left.

        Raises:
            Interrupted: a signal came after the first host could have been changed.
        """
        hosts = _by_host(self._all)
        canary = self._call.fleet().canary
        first = len(hosts) if canary is None else canary.of(len(hosts))
        self._record([one for one in self._all if one.report is not None])
        batch: Sequence[_One] = ()
        try:
            for part in (hosts[:first], hosts[first:]):
                for batch in _rounds(part):
                    self._apply(batch, dialog)
                    if self._is_too_much():
                        return self._report()
                if not all(one.reported().ok for host in part for one in host):
                    break
        except (KeyboardInterrupt, SystemExit, Interrupted) as stop:
            signal = stop.signal if isinstance(stop, Interrupted) else stop
            if not isinstance(stop, Interrupted) and all(one.status in (None, "failed") for one in self._all):
                raise  # nothing was begun
            with signals_ignored():
                self._record(batch)
            raise Interrupted(self._report(), signal) from stop
        return self._report()

    def _apply(self, batch: Sequence[_One], dialog: Dialog) -> None:
        with self._locked(batch) as free:
            try:
                done = provisioner.provision([_plan_of(one) for one in free], self._round_request(), dialog)
            except Interrupted as stop:
                for one, report in zip(free, stop.report.hosts, strict=True):
                    one.report, one.status = report, "failed"
                raise
            except MngrAnsibleError as error:
                for one in free:
                    one.fail(error)
            else:
                for one, report in zip(free, done.report.hosts, strict=True):
                    one.report, one.status = report, status_of(report)
            self._record(free)

    def _is_too_much(self) -> bool:
        """Whether more agents have failed than ``--max-fail-percentage`` allows."""
        most = self._call.fleet().max_fail_percentage
        failed = sum(one.report is not None and not one.report.ok for one in self._all)
        return most is not None and 100 * failed > most * len(self._all)

    def _round_request(self) -> Request:
        """The request of a round: what is left of the time is its limit."""
        left = self._request.timeout - (time.monotonic() - self._started)
        fleet = replace(self._request.fleet, canary=None)
        return replace(self._request, timeout=max(left, 0.001), fleet=fleet)

    @contextmanager
    def _locked(self, batch: Sequence[_One]) -> Iterator[list[_One]]:
        """mngr's locks of all these hosts; the agents whose hosts could be locked."""

        def lock(one: _One) -> AbstractContextManager[None] | MngrAnsibleError:
            assert one.host is not None  # noqa: S101
            lock = locked(one.host, self._request)
            try:
                lock.__enter__()
            except (MngrError, OSError) as error:
                return HostError(
                    f"mngr could not lock this host: {' '.join(str(error).split())}",
                    remedy="Check whether another command of mngr works on it, and run this one again.",
                )
            return lock

        with ExitStack() as locks:
            free = []
            for one, held in zip(batch, at_once(lock, batch), strict=True):
                if isinstance(held, MngrAnsibleError):
                    one.fail(held)
                else:
                    locks.push(held)
                    free.append(one)
            yield free

    def _record(self, agents: Sequence[_One], *, is_locked: bool = False) -> None:
        """Write what became of these agents into mngr's records of them."""

        def record(one: _One) -> None:
            if one.agent is None or one.host is None or one.status is None:
                return
            host = one.host
            try:
                if is_locked:
                    record_status(one.agent, one.status, lock=lambda: locked(host, self._request))
                else:
                    record_status(one.agent, one.status)
            except (MngrError, OSError) as error:
                logger.warning("The status of agent {} could not be recorded: {}", one.found.address, error)

        at_once(record, agents)

    def _report(self) -> Report:
        hosts = tuple(one.reported() for one in self._all)
        return Report(self._call.name, hosts, self.found.errors, self.found.notices)


def _plan_of(one: _One) -> Prepared:
    assert one.prepared is not None  # noqa: S101 - those without a plan are in no round
    return one.prepared


def _by_host(agents: Sequence[_One]) -> list[list[_One]]:
    """The agents of each host together, in the order of the hosts' first ones."""
    hosts: dict[str, list[_One]] = {}
    for one in agents:
        hosts.setdefault(one.found.place, []).append(one)
    return list(hosts.values())


def _rounds(hosts: Sequence[list[_One]]) -> Iterator[list[_One]]:
    """The first agent of every host, then the second of those that have one, and so on; not those that have failed."""
    for number in range(max(map(len, hosts), default=0)):
        batch = [host[number] for host in hosts if number < len(host)]
        if left := [one for one in batch if one.report is None]:
            yield left
