"""Many hosts of mngr at the same time, without waiting at a Ctrl-C for one that does not answer."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import copy_context
from queue import SimpleQueue

from imbue.mngr.utils.thread_cleanup import cleanup_thread_local_resources

_AT_ONCE = 32
"""Hosts that are asked at the same time, as in mngr itself."""


def at_once[Item, Answer](ask: Callable[[Item], Answer], items: Sequence[Item]) -> list[Answer]:
    """What a function says about each item, in their order; it is called in threads that end with the process.

    What it raises is raised here, and not waited for the others.
    """
    waiting = deque(enumerate(items))
    answers: SimpleQueue[tuple[int, Answer | None, BaseException | None]] = SimpleQueue()

    def work() -> None:
        try:
            while waiting:
                try:
                    index, item = waiting.popleft()
                except IndexError:  # another thread took the last
                    return
                try:
                    answers.put((index, ask(item), None))
                except BaseException as error:  # noqa: BLE001 - it is raised below
                    answers.put((index, None, error))
        finally:
            cleanup_thread_local_resources()

    for _ in range(min(_AT_ONCE, len(items))):
        threading.Thread(target=copy_context().run, args=(work,), daemon=True).start()
    found: dict[int, Answer] = {}
    for _ in items:
        index, answer, error = answers.get()
        if error is not None:
            waiting.clear()
            raise error
        found[index] = answer  # type: ignore[assignment]
    return [found[index] for index in range(len(items))]
