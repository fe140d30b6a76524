"""When a command was at what: collected while it runs, where somebody wants to see it afterwards."""

import time
from collections.abc import Mapping
from datetime import datetime

from mngr_ansible.values import field, frozen


@frozen
class Span:
    """What a host was at: from when, in seconds since the command began, and for how long."""

    what: str
    begin: float
    seconds: float


@frozen
class Timing:
    """When a command was run, and what each of its hosts was at.

    Attributes:
        began: with its time zone.
        seconds: how long all of it took.
        spans: by host, one after the other; a host that was never begun is not there.
    """

    began: datetime
    seconds: float
    spans: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)


class Timeline:
    """Takes note of what each host is at, from now on. Threads may call it at the same time."""

    def __init__(self) -> None:
        self._began = datetime.now().astimezone()
        self._clock = time.monotonic()
        self._notes: dict[str, list[tuple[float, str]]] = {}

    def note(self, host: str, what: str) -> None:
        """The host is at this from now on; empty: nothing more is done for it."""
        self._notes.setdefault(host, []).append((time.monotonic() - self._clock, what))

    def timing(self) -> Timing:
        """What was noted until now."""
        now = time.monotonic() - self._clock
        return Timing(self._began, now, {host: _spans(notes, now) for host, notes in self._notes.items()})


def _spans(notes: list[tuple[float, str]], now: float) -> tuple[Span, ...]:
    ends = [begin for begin, _ in notes[1:]] + [now]
    return tuple(Span(what, begin, end - begin) for (begin, what), end in zip(notes, ends, strict=True) if what)
