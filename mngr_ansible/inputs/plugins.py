"""Load plugins: installed ones by the name of their entry point, or objects that the caller gives."""

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mngr_ansible.errors import InputError, PluginError
from mngr_ansible.inputs.plugin_errors import TRACEBACK, exception_message, fix_or_disable, is_of_plugin, located
from mngr_ansible.spec.validation import nearest, short_repr

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import pluggy

OURSELVES = "ansible"
"""The name of our own entry point in the group ``mngr``."""


_NO_PLUGINS = (int, float, complex, bytes, list, tuple, dict, set, frozenset)
"""What can have no hooks."""


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
        elif plugin is None or isinstance(plugin, _NO_PLUGINS):
            problem = f"{short_repr(plugin)} is not a plugin"
            raise InputError(
                problem, remedy="Give a module or an object with hooks, or the name of an installed plugin."
            )
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
    except BaseException as error:
        if not is_of_plugin(error):
            raise
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
    return [(each.name, imported(each, f"Install it again, or leave out --plugin {name}.")) for each in chosen]


def imported(entry_point: "EntryPoint", remedy: str) -> object:
    """The module or object of an entry point. ``remedy``: what to do where its import raises.

    Raises:
        PluginError: it names no module, or cannot be imported.
    """
    if entry_point.pattern.match(entry_point.value) is None:
        raise PluginError(
            f"{entry_point.name}: the plugin cannot be imported: {short_repr(entry_point.value)} is not the name of a "
            "module",
            remedy=f"In its pyproject.toml, below [project.entry-points.mngr], write {entry_point.name} = "
            '"MODULE", with the name that import takes, and install the package again.',
        )
    try:
        return entry_point.load()
    except BaseException as error:
        if not is_of_plugin(error):
            raise
        raise PluginError(
            f"{entry_point.name}: the plugin cannot be imported: {located(error, entry_point.module)}",
            remedy=f"{remedy} {TRACEBACK}",
        ) from error
