"""The agents that a command is about: by their addresses, or all of them."""

from __future__ import annotations

import pytest

pytest.importorskip("imbue.mngr")

from imbue.mngr.errors import MngrError
from imbue.mngr.primitives import (
    AgentId,
    AgentName,
    DiscoveredAgent,
    DiscoveredHost,
    HostId,
    HostName,
    HostState,
    ProviderInstanceName,
)

from mngr_ansible.errors import InputError
from mngr_ansible.mngr.agents import choose
from mngr_ansible.mngr.discovery import Discovered

STATES = {"up": HostState.RUNNING, "stopped": HostState.STOPPED}


def known(*places, silent=()):
    """What mngr knows: ``AGENT… @ HOST.PROVIDER [stopped]`` each."""
    agents = {}
    for place in places:
        names, _, where = place.partition(" @ ")
        address, _, state = where.partition(" ")
        host = discovered_host(address, STATES[state or "up"])
        agents[host] = [
            DiscoveredAgent(
                host_id=host.host_id,
                agent_id=AgentId.generate(),
                agent_name=AgentName(name),
                provider_name=host.provider_name,
            )
            for name in names.split()
        ]
    return Discovered(agents, {discovered_host(each, HostState.RUNNING): "it does not answer" for each in silent})


def discovered_host(address, state):
    name, _, provider = address.partition(".")
    return DiscoveredHost(
        host_id=HostId.generate(),
        host_name=HostName(name),
        provider_name=ProviderInstanceName(provider or "pool"),
        host_state=state,
    )


def addresses(found):
    return [each.address for each in found.agents]


def test_named_agents_come_in_the_order_in_which_they_are_named_each_once():
    found = choose(["c", "a", "c@two", "a@one.pool"], known("a b @ one", "c @ two"))
    assert addresses(found) == ["c@two", "a@one"]
    assert len({each.place for each in found.agents}) == 2


def test_all_are_those_whose_hosts_run_by_host():
    found = choose([], known("b a @ two", "c @ one", "d @ three stopped"))
    assert addresses(found) == ["c@one", "a@two", "b@two"]
    assert found.notices == ("the agents of three are left out: it is not running",)
    assert choose([], known()).notices == ("mngr has no agents",)


def test_an_address_has_its_provider_where_two_are_alike():
    assert addresses(choose([], known("a b @ one.pool", "a @ one.other"))) == ["a@one.other", "a@one.pool", "b@one"]


def test_a_silent_host_is_an_error_beside_the_others_and_no_agent_is_said_to_be_missing_that_may_be_there():
    everything = known("a @ one", silent=["dead"])
    found = choose([], everything)
    assert addresses(found) == ["a@one"]
    assert [(each.host, each.problem) for each in found.errors] == [
        ("dead", "its agents are not known: it does not answer")
    ]
    assert choose(["a"], everything).errors == ()
    with pytest.raises(InputError, match="the agents of dead are not known: no answer"):
        choose(["b"], everything)
    with pytest.raises(MngrError, match="Could not find agent"):
        choose(["b"], known("a @ one"))
