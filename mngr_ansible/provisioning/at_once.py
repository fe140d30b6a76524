"""Many hosts at the same time: threads that wait for hosts, bounded in number."""

from collections.abc import Callable, Sequence

from mngr_ansible.host.connection import Connection
from mngr_ansible.system.descriptors import room

_MOST = 32
"""Hosts that are asked at once; with more of them they would only wait for each other."""

_DESCRIPTORS = 8
"""What asking one host takes: the pipes of ssh, a file, and more while it is started."""


def at_once[Item, Answer](
    ask: Callable[[Item], Answer], items: Sequence[Item], connections: Sequence[Connection]
) -> list[Answer]:
    """What a function says about each item, in their order. It is called in threads, for up to 32 items at once.

    What it raises, and a signal, stops the scripts that run on these connections, and is raised when all have ended.
    """
    if len(items) < 2:
        return list(map(ask, items))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=room(_DESCRIPTORS, min(_MOST, len(items)))) as pool:
        try:
            return list(pool.map(ask, items))
        except BaseException:
            for each in connections:
                each.stop()
            raise
