"""Load plugins: installed ones by the name of their entry point, or objects that the caller gives."""

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mngr_ansible.errors import InputError, PluginError
from mngr_ansible.inputs.plugin_errors import TRACEBACK, exception_message, fix_or_disable, located
from mngr_ansible.spec.validation import nearest

if TYPE_CHECKING:
    import pluggy

OURSELVES = "ansible"
"""The name of our own entry point in the group ``mngr``."""


def plugin_manager(plugins: Iterable[object]) -> "pluggy.PluginManager":
    """A plugin manager with these plugins: entry-point names of the group ``mngr``, ``"all"``, or objects.

    Raises:
        InputError: there is no plugin of that name.
        PluginError: a plugin cannot be imported or registered.
    """
    import pluggy

    manager = pluggy.PluginManager("mngr")
    for plugin in plugins:
        if isinstance(plugin, str):
            for name, loaded in _load(plugin):
                if not manager.has_plugin(name):
                    _register(manager, loaded, name)
        elif not manager.is_registered(plugin):
            _register(manager, plugin, _free_name(manager, plugin))
    return manager


def registered(plugin: object, name: str) -> "pluggy.PluginManager":
    """A plugin manager with this one plugin.

    Raises:
        PluginError: it cannot be registered.
    """
    import pluggy

    manager = pluggy.PluginManager("mngr")
    _register(manager, plugin, name)
    return manager


def _free_name(manager: "pluggy.PluginManager", plugin: object) -> str:
    """An object's own name or its class's; the second of that name is ``NAME-2``, and so on."""
    name = str(getattr(plugin, "__name__", None) or type(plugin).__name__)
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([name], numbered) if not manager.has_plugin(each))


def _register(manager: "pluggy.PluginManager", plugin: object, name: str) -> None:
    try:
        manager.register(plugin, name)
    except Exception as error:
        raise PluginError(
            f"{name}: the plugin cannot be registered: {exception_message(error)}",
            remedy=fix_or_disable(name, is_in_mngr=False),
        ) from error


def _load(name: str) -> list[tuple[str, object]]:
    """The name and the module of each installed plugin of that name; of ``all``: every one but ours."""
    import importlib.metadata

    installed = importlib.metadata.entry_points(group="mngr")
    if name == "all":
        chosen = [each for each in installed if each.name != OURSELVES]
    else:
        chosen = [each for each in installed if each.name == name][:1]
        if not chosen:
            known = sorted(each.name for each in installed)
            raise InputError(
                f"no plugin named {name!r} is installed{nearest(name, known)}",
                remedy=f"Installed plugins: {', '.join(known) or 'none'}.",
            )
    loaded = []
    for entry_point in chosen:
        try:
            loaded.append((entry_point.name, entry_point.load()))
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"{entry_point.name}: the plugin cannot be imported: {located(error, entry_point.module)}",
                remedy=f"Install it again, or leave out --plugin {name}. {TRACEBACK}",
            ) from error
    return loaded
