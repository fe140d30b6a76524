"""Whether a command will run Ansible, guessed from its words before anything is imported that could read them."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mngr_ansible.run.ready import ReadyAnsible

_CHANGING = ("apply", "bootstrap")
_WITHOUT = ("h", "--help", "--dry-run")
"""Options with which nothing is changed."""
_ELSEWHERE = "--worker"
"""With this option Ansible runs on another machine."""
_ASKING = ("K", "--ask-become-pass")
"""With these a password is asked for first; Ansible is made ready later, with it."""


class Guess:
    """What the words of a command tell. They are not checked: a wrong command line costs a start of Ansible in vain."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        is_idle = self._has(_WITHOUT) or any(word.partition("=")[0] == _ELSEWHERE for word in words)
        self._is_changing = bool(words) and words[0] in _CHANGING and not is_idle
        self._digest = ""

    def ready_ansible(self) -> "AbstractContextManager[ReadyAnsible | None]":
        """Ansible, ready inside; None where it is not needed, or not yet, or where the last run of the same words in
        the same directory ended as planned."""
        if not self._is_changing:
            return nullcontext()
        from mngr_ansible.run import settled

        self._digest = settled.digest("command", _current_directory(), *self._words)
        if settled.is_settled(self._digest) or self._has(_ASKING) or self._has_inventory():
            return nullcontext()
        from mngr_ansible.run.ready import ready_ansible

        return ready_ansible(self._most_hosts())

    def _has_inventory(self) -> bool:
        """Whether other words than these say how many hosts there are, and with which passwords."""
        return any(word.partition("=")[0] == "--inventory" for word in self._words)

    def _has(self, options: Sequence[str]) -> bool:
        """Whether one of the options is among the words; a letter also where it is joined with others, as ``-vK``."""
        return any(
            word in options or (word[:1] == "-" != word[1:2] and any(each in options for each in word[1:]))
            for word in self._words
        )

    def _most_hosts(self) -> int:
        """How many hosts the words can name at most; without any it is this machine."""
        named = sum(word == "--host" or word.startswith("--host=") for word in self._words)
        if self._words[0] == "bootstrap":  # which takes them without an option too
            named += sum(not word.startswith("-") for word in self._words[1:])
        return max(1, named)

    def remember(self, *, is_settled: bool) -> None:
        """Remember how the command ended, for the next time."""
        if self._digest:
            from mngr_ansible.run import settled

            settled.remember(self._digest, is_settled=is_settled)


def _current_directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - no pathlib
    except OSError:
        return ""
