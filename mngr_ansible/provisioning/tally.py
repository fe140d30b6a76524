"""What became of the hosts of one command so far, and whether that allows to begin others.

Source: docs/contract.md "Fleets".
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mngr_ansible.inputs.fleet import Fleet
from mngr_ansible.provisioning.reporting import apply_report
from mngr_ansible.provisioning.request import Prepared
from mngr_ansible.report.report import HostReport, Report, listed

if TYPE_CHECKING:
    from mngr_ansible.errors import MngrAnsibleError


class Tally:
    """The ends of hosts, by their numbers.

    Attributes:
        reports: of the hosts that are over.
        failed: which of them did not end as planned; a host can be known to have failed before its report is there.
        errors: those of runs that could not be begun.
        why: why no further host is begun; empty: nothing prevents it.
    """

    def __init__(self, hosts: Sequence[Prepared], fleet: Fleet) -> None:
        """``hosts``: the caller's own list, which has each host as far as it is known."""
        self._hosts, self._fleet = hosts, fleet
        self.reports: dict[int, HostReport] = {}
        self.failed: set[int] = set()
        self.errors: list[MngrAnsibleError] = []
        self.why = ""
        self._left: set[int] = set()

    def leave(self, index: int, command: str) -> None:
        """Report a host that is not begun any more, or on which nothing was changed yet."""
        self._left.add(index)
        self.reports[index] = apply_report([self._hosts[index]], command, None).hosts[0]

    def too_many_failed(self) -> str:
        """In words, that more hosts have failed than are allowed; else empty."""
        most, total, count = self._fleet.max_fail_percentage, len(self._hosts), len(self.failed)
        if most is None or count * 100 <= most * total:
            return ""
        return f"{count} of {total} {'host' if total == 1 else 'hosts'} failed, more than {most:g} %"

    def bad_canaries(self, canaries: Iterable[int]) -> str:
        """In words, which canaries did not end as planned; else empty."""
        bad = [self._hosts[index].target.name for index in canaries if index in self.failed]
        if not bad:
            return ""
        return f"the {'canary' if len(bad) == 1 else 'canaries'} {listed(bad)} did not end as planned"

    def report(self, command: str) -> Report:
        """The report of all hosts, in their order; those that have none are left."""
        for index in range(len(self._hosts)):
            if index not in self.reports:
                self.leave(index, command)
        names = [self._hosts[index].target.name for index in sorted(self._left)]
        verb = "was" if len(names) == 1 else "were"
        notices = (f"{self.why}: {listed(names)} {verb} not begun",) if self.why and names else ()
        hosts = tuple(self.reports[index] for index in range(len(self._hosts)))
        return Report(command, hosts, errors=tuple(self.errors), notices=notices)
