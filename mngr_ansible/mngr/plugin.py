"""The plugin ``ansible`` of mngr: what mngr calls, and when. Only this folder imports mngr.

mngr imports this module at the start of every command, so it imports nothing of ours that is heavy.
"""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import click
import pluggy
from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.config.plugin_registry import register_plugin_config
from imbue.mngr.interfaces.agent import AgentInterface
from imbue.mngr.interfaces.data_types import HostDetails
from imbue.mngr.interfaces.help_topic import InlineContent, TopicHelpPage
from imbue.mngr.interfaces.host import CreateAgentOptions, OnlineHostInterface
from imbue.mngr.plugins.hookspecs import OnBeforeCreateArgs, OptionStackItem
from imbue.mngr.primitives import DiscoveredAgent

from mngr_ansible.mngr.config import NAME, AnsiblePluginConfig

hookimpl = pluggy.HookimplMarker("mngr")

register_plugin_config(NAME, AnsiblePluginConfig)

_options: ContextVar[CreateAgentOptions | None] = ContextVar("mngr_ansible_options", default=None)
"""The options of the create that this thread is at: mngr's provisioning hooks do not get them."""


@hookimpl
def on_before_create(args: OnBeforeCreateArgs, mngr_ctx: MngrContext) -> None:
    """Refuse wrong settings, options and plugins before anything is created. mngr passes both arguments by name."""
    _options.set(args.agent_options)
    if not _is_off(args.agent_options):
        from mngr_ansible.mngr.create import check_before_create

        check_before_create(args.agent_options, args.target_host, mngr_ctx)


@hookimpl
def on_before_initial_file_copy(agent_options: CreateAgentOptions, host: OnlineHostInterface) -> None:
    """Keep the options once more, since other plugins may have changed them; then install what mngr needs."""
    _options.set(agent_options)
    if not _is_off(agent_options) and not host.is_local:
        from mngr_ansible.mngr import bootstrap

        bootstrap.before_create(agent_options, host)


@hookimpl(tryfirst=True)  # another plugin's may raise
def on_agent_state_dir_created(agent: AgentInterface[Any], host: OnlineHostInterface) -> None:
    """mngr has a record of the agent now: from here on a create that fails would leave it behind."""
    options = _options.get()
    if options is not None and not options.is_update and not _is_off(options):
        from mngr_ansible.mngr.create import watch_create

        watch_create(agent, host)


@hookimpl
def on_before_provisioning(agent: AgentInterface[Any], host: OnlineHostInterface, mngr_ctx: MngrContext) -> None:
    """Ask the plugins, and provision the host."""
    if not _is_off(_options.get()):
        from mngr_ansible.mngr.create import provision

        provision(agent, host, _options.get(), mngr_ctx)


@hookimpl
def on_after_provisioning(agent: AgentInterface[Any], host: OnlineHostInterface) -> None:
    """Call the plugins' fourth hook, now that mngr's own provisioning is done too."""
    if not _is_off(_options.get()):
        from mngr_ansible.mngr.create import finish_create

        finish_create(agent, host)


@hookimpl
def on_agent_created(agent: AgentInterface[Any]) -> None:
    """The agent runs: what fails from now on, such as its first message, leaves it as it is."""
    del agent
    if not _is_off(_options.get()):
        from mngr_ansible.mngr.undo import end_watch

        end_watch()


@hookimpl
def on_before_command(command_name: str, command_params: dict[str, Any]) -> None:
    """``mngr create --reuse`` calls no other hook where the agent exists: what its options ask for is done here."""
    if command_name != "create":
        return
    names = ("ansible_package", "ansible_manifest", "ansible_install")
    given = [f"--{name.replace('_', '-')}" for name in names if command_params.get(name)]
    if given and command_params.get("no_ansible"):
        from loguru import logger

        logger.warning("With --no-ansible nothing is provisioned: {} has no effect.", " and ".join(given))
    elif given and command_params.get("reuse") and not command_params.get("update"):
        from mngr_ansible.mngr.reuse import apply_options

        apply_options(command_params)


def _is_off(options: CreateAgentOptions | None) -> bool:
    return options is not None and bool(options.plugin_data.get("no_ansible"))


