"""Ask a host what its package managers offer: a second round trip, where packages must be installed and the probe has
not asked already."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence

from mngr_ansible.diff.resolver import Offers, Resolver
from mngr_ansible.errors import HostError
from mngr_ansible.host.connection import Connection
from mngr_ansible.host.state import HostState
from mngr_ansible.plan.requirements import Requirement
from mngr_ansible.portable import offers as manager_offers
from mngr_ansible.portable.managers import LOCK_SECONDS

_LONGEST_ANSWER = 8 * 1024 * 1024
"""Bytes."""
_ASK_SECONDS = 60
_REFRESH_SECONDS = 120


def ask_offers(
    connection: Connection,
    resolver: Resolver,
    requirements: Sequence[Requirement],
    deadline: float,
    *,
    may_refresh: bool,
    on_refresh: Callable[[Sequence[str]], None] = lambda _managers: None,
) -> Resolver:
    """Return the resolver with what the host's managers offer for these; as it is if no manager has to be asked.

    Args:
        connection: to the host.
        resolver: of the host.
        requirements: what must be installed.
        deadline: of ``time.monotonic``, for everything here.
        may_refresh: if a manager of the system offers too little of what we would install ourselves, its lists are
            fetched once, and it is asked again. Why that failed is in the answer; the run tries again. pacman's lists
            are fetched only if it has none: newer lists would upgrade a part of the system. Source: Arch wiki, "Partial
            upgrades are unsupported".
        on_refresh: is called with the managers whose lists are fetched, before that is done, since it may take long.

    Raises:
        HostError: the host does not answer, or not in the expected form.
    """
    queries = resolver.queries(requirements)
    if not queries:
        return resolver
    state = resolver.state
    as_root = ("dnf", *resolver.asked_as_root(requirements))
    answered = _answered(queries, state.offers)
    if answered is None:
        answered = _ask(connection, queries, state, as_root, _seconds_left(deadline, _ASK_SECONDS))
    known = resolver.with_offers(answered)
    if not may_refresh or state.login.privilege in ("none", "password"):
        return known
    installed = [each for each in requirements if not each.is_printed]
    refreshed = [
        manager
        for manager in sorted(known.insufficient_managers(installed))
        if manager != "pacman" or known.offers[manager].lists == "empty"
    ]
    if not refreshed:
        return known
    on_refresh(refreshed)
    seconds = int(_seconds_left(deadline, _REFRESH_SECONDS))
    timeout = _seconds_left(deadline, _REFRESH_SECONDS + LOCK_SECONDS + _ASK_SECONDS)
    refresh = dict.fromkeys(refreshed, seconds)
    return resolver.with_offers(_ask(connection, queries, state, as_root, timeout, refresh))


def _answered(queries: Mapping[str, Sequence[str]], offers: Offers) -> Offers | None:
    """The answers to these queries, where the probe has brought all of them; else None."""
    found: dict[str, manager_offers.ManagerOffers] = {}
    for manager, names in queries.items():
        if manager not in offers or not offers[manager].offers.keys() >= set(names):
            return None
        found[manager] = offers[manager]._replace(offers={name: offers[manager].offers[name] for name in names})
    return found


def _seconds_left(deadline: float, most: float) -> float:
    return max(1.0, min(most, deadline - time.monotonic()))


def _ask(
    connection: Connection,
    queries: Mapping[str, Sequence[str]],
    state: HostState,
    as_root: Sequence[str],
    timeout: float,
    refresh: Mapping[str, int] | None = None,
) -> Offers:
    nonce = secrets.token_hex(8)
    privilege = state.login.privilege
    text = manager_offers.script(queries, privilege, as_root, refresh)
    answer = connection.run(f"{{ echo; echo {nonce}\n{text}\n}} </dev/null 2>/dev/null\n", timeout)
    if len(answer.stdout) > _LONGEST_ANSWER:
        raise HostError(
            f"its package managers answered more than {_LONGEST_ANSWER >> 20} MiB",
            remedy="Run them on the host to see why: apt-cache policy, npm view.",
        )
    try:
        return manager_offers.read(answer.stdout.rpartition(f"\n{nonce}\n")[2].split("\n"), queries, privilege)
    except ValueError as error:
        remedy = "Run again; something on the host may have changed in the meantime."
        raise HostError(str(error), remedy=remedy) from error
