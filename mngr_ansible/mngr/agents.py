"""The agents that one command is about: named one by one, or all of them; found by one discovery, looked up at once."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from imbue.mngr.api.address_parsers import parse_agent_address
from imbue.mngr.api.find import filter_one_agent, filter_one_host, resolve_to_started_host_and_agent
from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.errors import MngrError
from imbue.mngr.interfaces.agent import AgentInterface
from imbue.mngr.interfaces.host import OnlineHostInterface
from imbue.mngr.primitives import DiscoveredAgent, DiscoveredHost, HostState

from mngr_ansible.errors import HostError, InputError
from mngr_ansible.mngr.at_once import at_once
from mngr_ansible.mngr.discovery import Discovered, discovered
from mngr_ansible.values import frozen

_REMEDY = "Check that the host is up: mngr list --hosts"


@frozen
class FoundAgent:
    """An agent, as mngr's discovery saw it. ``address``: ``NAME@HOST``, with ``.PROVIDER`` where that is needed."""

    address: str
    host: DiscoveredHost
    agent: DiscoveredAgent

    @property
    def place(self) -> str:
        """What agents of one host have in common."""
        return f"{self.host.provider_name} {self.host.host_id}"


@frozen
class FoundAgents:
    """The agents that a command is about.

    Attributes:
        agents: in the order in which they were named, each once; by host where all are meant.
        errors: the hosts of which it is not known which agents they have.
        notices: what is left out, as sentences.
    """

    agents: tuple[FoundAgent, ...]
    errors: tuple[HostError, ...] = ()
    notices: tuple[str, ...] = ()


type LiveAgent = tuple[AgentInterface[Any], OnlineHostInterface]


def find_agents(addresses: Sequence[str], mngr_ctx: MngrContext) -> FoundAgents:
    """The agents of these addresses; without any, all whose hosts run. Raises as :func:`choose` does."""
    names = tuple(str(parse_agent_address(each).agent) for each in addresses)
    return choose(addresses, discovered(mngr_ctx, names or None))


def choose(addresses: Sequence[str], known: Discovered) -> FoundAgents:
    """The agents of these addresses among those that are known; without any, all whose hosts run.

    Raises:
        MngrError: an address does not parse, or names no agent, or several.
        InputError: one names no agent that is known, and not every host answered.
    """
    if addresses:
        named = (_named(each, known) for each in addresses)
        chosen = list({(host.host_id, agent.agent_id): (host, agent) for host, agent in named}.values())
        errors: tuple[HostError, ...] = ()
        notices: tuple[str, ...] = ()
    else:
        everything = [(host, agent) for host, agents in known.agents.items() for agent in agents]
        everything.sort(key=lambda each: (str(each[0].provider_name), str(each[0].host_name), str(each[1].agent_name)))
        chosen = [each for each in everything if _is_running(each[0])]
        stopped = dict.fromkeys(str(host.host_name) for host, _ in everything if not _is_running(host))
        notices = () if everything or known.silent else ("mngr has no agents",)
        notices += tuple(f"the agents of {host} are left out: it is not running" for host in stopped)
        errors = tuple(
            HostError(f"its agents are not known: {reason}", remedy=_REMEDY, host=str(host.host_name))
            for host, reason in known.silent.items()
        )
    short = Counter(f"{agent.agent_name}@{host.host_name}" for host, agent in chosen)
    return FoundAgents(tuple(_found(host, agent, short) for host, agent in chosen), errors, notices)


def _is_running(host: DiscoveredHost) -> bool:
    return host.host_state in (None, HostState.RUNNING)


def _found(host: DiscoveredHost, agent: DiscoveredAgent, short: Counter[str]) -> FoundAgent:
    address = f"{agent.agent_name}@{host.host_name}"
    return FoundAgent(address if short[address] == 1 else f"{address}.{host.provider_name}", host, agent)


def _named(address: str, known: Discovered) -> tuple[DiscoveredHost, DiscoveredAgent]:
    parsed = parse_agent_address(address)
    try:
        host = None if parsed.host is None else filter_one_host(parsed.host, [*known.agents, *known.silent])
        return filter_one_agent(parsed.agent, host, known.agents)
    except MngrError as error:
        if not known.silent:
            raise
        hosts = ", ".join(sorted(str(each.host_name) for each in known.silent))
        raise InputError(
            f"{str(error).splitlines()[0].rstrip('.')}; the agents of {hosts} are not known: no answer",
            remedy=_REMEDY,
        ) from error


def live_agents(found: Sequence[FoundAgent], mngr_ctx: MngrContext) -> list[LiveAgent | HostError]:
    """Each agent with its host, or why there is none; all hosts are asked at the same time, and none is started."""
    by_place: dict[str, list[FoundAgent]] = {}
    for each in found:
        by_place.setdefault(each.place, []).append(each)

    def of_host(agents: Sequence[FoundAgent]) -> list[LiveAgent | HostError]:
        return [_live(each, mngr_ctx) for each in agents]

    answers = zip(by_place.values(), at_once(of_host, list(by_place.values())), strict=True)
    live = {each.address: one for agents, lives in answers for each, one in zip(agents, lives, strict=True)}
    return [live[each.address] for each in found]


def _live(found: FoundAgent, mngr_ctx: MngrContext) -> LiveAgent | HostError:
    try:
        return resolve_to_started_host_and_agent(found.host, found.agent, allow_auto_start=False, mngr_ctx=mngr_ctx)
    except Exception as error:  # noqa: BLE001 - a provider's own code; the other hosts go on
        problem = " ".join(str(error).split()).rstrip(".")
        return HostError(problem, remedy=getattr(error, "user_help_text", None) or _REMEDY, host=found.address)
