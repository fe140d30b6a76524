"""What Ansible says of the hosts of an inventory, checked."""

from typing import Any

import pytest

from mngr_ansible.errors import ErrorGroup, InputError
from mngr_ansible.inventory.answer import named, parse_hosts, shown

SSH = ("host", "port", "remote_user", "private_key_file", "ssh_common_args", "ssh_extra_args", "ssh_args")


def answer(name: str = "web-1", ssh: dict[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    """What ``launcher/ansible_inventory.py`` says of a host of which the inventory says only this."""
    empty = ("directory", "python", "become", "become_method", "become_user", "become_password", "manifests")
    empty += ("become_exe", "become_flags", "ssh_executable", "shell")
    return {
        **dict.fromkeys(empty),
        "name": name,
        "groups": [],
        "connection": "ssh",
        "ssh": {**dict.fromkeys(SSH), **(ssh or {})},
        "has_private_key": False,
        "has_password": False,
        "unused": [],
        "hidden": [],
        "failed": {},
        **values,
    }


def test_a_host_of_which_nothing_is_said_is_reached_by_its_name():
    (host,) = parse_hosts([answer()])
    assert (host.name, host.address, host.connection, host.port, host.user) == ("web-1", "web-1", "ssh", None, None)
    assert (host.become, host.become_method, host.become_user, host.password) == (None, "sudo", "root", None)


@pytest.mark.parametrize(
    ("written", "meant"), [("yes", True), ("True", True), (1, True), (False, False), ("off", False), ("", False)]
)
def test_a_boolean_is_read_as_ansible_reads_it(written, meant):
    assert parse_hosts([answer(become=written)])[0].become is meant


def test_a_number_is_taken_for_the_text_that_it_was_written_as():
    (host,) = parse_hosts([answer(become_password=12345, ssh={"host": 7, "port": "2222"})])
    assert (host.password, host.address, host.port) == ("12345", "7", 2222)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"become": "maybe"}, "ansible_become of web-1 in the inventory is 'maybe', which cannot be used"),
        ({"ssh": {"port": 99999}}, "ansible_port of web-1 in the inventory is '99999', which cannot be used"),
        ({"ssh": {"port": "22a"}}, "ansible_port of web-1 in the inventory is '22a', which cannot be used"),
        ({"become_password": ["s3cret"]}, "ansible_become_password of web-1 in the inventory is a secret value"),
        ({"python": {}}, "ansible_python_interpreter of web-1 in the inventory is {}, which cannot be used"),
    ],
)
def test_a_value_of_a_wrong_type_names_host_and_variable_and_no_secret(values, problem):
    with pytest.raises(InputError) as raised:
        parse_hosts([answer(**values)])
    assert problem in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_all_values_that_cannot_be_used_are_told_together_each_with_its_hosts():
    ports = {"a": "22; x", "b": 99999, "c": 99999}
    with pytest.raises(ErrorGroup) as raised:
        parse_hosts([answer(name, ssh={"port": port}) for name, port in ports.items()])
    assert [each.problem for each in raised.value.errors] == [
        "ansible_port of a in the inventory is '22; x', which cannot be used",
        "ansible_port of b, c in the inventory is '99999', which cannot be used",
    ]


def test_what_cannot_be_rendered_is_one_error_for_all_its_hosts():
    failure = {"kind": "other", "text": "'region' is undefined."}
    names = [f"web-{number}" for number in range(1, 13)]
    with pytest.raises(InputError) as raised:
        parse_hosts([answer(name, failed={"ansible_host": failure}) for name in names])
    assert str(raised.value).startswith(
        "ansible_host of web-1, web-2, web-3, web-4, web-5, web-6, web-7, web-8, web-9, web-10 and 2 more in the "
        "inventory cannot be used: 'region' is undefined\nCorrect this variable."
    )


def test_several_variables_that_cannot_be_rendered_are_several_errors():
    failed = {each: {"kind": "other", "text": f"no {each}"} for each in ("ansible_host", "ansible_user")}
    with pytest.raises(ErrorGroup) as raised:
        parse_hosts([answer(failed=failed)])
    assert len(raised.value.errors) == 2


def test_a_vault_without_its_password_says_how_to_give_it():
    failed = {"ansible_become_password": {"kind": "vault", "text": "no vault secrets found"}}
    with pytest.raises(InputError, match="ansible_become_password of web-1: no vault secrets found") as raised:
        parse_hosts([answer(failed=failed)])
    assert "--vault-id prod@~/.vault-password" in raised.value.remedy


def test_what_follows_a_password_in_a_line_that_ansible_quotes_is_not_shown():
    text = "Error parsing 'web ansible_become_pass='s3cret x': No closing quotation"
    assert shown(text) == "Error parsing 'web ansible_become_pass=…"


def test_few_hosts_are_all_named():
    assert named(["a", "b"]) == "a, b"
