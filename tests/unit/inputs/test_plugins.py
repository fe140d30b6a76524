"""Plugins are loaded by the name of their entry point, or given as objects. Source: docs/contract.md "Commands"."""

import pytest

from mngr_ansible.errors import InputError, PluginError
from mngr_ansible.inputs.plugins import plugin_manager
from mngr_ansible.spec.packages import PackageRequirement
from tests.support.plugin_managers import asked, needing, order


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
    (info / "entry_points.txt").write_text(
        "[mngr]\ngood-peer = good_peer\ngrumpy-peer = grumpy_peer\nmixed-up = mixed-up\n"
    )
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


@pytest.mark.usefixtures("installed")
def test_an_entry_point_that_names_no_module_is_one_error_that_says_how_to_write_it():
    with pytest.raises(
        PluginError, match="mixed-up: the plugin cannot be imported: 'mixed-up' is not the name"
    ) as error:
        plugin_manager(["mixed-up"])
    assert 'write mixed-up = "MODULE"' in error.value.remedy
