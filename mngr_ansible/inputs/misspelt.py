"""Notices about names that nothing has: hooks that nobody calls, and plugins that settings name in vain.

Such a name is no error: a hook may be one of another plugin, and settings are shared by machines that have different
plugins. But nothing would happen, and nobody would know why.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from mngr_ansible.inputs.contribution import USERS, Contribution
from mngr_ansible.inputs.hook_arguments import HOOKS
from mngr_ansible.inputs.plugins import OURSELVES
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.spec.validation import most_similar, nearest, short_repr

if TYPE_CHECKING:
    import pluggy

MNGR_HOOKS = frozenset(
    (
        "agent_field_generators",
        "get_files_for_deploy",
        "modify_env_vars_for_deploy",
        "offline_agent_field_generators",
        "on_after_command",
        "on_after_initial_file_copy",
        "on_after_provisioning",
        "on_agent_created",
        "on_agent_destroyed",
        "on_agent_state_dir_created",
        "on_before_agent_destroy",
        "on_before_command",
        "on_before_create",
        "on_before_host_create",
        "on_before_host_destroy",
        "on_before_initial_file_copy",
        "on_before_provisioning",
        "on_before_send_message",
        "on_error",
        "on_host_created",
        "on_host_destroyed",
        "on_load_config",
        "on_post_install",
        "on_shutdown",
        "on_startup",
        "override_command_options",
        "register_agent_aliases",
        "register_agent_type",
        "register_cli_commands",
        "register_cli_options",
        "register_help_topics",
        "register_hookspecs",
        "register_provider_backend",
    )
)
"""mngr's own hooks. Source: mngr 0.3, ``imbue.mngr.plugins.hookspecs``; a test compares them."""

_SYSTEMS = frozenset(
    (
        "almalinux",
        "alpine",
        "amzn",
        "arch",
        "archlinux",
        "azurelinux",
        "centos",
        "debian",
        "fedora",
        "gentoo",
        "kali",
        "linux",
        "linuxmint",
        "macos",
        "nixos",
        "ol",
        "opensuse",
        "opensuse-leap",
        "opensuse-tumbleweed",
        "pop",
        "raspbian",
        "rhel",
        "rocky",
        "sled",
        "sles",
        "suse",
        "ubuntu",
        "ubuntu-core",
    )
)
"""Names that systems have in ``ID`` and ``ID_LIKE`` of os-release(5), and our two for kernels."""

_MACHINES = frozenset(
    ("aarch64", "amd64", "arm64", "armv6l", "armv7l", "i386", "i686", "ppc64le", "riscv64", "s390x", "x86_64")
)
"""Names of machines, as uname(1) and Debian have them."""

_OTHER_NAMES = {
    **dict.fromkeys(("darwin", "mac", "osx"), "macos"),
    **dict.fromkeys(("redhat", "red hat"), "rhel"),
    **dict.fromkeys(("x64", "x86-64"), "x86_64"),
    "arm": "armv7l",
    "mint": "linuxmint",
    "oracle": "ol",
    "amazon": "amzn",
}
"""Usual names that no system and no machine has → the one that it has."""

_NEAR = 0.75
"""How similar two names are, by difflib's ratio, if one of them is a slip of the other."""


def hook_notices(manager: "pluggy.PluginManager", asked: Iterable[str] = ()) -> Iterator[str]:
    """A sentence for every function of a plugin that is nearly one of our hooks, or has no ``@hookimpl``.

    ``asked``: the plugins that the user named; one that has none of our hooks is worth a sentence too.
    """
    noticed = set()
    for name, caller in sorted(vars(manager.hook).items()):
        if name in HOOKS or name in MNGR_HOOKS or caller.has_spec() or not (hook := _nearest_hook(name)):
            continue
        for each in caller.get_hookimpls():
            if each.plugin_name != OURSELVES:
                noticed.add(each.plugin_name)
                yield f"{each.plugin_name}: {name!r} is not a hook of mngr or mngr-ansible (did you mean {hook}?)"
    marked = {(each.plugin_name, name) for name in HOOKS for each in _implementations(manager, name)}
    for plugin_name, plugin in manager.list_name_plugin():
        for name in HOOKS if plugin is not None and plugin_name != OURSELVES else ():
            if (plugin_name, name) not in marked and _is_own_function(plugin, name):
                noticed.add(plugin_name)
                yield f"{plugin_name}: its {name} is not marked with @hookimpl, so it is not called"
    for plugin_name in dict.fromkeys(asked):
        if plugin_name not in noticed and not any(plugin == plugin_name for plugin, _ in marked):
            yield f"{plugin_name} has no hook that mngr-ansible calls, so it adds nothing here"


