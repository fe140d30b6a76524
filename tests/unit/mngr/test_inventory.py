"""mngr's hosts as an inventory: groups, names, and nothing that Ansible would render."""

from __future__ import annotations

import json

import pytest

from mngr_ansible.errors import InputError
from mngr_ansible.mngr.inventory import InventoryAgent, InventoryHost, as_json, document


def host(name="deb", provider="pool", *, agents=(), labels=None, address=("root", "192.0.2.7", 22, "/k/id"), state=""):
    return InventoryHost(
        name, f"host-{name}-{provider}", provider, address, "/k/known_hosts", state, labels or {}, tuple(agents)
    )


def agent(name="one", kind="claude", **labels):
    return InventoryAgent(name, f"agent-{name}", kind, "/srv/one", labels)


def test_hosts_are_in_groups_by_provider_state_type_and_label():
    made, left_out = document(
        [
            host(agents=[agent(env="prod", urgent=""), agent("two", "my-type")], state="running"),
            host("web", "my-cloud", labels={"env": "prod"}),
        ]
    )
    assert left_out == []
    assert {name: group["hosts"] for name, group in made.items() if name != "_meta"} == {
        "label_env": ["deb", "web"],
        "label_env_prod": ["deb", "web"],
        "label_urgent": ["deb"],
        "mngr": ["deb", "web"],
        "provider_my_cloud": ["web"],
        "provider_pool": ["deb"],
        "state_running": ["deb"],
        "type_claude": ["deb"],
        "type_my_type": ["deb"],
    }


def test_a_host_says_how_ssh_reaches_it_with_its_key_checked():
    variables = document([host()])[0]["_meta"]["hostvars"]["deb"]
    assert {name: value for name, value in variables.items() if name.startswith("ansible_")} == {
        "ansible_connection": "ssh",
        "ansible_host": "192.0.2.7",
        "ansible_port": 22,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": "/k/id",
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=yes -o IdentitiesOnly=yes "
        "-o UserKnownHostsFile=/k/known_hosts",
    }


def test_paths_with_percent_signs_and_blanks_reach_ssh_as_they_are():
    odd = InventoryHost("deb", "h", "pool", ("root", "::1", 22, "/k/50%/id"), "/my keys/50%")
    variables = document([odd])[0]["_meta"]["hostvars"]["deb"]
    assert variables["ansible_ssh_private_key_file"] == "/k/50%%/id"
    assert variables["ansible_ssh_common_args"].endswith("""-o 'UserKnownHostsFile="/my keys/50%%"'""")


@pytest.mark.parametrize("name", ["all", "ungrouped", "localhost", "mngr", "provider_pool"])
def test_a_host_with_the_name_of_a_group_has_its_provider_in_its_name(name):
    made, _ = document([host(name)])
    assert made["mngr"]["hosts"] == [f"{name}.pool"]


def test_two_hosts_of_one_name_have_their_providers_in_their_names():
    made, _ = document([host(), host(provider="other"), host("web")])
    assert made["mngr"]["hosts"] == ["deb.pool", "deb.other", "web"]


@pytest.mark.parametrize("start", ["{{", "{%", "{#"])
def test_what_ansible_would_render_is_left_out_and_named(start):
    hostile = f"{start} lookup('pipe', 'id') }}}}"
    made, left_out = document([host(agents=[InventoryAgent("one", "a", "t", hostile, {"a": hostile, hostile: "b"})])])
    assert start not in json.dumps(made)
    assert left_out == [
        f"Of deb is left out what Ansible would take for a template: work_dir, a, {hostile}.",
    ]


def test_the_variables_of_one_host_are_an_object_alone():
    words, _ = as_json([host(), host("web")], "web")
    assert json.loads(words)["mngr_host_name"] == "web"


def test_a_host_that_mngr_does_not_have_is_an_error_with_the_nearest_name():
    with pytest.raises(InputError, match=r"mngr has no ssh host 'debb' \(did you mean deb\?\)"):
        as_json([host()], "debb")
