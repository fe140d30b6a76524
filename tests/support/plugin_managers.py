"""Real plugins in real plugin managers, as small as they can be."""

import pluggy

from mngr_ansible import hookimpl
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.hooks import contributions, hooks

ARGUMENTS = {"agent": "AGENT", "host": "HOST", "options": "OPTIONS", "mngr_ctx": "CONTEXT"}


def manager(**plugins: object) -> pluggy.PluginManager:
    """A plugin manager with these plugins, by name, registered in this order."""
    made = pluggy.PluginManager("mngr")
    for name, plugin in plugins.items():
        made.register(plugin, name)
    return made


def needing(answer: object, **marks: bool) -> object:
    """A plugin whose ``provision_agent`` returns this; an exception is raised."""

    class Plugin:
        @hookimpl(**marks)
        def provision_agent(self):
            if isinstance(answer, BaseException):
                raise answer
            return answer

    return Plugin()


def sending(answer: object) -> object:
    """A plugin whose ``get_provision_file_transfers`` returns this."""

    class Plugin:
        @hookimpl
        def get_provision_file_transfers(self):
            return answer

    return Plugin()


def asked(made: pluggy.PluginManager) -> tuple[Contribution, ...]:
    """The contributions of all plugins, in order."""
    return contributions(hooks(made), ARGUMENTS, host="build-1")


def order(made: pluggy.PluginManager, precedence=()) -> list[str]:
    """The plugins with ``provision_agent``, lowest precedence first."""
    return [hook.plugin for hook in hooks(made, precedence)["provision_agent"]]
