"""Which plugins are loaded, and which of their results are accepted. Source: docs/contract.md "Hooks", "Commands"."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from imbue.mngr.interfaces.data_types import FileTransferSpec as MngrFileTransferSpec

from mngr_ansible.errors import InputError, PluginError
from mngr_ansible.inputs.plugins import plugin_manager
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement
from tests.support.plugin_managers import asked, manager, needing, order, sending


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
        (
            MngrFileTransferSpec(local_path=Path("/a"), agent_path="b/c", is_required=False),
            FileTransferSpec("/a", "b/c", is_required=False),
        ),
    ],
)
def test_a_transfer_may_be_ours_mngrs_a_mapping_or_any_object_with_the_fields(spec, expected):
    assert asked(manager(p=sending([spec])))[0].transfers == (expected,)


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


def test_plugin_objects_are_registered_under_their_own_names_and_no_name_twice():
    module = needing([])
    module.__name__ = "my_module"
    made = plugin_manager([needing([]), needing([]), module, module])
    assert sorted(name for name, _ in made.list_name_plugin()) == ["Plugin", "Plugin-2", "my_module"]


class Broken:
    @property
    def provision_agent(self):
        raise RuntimeError("at import")


def test_an_attribute_that_raises_does_no_harm():
    assert order(plugin_manager([Broken()])) == []


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Distributions with entry points in the group ``mngr``: good, grumpy (raises when imported), ansible (ours)."""
    (tmp_path / "good_peer.py").write_text(
        "import pluggy\n@pluggy.HookimplMarker('mngr')\ndef provision_agent():\n    return ['git']\n"
    )
    (tmp_path / "grumpy_peer.py").write_text("raise RuntimeError('bad day')\n")
    info = tmp_path / "peers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: peers\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mngr]\ngood-peer = good_peer\ngrumpy-peer = grumpy_peer\n")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("installed")
def test_a_plugin_is_found_by_its_entry_points_name():
    assert asked(plugin_manager(["good-peer", "good-peer"]))[0].requirements == (PackageRequirement("git"),)


@pytest.mark.usefixtures("installed")
def test_an_unknown_plugin_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match=r"no plugin named 'god-peer' is installed \(did you mean good-peer\?\)"):
        plugin_manager(["god-peer"])


@pytest.mark.usefixtures("installed")
def test_a_plugin_that_cannot_be_imported_is_one_error_that_names_it():
    with pytest.raises(PluginError, match="grumpy-peer: the plugin cannot be imported: RuntimeError: bad day"):
        plugin_manager(["grumpy-peer"])