def setting_notices(
    settings: Settings, manager: "pluggy.PluginManager | None", others: Iterable[str] = ()
) -> Iterator[str]:
    """A sentence for every name in the settings that no plugin has.

    ``manager``: None where there is no plugin. ``others``: names that a contribution may have although no plugin has
    them, such as types of agents.
    """
    plugins = () if manager is None else manager.list_name_plugin()
    known = {name for name, _ in plugins} | {*USERS, *others, "mngr"}
    for name in dict.fromkeys(settings.precedence):
        if name == OURSELVES:
            yield "settings: precedence names 'ansible', which is mngr-ansible itself and needs nothing"
        elif name in USERS:
            yield f"settings: precedence names {short_repr(name)}, which comes after all plugins anyway"
        elif name not in known and not _is_installed(name):
            yield f"settings: precedence names {short_repr(name)}, but {_no_plugin(name, known)}"
    for name in settings.plugins:
        if name == OURSELVES:
            yield "settings: [plugins.ansible.plugins.ansible] has no effect; write its keys in [plugins.ansible]"
        elif name not in known and not _is_installed(name):
            yield f"settings: [plugins.ansible.plugins.{name}] has no effect: {_no_plugin(name, known)}"


def condition_notices(contributions: Iterable[Contribution]) -> Iterator[str]:
    """A sentence for every system or machine in ``when`` that is nearly, but not quite, one that exists."""
    for contribution in contributions:
        for requirement in contribution.requirements:
            for when in [each.when for each in requirement.sources if each.when is not None]:
                pairs = (("os", when.os, _SYSTEMS), ("arch", when.arch, _MACHINES))
                for field, given, known in pairs:
                    for name in given:
                        if meant := _meant(name.lower(), known):
                            yield (
                                f"{contribution.who}: {requirement.name}: a source is for {field} {short_repr(name)}, "
                                f"and no host has that name (did you mean {meant}?)"
                            )


def _meant(name: str, known: Collection[str]) -> str:
    """The known name that is meant; empty for one that is known, or is like none of them."""
    if name in known:
        return ""
    if (other := _OTHER_NAMES.get(name, "")) in known:
        return other
    return most_similar(name, sorted(known), _NEAR)


def _no_plugin(name: str, known: Iterable[str]) -> str:
    return f"no plugin has that name{nearest(name, sorted({*known, *_installed()} - {OURSELVES}))}"


def _is_installed(name: str) -> bool:
    """Whether a plugin of that name is installed, though nobody asked it."""
    return name in _installed()


def _installed() -> set[str]:
    import importlib.metadata

    return {each.name for each in importlib.metadata.entry_points(group="mngr")}


def _nearest_hook(name: str) -> str:
    """The hook of which a name is a slip, also with its words in another order; empty if there is none."""
    import difflib

    def similarity(hook: str) -> float:
        pairs = ((name.lower(), hook), (_in_order(name.lower()), _in_order(hook)))
        return max(difflib.SequenceMatcher(None, left, right).ratio() for left, right in pairs)

    best = max(HOOKS, key=similarity)
    return best if similarity(best) >= _NEAR else ""


def _in_order(name: str) -> str:
    return "_".join(sorted(name.split("_")))


def _implementations(manager: "pluggy.PluginManager", name: str) -> "Sequence[pluggy.HookImpl]":
    caller = getattr(manager.hook, name, None)
    return caller.get_hookimpls() if caller is not None else ()


def _is_own_function(plugin: object, name: str) -> bool:
    """Whether a plugin has a function of that name which it did not only import, and which is no specification."""
    import inspect

    found = inspect.getattr_static(plugin, name, None)
    function: Callable[..., object] | None = getattr(found, "__func__", found)
    if not inspect.isroutine(function) or hasattr(function, "mngr_spec"):
        return False
    return not inspect.ismodule(plugin) or getattr(function, "__module__", None) == plugin.__name__
