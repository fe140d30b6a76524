"""Find plugins, ask each by name in our own order, and refuse what is not a specification."""

import itertools
from collections.abc import Iterable

import pluggy

from mngr_ansible.errors import InputError, PluginError
from mngr_ansible.spec.validation import nearest

OURSELVES = "ansible"
"""The name of our own entry point in the group ``mngr``."""


def plugin_manager(plugins: Iterable[object]) -> pluggy.PluginManager:
    """A plugin manager with these plugins: entry-point names of the group ``mngr``, ``"all"``, or objects.

    Raises:
        InputError: there is no plugin of that name.
        PluginError: a plugin cannot be imported.
    """
    manager = pluggy.PluginManager("mngr")
    for plugin in plugins:
        if isinstance(plugin, str):
            for name, loaded in _load(plugin):
                if not manager.has_plugin(name):
                    _register(manager, loaded, name)
        elif not manager.is_registered(plugin):
            _register(manager, plugin, _free_name(manager, plugin))
    return manager


def _free_name(manager: pluggy.PluginManager, plugin: object) -> str:
    """An object's own name or its class's; the second of that name is ``NAME-2``, and so on."""
    name = str(getattr(plugin, "__name__", None) or type(plugin).__name__)
    others = (f"{name}-{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([name], others) if not manager.has_plugin(each))


def _register(manager: pluggy.PluginManager, plugin: object, name: str) -> None:
    try:
        manager.register(plugin, name)
    except Exception as error:
        remedy = f"Mend or leave out the plugin {name}."
        raise PluginError(f"{name}: it cannot be registered: {exception_message(error)}", remedy=remedy) from error


def _load(name: str) -> list[tuple[str, object]]:
    import importlib.metadata

    entry_points = importlib.metadata.entry_points(group="mngr")
    if name == "all":
        wanted = [each for each in entry_points if each.name != OURSELVES]
    else:
        wanted = [each for each in entry_points if each.name == name][:1]
        if not wanted:
            known = sorted(each.name for each in entry_points)
            raise InputError(
                f"no plugin named {name!r} is installed{nearest(name, known)}",
                remedy=f"Installed plugins: {', '.join(known) or 'none'}.",
            )
    loaded = []
    for entry_point in wanted:
        try:
            loaded.append((entry_point.name, entry_point.load()))
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"{entry_point.name}: the plugin cannot be imported: {exception_message(error)}",
                remedy=f"Install it again, or leave out --plugin {name}.",
            ) from error
    return loaded


def exception_message(error: BaseException) -> str:
    """An exception in one line; only an unexpected one shows its class."""
    text = " ".join(str(error).split())
    return text if text and _is_meant_for_people(error) else f"{type(error).__name__}: {text}".rstrip(": ")


def _is_meant_for_people(error: BaseException) -> bool:
    names = {base.__name__ for base in type(error).__mro__}
    return hasattr(error, "user_help_text") or bool(names & {"ClickException", "MngrAnsibleError"})


def exception_remedy(error: BaseException) -> str:
    return str(getattr(error, "user_help_text", None) or "")
