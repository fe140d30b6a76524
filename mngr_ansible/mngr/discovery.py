"""The hosts and agents that mngr knows. Where one host is silent the others are known all the same.

mngr 0.3 itself gives up every host of every provider where one host of an ssh pool does not answer.
"""

from collections.abc import Mapping, Sequence

from imbue.mngr.api.discover import discover_hosts_and_agents
from imbue.mngr.api.providers import get_all_provider_instances
from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.errors import MngrError
from imbue.mngr.primitives import DiscoveredAgent, DiscoveredHost
from imbue.mngr.providers.base_provider import BaseProviderInstance
from loguru import logger

from mngr_ansible.mngr.at_once import at_once
from mngr_ansible.values import field, frozen

_OFFLINE = "Offline hosts not supported for this provider"
"""What mngr 0.3 says of an ssh host that does not answer."""


@frozen
class Discovered:
    """What mngr knows.

    Attributes:
        agents: those of each host that answered, or whose agents mngr has a record of.
        silent: the hosts whose agents are not known, and why.
    """

    agents: Mapping[DiscoveredHost, Sequence[DiscoveredAgent]]
    silent: Mapping[DiscoveredHost, str] = field(default_factory=dict)


def discovered(mngr_ctx: MngrContext, names: tuple[str, ...] | None = None) -> Discovered:
    """Ask all providers for their hosts, and these for their agents. A provider that cannot be asked is a warning.

    ``names``: of agents or their ids, where only these are looked for; mngr may know which providers have them.
    """
    try:
        outcome = discover_hosts_and_agents(
            mngr_ctx, provider_names=None, agent_identifiers=names, include_destroyed=False, reset_caches=False
        )
    except MngrError as error:
        logger.debug("mngr's own discovery failed, so each host is asked alone: {}", error)
        return _host_by_host(mngr_ctx)
    for each in outcome.unavailable_providers:
        level = "WARNING" if each.provider_name in mngr_ctx.config.providers else "DEBUG"  # every backend has a default
        logger.log(level, "The hosts of provider {} are not known: {}", each.provider_name, each.error_message)
    return Discovered(outcome.agents_by_host)


def _host_by_host(mngr_ctx: MngrContext) -> Discovered:
    listed: list[tuple[BaseProviderInstance, DiscoveredHost]] = []
    for provider in get_all_provider_instances(mngr_ctx):
        try:
            listed += [(provider, host) for host in provider.discover_hosts(cg=mngr_ctx.concurrency_group)]
        except MngrError as error:
            logger.warning("The hosts of provider {} are not known: {}", provider.name, error)
    answers = at_once(lambda each: _agents_of(*each, mngr_ctx), listed)
    found = list(zip((host for _, host in listed), answers, strict=True))
    return Discovered(
        {host: answer for host, answer in found if not isinstance(answer, str)},
        {host: answer for host, answer in found if isinstance(answer, str)},
    )


def _agents_of(
    provider: BaseProviderInstance, host: DiscoveredHost, mngr_ctx: MngrContext
) -> Sequence[DiscoveredAgent] | str:
    """The agents of one host, or why they are not known."""
    try:
        return provider.discover_host_and_agents(cg=mngr_ctx.concurrency_group, host_id=host.host_id)[1]
    except Exception as error:  # noqa: BLE001 - a provider's own code; the other hosts go on
        return "it does not answer" if _OFFLINE in str(error) else " ".join(str(error).split()).rstrip(".")
