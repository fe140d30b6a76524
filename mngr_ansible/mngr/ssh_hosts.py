"""mngr's hosts and agents as values for the inventory."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from imbue.mngr.api.providers import get_provider_instance
from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.errors import MngrError
from imbue.mngr.interfaces.host import OnlineHostInterface
from imbue.mngr.primitives import DiscoveredAgent, DiscoveredHost
from loguru import logger

from mngr_ansible.mngr.discovery import discovered
from mngr_ansible.mngr.inventory import InventoryAgent, InventoryHost

_MOST_LABELS, _LONGEST = 100, 1000
"""Labels of an agent that count, and characters of a text: its host can write what it wants into the record."""


def ssh_hosts(mngr_ctx: MngrContext) -> list[InventoryHost]:
    """The hosts that mngr reaches over ssh, by provider and name; what cannot be listed is a warning."""
    known = discovered(mngr_ctx)
    for host, reason in known.silent.items():
        logger.warning("The agents of host {} are not in the inventory: {}", host.host_name, reason)
    listed = {**known.agents, **dict.fromkeys(known.silent, ())}
    found = [_host(host, agents, mngr_ctx) for host, agents in listed.items()]
    return sorted((each for each in found if each is not None), key=lambda each: (each.provider, each.name, each.id))


def _host(known: DiscoveredHost, agents: Sequence[DiscoveredAgent], mngr_ctx: MngrContext) -> InventoryHost | None:
    """The host for the inventory; None where mngr has no ssh connection to it, as to this machine or a stopped one."""
    provider = get_provider_instance(known.provider_name, mngr_ctx)
    try:
        host: Any = provider.get_host(known.host_id)
        if host.is_local or not isinstance(host, OnlineHostInterface):
            return None
        address = host.get_ssh_connection_info()
        if address is None:
            return None
        labels = provider.get_host_tags(known.host_id)
        known_hosts = host.get_ssh_known_hosts_path()
    except MngrError as error:
        logger.warning("The host {} is not in the inventory: {}", known.host_name, error)
        return None
    user, hostname, port, key = address
    return InventoryHost(
        str(known.host_name),
        str(known.host_id),
        str(known.provider_name),
        (user, hostname, port, "" if str(key) in ("", ".") else str(key)),
        "" if known_hosts is None else str(known_hosts),
        known.host_state.value.lower() if known.host_state is not None else "",
        _texts(labels),
        tuple(_agent(each) for each in sorted(agents, key=lambda each: (str(each.agent_name), str(each.agent_id)))),
    )


def _agent(known: DiscoveredAgent) -> InventoryAgent:
    """Of an agent's record, which its host can change, only what is of the right shape."""
    data = known.certified_data
    type_, work_dir = data.get("type"), data.get("work_dir")
    return InventoryAgent(
        str(known.agent_name),
        str(known.agent_id),
        type_ if _is_text(type_) else "",
        work_dir if _is_text(work_dir) else "",
        _texts(data.get("labels")),
    )


def _texts(labels: object) -> Mapping[str, str]:
    pairs = list(labels.items()) if isinstance(labels, Mapping) else []
    return {key: value for key, value in pairs[:_MOST_LABELS] if _is_text(key) and _is_text(value)}


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) <= _LONGEST
