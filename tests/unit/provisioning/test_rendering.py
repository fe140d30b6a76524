"""The names of hosts in a rendered inventory. Source: docs/ops.md "A run directory"."""

from types import SimpleNamespace

import pytest

from mngr_ansible.provisioning.rendering import host_names


def names(*typed: str) -> list[str]:
    """The names in the inventory of hosts that were typed so, in that order."""
    hosts = [SimpleNamespace(target=SimpleNamespace(name=each)) for each in typed]
    found = host_names(hosts)
    return [next(name for name, host in found.items() if host is each) for each in hosts]


@pytest.mark.parametrize(
    "name", ["r1", "build-1.example.org", "192.0.2.7", "localhost", "a_b", "007", "null", "R1.json"]
)
def test_a_host_keeps_the_name_that_was_typed(name):
    assert names(name) == [name]


@pytest.mark.parametrize(
    "name",
    ["root@r1", "r1:2222", "::1", "[::1]:22", "all", "ungrouped", "mngr_hosts", ".", "..", "r1 r2", "größe", "r1\n"],
)
def test_a_name_that_an_inventory_cannot_have_is_a_number(name):
    assert names(name) == ["host-1"]


def test_a_number_is_the_place_of_the_host_and_no_other_hosts_name():
    assert names("r1", "root@r2", "r3", "root@r4") == ["r1", "host-2", "r3", "host-4"]
    assert names("host-2", "root@r2") == ["host-2", "host-3"]


def test_no_host_reads_the_variables_of_another_by_the_ending_of_its_name():
    assert names("r1", "r1.json") == ["r1", "host-2"]
    assert names("r1.yml", "r1") == ["host-1", "r1"]
