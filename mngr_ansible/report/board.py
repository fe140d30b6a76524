"""What all hosts of a command are at, in a few lines: what a display of a terminal shows at one moment. Pure."""

import threading
import time
from collections.abc import Callable, Sequence

from mngr_ansible.report.work import Over, Work, duration
from mngr_ansible.values import frozen

_WAITING = ("waiting", "")
"""What a host may be at while nothing is done for it."""


@frozen
class Row:
    """One line.

    Attributes:
        host: the host; empty in the line below one, and in that about all hosts.
        text: what it is at, or how far that is.
        seconds: since when, in words; empty in other lines.
        kind: ``work`` of a host; ``news`` about it, in the line below; ``counts`` of all hosts.
    """

    host: str
    text: str
    seconds: str = ""
    kind: str = "work"


class _Host:
    def __init__(self) -> None:
        self.work: Work | Over | None = None
        self.since = 0.0
        self.news = ""


class Board:
    """What each host is at. Threads may write to it and read it at the same time."""

    def __init__(
        self, hosts: Sequence[str], clock: Callable[[], float] = time.monotonic, *, is_changing: bool = True
    ) -> None:
        """``hosts``: their names, in their order. ``is_changing``: they are changed, and not only looked at."""
        self._over = ("done", "not done") if is_changing else ("checked", "not reached")
        self._hosts = {host: _Host() for host in hosts}
        self._clock = clock
        self._lock = threading.Lock()

    def note(self, host: str, work: Work | Over) -> None:
        """Take note of what a host is at from now on; a host that is over stays so."""
        with self._lock:
            found = self._hosts.get(host)
            if found is None or (isinstance(found.work, Over) and isinstance(work, Work)):
                return
            if isinstance(work, Work) and isinstance(found.work, Work) and work.text == found.work.text:
                return
            found.work, found.since, found.news = work, self._clock(), ""

    def note_news(self, host: str, work: Work, news: str) -> None:
        """Take note of how far this work of a host is, if the host is still at it. Empty news change nothing."""
        with self._lock:
            found = self._hosts[host]
            if news and found.work is work:
                found.news = news

    def asking(self, hosts: Sequence[str], seconds_of_host: float) -> list[tuple[str, Work]]:
        """Those of these hosts whose work may have news. ``seconds_of_host``: after which a host itself is asked."""
        with self._lock:
            now = self._clock()
            return [
                (host, work)
                for host in hosts
                if isinstance(work := self._hosts[host].work, Work)
                and work.news is not None
                and (not work.is_of_host or now - self._hosts[host].since >= seconds_of_host)
            ]

    def rows(self, most: int) -> list[Row]:
        """At most so many lines: those hosts for which something is done, and where not all fit, or wait, counts."""
        with self._lock:
            now = self._clock()
            busy = [(host, each) for host, each in self._hosts.items() if _is_busy(each)]
            has_counts = len(self._hosts) > 1 and (len(busy) > most or len(busy) < len(self._hosts))
            room = max(1, most - has_counts)
            rows: list[Row] = []
            left = room - min(room, len(busy))
            for host, each in busy[:room]:
                assert isinstance(each.work, Work)  # noqa: S101 - for mypy: see _is_busy
                rows.append(Row(host, each.work.text, duration(now - each.since)))
                if each.news and left:
                    left -= 1
                    rows.append(Row("", each.news, kind="news"))
            return [*rows, self._counts(len(busy))] if has_counts else rows

    def _counts(self, busy: int) -> Row:
        over = [each.work.is_ok for each in self._hosts.values() if isinstance(each.work, Over)]
        counts = (
            (over.count(True), self._over[0]),
            (over.count(False), self._over[1]),
            (busy, "at work"),
            (len(self._hosts) - len(over) - busy, "waiting"),
        )
        words = ", ".join(f"{count} {what}" for count, what in counts if count)
        return Row("", f"{len(self._hosts)} hosts: {words}", kind="counts")


def _is_busy(host: _Host) -> bool:
    return isinstance(host.work, Work) and host.work.text not in _WAITING
