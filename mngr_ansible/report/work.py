"""What a host is at: for a display that changes, and now and then a line for people who have none."""

import threading
import time
from collections.abc import Callable

from mngr_ansible.portable.regular_expressions import regex
from mngr_ansible.values import frozen

News = Callable[[threading.Event], str]
"""Says how far a work is, in a few words; empty where that is not known. It may take seconds, which the event ends. It
raises nothing."""


@frozen
class Work:
    """What is done for a host from now on, until the next work.

    Attributes:
        text: what it is: ``installing with apt: nodejs``.
        news: how far it is; None: only its end will tell.
        is_of_host: the host itself has to be asked for the news, so that is done seldom.
    """

    text: str
    news: News | None = None
    is_of_host: bool = False


@frozen
class Over:
    """Nothing more is done for a host; ``is_ok``: it is as planned."""

    is_ok: bool


WorkCallback = Callable[[str, Work | Over], None]
"""Gets a host's name, and what it is at. Threads may call it at the same time."""

_FIRST_SECONDS = 30
"""After so many seconds a line says that a work still goes on; then after twice as many, and so on."""

_LIST = regex(r"(?::| \().*")
"""What a line about a work names besides: ``: nodejs, jq`` or ``(14 kB)``."""


class StillAtWork:
    """Tells of work that takes long that it still goes on, for people who see lines alone."""

    def __init__(self, tell: Callable[[str, str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """``tell`` gets a host's name and a line."""
        self._tell, self._clock = tell, clock
        self._begun: dict[str, tuple[str, float]] = {}
        self._next: dict[str, int] = {}

    def begin(self, host: str, text: str) -> None:
        """The host has come to this."""
        self._begun[host], self._next[host] = (_LIST.sub("", text), self._clock()), _FIRST_SECONDS

    def end(self, host: str) -> None:
        """The host has come to the end of what it was at."""
        self._begun.pop(host, None)

    def look(self) -> None:
        """Tell of the hosts whose time has come. Lines of hosts that began at the same time are alike."""
        for host, (text, since) in list(self._begun.items()):
            spent, seconds = self._clock() - since, self._next[host]
            if spent < seconds:
                continue
            while 2 * seconds <= spent:
                seconds *= 2
            self._next[host] = 2 * seconds
            self._tell(host, f"still {text} ({duration(seconds)})")


def duration(seconds: float) -> str:
    """A time for people: ``45 s``, ``2 min 5 s``, ``1 h 20 min``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    words = [(hours, "h"), (minutes, "min"), (rest if not hours else 0, "s")]
    return " ".join(f"{count} {unit}" for count, unit in words if count) or "0 s"


NewsOfStage = Callable[[str, str], "tuple[News | None, bool]"]
"""By a host's alias and what a stage is (``files``, ``apt``, …): its news, and whether the host has to be asked."""
