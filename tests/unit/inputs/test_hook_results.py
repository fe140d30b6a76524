"""Which results of hooks are accepted. Source: docs/contract.md "Hooks"."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from mngr_ansible.errors import InputError, PluginError
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement
from tests.support.plugin_managers import asked, manager, needing, sending


@pytest.mark.parametrize("answer", [None, [], (), iter(())])
def test_a_plugin_may_need_nothing(answer):
    assert [(each.requirements, each.transfers) for each in asked(manager(p=needing(answer)))] == [((), ())]


@pytest.mark.parametrize(
    "answer", [["git>=2"], ("git>=2",), [PackageRequirement("git", ">=2")], [{"name": "git", "version": ">=2"}]]
)
def test_a_requirement_may_be_text_a_mapping_or_an_object(answer):
    assert asked(manager(p=needing(answer)))[0].requirements == (PackageRequirement("git", ">=2"),)


@dataclass
class Foreign:
    """A peer's own class with the spec's fields."""

    local_path: str
    remote_path: str
    is_secret: bool = True
    unrelated: int = 3


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (FileTransferSpec("/a", "b"), FileTransferSpec("/a", "b")),
        ({"local_path": "/a", "remote_path": "~/b", "mode": "0600"}, FileTransferSpec("/a", "~/b", mode="0600")),
        (Foreign("/a", "b"), FileTransferSpec("/a", "b", is_secret=True)),
    ],
)
def test_a_transfer_may_be_ours_a_mapping_or_any_object_with_the_fields(spec, expected):
    assert asked(manager(p=sending([spec])))[0].transfers == (expected,)


def test_a_transfer_may_be_mngrs():
    from imbue.mngr.interfaces.data_types import FileTransferSpec as MngrFileTransferSpec  # half a second

    spec = MngrFileTransferSpec(local_path=Path("/a"), agent_path="b/c", is_required=False)
    assert asked(manager(p=sending([spec])))[0].transfers == (FileTransferSpec("/a", "b/c", is_required=False),)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("git", "returned 'git', which is not a list"),
        ({"name": "git"}, "not a list"),
        (3, "returned 3, which is not a list"),
        (PackageRequirement("git"), "not a list"),
        ([3], "3 is not a package requirement"),
        ([None], "None is not a package requirement"),
        (["-rf"], "'-rf' does not parse"),
        ([{"name": "git", "verison": "1"}], r"unknown key 'verison' \(did you mean version"),
        ((each for each in [1 / 3, "git"]), "is not a package requirement"),
        (RuntimeError("boom"), "provision_agent failed: RuntimeError: boom"),
        (SystemExit("bye"), "provision_agent failed: SystemExit: bye"),
        (InputError("bad input", remedy="Fix it."), "bad input"),
    ],
)
def test_what_is_not_a_requirement_is_one_error_that_names_plugin_hook_and_value(answer, message):
    with pytest.raises(PluginError, match=message) as refused:
        asked(manager(peer=needing(answer)))
    assert refused.value.problem.startswith("peer: ")
    assert "provision_agent" in refused.value.problem
    assert refused.value.remedy


@pytest.mark.parametrize("value", ["a:b", 3, object(), {"local_path": "a"}, {"local_path": "a", "remote_path": "../b"}])
def test_what_is_not_a_transfer_is_one_error_that_names_plugin_and_hook(value):
    with pytest.raises(PluginError, match="peer: get_provision_file_transfers: "):
        asked(manager(peer=sending([value])))


class Sly:
    local_path = "a"

    @property
    def remote_path(self):
        raise RuntimeError("no")


def test_an_object_whose_fields_raise_is_one_error():
    with pytest.raises(PluginError, match=r"peer: get_provision_file_transfers: .* is not understood: no"):
        asked(manager(peer=sending([Sly()])))
