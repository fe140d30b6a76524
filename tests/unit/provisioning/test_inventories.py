"""The hosts of an inventory as targets: their manifests, and how root is reached there."""

from pathlib import Path

import pytest

from mngr_ansible.errors import InputError
from mngr_ansible.host.connection import LocalShell
from mngr_ansible.inventory.answer import InventoryHost
from mngr_ansible.provisioning.gathering import gather
from mngr_ansible.provisioning.inventories import _hidden, _manifests
from mngr_ansible.provisioning.request import Prepared, build_request, passwords
from mngr_ansible.provisioning.targets import host_target
from mngr_ansible.values import replace


def manifest(path: Path, package: str) -> str:
    path.write_text(f"packages: [{package}]\n")
    return path.name


def target(name="a", **values):
    return replace(host_target(name, LocalShell(), "/"), **values)


def test_a_manifest_of_the_inventory_comes_after_those_of_the_settings_and_before_those_of_the_command_line(tmp_path):
    names = {each: manifest(tmp_path / f"{each}.yml", each) for each in ("settings", "inventory", "option")}
    host = InventoryHost("a", directory=str(tmp_path), manifests=[names["inventory"]])
    request = build_request(
        manifests=[tmp_path / names["option"]],
        settings={"manifests": [str(tmp_path / names["settings"])], "packages": ["own"]},
        packages=["typed"],
    )
    asked = request.contributions(target(manifests=_manifests([host])["a"]))
    assert [each.requirements[0].name for each in asked] == ["own", "settings", "inventory", "option", "typed"]
    assert [each.plugin for each in asked] == ["settings", *["manifest"] * 3, "command-line"]


def test_a_manifest_is_read_once_for_all_hosts_and_hosts_of_a_kind_share_a_plan(tmp_path):
    names = [manifest(tmp_path / f"{number}.yml", f"package-{number}") for number in range(2)]
    hosts = [InventoryHost(f"h{n}", directory=str(tmp_path), manifests=[names[n % 2]]) for n in range(6)]
    read = _manifests(hosts)
    assert read["h0"][0] is read["h4"][0]
    gathered = gather([target(each.name, manifests=read[each.name]) for each in hosts], build_request())
    assert len({id(each.plan) for each in gathered}) == 2


@pytest.mark.parametrize("value", ["web.yml", {"a": 1}, [1], [""]])
def test_what_is_no_list_of_paths_names_the_host(value):
    with pytest.raises(InputError, match=r"mngr_ansible_manifests of a in the inventory is .*, and no list of paths"):
        _manifests([InventoryHost("a", manifests=value)])


def test_a_list_of_manifests_that_another_group_hides_is_told_once():
    hosts = [InventoryHost(name, hidden=("the group web", "the group db")) for name in ("a", "b")]
    hosts.append(InventoryHost("c", hidden=("the group web",)))
    assert list(_hidden(hosts)) == [
        "a, b: mngr_ansible_manifests of the group web counts, and hides that of the group db"
    ]


def test_how_root_is_reached_is_each_host_s_own_where_its_inventory_says_it():
    request = build_request(become=True, password="for all")
    assert request.of(target()) is request
    assert request.of(target(become=False)).become is False
    assert request.of(target(password="own")).password == "own"
    prepared = [Prepared(each, None, ()) for each in (target("a"), target("b", password="own"))]
    assert passwords(prepared, request) == {"host-1": "for all", "host-2": "own"}
    assert passwords(prepared, build_request()) == {"host-2": "own"}
