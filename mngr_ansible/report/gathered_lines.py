"""Progress of many hosts: lines that are alike within a moment are told once, with the names of their hosts.

The one place of this folder that waits: a timer tells what was held back.
"""

import threading
from collections.abc import Callable, Sequence

from mngr_ansible.report.progress import Ended, GoingOn, Line
from mngr_ansible.report.report import listed

_MOMENT = 0.5
"""Seconds that a line may be held back for others that are like it."""


class _Group:
    """Lines that are alike: of every host one."""

    def __init__(self, place: int) -> None:
        self.place = place
        """Where it is told: after those with a smaller one."""
        self.lines: dict[str, str] = {}


class GatheredLines:
    """Takes lines of hosts, from several threads, as a ``ProgressCallback`` does, and hands them on."""

    def __init__(
        self, write: Callable[[str, str], None], hosts: Sequence[str], moment: float = _MOMENT, what: str = "hosts"
    ) -> None:
        """``write``: gets the hosts in words (empty: none is concerned) and a line. ``hosts``: all, in their order, and
        ``what`` they are called."""
        self._write, self._moment, self._what = write, moment, what
        self._order = {host: index for index, host in enumerate(hosts)}
        self._lock = threading.Lock()
        self._groups: list[_Group] = []
        self._latest: dict[str, _Group] = {}
        self._places: dict[str, int] = {}
        self._next = 0
        self._going_on = GoingOn(hosts)
        self._timer: threading.Timer | None = None

    def __call__(self, host: str, line: str) -> None:
        """Take a line of a host."""
        if not host:
            self.tell()
            self._write(host, line)
            return
        with self._lock:
            self._group(host, _alike(line)).lines.setdefault(host, line)
            if self._timer is None:
                self._timer = threading.Timer(self._moment, self.tell)
                self._timer.daemon = True
                self._timer.start()

    def _group(self, host: str, alike: str) -> _Group:
        """The group of a host's line. What is told keeps the order of each host's own lines."""
        found = self._latest.get(alike)
        if found is not None and host in found.lines:
            return found
        if found is not None and self._places.get(host, -1) > found.place:  # it may only be told later
            if all(self._places[each] <= found.place for each in found.lines):
                found.place = self._end()
                self._places.update(dict.fromkeys(found.lines, found.place))
            else:
                found = None
        if found is None:
            found = self._latest[alike] = _Group(self._end())
            self._groups.append(found)
        self._places[host] = found.place
        return found

    def _end(self) -> int:
        self._next += 1
        return self._next

    def tell(self) -> None:
        """Hand on what is held back, in the order in which the lines came."""
        with self._lock:
            groups, self._groups, self._latest, self._places = self._groups, [], {}, {}
            timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()
            for group in sorted(groups, key=lambda each: each.place):
                names = sorted(group.lines, key=lambda host: self._order.get(host, len(self._order)))
                is_of_all = len(names) == len(self._order)
                line = self._told(group, names)
                self._write(f"all {len(names)} {self._what}" if is_of_all else listed(names), line)

    def _told(self, group: _Group, names: Sequence[str]) -> str:
        """The line of the first host: of those that ended with the seconds of all, of those that failed without others
        that go on, where there are none."""
        line = group.lines[names[0]]
        if isinstance(line, Ended):
            ended = (each.seconds for each in group.lines.values() if isinstance(each, Ended))
            spent = [each for each in ended if each is not None]
            return Ended.after(spent, line.start, line.rest, is_ok=line.is_ok)
        return self._going_on.line(names, line)


def _alike(line: str) -> str:
    """What lines of several hosts are compared by: the seconds do not count."""
    if isinstance(line, Ended):
        return f"{line.start}{line.rest}"
    return line.alike if isinstance(line, Line) else line
