"""Many hosts at the same time: threads that wait for hosts, bounded in number."""

from collections.abc import Callable, Sequence
from typing import Protocol

from mngr_ansible.system.descriptors import room
from mngr_ansible.system.signals import AWAKE_SECONDS

MOST = 50
"""Hosts that are worked on at once where ``--forks`` says nothing. Source: docs/contract.md "Fleets"."""

_DESCRIPTORS = 8
"""What asking one host takes: the pipes of ssh, a file, and more while it is started."""


class Stoppable(Protocol):
    """Something that waits, such as a connection whose script runs."""

    def stop(self) -> None:
        """End what it waits for; called from another thread."""


def hosts_at_once(forks: int | None) -> int:
    """How many hosts are worked on at once: as many as was asked for, or fewer where the limit of open files is low."""
    return room(_DESCRIPTORS, forks or MOST)


def at_once[Item, Answer](
    ask: Callable[[Item], Answer],
    items: Sequence[Item],
    connections: Sequence[Stoppable],
    forks: int | None = None,
) -> list[Answer]:
    """What a function says about each item, in their order. It is called in threads, for up to ``forks`` items at once.

    What it raises, and a signal, stops the scripts that run on these connections, and is raised when all have ended.
    """
    if len(items) < 2:
        return list(map(ask, items))
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

    with ThreadPoolExecutor(max_workers=min(hosts_at_once(forks), len(items))) as pool:
        try:
            answers = [pool.submit(ask, each) for each in items]
            while (state := wait(answers, AWAKE_SECONDS, FIRST_EXCEPTION)).not_done:
                for each in state.done:
                    each.result()
            return [each.result() for each in answers]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for connection in connections:
                connection.stop()
            raise
