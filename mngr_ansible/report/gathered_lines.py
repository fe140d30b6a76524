"""Progress of many hosts: lines that are alike within a moment are told once, with the names of their hosts.

The one place of this folder that waits: a timer tells what was held back.
"""

import threading
from collections.abc import Callable, Sequence

from mngr_ansible.portable.regular_expressions import regex
from mngr_ansible.report.report import listed

_MOMENT = 0.5
"""Seconds that a line may be held back for others that are like it."""

_SPENT = regex(r"(?s)(done in |not done after )(\d+\.\d)( s.*)")
"""How a host ended (``report.progress.summary``): lines that differ in the seconds alone are alike."""


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
        self._held: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._timer: threading.Timer | None = None

    def __call__(self, host: str, line: str) -> None:
        """Take a line of a host."""
        if not host:
            self.tell()
            self._write(host, line)
            return
        with self._lock:
            ended = _SPENT.fullmatch(line)
            start, seconds, rest = ended.groups() if ended else (line, "", "")
            held = self._held.setdefault((start, rest), [])
            if (host, seconds) not in held:
                held.append((host, seconds))
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
            for (start, rest), hosts in held.items():
                names = sorted((host for host, _ in hosts), key=lambda host: self._order.get(host, len(self._order)))
                spent = sorted({seconds for _, seconds in hosts}, key=lambda each: float(each or 0))
                is_of_all = len(names) == len(self._order)
                self._write(
                    f"all {len(names)} {self._what}" if is_of_all else listed(names),
                    f"{start}{' to '.join(dict.fromkeys((spent[0], spent[-1])))}{rest}",
                )
