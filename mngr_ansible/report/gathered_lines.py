"""Progress of many hosts: lines that are alike within a moment are told once, with the names of their hosts.

The one place of this folder that waits: a timer tells what was held back.
"""

import threading
from collections.abc import Callable

from mngr_ansible.report.report import listed

_MOMENT = 0.5
"""Seconds that a line may be held back for others that are like it."""


class GatheredLines:
    """Takes lines of hosts, from several threads, as a ``ProgressCallback`` does, and hands them on."""

    def __init__(self, write: Callable[[str, str], None], count: int, moment: float = _MOMENT) -> None:
        """``write``: gets the hosts in words (empty: none is concerned) and a line. ``count``: how many there are."""
        self._write, self._count, self._moment = write, count, moment
        self._lock = threading.Lock()
        self._held: dict[str, list[str]] = {}
        self._timer: threading.Timer | None = None

    def __call__(self, host: str, line: str) -> None:
        """Take a line of a host."""
        if not host:
            self.tell()
            self._write(host, line)
            return
        with self._lock:
            names = self._held.setdefault(line, [])
            if host not in names:
                names.append(host)
            if self._timer is None:
                self._timer = threading.Timer(self._moment, self.tell)
                self._timer.daemon = True
                self._timer.start()

    def tell(self) -> None:
        """Hand on what is held back, in the order in which the lines came."""
        with self._lock:
            held, self._held = self._held, {}
            timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()
            for line, names in held.items():
                is_of_all = len(names) == self._count
                self._write(f"all {self._count} hosts" if is_of_all else listed(names), line)
