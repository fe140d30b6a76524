"""Ask a host what its package managers offer of what is due there: a second round trip, only where something is due."""

import secrets
import shlex
import time
from collections.abc import Mapping, Sequence

from mngr_ansible.diff.resolver import Offers, Resolver
from mngr_ansible.errors import HostError
from mngr_ansible.host.connection import Connection
from mngr_ansible.host.state import HostState
from mngr_ansible.plan.requirements import Requirement
from mngr_ansible.portable import managers
from mngr_ansible.portable import offers as manager_offers

_LIMIT = 8 * 1024 * 1024
_ASK_SECONDS = 60
_REFRESH_SECONDS = 120


def ask_offers(
    connection: Connection, resolver: Resolver, due: Sequence[Requirement], deadline: float, *, may_refresh: bool
) -> Offers:
    """What the host's managers offer of these requirements' sources; empty where none has to be asked.

    ``deadline``, of ``time.monotonic``, holds for all of it.

    ``may_refresh``: where a system's manager offers too little of what is to be installed, not only printed, its lists
    are fetched once and it is asked again; a failure of that is told by the run, which tries once more. pacman's lists
    are fetched only where it has none: newer ones would upgrade a part of the system. Source: Arch wiki, "Partial
    upgrades are unsupported".

    Raises:
        HostError: the host does not answer, or answers what we did not ask.
    """
    asked = resolver.asked(due)
    if not asked:
        return {}
    state = resolver.state
    offers = _ask(connection, asked, state, _left(deadline, _ASK_SECONDS))
    if may_refresh and state.login.privilege not in ("none", "password"):
        known = Resolver(state, resolver.policy, resolver.implied, offers)
        installed = [each for each in due if not each.is_printed]
        missed = {each for each in known.missed(installed) if each != "pacman" or offers[each].lists == "empty"}
        if missed:
            seconds = int(_left(deadline, _REFRESH_SECONDS))
            fetch = "".join(_refresh(manager, state, seconds) for manager in sorted(missed))
            offers = _ask(connection, asked, state, _left(deadline, _REFRESH_SECONDS + _ASK_SECONDS), before=fetch)
    return offers


def _left(deadline: float, most: float) -> float:
    return max(1.0, min(most, deadline - time.monotonic()))


def _refresh(manager: str, state: HostState, seconds: int) -> str:
    argv = managers.waiting(manager, managers.TABLE[manager].refresh, managers.LOCK_SECONDS)
    argv = managers.bounded(managers.with_environment(manager, argv), seconds)
    return f"{shlex.join(managers.privileged(argv, state.login.privilege))} </dev/null >/dev/null 2>&1\n"


def _ask(
    connection: Connection, asked: Mapping[str, Sequence[str]], state: HostState, timeout: float, before: str = ""
) -> Offers:
    nonce = secrets.token_hex(8)
    text = manager_offers.script(asked, state.login.privilege)
    answer = connection.run(f"{{ {before}echo; echo {nonce}\n{text}\n}} </dev/null 2>/dev/null\n", timeout)
    if len(answer.stdout) > _LIMIT:
        raise HostError(
            f"its package managers answered more than {_LIMIT >> 20} MiB",
            remedy="See what they say there: apt-cache policy, npm view.",
        )
    try:
        return manager_offers.read(answer.stdout.rpartition(f"\n{nonce}\n")[2].split("\n"), asked)
    except ValueError as error:
        raise HostError(str(error), remedy="Run again; something on the host may have changed meanwhile.") from error
