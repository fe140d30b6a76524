"""How many hosts are provisioned together: which first, how many at once, how long, where from, and with what besides.

The command line, the Python API and mngr read these options with the same rules. Source: docs/contract.md "Fleets".
"""

import math
import os
import re
from collections.abc import Sequence
from typing import Any, Literal

from mngr_ansible.errors import UsageError
from mngr_ansible.inputs.arguments import as_paths, as_tuple
from mngr_ansible.spec.validation import short_repr
from mngr_ansible.values import frozen


@frozen
class Canary:
    """The hosts that come first, as a number of hosts or as a part of all; the other value is 0."""

    hosts: int = 0
    percent: float = 0

    @classmethod
    def parse(cls, value: object) -> "Canary":
        """``3``, ``"3"`` or ``"10%"``.

        Raises:
            UsageError: it is neither, is 0, or is more than 100 %.
        """
        match = re.fullmatch(r"(\d{1,7}(?:\.\d+)?)\s*(%?)", str(value)) if _is_plain(value) else None
        amount, is_percent = (float(match[1]), bool(match[2])) if match else (0.0, False)
        if is_percent and 0 < amount <= 100:
            return cls(percent=amount)
        if not is_percent and amount >= 1 and amount == int(amount):
            return cls(hosts=int(amount))
        raise UsageError(
            f"--canary {short_repr(value)} is not a number of hosts above 0, or a part of them up to 100%",
            remedy="Write --canary 1 or --canary 10%.",
        )

    def of(self, total: int) -> int:
        """How many of so many hosts come first: rounded up, at least 1, at most all."""
        return min(total, max(1, self.hosts, math.ceil(total * self.percent / 100)))


@frozen
class OwnPlaybook:
    """A playbook of the user's own, run in the same run as ours.

    Attributes:
        path: as the user wrote it; relative to ``base``.
        when: whether it is run before or after what we change.
        base: the directory where the paths of the settings that name it start; empty: the current directory.
        plugin: who names it: ``settings`` or ``command-line``.
    """

    path: str
    when: Literal["before", "after"] = "after"
    base: str = ""
    plugin: str = "command-line"

    @property
    def id(self) -> str:
        """The id of its step."""
        return f"playbook:{self.path}"


@frozen
class Fleet:
    """The options for many hosts; the defaults are those of a command without them.

    Attributes:
        canary: the hosts that come first; the others follow only if these end as planned.
        forks: hosts that are worked on at once; None: all, at most 50.
        host_timeout: seconds for one host, beside the limit of the whole run.
        max_fail_percentage: when more hosts than this fail, no further host is begun; None: they stop no other.
        workers: shell words of commands that end in an ``ansible-runner worker``.
        playbooks: the user's own, in their order.
        vault_ids: as Ansible's ``--vault-id`` takes them.
    """

    canary: Canary | None = None
    forks: int | None = None
    host_timeout: float | None = None
    max_fail_percentage: float | None = None
    workers: tuple[str, ...] = ()
    playbooks: tuple[OwnPlaybook, ...] = ()
    vault_ids: tuple[str, ...] = ()

    def first(self, total: int) -> int:
        """How many of so many hosts are begun first: the canaries, or all where there are none."""
        return total if self.canary is None else self.canary.of(total)


def build_fleet(
    *,
    canary: object = None,
    forks: object = None,
    host_timeout: object = None,
    max_fail_percentage: object = None,
    workers: Sequence[str] = (),
    playbooks: Sequence[Any] = (),
    vault_ids: Sequence[str] = (),
) -> Fleet:
    """The options as a caller or the command line gave them; a playbook may be an :class:`OwnPlaybook` already.

    Raises:
        UsageError: a value is not what its option takes.
    """
    return Fleet(
        canary=None if canary is None else Canary.parse(canary),
        forks=None if forks is None else _forks(forks),
        host_timeout=None if host_timeout is None else _seconds(host_timeout),
        max_fail_percentage=None if max_fail_percentage is None else _percentage(max_fail_percentage),
        workers=_words("workers", "--worker", workers),
        playbooks=tuple(map(_playbook, as_tuple("playbooks", playbooks))),
        vault_ids=_words("vault_ids", "--vault-id", vault_ids),
    )


def _playbook(value: object) -> OwnPlaybook:
    if isinstance(value, OwnPlaybook):
        return value
    (path,) = as_paths("playbooks", [value])
    if not os.fspath(path):
        raise UsageError("--playbook is empty", remedy="Give the path of a playbook.")
    return OwnPlaybook(os.fspath(path))


def _is_plain(value: object) -> bool:
    """Whether this is a text or a number; a bool is none."""
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _number(value: object) -> float:
    """A text or number as a number; NaN where it is none."""
    try:
        return float(value) if _is_plain(value) else math.nan  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return math.nan


def _forks(value: object) -> int:
    number = _number(value)
    if not (1 <= number < 10_000 and number == int(number)):
        raise UsageError(
            f"--forks {short_repr(value)} is not a number of hosts above 0 and below 10000",
            remedy="Write how many hosts are worked on at once, such as --forks 20.",
        )
    return int(number)


def _seconds(value: object) -> float:
    number = _number(value)
    if not 0 < number < 10**7:
        raise UsageError(
            f"--host-timeout {short_repr(value)} is not a number of seconds above 0 and below 10000000",
            remedy="Give one, such as --host-timeout 120.",
        )
    return number


def _percentage(value: object) -> float:
    number = _number(str(value).removesuffix("%") if isinstance(value, str) else value)
    if not 0 <= number <= 100:
        raise UsageError(
            f"--max-fail-percentage {short_repr(value)} is not a number from 0 to 100",
            remedy="Write how many of a hundred hosts may fail, such as --max-fail-percentage 20.",
        )
    return number


def _words(name: str, option: str, values: object) -> tuple[str, ...]:
    texts = as_tuple(name, values)
    for each in texts:
        if not isinstance(each, str) or not each.strip() or "\0" in each:
            why = "is no text" if not isinstance(each, str) else "is empty" if not each.strip() else "has a NUL"
            raise UsageError(f"{option} {short_repr(each)} {why}", remedy=f"Give it a value, or leave {option} out.")
    return texts