@hookimpl
def register_cli_options(command_name: str) -> Mapping[str, list[OptionStackItem]] | None:
    """The options of ``mngr create``."""
    if command_name != "create":
        return None
    return {
        "Ansible": [
            OptionStackItem(
                param_decls=("--ansible-package",),
                multiple=True,
                default=(),
                help="A tool that the agent needs, such as git or 'git>=2.39,<3' [repeatable]",
            ),
            OptionStackItem(
                param_decls=("--ansible-manifest",),
                multiple=True,
                default=(),
                help="A YAML or TOML file with files and packages that the agent needs [repeatable]",
            ),
            OptionStackItem(
                param_decls=("--ansible-install",),
                type=click.Choice(["auto", "print"]),
                help="'auto': install what is missing; 'print': only show the commands, and fail",
            ),
            OptionStackItem(
                param_decls=("--no-ansible",), is_flag=True, default=False, help="Create the agent without mngr-ansible"
            ),
        ]
    }


@hookimpl
def register_cli_commands() -> Sequence[click.Command]:
    """``mngr ansible …``."""
    from mngr_ansible.mngr.commands import ansible

    return [ansible]


@hookimpl
def agent_field_generators() -> tuple[str, dict[str, Callable[[AgentInterface[Any], OnlineHostInterface], Any]]]:
    """``plugin.ansible.status`` of an agent whose host answers."""
    return NAME, {"status": lambda agent, _host: agent.get_plugin_data(NAME).get("status", "never")}


@hookimpl
def offline_agent_field_generators() -> tuple[str, dict[str, Callable[[DiscoveredAgent, HostDetails], Any]]]:
    """``plugin.ansible.status`` of an agent whose host does not: what was last known."""

    def status(agent: DiscoveredAgent, _host: HostDetails) -> str:
        known = agent.certified_data.get("plugin", {}).get(NAME, {})
        return str(known.get("status", "never"))

    return NAME, {"status": status}


@hookimpl
def register_help_topics() -> Sequence[TopicHelpPage]:
    """``mngr help ansible_provisioning``."""
    return [
        TopicHelpPage(
            key="ansible_provisioning",
            aliases=("ansible-provisioning",),
            one_line_description="How mngr-ansible prepares an agent's host",
            body=InlineContent(markdown=_TOPIC),
            see_also=(("create", "Create and run an agent"), ("ansible", "Show or repeat the provisioning")),
        )
    ]


_TOPIC = """\
While an agent is created, mngr-ansible asks every plugin, the settings and the command line which files and packages
the agent needs. It makes one plan of the answers, looks at the host once, and makes the changes that are needed with a
generated Ansible playbook: files first, then packages. When nothing has to change, no playbook is run.

On this machine files are copied. Packages are not installed without asking; the commands are shown.

The settings, all of them optional:

    [plugins.ansible]
    packages = ["ripgrep", "git>=2.39"]
    # paths start at the root of the repository
    files = [{local_path = "agent.env", remote_path = ".env", is_secret = true}]
    manifests = ["~/agent-host.yml"]
    install = "print"             # never install, show the commands
    precedence = ["claude"]       # this plugin's files win over all others'
    strict_secrets = true         # a secret that others can read here is an error
    trusted = ["~/src/project"]   # repositories whose settings count as yours

    [plugins.ansible.plugins.claude]
    exclude_files = ["~/.claude/cache/"]   # what is not copied of it

Before copying files, a remote host gets the tools that mngr needs and that are missing there: git, tmux, rsync and
similar tools, and python3. The setting bootstrap = false switches this off.

mngr's own provisioning comes after that. If it changes modes or owners of our files, they are restored; if it replaces
their content, you get a warning.

The commands, for running and for stopped agents:

    mngr ansible plan AGENT        show what would change; --diff: in files too
    mngr ansible apply AGENT       make these changes
    mngr ansible bootstrap HOST    install what mngr needs on a new host
    mngr ansible inventory         print mngr's ssh hosts for Ansible
    mngr list --fields name,plugin.ansible.status
                                   show the state of each agent's host:
                                   ok, due, failed or never

Plan and apply take several agents, or --all: hosts side by side, the agents of one host one after another; an agent
that fails stops no other. With --canary 1 the first one has to end well before the others begin.

What mngr create was given (--ansible-package, --ansible-manifest, --ansible-install) belongs to the agent: plan and
apply use it. With --reuse such options are applied to an agent that exists, and added to what it has. When a create
fails or is stopped before the agent runs, no agent is left. With --no-ansible an agent is created without provisioning.
"""
